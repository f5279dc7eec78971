"""Micro-warp: the small displacement that brings the synced face's surroundings of the mouth to the original's.

A generator may hold the head a little otherwise than the original: nose, cheeks and the folds beside the mouth then do
not meet at the seam, though the whole is aligned. A thin-plate spline through points that hardly take part in speech,
made from the steadied meshes and so steady itself, carries them onto each other. It ends at the lips: what they say is
not touched.

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
_CORNER_WEIGHT = 0.1  # they speak: what all the others agree on counts ten times as much
_STEP_FRAC = 0.04
_LIPS_FRAC = 0.05


def micro_warp(
    original: Landmarks, synced: Landmarks, box: Box, *, strength: float, regularisation: float, largest_px: float
) -> Flow | None:
    """Where the synced picture is to be read for each pixel: so far right and down of it.

    Parameters
    ----------
    original, synced : Landmarks
        Steadied meshes, in the original's pixels.
    box : Box
        The part of the picture to work out.
    strength : float
        Share of the displacement, 0..1.
    regularisation : float
        0 goes through all points, large values leave an affine map; in face widths squared.
    largest_px : float
        No displacement is longer.

    Returns
    -------
    (box.height, box.width, 2) float32, pixels, or None
        0 over both mouths, rising to the whole 0.05 face widths beside them. None where the meshes agree
        exactly, and for no strength.
    """
    if strength == 0:
        return None
    index = list(_CONTROL)
    width = original.face_width_px
    here = original.points[index].astype(np.float64)
    apart = synced.points[index].astype(np.float64) - here
    if not apart.any():
        return None
    weights = np.where(np.isin(index, _CORNERS), _CORNER_WEIGHT, 1.0)
    middle = here.mean(0)
    step = max(1, round(_STEP_FRAC * width))
    columns, rows = -(-box.width // step) + 1, -(-box.height // step) + 1
    x, y = np.meshgrid(box.x0 + 0.5 + np.arange(columns) * step, box.y0 + 0.5 + np.arange(rows) * step)
    grid = (np.stack([x.ravel(), y.ravel()], axis=1) - middle) / width
    found = thin_plate((here - middle) / width, apart, weights, grid, regularisation=regularisation)
    coarse = found.reshape(rows, columns, 2).astype(np.float32)
    # Sample k of the coarse grid belongs at pixel centre k * step, whereas resizing puts it in the middle of its cell.
    matrix = np.array([[step, 0, 0], [0, step, 0]], np.float64)
    flow = cv2.warpAffine(
        coarse, matrix, (box.width, box.height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    length = np.hypot(flow[..., 0], flow[..., 1])
    share = np.minimum(1, np.float32(largest_px) / np.maximum(length, np.float32(1e-6)))
    mouths = [(convex_hull(face.points[list(lm.LIPS_OUTER)]), True) for face in (original, synced)]
    outside = -signed_distance(mouths, box, step_px=grid_step_px(width)) / np.float32(_LIPS_FRAC * width)
    share *= np.float32(strength) * np.clip(outside, 0, 1)
    return np.asarray(flow * share[..., None], np.float32)


def thin_plate(
    points: Points, values: Points, weights: npt.NDArray[np.float64], places: Points, *, regularisation: float
) -> Points:
    """A thin-plate spline through scattered values, evaluated elsewhere.

    Minimises ``sum w_i |f(p_i) - v_i|^2 / n + regularisation * J(f)`` with J the bending energy; affine parts are free.

    Parameters
    ----------
    points : (n, 2) float64
        At least three, not in one line.
    values : (n, k) float64
    weights : (n,) float64, above 0
    places : (m, 2) float64
    regularisation : float

    Returns
    -------
    (m, k) float64
    """
    count = len(points)
    affine = np.concatenate([np.ones((count, 1)), points], axis=1)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _bending(points, points) + np.diag(regularisation * count / weights)
    system[:count, count:] = affine
    system[count:, :count] = affine.T
    solved = np.linalg.solve(system, np.concatenate([values, np.zeros((3, values.shape[1]))]))
    there = np.concatenate([_bending(places, points), np.ones((len(places), 1)), places], axis=1)
    return np.asarray(there @ solved)


def _bending(one: Points, other: Points) -> Points:
    """``r^2 log(r^2)`` of all distances; 0 at 0."""
    squared = ((one[:, None] - other[None]) ** 2).sum(2)
    return np.asarray(squared * np.log(np.where(squared > 0, squared, 1)))
