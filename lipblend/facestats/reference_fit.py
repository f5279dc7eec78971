"""Bring a mesh onto a reference mesh by the points that hardly move during speech."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lipblend.picture.similarity import Similarity

Points = npt.NDArray[np.floating[Any]]
Fit = Literal["rigid", "similarity", "affine"]


def fit_matrix(source: Points, target: Points, fit: Fit) -> npt.NDArray[np.float64]:
    """The least-squares transform of points onto others.

    Parameters
    ----------
    source, target : (k, 2) float
        Pixels, centres at +0.5; at least two points for a rigid transform or a similarity, three for an affine one.
    fit : {"rigid", "similarity", "affine"}
        Turn and shift; with one scale; any linear map and shift. None of the first two mirrors.

    Returns
    -------
    (2, 3) float64
        ``target = matrix[:, :2] @ source + matrix[:, 2]``.
    """
    if fit == "affine":
        middle = source.mean(0, dtype=np.float64)
        columns = np.column_stack([source - middle, np.ones(len(source))])
        linear = np.linalg.lstsq(columns, target.astype(np.float64), rcond=None)[0].T
        return np.column_stack([linear[:, :2], linear[:, 2] - linear[:, :2] @ middle])
    matrix = Similarity.between(source, target).matrix
    if fit == "rigid":
        turn = matrix[:, :2]
        length = float(np.hypot(*turn[:, 0]))
        turn = turn / length if length > 0 else np.eye(2)
        shift = target.mean(0, dtype=np.float64) - turn @ source.mean(0, dtype=np.float64)
        return np.column_stack([turn, shift])
    return matrix


def moved(points: Points, matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Points (k, 2) under a (2, 3) matrix, float32."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)


def residual_px(source: Points, target: Points, matrix: npt.NDArray[np.float64]) -> float:
    """Root mean square distance of moved source points (k, 2) from their targets, pixels of the target."""
    apart = source @ matrix[:, :2].T + matrix[:, 2] - target
    return float(np.sqrt((apart**2).sum(-1).mean()))
