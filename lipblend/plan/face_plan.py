"""One face through one shot: steady meshes, colours, footprint and weight, and from them its plan in each frame."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.plan import smoothing
from lipblend.plan.frame_plan import FacePlan
from lipblend.plan.motion import neighbours, velocity
from lipblend.plan.steady_colours import colour_maps, membranes, odd_rows
from lipblend.plan.steady_meshes import MeshSeries, SteadyMeshes
from lipblend.runtime.spill import Picked, StoredRows
from lipblend.settings import Settings
from lipblend.stages.colour.statistics import ColourStats
from lipblend.stages.masks.footprint import Sample, footprint_outline, footprint_polygon

T = TypeVar("T")

FaceOfRow = Callable[[int], FacePlan | None]
"""The plan of one face for a row of its shot; None where it is not worked on."""

_MESH = 478 * 2


def plan_face(
    analysis: ClipAnalysis, settings: Settings, track: FaceTrack, start: int, stop: int
) -> tuple[FaceOfRow, int]:
    """What makes a face's plan for a row of the shot, and in how many rows its synced mesh is borrowed."""
    times = analysis.times_s[start:stop]
    steady = SteadyMeshes(MeshSeries(track.frames, track.original, start, stop), times, settings)
    mesh, middles = StoredRows((_MESH,), np.float32), []
    for part in steady.parts():
        mesh.extend(part)
        middles.append(part.reshape(len(part), -1, 2)[:, list(STABLE)].mean(1))
    seen = steady.valid
    moved = _moved(analysis, np.concatenate(middles), seen, start)
    theirs = SteadyMeshes(MeshSeries(track.frames, track.synced, start, stop, moved), times, settings)
    present = seen & (analysis.synced_index[start:stop] >= 0)
    alone = present & ~theirs.valid
    other = StoredRows((_MESH,), np.float32)
    for part in theirs.parts():
        rows = len(other) + np.flatnonzero(alone[len(other) : len(other) + len(part)])
        part[rows - len(other)] = mesh[rows]
        other.extend(part)
    stats = _ByRow[ColourStats](_rows_with(track, "stats", start, stop), track.table.stats)
    colours = colour_maps(stats, times, settings.colour)
    unusual = odd_rows(stats, settings.colour)
    with_cells = _rows_with(track, "membrane", start, stop, without=unusual)
    cells = _ByRow[Sample](with_cells, track.table.columns["membrane"].__getitem__)
    fields = membranes(cells, colours, times, settings.colour, analysis.matrix)
    weights = smoothing.ramp(present, times, ramp_s=settings.track.ramp_s)
    outline = _outline(track) if settings.footprint.method == "auto" else None
    motion = velocity(mesh, seen)

    def of_row(i: int) -> FacePlan | None:
        if not weights[i] > 0:
            return None
        one, two = (Landmarks(each[i].reshape(-1, 2)) for each in (mesh, other))
        painted = None if outline is None else footprint_polygon(outline, one)
        about = neighbours(mesh, other, present, i, reach=settings.alpha.average_frames)
        return FacePlan(float(weights[i]), one, two, colours[i], moved[i], fields[i], painted, motion[i], about)

    return of_row, int(np.count_nonzero(alone))


def _outline(track: FaceTrack) -> npt.NDArray[np.float64] | None:
    held = [row for row, holds in zip(track.rows, track.has("footprint").tolist(), strict=True) if holds]
    return footprint_outline(Picked(track.table.columns["footprint"], held))  # type: ignore[arg-type]


def _rows_with(track: FaceTrack, column: str, start: int, stop: int, without: Collection[int] = ()) -> dict[int, int]:
    """Rows of the shot [start, stop) in which a column of the track holds something, to rows of its table."""
    held = zip(track.frames, track.rows, track.has(column).tolist(), strict=True)
    return {
        frame - start: row
        for frame, row, holds in held
        if holds and start <= frame < stop and frame - start not in without
    }


def _moved(
    analysis: ClipAnalysis, stable: smoothing.Series, seen: smoothing.Valid, start: int
) -> npt.NDArray[np.float64]:
    """How far a head is displaced in each frame's synced picture, (n, 2) pixels: it may come from a neighbour.

    That happens where the frame rates differ, and where the synced video slips or has lost frames. How the head moved
    between the two frames of the original is known from the original's own meshes.
    """
    out = np.zeros((len(stable), 2))
    if analysis.alignment.timeline.follows == "synced":
        return out  # every frame has its own original
    for row in range(len(stable)):
        index = analysis.synced_index[start + row]
        made_from = int(analysis.alignment.pairing.source[index]) - start if index >= 0 else row
        if made_from != row and 0 <= made_from < len(stable) and seen[row] and seen[made_from]:
            out[row] = stable[made_from] - stable[row]
    return out


class _ByRow(Mapping[int, T], Generic[T]):
    """What a track's table holds in some rows of a shot; read when asked for."""

    def __init__(self, rows: dict[int, int], read: Callable[[int], Any]) -> None:
        self._rows, self._read = rows, read

    def __getitem__(self, row: int) -> T:
        value: T = self._read(self._rows[row])
        return value

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
