"""Departures that spread: what borders on a clear one in its colour belongs to it.

Over the mouth a departure says little, because a mouth may look like it never did before. But what continues a cup or a
hand there has its colour (region growing: Adams and Bischof 1994).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.occlusion.linking import CLEAR, FAINT, solid

Planes = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_ROUNDS = 16  # cells that it may spread
_LEAST = 0.4  # departure of a cell that joins
_DISTINCT_LEVELS = (
    25.0  # or its difference from the synced picture: what lies in front has another colour than the face
)
_SIDE, _MIN_KNOWN = 5, 0.36  # cells around it, and the share of them that is known
_JOINED = 1.6  # what it then has
_NEAR = 7  # cells
_ALIKE_LEVELS = 12.0
_CHROMA_WEIGHT = 0.8


def grown(departures: Planes, look: npt.NDArray[np.uint8], difference: Planes) -> Planes:
    """Departures of one frame, spread over the cells beside them that have their colour.

    Parameters
    ----------
    departures : (64, 64) float32
    look : (64, 64, 3) uint8
        Of the original, YCbCr.
    difference : (64, 64) float32
        From the synced picture, levels.
    """
    every = np.ones(departures.shape, np.uint8)
    clear = solid(departures, every) >= CLEAR
    if not clear.any():
        return departures
    labels = np.asarray(cv2.connectedComponents((departures >= FAINT).astype(np.uint8), connectivity=8)[1])
    first = np.isin(labels, np.unique(labels[clear & (labels > 0)])).astype(np.uint8)
    known, colours = first, look.astype(np.float32)
    for _ in range(_ROUNDS):
        joins = _joining(known, colours, departures, difference)
        if not joins.any():
            break
        known = known | joins.astype(np.uint8)
    return np.where(known > first, np.maximum(departures, np.float32(_JOINED)), departures)


def _joining(known: npt.NDArray[np.uint8], look: Planes, departures: Planes, difference: Planes) -> Mask:
    """The cells that join those known: along a straight or hollow border of theirs, never along a thin line."""
    weight = known.astype(np.float32)
    total = np.maximum(cv2.blur(weight, (_NEAR, _NEAR)), np.float32(1e-3))[..., None]
    mean = cv2.blur(look * weight[..., None], (_NEAR, _NEAR)) / total
    apart = np.abs(look - mean) @ np.array([1, _CHROMA_WEIGHT, _CHROMA_WEIGHT], np.float32)
    border = (known == 0) & (cv2.blur(weight, (_SIDE, _SIDE)) >= _MIN_KNOWN)
    possible = (departures >= _LEAST) | (difference >= _DISTINCT_LEVELS)
    return np.asarray(border & possible & (apart <= _ALIKE_LEVELS))
