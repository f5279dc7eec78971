"""Whether a pixel has the colours of what lies in front, or those of the face behind it.

Over the mouth and along the jaw the pictures differ in any case, and an old mouth beside a microphone departs from its
look as much as the microphone does. But it has the colours of a face. Two colour histograms, one of pixels that are
certainly in front, one of the face, and the posterior of the first by Bayes' rule with equal priors: the region term of
interactive segmentation (Boykov and Jolly 2001).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.smoothstep import smoothstep
from lipblend.stages.detail.scale import gaussian
from lipblend.stages.occlusion.front_matte import distance, moved_border

Plane = npt.NDArray[np.float32]
Patch3 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_BINS = 32
_LUMA_LEVELS, _CHROMA_LEVELS = 8, 4  # width of a bin; chroma beyond 64 levels from grey falls into the last ones
_UNKNOWN = 2e-5  # density of colours of which nothing is known, 1 for one bin: they tell nothing
_MIN_KNOWN = 50  # pixels beside the mouth that tell what lies in front
_LIKELY = 0.5  # likeness from which a pixel over the mouth tells it too
_FACE, _FACE_RANGE = 0.15, 0.2  # likeness up to which it is the face, and how far the transition goes on
_SOFT_CELLS = 0.35
_EDGE_PX = 5
_PAINTED_LEVELS = 12.0  # between the pictures: there the synced one shows the face, and not what is in front of it
_TAPS = np.array([1, 4, 6, 4, 1], np.float32) / 16


def without_face_colours(
    matte: Plane, original: Patch3, synced: Patch3, mouth: Plane, speaking: Plane, cell_px: float
) -> Plane:
    """A matte of what lies in front without what has the face's colours where the face moves because it speaks.

    Parameters
    ----------
    matte : (h, w) float32 in [0, 1]
    original, synced : (h, w, 3) float32
        YCbCr in 8-bit levels, colours matched.
    mouth, speaking : (h, w) float32 in [0, 1]
        The mouth; and all that moves with it, from which pixels may be taken.
    cell_px : float
        Side of a cell, pixels.

    Returns
    -------
    (h, w) float32 in [0, 1]
        Never more than ``matte``. As it is if too little of it lies beside the mouth.
    """
    solid = (matte > 0.5).astype(np.uint8)
    core = moved_border(solid, -cell_px) > 0
    front = core & (mouth < 0.5)
    if np.count_nonzero(front) < _MIN_KNOWN:
        return matte
    painted = (solid > 0) & (distance(original, synced) > _PAINTED_LEVELS)
    soft_px = _SOFT_CELLS * cell_px
    likely = gaussian(likeness(original, front, synced, painted), soft_px) > _LIKELY
    like = likeness(original, front | (core & likely), synced, painted)
    keep = smoothstep((gaussian(like, soft_px) - _FACE) / _FACE_RANGE)
    keep = np.asarray(cv2.dilate(keep, np.ones((3, 3), np.uint8)), np.float32)  # a soft edge has the colours of both
    keep[_enclosed(keep, solid)] = 1
    return np.asarray(matte * (1 - speaking * (1 - keep)), np.float32)


def _enclosed(keep: Plane, solid: npt.NDArray[np.uint8]) -> Mask:
    """Holes in what is kept of something solid, with their edges: the inside of a cup, and not the mouth beside it."""
    free = ((solid == 0) | (keep < 0.5)).astype(np.uint8)
    count, labels = cv2.connectedComponents(free, connectivity=4)
    holes = np.ones(count, bool)
    holes[labels[solid == 0]] = False
    holes[labels[free == 0]] = False
    inside = cv2.dilate(holes[labels].astype(np.uint8), np.ones((_EDGE_PX, _EDGE_PX), np.uint8))
    return np.asarray((inside > 0) & (solid > 0), bool)


def likeness(picture: Patch3, front: Mask, other: Patch3, face: Mask) -> Plane:
    """How much more each pixel resembles what lies in front than the face.

    Parameters
    ----------
    picture, other : (h, w, 3) float32
        YCbCr in 8-bit levels.
    front, face : (h, w) bool
        Pixels of ``picture`` that are certainly in front, and of ``other`` that certainly show the face.

    Returns
    -------
    (h, w) float32 in [0, 1]
        0 the face's colours, 1 those of what lies in front, 0.5 for colours of both, or of neither.
    """
    bins = _bins(picture)
    ahead, behind = _density(bins[front]), _density(_bins(other)[face])
    share = (ahead + np.float32(_UNKNOWN)) / (ahead + behind + np.float32(2 * _UNKNOWN))
    return np.asarray(share[bins], np.float32)


def _bins(picture: Patch3) -> npt.NDArray[np.int32]:
    """(h, w): number of the bin of each pixel."""
    luma = np.clip(picture[..., 0] / _LUMA_LEVELS, 0, _BINS - 1).astype(np.int32)
    chroma = np.clip((picture[..., 1:] - 128) / _CHROMA_LEVELS + _BINS / 2, 0, _BINS - 1).astype(np.int32)
    return np.asarray((luma * _BINS + chroma[..., 0]) * _BINS + chroma[..., 1], np.int32)


def _density(found: npt.NDArray[np.int32]) -> Plane:
    """(bins^3,) float32: share of the samples in each bin, smoothed."""
    counts = np.bincount(found, minlength=_BINS**3).astype(np.float32) / max(1, found.size)
    cube: npt.NDArray[Any] = counts.reshape(_BINS, _BINS * _BINS)
    for _ in range(3):  # along each axis in turn
        cube = cv2.sepFilter2D(cube, -1, np.ones(1, np.float32), _TAPS, borderType=cv2.BORDER_CONSTANT)
        cube = np.ascontiguousarray(cube.reshape(_BINS, _BINS * _BINS).T).reshape(_BINS, _BINS * _BINS)
    return np.asarray(cube.ravel(), np.float32)
