"""One face through one shot: its steady meshes, colours, footprint and weight, and its plan for each frame."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.picture.similarity import NOWHERE, Similarity
from lipblend.plan import smoothing
from lipblend.plan.frame_plan import FacePlan
from lipblend.plan.motion import neighbours, velocity
from lipblend.plan.placements import steady_placements
from lipblend.plan.steady_colours import colour_maps, membranes, outlier_rows
from lipblend.plan.steady_meshes import MESH_VALUES, MeshSeries, SteadyMeshes
from lipblend.runtime.spill import Picked, StoredRows
from lipblend.settings import Settings
from lipblend.stages.colour.statistics import ColourStats
from lipblend.stages.masks.footprint import Sample, footprint_outline, footprint_polygon
from lipblend.stages.registration.left_part import left_part
from lipblend.stages.registration.placement import Placement, placement_of

T = TypeVar("T")

FaceOfRow = Callable[[int], FacePlan | None]
"""The plan of one face in a row of its shot; None if it is not blended there."""


def plan_face(
    analysis: ClipAnalysis, settings: Settings, track: FaceTrack, start: int, stop: int
) -> tuple[FaceOfRow, int, set[int]]:
    """The face's plan as a function of the shot's row, and what the summary tells of it.

    That is in how many rows its synced mesh is the original's, and which rows are left to the original because their
    run is too short.
    """
    times = analysis.times_s[start:stop]
    steady = SteadyMeshes(MeshSeries(track.frames, track.original, start, stop), times, settings)
    original, centres = StoredRows((MESH_VALUES,), np.float32), []
    for block in steady.blocks():
        original.extend(block)
        centres.append(block.reshape(len(block), -1, 2)[:, list(STABLE)].mean(1))
    seen = steady.valid
    placements = _placements(track, original, times, start, stop)
    left = None if placements is None else left_part(track.values("left"))
    if placements is None:
        placements = _displacements(analysis, np.concatenate(centres), seen, start)
    steady_synced = SteadyMeshes(MeshSeries(track.frames, track.synced, start, stop, placements), times, settings)
    present = seen & (analysis.synced_index[start:stop] >= 0)
    borrowed = present & ~steady_synced.valid
    synced = StoredRows((MESH_VALUES,), np.float32)
    for block in steady_synced.blocks():
        rows = len(synced) + np.flatnonzero(borrowed[len(synced) : len(synced) + len(block)])
        block[rows - len(synced)] = original[rows]
        synced.extend(block)
    stats = _ByRow[ColourStats](_rows_with(track, "stats", start, stop), track.table.stats)
    colours = colour_maps(stats, times, settings.colour)
    outliers = outlier_rows(stats, settings.colour)
    with_cells = _rows_with(track, "membrane", start, stop, without=outliers)
    cells = _ByRow[Sample](with_cells, track.table.columns["membrane"].__getitem__)
    fields = membranes(cells, colours, times, settings.colour, analysis.matrix)
    lasting = smoothing.without_brief_runs(present, times, min_s=settings.track.min_run_s)
    weights = smoothing.ramp(lasting, times, ramp_s=settings.track.ramp_s)
    outline = _outline(track) if settings.footprint.method == "auto" else None
    motion = velocity(original, seen)

    def face_of_row(i: int) -> FacePlan | None:
        if not weights[i] > 0:
            return None
        original_mesh, synced_mesh = (Landmarks(meshes[i].reshape(-1, 2)) for meshes in (original, synced))
        footprint = None if outline is None else footprint_polygon(outline, original_mesh)
        around = neighbours(original, synced, present, i, reach=settings.alpha.average_frames)
        return FacePlan(
            weight=float(weights[i]),
            original=original_mesh,
            synced=synced_mesh,
            colour=colours[i],
            placement=placements[i],
            left=left,
            membrane=fields[i],
            footprint=footprint,
            velocity=motion[i],
            neighbours=around,
        )

    return face_of_row, int(np.count_nonzero(borrowed)), set(np.flatnonzero(present & ~lasting).tolist())


def _outline(track: FaceTrack) -> npt.NDArray[np.float64] | None:
    rows = [row for row, holds in zip(track.rows, track.has("footprint").tolist(), strict=True) if holds]
    return footprint_outline(Picked(track.table.columns["footprint"], rows))  # type: ignore[arg-type]


def _rows_with(track: FaceTrack, column: str, start: int, stop: int, without: Collection[int] = ()) -> dict[int, int]:
    """The table's row for each row of the shot [start, stop) in which a column of the track has a value."""
    rows = zip(track.frames, track.rows, track.has(column).tolist(), strict=True)
    return {
        frame - start: row
        for frame, row, holds in rows
        if holds and start <= frame < stop and frame - start not in without
    }


def _placements(
    track: FaceTrack, meshes: StoredRows, times_s: smoothing.Series, start: int, stop: int
) -> list[Similarity] | None:
    """Where the painted part lies in each frame, by what was measured; None if it lies in its place."""
    rows = _rows_with(track, "placement", start, stop)
    measured: list[Placement | None] = [None] * (stop - start)
    middles, widths = np.zeros((stop - start, 2)), np.ones(stop - start)
    for row, number in rows.items():
        measured[row] = placement_of(track.table.columns["placement"][number])
        mesh = Landmarks(meshes[row].reshape(-1, 2))
        middles[row], widths[row] = mesh.mouth_centre, max(mesh.face_width_px, 1.0)
    return steady_placements(measured, middles, widths, times_s)


def _displacements(
    analysis: ClipAnalysis, stable: smoothing.Series, seen: smoothing.Valid, start: int
) -> list[Similarity]:
    """How far the head is displaced in each frame's synced picture.

    If the frame rates differ, or the synced video slips or lacks frames, a synced picture may come from a neighbouring
    frame. The original's own meshes show how the head moved between the two.
    """
    displacements = [NOWHERE] * len(stable)
    if analysis.alignment.timeline.follows == "synced":
        return displacements  # every frame has its own original
    for row in range(len(stable)):
        index = analysis.synced_index[start + row]
        source = int(analysis.alignment.pairing.source[index]) - start if index >= 0 else row
        if source != row and 0 <= source < len(stable) and seen[row] and seen[source]:
            right, down = (stable[source] - stable[row]).tolist()
            displacements[row] = Similarity(right=right, down=down)
    return displacements


class _ByRow(Mapping[int, T], Generic[T]):
    """Values of a track's table by row of the shot, read on access."""

    def __init__(self, rows: dict[int, int], read: Callable[[int], Any]) -> None:
        self._rows, self._read = rows, read

    def __getitem__(self, row: int) -> T:
        value: T = self._read(self._rows[row])
        return value

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
