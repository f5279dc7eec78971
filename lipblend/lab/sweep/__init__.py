"""Finding settings: a grid of them tried on one pair of videos, measured, ranked and written down."""
