"""How a face moves from frame to frame, and its neighbouring frames' meshes carried along by that."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.plan.smoothing import Series, Valid
from lipblend.runtime.spill import StoredRows

_TOGETHER = 64  # rows that are held at the same time

MeshPairs = tuple[tuple[Landmarks, Landmarks], ...]


def velocity(meshes: Series | StoredRows, seen: Valid) -> npt.NDArray[np.float64]:
    """Motion of a face in each frame of a shot: the central difference of its stable points.

    Parameters
    ----------
    meshes : (n, 956) float
        Smoothed meshes, (x, y) of all points in turn; pixels.
    seen : (n,) bool
        Rows that are known.

    Returns
    -------
    (n, 2) float64
        Pixels a frame, right and down. Beside rows that are not known the one-sided difference is taken; 0 for a row
        without any known neighbour.
    """
    parts = range(0, len(meshes), _TOGETHER)
    middle = np.concatenate([_stable(meshes[first : first + _TOGETHER]).mean(1) for first in parts])
    steps = np.diff(middle, axis=0)
    both = seen[1:] & seen[:-1]
    total, count = np.zeros_like(middle), np.zeros(len(middle))
    for side in (slice(1, None), slice(None, -1)):
        total[side][both] += steps[both]
        count[side] += both
    return np.asarray(total / np.maximum(count, 1)[:, None])


def neighbours(
    original: Series | StoredRows, synced: Series | StoredRows, seen: Valid, row: int, *, reach: int
) -> MeshPairs:
    """Both meshes of the frames about one, moved with the head onto that frame.

    Only pairs of frames equally long before and after it are taken, so that nothing lags; fewer than ``reach`` at the
    ends of a shot and beside rows that are not known.

    Parameters
    ----------
    original, synced : (n, 956) float
        Smoothed meshes of one shot, both in the original's pixels.
    seen : (n,) bool
    row : int
    reach : int
        Frames to each side.

    Returns
    -------
    tuple of (original, synced)
        Without the frame itself.
    """
    found: list[tuple[Landmarks, Landmarks]] = []
    here = _stable(original[row : row + 1])[0]
    for step in range(1, reach + 1):
        if row < step or row + step >= len(seen) or not (seen[row - step] and seen[row + step]):
            break
        for other in (row - step, row + step):
            turn, shift = similarity(_stable(original[other : other + 1])[0], here)
            one, two = (
                Landmarks((each[other].reshape(-1, 2) @ turn.T + shift).astype(np.float32))
                for each in (original, synced)
            )
            found.append((one, two))
    return tuple(found)


def similarity(
    source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Rotation with scale, and shift, that carry points onto others with the least squared error.

    Umeyama 1991, https://doi.org/10.1109/34.88573, in the plane, without reflection.

    Parameters
    ----------
    source, target : (n, 2) float64

    Returns
    -------
    matrix : (2, 2) float64
    shift : (2,) float64
        ``target ~ source @ matrix.T + shift``; no rotation and no scale for points without extent.
    """
    a, b = source - source.mean(0), target - target.mean(0)
    size = float((a * a).sum())
    if size == 0:
        return np.eye(2), target.mean(0) - source.mean(0)
    cosine = float((a * b).sum()) / size
    sine = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / size
    matrix = np.array([[cosine, -sine], [sine, cosine]])
    return matrix, target.mean(0) - matrix @ source.mean(0)


def _stable(meshes: Series) -> npt.NDArray[np.float64]:
    """(n, len(STABLE), 2) float64."""
    return np.asarray(meshes.reshape(len(meshes), -1, 2)[:, list(STABLE)], np.float64)
