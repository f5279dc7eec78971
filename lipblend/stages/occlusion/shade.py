"""Departures that are a shadow: the synced face with less light on it, not something in front of it.

A generator that takes the mouth from another frame paints a moving shadow too faint, or not at all. Under a shadow
luma and chroma of the face shrink by one factor, edges of lips and nose too (colour constancy under shadows: Horprasert
et al. 1999; Cucchiara et al. 2003); a hand, even in the person's own skin, has its own shading.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.occlusion.linking import FAINT

Planes = npt.NDArray[np.float32]

_LEAST_CELLS = 40  # fewer tell nothing: pieces of fingers reach a share of 0.68
_SHARE = 0.65  # of a piece's cells that are dimmed alike: whole shadows 0.66 to 0.94, hands of 40 cells 0.58 at most
_DIMMED = (0.55, 0.95)
_LEFT_SHARE, _MOST_LEFT_LEVELS = 0.35, 10.0  # of the difference, that the factor does not explain
_BLACK = 16.0
_CHROMA_WEIGHT = 0.8
_3X3 = np.ones((3, 3), np.uint8)


def without_shade(departures: Planes, look: npt.NDArray[np.uint8]) -> Planes:
    """Departures of one frame without the pieces that are the synced face, dimmed.

    Parameters
    ----------
    departures : (64, 64) float32
    look : (64, 64, 7) uint8
        See `lipblend.stages.occlusion.face_look.look_samples`.
    """
    faint = np.asarray(cv2.blur(departures, (3, 3)) >= FAINT, np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(faint, connectivity=8)
    large = [label for label in range(1, len(stats)) if stats[label, cv2.CC_STAT_AREA] >= _LEAST_CELLS]
    if not large:
        return departures
    original, synced = (look[..., first : first + 3] - np.array([_BLACK, 128, 128], np.float32) for first in (0, 3))
    shaded = np.zeros(departures.shape, np.uint8)
    for label in large:
        piece = labels == label
        if _is_dimmed(original[piece], synced[piece]):
            shaded[piece] = 1
    return np.where(cv2.dilate(shaded, _3X3) > 0, np.float32(0), departures)


def _is_dimmed(original: Planes, synced: Planes) -> bool:
    """Whether most of some cells, (k, 3), are those of the synced face times one factor below 1."""
    factor = np.median(original[:, 0] / np.maximum(synced[:, 0], 1))
    if not _DIMMED[0] <= factor <= _DIMMED[1]:
        return False
    weights = np.array([1, _CHROMA_WEIGHT, _CHROMA_WEIGHT], np.float32)
    left, apart = (np.abs(original - part * synced) @ weights for part in (np.float32(factor), np.float32(1)))
    explained = left <= np.minimum(_LEFT_SHARE * apart, _MOST_LEFT_LEVELS)
    return bool(explained.mean() >= _SHARE)
