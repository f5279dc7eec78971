"""Single wild pixels that a generator or a bad transfer left in its patch: found and filled in.

A switching median: only pixels far from the median of their neighbourhood are replaced, by that median (Sun and Neuvo
1994, https://doi.org/10.1016/0167-8655(94)90082-5). A face has such pixels of its own (catch lights, teeth, stubble),
so nothing is done unless the patch has many, and more than the original.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box, Patch, channels, joined

Plane = npt.NDArray[np.float32]

_SIDE = 5
_TILE_FRAC = 0.22  # half the side: what every generator paints
_SURE_LEVELS = 32.0
_MIN_SHARE, _MIN_RATIO = 0.006, 1.3
"""Of pixels this far from the median: healthy patches of 16 clips have up to 0.002, or no more than 0.87 of the
original's; with a fiftieth of the pixels at black or white they have 0.011 and more, after encoding."""
_WILD_LEVELS, _WILD_CHROMA = 18.0, 7.0  # encoding spreads a wild pixel over its neighbours


def despeckled(patch: Patch) -> Patch:
    """The patch with its wild pixels filled in."""
    luma = _calmed(patch.luma, _WILD_LEVELS)
    return Patch(luma, joined(*(_calmed(plane, _WILD_CHROMA) for plane in channels(patch.chroma))), patch.grid)


def speckle_tile(face: Landmarks) -> Box:
    """The part of a face in which `is_speckled` looks, pixels; may extend outside the picture."""
    middle, reach = face.mouth_centre, _TILE_FRAC * face.face_width_px
    return Box.around(middle - reach, middle + reach)


def is_speckled(luma: Plane, original: Plane) -> bool:
    """Whether many pixels of a luma plane are wild, and more than of the original's."""
    if not luma.size:
        return False
    share = _wild_share(luma)
    return share >= _MIN_SHARE and share >= _MIN_RATIO * _wild_share(original)


def _wild_share(luma: Plane) -> float:
    return float(np.count_nonzero(cv2.absdiff(luma, _median(luma)) > _SURE_LEVELS)) / luma.size


def _calmed(plane: Plane, levels: float) -> Plane:
    median = _median(plane)
    return np.where(cv2.absdiff(plane, median) > levels, median, plane)


def _median(plane: Plane) -> Plane:
    return np.asarray(cv2.medianBlur(np.ascontiguousarray(plane), _SIDE), np.float32)
