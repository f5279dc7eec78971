"""Where the small grey pictures of two videos differ, the synced one brought to the original's place and range."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lipblend.analysis.changed_part import SURE, main_part, signed_change, size_of_change
from lipblend.pairing.scan import Scan
from lipblend.pairing.small_pictures import SmallPictures
from lipblend.picture.formats import RANGE_FULL
from lipblend.picture.frame_mapping import warp
from lipblend.picture.frame_mappings import Mappings
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
    mapping : FrameMapping or FrameMappings
        Where the original's pixels lie in the synced frames.
    """

    def __init__(self, original: Scan, synced: Scan, mapping: Mappings) -> None:
        self._pictures, self._mapping = SmallPictures.of(original, synced), mapping
        self._gain = np.float32(_span(original.info) / _span(synced.info))
        self._to_whole = 1 / np.array(self._pictures.to_small[0], np.float32)

    def centre(self, original: int, synced: int) -> npt.NDArray[np.float32] | None:
        """Middle of the part that differs between two frames, the original's pixels; None if not one part does."""
        if synced < 0:
            return None
        mapping = self._pictures.small(self._mapping.at(synced))
        first, small = self._pictures.original[original], self._pictures.synced[synced]
        size, other = (picture.shape[1::-1] for picture in (first, small))
        left, top, right, bottom = mapping.covered(*other)
        covered = Box(math.ceil(left), math.ceil(top), math.floor(right), math.floor(bottom))
        seen = covered.clipped_to(Box(0, 0, *size))
        if seen.width < _MIN_PX or seen.height < _MIN_PX:
            return None
        second = small.astype(np.float32) if mapping.is_exact(size, other) else warp(small, mapping, (0, 0), size)
        shown = seen.within(Box(0, 0, *size))
        change = signed_change(first[shown], second[shown] * self._gain)
        part = main_part(size_of_change(change), SURE)
        if part is None or part.share < MIN_SHARE:
            return None
        middle = np.array(part.centre, np.float32) + (seen.x0, seen.y0)
        return np.asarray(middle * self._to_whole, np.float32)


def _span(info: VideoInfo) -> float:
    """Levels from black to white."""
    return 255.0 if info.colour.range == RANGE_FULL else 219.0
