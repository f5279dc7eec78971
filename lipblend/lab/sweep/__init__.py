"""Sweeps: try a grid of settings on a pair of videos, measure and rank the results."""
