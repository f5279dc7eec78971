"""Small colour pictures of some frames, evenly spaced over a video of any length."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.shrink import area_mean
from lipblend.video.reader import Frame

Colours = npt.NDArray[np.float32]

_MAX_PICTURES = 64
NEUTRAL = 128.0
"""Cb and Cr of grey."""


@dataclass
class ColourSamples:
    """Small colour pictures by frame index: one every `step` frames. The step doubles when there are too many.

    Attributes
    ----------
    finer : int
        Pixels per pixel of the requested size, along each axis.
    step : int
        A power of two.
    pictures : dict of int to (h, w, 3) float32
        YCbCr in 8-bit units with fractions, area-averaged.
    """

    finer: int = 1
    step: int = 1
    pictures: dict[int, Colours] = field(default_factory=dict)

    def add(self, index: int, frame: Frame, size: tuple[int, int]) -> None:
        """Store a frame's picture of a size (width, height) if its index is a multiple of the step."""
        if index % self.step:
            return
        self.pictures[index] = small_colours(frame, (self.finer * size[0], self.finer * size[1]))
        if len(self.pictures) > _MAX_PICTURES:
            self.step *= 2
            self.pictures = {at: picture for at, picture in self.pictures.items() if at % self.step == 0}

    def nearest(self, index: int) -> int | None:
        """Index of the picture nearest to a frame; None if there is none within a step."""
        down = index - index % self.step
        near = [at for at in (down, down + self.step) if at in self.pictures]
        return min(near, key=lambda at: abs(at - index)) if near else None


def small_colours(frame: Frame, size: tuple[int, int]) -> Colours:
    """Reduce a frame to a size (width, height): (h, w, 3) float32 YCbCr in 8-bit units, area-averaged."""
    unit = np.float32(1 / frame.layout.code_scale)
    planes = [
        np.asarray(area_mean(np.asarray(plane).astype(np.float32), size), np.float32) * unit for plane in frame.planes
    ]
    if len(planes) == 1:
        planes += [np.full_like(planes[0], NEUTRAL)] * 2
    return np.asarray(cv2.merge(planes), np.float32)
