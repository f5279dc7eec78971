"""Samples of a mouth's colours at places that follow the mesh: on the lips, and what shows between them.

The same sample shows the same place of the mouth in every frame and in both pictures, so their colours can be compared
although the mouths move differently.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_INNER, LIPS_OUTER, Landmarks
from lipblend.picture.patch import Box

Patch3 = npt.NDArray[np.float32]
Sample = npt.NDArray[np.float16]
Points = npt.NDArray[np.float64]

AROUND = len(LIPS_OUTER)
DEPTHS = (-0.25, 0.0, 0.25, 0.5, 0.75, 1.0)
"""Where lip samples lie between the outer edge (0) and the inner edge (1); the first show the skin around."""
_HEIGHTS = (0.2, 0.5, 0.8)  # where samples of the open mouth lie between the upper and the lower lip
_COLUMNS = range(1, AROUND // 2)
LIP_SAMPLES = AROUND * len(DEPTHS)
INNER_SAMPLES = len(_HEIGHTS) * len(_COLUMNS)
SAMPLE_SHAPE = (2, LIP_SAMPLES + INNER_SAMPLES, 3)
_MIN_GAP_PX = 2.0  # between the lips, for what shows between them
_BLUR_PX = 0.6


def between(mesh: Landmarks, depth: float) -> Points:
    """A closed line between the outer edge of the lips (0) and the inner edge (1), (20, 2) float64 pixels."""
    outer, inner = (mesh.points[list(outline)].astype(np.float64) for outline in (LIPS_OUTER, LIPS_INNER))
    return np.asarray(outer + depth * (inner - outer), np.float64)


def mouth_points(mesh: Landmarks) -> Points:
    """Where the samples of a mesh lie, (147, 2) float64 pixels: depth by depth around the lips, then the open mouth."""
    inner = between(mesh, 1.0)
    rings = [between(mesh, depth) for depth in DEPTHS]
    upper, lower = _inner_lines(inner)
    rows = [upper + height * (lower - upper) for height in _HEIGHTS]
    return np.concatenate([*rings, *rows])


def mouth_sample(original: Patch3, synced: Patch3, box: Box, face: Landmarks, partner: Landmarks) -> Sample:
    """The colours of one mouth in both pictures.

    Parameters
    ----------
    original, synced : (h, w, 3) float32
        YCbCr in 8-bit levels, both in the original's colours and place.
    box : Box
        The part of the picture that they show.
    face, partner : Landmarks
        The original's mesh and the synced one, in the same pixels.

    Returns
    -------
    (2, 147, 3) float16
        Of the original and of the synced picture, at `mouth_points` of their meshes; NaN beyond the box, and between
        lips that are closed.
    """
    return np.stack([_colours(original, box, face), _colours(synced, box, partner)]).astype(np.float16)


def _colours(patch: Patch3, box: Box, mesh: Landmarks) -> npt.NDArray[np.float32]:
    x, y = (mouth_points(mesh) - (box.x0 + 0.5, box.y0 + 0.5)).astype(np.float32).T
    smooth = cv2.GaussianBlur(patch, (0, 0), _BLUR_PX)
    found = cv2.remap(smooth, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(np.nan,) * 3)
    colours = found.reshape(-1, 3)
    upper, lower = _inner_lines(between(mesh, 1.0))
    shut = np.linalg.norm(lower - upper, axis=1) < _MIN_GAP_PX
    colours[LIP_SAMPLES:].reshape(len(_HEIGHTS), len(_COLUMNS), 3)[:, shut] = np.nan
    return np.asarray(colours, np.float32)


def _inner_lines(inner: Points) -> tuple[Points, Points]:
    """The upper and the lower inner edge, (9, 2) each, from the person's right to the left, without the corners."""
    columns = np.array(_COLUMNS)
    return inner[columns], inner[AROUND - columns]
