"""Where the small grey pictures of two videos differ, the synced one brought to the original's place and range."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lipblend.analysis.changed_part import SURE, main_part, signed_change, size_of_change
from lipblend.pairing.scan import Scan
from lipblend.pairing.small_pictures import SmallPictures
from lipblend.picture.formats import RANGE_FULL
from lipblend.picture.frame_mapping import FrameMapping, warp
from lipblend.picture.patch import Box
from lipblend.video.info import VideoInfo

_MIN_PX = 8

MIN_SHARE = 0.6
"""Of the change, in one part: else the whole picture was redrawn."""


class SmallChanges:
    """The part that differs between small pictures of two videos.

    Parameters
    ----------
    original, synced : Scan
        Read completely.
    mapping : FrameMapping
        Where the original's pixels lie in the synced frame.
    """

    def __init__(self, original: Scan, synced: Scan, mapping: FrameMapping) -> None:
        pictures = SmallPictures.of(original, synced)
        self._original, self._synced = pictures.original, pictures.synced
        (height, width), (rows, columns) = self._original.shape[1:], self._synced.shape[1:]
        self._size = width, height
        self._mapping = pictures.small(mapping)
        self._same = self._mapping.is_exact((width, height), (columns, rows))
        self._gain = np.float32(_span(original.info) / _span(synced.info))
        left, top, right, bottom = self._mapping.covered(columns, rows)
        covered = Box(math.ceil(left), math.ceil(top), math.floor(right), math.floor(bottom))
        self._seen = covered.clipped_to(Box(0, 0, width, height))
        self._to_whole = 1 / np.array(pictures.to_small[0], np.float32)

    def centre(self, original: int, synced: int) -> npt.NDArray[np.float32] | None:
        """Middle of the part that differs between two frames, the original's pixels; None if not one part does."""
        if synced < 0 or self._seen.width < _MIN_PX or self._seen.height < _MIN_PX:
            return None
        first, small = self._original[original], self._synced[synced]
        second = small.astype(np.float32) if self._same else warp(small, self._mapping, (0, 0), self._size)
        shown = self._seen.within(Box(0, 0, *self._size))
        change = signed_change(first[shown], second[shown] * self._gain)
        part = main_part(size_of_change(change), SURE)
        if part is None or part.share < MIN_SHARE:
            return None
        middle = np.array(part.centre, np.float32) + (self._seen.x0, self._seen.y0)
        return np.asarray(middle * self._to_whole, np.float32)


def _span(info: VideoInfo) -> float:
    """Levels from black to white."""
    return 255.0 if info.colour.range == RANGE_FULL else 219.0
