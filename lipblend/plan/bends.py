"""How the picture around a face is distorted in each frame of a shot, steadied over time; and meshes brought back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.similarity import NOWHERE, Similarity
from lipblend.runtime.spill import StoredRows
from lipblend.stages.registration.bend import LATTICE_SHAPE, Bend, Lattice, rebased, unbent_points
from lipblend.stages.registration.placement import Placement, undone

Series = npt.NDArray[np.float64]
MeshOf = Callable[[int], Landmarks]

_MIN_SHARE = 0.25  # of a shot's frames that must be distorted for certain
_SIGMA_S, _REACH_S = 0.06, 0.18


@dataclass(frozen=True)
class Places:
    """Where a face lies in each frame of a shot.

    Attributes
    ----------
    placements : sequence of Similarity
    bends : StoredRows or None
        (n, 8, 8, 2) float32, lattices of `lipblend.stages.registration.bend.Bend`.
    mesh_of : callable
        The original's mesh in a frame.
    """

    placements: Sequence[Similarity]
    bends: StoredRows | None
    mesh_of: MeshOf

    def brought_back(self, row: int, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Points (n, 2) of the synced face at their places in the original, pixels."""
        if self.placements[row] != NOWHERE:
            points = self.placements[row].inverse().apply(points)
        return points if self.bends is None else unbent_points(points, self.bends[row], self.mesh_of(row))

    def bend(self, row: int) -> Lattice | None:
        """The lattice of a frame, (8, 8, 2) float32; None if the shot is not distorted."""
        return None if self.bends is None else self.bends[row]


def distorted_rows(measured: Mapping[int, npt.NDArray[np.float32]]) -> set[int]:
    """The rows whose pictures were measured with their distortion taken out, because it is certain."""
    return {row for row, values in measured.items() if Bend.of_row(values).is_certain}


def steady_bends(
    measured: Mapping[int, npt.NDArray[np.float32]],
    found: Sequence[Placement | None],
    placements: Sequence[Similarity],
    mesh_of: MeshOf,
    times_s: Series,
) -> StoredRows | None:
    """The distortion in every frame of a shot.

    Parameters
    ----------
    measured : mapping of int to (130,) float32
        `lipblend.stages.registration.bend.Bend.row`, by row of the shot.
    found : sequence of Placement or None
        By row; one without a bend looks the same as it lies.
    placements : sequence of Similarity
        Those that are used.
    mesh_of : callable
        The original's mesh in a frame.
    times_s : (n,) float64

    Returns
    -------
    StoredRows or None
        (n, 8, 8, 2) float32; None if fewer than a quarter of the frames are distorted for certain.
    """
    if len(distorted_rows(measured)) <= _MIN_SHARE * sum(each is not None for each in found):
        return None
    known, rows = StoredRows(LATTICE_SHAPE, np.float32), []
    for row, placement in enumerate(found):
        if placement is None:
            continue
        bend = Bend.of_row(measured[row]) if row in measured else None
        if bend is not None and not bend.is_known:
            continue
        lattice = np.zeros(LATTICE_SHAPE, np.float32) if bend is None else bend.lattice
        mesh = mesh_of(row)
        known.append(rebased(lattice, undone(placement, mesh), placements[row], mesh))
        rows.append(row)
    return _smoothed(known, times_s[rows], times_s)


def _smoothed(known: StoredRows, known_s: Series, times_s: Series) -> StoredRows:
    """Means of the lattices known around each time, with the weights of a Gaussian; else the nearest."""
    steady = StoredRows(LATTICE_SHAPE, np.float32)
    for time in times_s.tolist():
        low, high = np.searchsorted(known_s, (time - _REACH_S, time + _REACH_S)).tolist()
        if low == high:
            low = max(0, min(low, len(known_s) - 1) - 1)
            high = min(low + 2, len(known_s))
        away = ((known_s[low:high] - time) / _SIGMA_S) ** 2
        weights = np.exp(-0.5 * (away - away.min()))
        steady.append(np.asarray(np.tensordot(weights / weights.sum(), known[low:high], 1), np.float32))
    return steady
