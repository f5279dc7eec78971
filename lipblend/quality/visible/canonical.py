"""Canonical coordinates of a face: a small upright picture in which every face has one place and one size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.stages.detail.scale import gaussian

SIDE = 72
"""Rows and columns of the canonical picture, in which the face is as wide as the picture."""

Plane = npt.NDArray[np.float32]
Canonical = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]

_DOWN_FRAC = 0.42  # from the bridge of the nose to the middle of the canonical picture


@dataclass(frozen=True)
class CanonicalPair:
    """Both pictures of a face in canonical coordinates.

    Attributes
    ----------
    matrix : (2, 3) float64
        Canonical pixels to the face's, see `to_crop`.
    original, synced : (72, 72, 3) float32
        Levels; the even cast of the second is taken out.
    """

    matrix: Points
    original: Canonical
    synced: Canonical


def canonical_pair(original: Sequence[Plane], synced: Sequence[Plane], points: Points, width: float) -> CanonicalPair:
    """Bring both pictures of a face into canonical coordinates, those of the original's mesh."""
    matrix = to_crop(points, width)
    first, second = (canonical(planes, matrix, width) for planes in (original, synced))
    return CanonicalPair(matrix, first, second - np.median((second - first).reshape(-1, 3), axis=0))


def canonical(planes: Sequence[Plane], matrix: Points, width: float) -> Canonical:
    """Planes in canonical coordinates of the face, low-passed to their resolution; (72, 72, c)."""
    sigma = max(0.6, 0.5 * width / SIDE)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    placed = [
        cv2.warpAffine(gaussian(plane, sigma), matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        for plane in planes
    ]
    return np.stack(placed, axis=-1)


def canonical_mask(mask: Mask, matrix: Points) -> Mask:
    """A mask in canonical coordinates."""
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(mask.view(np.uint8), matrix, (SIDE, SIDE), flags=flags) > 0)


def to_crop(points: Points, width: float) -> Points:
    """Canonical pixels to those of a mesh, (2, 3), both counted from the first pixel's centre.

    Parameters
    ----------
    points : (478, 2) float64
    width : float
        Of the face, pixels.
    """
    mesh = Landmarks(points.astype(np.float32))
    axes = np.stack([mesh.x_axis, mesh.y_axis], axis=1) * (width / SIDE)
    middle = points[list(STABLE)].mean(0) + _DOWN_FRAC * width * mesh.y_axis
    half = np.full(2, (SIDE - 1) / 2)
    return np.column_stack([axes, middle - axes @ half - 0.5])
