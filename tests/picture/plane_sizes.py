"""Sizes of planes."""

from __future__ import annotations

from lipblend.picture.formats import PixelLayout


def chroma_size(layout: PixelLayout, width: int, height: int) -> tuple[int, int]:
    """Width and height of the chroma planes of a picture of the given size, rounded up."""
    return (
        -(-(width + layout.chroma_w_phase) >> layout.chroma_w_shift),
        -(-(height + layout.chroma_h_phase) >> layout.chroma_h_shift),
    )
