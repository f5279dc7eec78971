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
_SIGMA_S = 0.06
_REACH_SIGMAS = 3.0


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
        Measured with them.
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
    bends = {row: Bend.of_row(values) for row, values in measured.items()}
    certain = sum(bend.is_certain for bend in bends.values())
    if certain <= _MIN_SHARE * sum(each is not None for each in found):
        return None
    lattices, rows = [], np.array(sorted(bends))
    for row in rows.tolist():
        mesh, placement = mesh_of(row), found[row]
        before = NOWHERE if placement is None else undone(placement, mesh)
        lattices.append(rebased(bends[row].lattice, before, placements[row], mesh))
    known, known_times = np.stack(lattices), times_s[rows]
    steady = StoredRows(LATTICE_SHAPE, np.float32)
    reach = _REACH_SIGMAS * _SIGMA_S
    for time in times_s.tolist():
        low, high = np.searchsorted(known_times, (time - reach, time + reach))
        near = np.arange(low, high) if high > low else np.array([np.abs(known_times - time).argmin()])
        weights = np.exp(-0.5 * ((known_times[near] - time) / _SIGMA_S) ** 2)
        weights = weights / weights.sum() if weights.sum() > 0 else np.full(len(near), 1 / len(near))
        steady.append(np.asarray(np.tensordot(weights, known[near], 1), np.float32))
    return steady
