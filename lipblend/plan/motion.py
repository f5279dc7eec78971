"""Motion of a face from frame to frame, and the meshes of neighbouring frames aligned with it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.picture.similarity import Similarity
from lipblend.plan.smoothing import Series, Valid
from lipblend.runtime.spill import StoredRows

_CHUNK_ROWS = 64  # held in memory at a time

MeshPairs = tuple[tuple[Landmarks, Landmarks], ...]


def velocity(meshes: Series | StoredRows, valid: Valid) -> npt.NDArray[np.float64]:
    """Motion of a face in each frame of a shot: the central difference of its stable points.

    Parameters
    ----------
    meshes : (n, 956) float
        Smoothed meshes, x and y of every point in turn; pixels.
    valid : (n,) bool
        Rows that hold a mesh.

    Returns
    -------
    (n, 2) float64
        Pixels per frame, right and down. One-sided if only one neighbour is valid; 0 if none is.
    """
    chunks = range(0, len(meshes), _CHUNK_ROWS)
    centre = np.concatenate([_stable(meshes[first : first + _CHUNK_ROWS]).mean(1) for first in chunks])
    steps = np.diff(centre, axis=0)
    both = valid[1:] & valid[:-1]
    total, count = np.zeros_like(centre), np.zeros(len(centre))
    for side in (slice(1, None), slice(None, -1)):
        total[side][both] += steps[both]
        count[side] += both
    return np.asarray(total / np.maximum(count, 1)[:, None])


def neighbours(
    original: Series | StoredRows, synced: Series | StoredRows, valid: Valid, row: int, *, reach: int
) -> MeshPairs:
    """Both meshes of the frames around one, moved with the head onto that frame.

    Frames are used in pairs at equal distance before and after, so that nothing lags. There are fewer at the ends of a
    shot and beside rows that are not valid.

    Parameters
    ----------
    original, synced : (n, 956) float
        Smoothed meshes of one shot, both in the original's pixels.
    valid : (n,) bool
    row : int
    reach : int
        Frames on each side.

    Returns
    -------
    tuple of (original, synced)
        Without the frame itself.
    """
    pairs: list[tuple[Landmarks, Landmarks]] = []
    target = _stable(original[row : row + 1])[0]
    for step in range(1, reach + 1):
        if row < step or row + step >= len(valid) or not (valid[row - step] and valid[row + step]):
            break
        for neighbour in (row - step, row + step):
            moved = Similarity.between(_stable(original[neighbour : neighbour + 1])[0], target)
            original_mesh, synced_mesh = (
                Landmarks(moved.apply(meshes[neighbour].reshape(-1, 2))) for meshes in (original, synced)
            )
            pairs.append((original_mesh, synced_mesh))
    return tuple(pairs)


def _stable(meshes: Series) -> npt.NDArray[np.float64]:
    """(n, len(STABLE), 2) float64."""
    return np.asarray(meshes.reshape(len(meshes), -1, 2)[:, list(STABLE)], np.float64)
