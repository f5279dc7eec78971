"""Fixtures of small videos."""

from tests.small_videos import clip, make_video, samples, timeline

__all__ = ["clip", "make_video", "samples", "timeline"]
