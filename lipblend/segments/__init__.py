"""The second pass: the output is rendered and encoded in segments, by one or more processes, and joined."""
