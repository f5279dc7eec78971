"""Whole series of pairs: lists of jobs, each in a process of its own, made again only if something changed."""
