"""The second pass in segments: rendered and encoded one by one, in several processes if wanted, and joined."""
