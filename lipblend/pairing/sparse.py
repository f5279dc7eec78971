"""A few small pictures of a video in colour, evenly spread over it, however long it gets."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.video.reader import Frame

Colours = npt.NDArray[np.float32]

_MOST = 64
NEUTRAL = 128.0
"""Cb and Cr of grey."""


@dataclass
class SparsePictures:
    """Small colour pictures by index of the frame: of every ``step``-th one, which doubles when there are too many.

    Attributes
    ----------
    finer : int
        Pixels of a picture for each of the size asked for, each way.
    step : int
        A power of two.
    pictures : dict of int to (h, w, 3) float32
        YCbCr in 8-bit units with fractions; each pixel the mean of a part of the frame.
    """

    finer: int = 1
    step: int = 1
    pictures: dict[int, Colours] = field(default_factory=dict)

    def see(self, index: int, frame: Frame, size: tuple[int, int]) -> None:
        """Keep a frame's picture of a size, (width, height), if it is one of those that are kept."""
        if index % self.step:
            return
        self.pictures[index] = small_colours(frame, (self.finer * size[0], self.finer * size[1]))
        if len(self.pictures) > _MOST:
            self.step *= 2
            self.pictures = {at: kept for at, kept in self.pictures.items() if at % self.step == 0}

    def nearest(self, index: int) -> int | None:
        """The frame of the picture nearest to a frame; None where there is none within a step."""
        down = index - index % self.step
        near = [at for at in (down, down + self.step) if at in self.pictures]
        return min(near, key=lambda at: abs(at - index)) if near else None


def small_colours(frame: Frame, size: tuple[int, int]) -> Colours:
    """The small picture of a frame in colour: (h, w, 3) float32 YCbCr in 8-bit units, area-averaged."""
    unit = np.float32(1 / frame.layout.code_scale)
    planes = [_shrunk(np.asarray(plane), size) * unit for plane in frame.planes]
    if len(planes) == 1:
        planes += [np.full_like(planes[0], NEUTRAL)] * 2
    return np.asarray(cv2.merge(planes), np.float32)


def _shrunk(plane: npt.NDArray[np.generic], size: tuple[int, int]) -> Colours:
    return np.asarray(cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
