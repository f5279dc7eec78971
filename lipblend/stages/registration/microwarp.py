"""Micro-warp: a small displacement that aligns the surroundings of the synced mouth with the original's.

A generator may hold the head slightly differently: nose, cheeks and the folds beside the mouth then do not meet at the
seam, although the face as a whole is aligned. A thin-plate spline through points that hardly move in speech, taken from
the steadied meshes, carries them onto each other. It leaves the lips alone.

Thin-plate spline with regularisation: Bookstein 1989, https://doi.org/10.1109/34.24792; Wahba 1990, "Spline Models for
Observational Data", chapter 2.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces import landmarks as lm
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.mask import grid_step_px, signed_distance
from lipblend.stages.masks.shapes import convex_hull

Flow = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]

_CORNERS = (61, 291)
_CONTROL = (*lm.NOSE_BASE, *lm.RIGHT_CHEEK, *lm.LEFT_CHEEK, *lm.JAW[1:5], *lm.JAW[-5:-1], *_CORNERS)
_CORNER_WEIGHT = 0.1  # mouth corners move in speech: they count a tenth of the other points
_STEP_FRAC = 0.04
_LIPS_FRAC = 0.05


def micro_warp(
    original: Landmarks, synced: Landmarks, box: Box, *, strength: float, regularisation: float, max_px: float
) -> Flow | None:
    """Where to sample the synced picture for each pixel of a box: offsets to the right and down.

    Parameters
    ----------
    original, synced : Landmarks
        Steadied meshes, in the original's pixels.
    box : Box
    strength : float
        Share of the displacement, 0..1.
    regularisation : float
        0 goes through all points, large values leave an affine map; in face widths squared.
    max_px : float
        Longest displacement.

    Returns
    -------
    (box.height, box.width, 2) float32, pixels, or None
        0 over both mouths, rising to the full displacement 0.05 face widths beside them. None if there is none.
    """
    if strength == 0:
        return None
    index = list(_CONTROL)
    width = original.face_width_px
    points = original.points[index].astype(np.float64)
    offsets = synced.points[index].astype(np.float64) - points
    if not offsets.any():
        return None
    weights = np.where(np.isin(index, _CORNERS), _CORNER_WEIGHT, 1.0)
    middle = points.mean(0)
    step = max(1, round(_STEP_FRAC * width))
    columns, rows = -(-box.width // step) + 1, -(-box.height // step) + 1
    x, y = np.meshgrid(box.x0 + 0.5 + np.arange(columns) * step, box.y0 + 0.5 + np.arange(rows) * step)
    grid = (np.stack([x.ravel(), y.ravel()], axis=1) - middle) / width
    found = thin_plate((points - middle) / width, offsets, weights, grid, regularisation=regularisation)
    coarse = found.reshape(rows, columns, 2).astype(np.float32)
    # Sample k of the coarse grid belongs at pixel centre k * step, whereas resizing puts it in the middle of its cell.
    matrix = np.array([[step, 0, 0], [0, step, 0]], np.float64)
    flow = cv2.warpAffine(
        coarse, matrix, (box.width, box.height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    length = np.hypot(flow[..., 0], flow[..., 1])
    share = np.minimum(1, np.float32(max_px) / np.maximum(length, np.float32(1e-6)))
    mouths = [(convex_hull(face.points[list(lm.LIPS_OUTER)]), True) for face in (original, synced)]
    outside = -signed_distance(mouths, box, step_px=grid_step_px(width)) / np.float32(_LIPS_FRAC * width)
    share *= np.float32(strength) * np.clip(outside, 0, 1)
    return np.asarray(flow * share[..., None], np.float32)


def thin_plate(
    points: Points, values: Points, weights: npt.NDArray[np.float64], places: Points, *, regularisation: float
) -> Points:
    """A thin-plate spline through values (n, k) at points (n, 2), evaluated at places (m, 2); returns (m, k) float64.

    Minimises ``sum w_i |f(p_i) - v_i|^2 / n + regularisation * J(f)`` with J the bending energy; affine parts are free.
    At least three points, not on one line, with weights above 0.
    """
    count = len(points)
    affine = np.concatenate([np.ones((count, 1)), points], axis=1)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _bending(points, points) + np.diag(regularisation * count / weights)
    system[:count, count:] = affine
    system[count:, :count] = affine.T
    solved = np.linalg.solve(system, np.concatenate([values, np.zeros((3, values.shape[1]))]))
    basis = np.concatenate([_bending(places, points), np.ones((len(places), 1)), places], axis=1)
    return np.asarray(basis @ solved)


def _bending(first: Points, second: Points) -> Points:
    """``r^2 log(r^2)`` of all pairwise distances; 0 at 0."""
    squared = ((first[:, None] - second[None]) ** 2).sum(2)
    return np.asarray(squared * np.log(np.where(squared > 0, squared, 1)))
