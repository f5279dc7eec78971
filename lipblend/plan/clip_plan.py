"""From the analysis to what every frame will use: chosen face, steady landmarks, colour map, weight."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis, TrackRecord
from lipblend.analysis.measure import FaceMeasure
from lipblend.errors import InputMismatchError, NoFaceError
from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.plan import smoothing
from lipblend.plan.choose import choose_faces, count_people, hardly_changed, is_unchanged, surest_change
from lipblend.plan.motion import MeshPairs, neighbours, velocity
from lipblend.plan.steady_colours import colour_maps, membranes, odd_rows
from lipblend.plan.steady_meshes import MeshSeries, SteadyMeshes
from lipblend.runtime.spill import Mapped, Picked, StoredSequence
from lipblend.runtime.spill_rows import StoredRows
from lipblend.settings import Settings
from lipblend.stages.colour.colour_map import ColourMap
from lipblend.stages.colour.membrane import Cells
from lipblend.stages.masks.footprint import Sample, footprint_outline, footprint_polygon

T = TypeVar("T")

NO_SYNCED = "no synced frame"
NO_FACE = "no face"
UNCHANGED = "face not changed"

_MESH = 478 * 2


@dataclass(frozen=True)
class FacePlan:
    """What one face of one frame needs.

    Attributes
    ----------
    weight : float
        Above 0, up to 1 (the patch at full strength).
    original, synced : Landmarks
        Smoothed meshes, both in the original's pixels.
    colour : ColourMap
        What brings the synced colours to the original's.
    membrane : (8, 8, 3) float32 or None
        What is added to the colours after that, see `lipblend.stages.colour.membrane`.
    moved : (2,) float64
        How far right and down of its place the face lies in the synced picture, in the original's pixels: not 0 only
        where that was made from another frame than the one it is laid on. ``synced`` is without it.
    footprint : (n, 2) float32 or None
        Outline of what the generator painted, pixels; None for all of the picture.
    velocity : (2,) float64
        Motion of the face, pixels a frame.
    neighbours : tuple of (original, synced)
        Both meshes of the frames that ``alpha.average_frames`` asks for, carried along with the head onto this one.
    """

    weight: float
    original: Landmarks
    synced: Landmarks
    colour: ColourMap
    moved: npt.NDArray[np.float64]
    membrane: Cells | None = None
    footprint: npt.NDArray[np.float32] | None = None
    velocity: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    neighbours: MeshPairs = ()


@dataclass(frozen=True)
class PlanRow:
    """All that rendering one frame needs, besides the two pictures.

    Attributes
    ----------
    original_index : int
        Frame of the original.
    synced_index : int
        Frame of the synced video, -1 for none.
    faces : tuple of FacePlan
        Empty where the original passes through.
    reason : str
        Why it does; empty otherwise.
    """

    original_index: int
    synced_index: int
    faces: tuple[FacePlan, ...]
    reason: str


FaceOfRow = Callable[[int], FacePlan | None]
"""The plan of one face for a row of its shot; None where it is not worked on."""


@dataclass(frozen=True)
class ClipPlan:
    """One row for every frame that will be written.

    Attributes
    ----------
    rows : sequence of PlanRow
    notes : tuple of str
    unchanged : bool
        Both videos show the same faces in all frames.
    """

    rows: Sequence[PlanRow]
    notes: tuple[str, ...]
    unchanged: bool = False


def make_plan(analysis: ClipAnalysis, settings: Settings, *, into: StoredSequence[PlanRow] | None = None) -> ClipPlan:
    """Turn the analysis into one row a frame.

    Parameters
    ----------
    analysis : ClipAnalysis
    settings : Settings
    into : StoredSequence, optional
        Empty; the rows go there, one by one, and become the plan's. Otherwise they are held in memory.

    Raises
    ------
    NoFaceError
        If no face can be worked on in any frame, and ``track.no_face`` is ``error``.
    InputMismatchError
        If frames without a synced picture are not allowed (``pair.tail`` is ``error``).
    """
    count, notes = _frames_to_write(analysis, settings)
    shots = list(itertools.pairwise([*(int(start) for start in analysis.shot_starts if start < count), count]))
    max_gap_s = settings.track.max_gap_s
    surest = surest_change(analysis.tracks, analysis.times_s, shots, max_gap_s=max_gap_s)
    rows: list[PlanRow] | StoredSequence[PlanRow] = [] if into is None else into
    faces, borrowed, left_alone = False, 0, 0
    scores = [each.painted for record in analysis.tracks.values() for each in record.measured if each is not None]
    same = bool(scores) and max(scores) == 0
    for start, stop in shots:
        shot, missing, calm = _plan_shot(analysis, settings, start, stop, surest=surest)
        for row in shot:
            faces |= bool(row.faces)
            rows.append(row)
        borrowed += missing
        left_alone += calm
    if not faces:
        notes.append(_without_faces(analysis, settings, shots))
    if borrowed:
        notes.append(f"{borrowed} synced frames without a face of their own: the original's mesh was used")
    if left_alone and settings.track.face not in ("changed", "all"):
        notes.append(
            f"the generator did not change the face asked for ({settings.track.face}) in {left_alone} frames: "
            "there was nothing to take over"
        )
    notes += analysis.notes
    if same:
        notes.append(
            "both videos show the same faces: there was nothing to take over, all frames are the original's own"
        )
    elif hardly_changed(analysis.tracks, surest):
        notes.append(
            "no face differs by more than encoding it again would make it differ: is the synced video the right one?"
        )
    return ClipPlan(tuple(rows) if isinstance(rows, list) else rows, tuple(notes), same)


def without_faces(plan: ClipPlan, *, into: StoredSequence[PlanRow]) -> ClipPlan:
    """A plan in which every frame passes through, as there is nothing to take over; its rows go into ``into``."""
    for row in plan.rows:
        into.append(replace(row, faces=(), reason=UNCHANGED) if row.faces else row)
    return replace(plan, rows=into)


def _without_faces(analysis: ClipAnalysis, settings: Settings, shots: Sequence[tuple[int, int]]) -> str:
    """The note that nothing was done, if that is allowed."""
    if settings.track.no_face == "copy":
        return "no face to work on: all frames are the original's own"
    face, max_gap_s = settings.track.face, settings.track.max_gap_s
    counts = [count_people(analysis.tracks, analysis.times_s, *shot, max_gap_s=max_gap_s) for shot in shots]
    if isinstance(face, int) and any(counts):
        raise NoFaceError(
            f"no shot has the face asked for ({face}): {_faces_text(counts)}, counted from 0",
            hint="`lipblend probe` numbers the faces of a video; --face changed takes those the generator changed.",
        )
    raise NoFaceError(
        f"no face to work on in {shots[-1][1]} frames",
        hint="Check that both videos show the same face; lower track.min_face_px for small ones, or pass "
        "--no-face copy to get the original as it is.",
    )


def _faces_text(counts: Sequence[int]) -> str:
    least, most = min(counts), max(counts)
    faces = f"{most} face{'s' if most > 1 else ''}" if least == most else f"{least} to {most} faces"
    return f"the shot has {faces}" if len(counts) == 1 else f"the {len(counts)} shots have {faces} each"


def _frames_to_write(analysis: ClipAnalysis, settings: Settings) -> tuple[int, list[str]]:
    """How many frames come out, by ``pair.tail``; with what the summary should say about it."""
    total = len(analysis.times_s)
    shown = np.flatnonzero(analysis.synced_index >= 0)
    if not len(shown):
        raise InputMismatchError(
            "no frame of the original has a synced picture", hint="Leave out --pair and --offset to have them found."
        )
    first, paired = int(shown[0]), int(shown[-1]) + 1
    notes = [f"the first {first} frames have no synced picture: they are the original's own"] if first else []
    if paired == total:
        return total, notes
    found = f"the synced video ends {total - paired} of {total} frames before the original"
    if settings.pair.tail == "error":
        raise InputMismatchError(
            found, hint="Pass --tail original to keep the original there, or --tail trim to cut it off."
        )
    if settings.pair.tail == "trim":
        return paired, [*notes, f"{found}: the output was cut there"]
    return total, [*notes, f"{found}: they are the original's own (--tail trim cuts them off)"]


def _plan_shot(
    analysis: ClipAnalysis, settings: Settings, start: int, stop: int, *, surest: float
) -> tuple[Iterator[PlanRow], int, int]:
    """Rows of one shot, in how many the synced mesh is borrowed from the original, and how many the generator left.

    A row is made when it is asked for, so that the shot's need not be held all at once.
    """
    paired = analysis.synced_index[start:stop] >= 0
    faces: list[FaceOfRow] = []
    borrowed = 0
    unchanged: set[int] = set()
    for record in choose_faces(
        analysis.tracks,
        analysis.times_s,
        start,
        stop,
        max_gap_s=settings.track.max_gap_s,
        face=settings.track.face,
    ):
        if is_unchanged(record, surest):
            unchanged.update(record.frames)
            if settings.track.face == "changed":
                continue
        face, alone = _plan_face(analysis, settings, record, start, stop)
        faces.append(face)
        borrowed += alone

    def rows() -> Iterator[PlanRow]:
        for i in range(stop - start):
            found = tuple(plan for plan in (face(i) for face in faces) if plan is not None)
            reason = "" if found else _reason(paired=bool(paired[i]), unchanged=start + i in unchanged)
            original, synced = (int(index[start + i]) for index in (analysis.original_index, analysis.synced_index))
            yield PlanRow(original, synced, found, reason)

    return rows(), borrowed, len(unchanged)


def _plan_face(
    analysis: ClipAnalysis, settings: Settings, record: TrackRecord, start: int, stop: int
) -> tuple[FaceOfRow, int]:
    """What makes a face's plan for a row of the shot, and in how many rows its synced mesh is borrowed."""
    times = analysis.times_s[start:stop]
    steady = SteadyMeshes(MeshSeries(record.frames, record.original, start, stop), times, settings)
    mesh, middles = StoredRows((_MESH,), np.float32), []
    for part in steady.parts():
        mesh.extend(part)
        middles.append(part.reshape(len(part), -1, 2)[:, list(STABLE)].mean(1))
    seen = steady.valid
    moved = _moved(analysis, np.concatenate(middles), seen, start)
    theirs = SteadyMeshes(MeshSeries(record.frames, record.synced, start, stop, moved), times, settings)
    present = seen & (analysis.synced_index[start:stop] >= 0)
    alone = present & ~theirs.valid
    other = StoredRows((_MESH,), np.float32)
    for part in theirs.parts():
        rows = len(other) + np.flatnonzero(alone[len(other) : len(other) + len(part)])
        part[rows - len(other)] = mesh[rows]
        other.extend(part)
    stats = _measured(record, start, stop, lambda each: each.stats)
    colours = colour_maps(stats, times, settings.colour)
    odd = odd_rows(stats, settings.colour)
    cells = _measured(record, start, stop, lambda each: each.membrane, without=odd)
    fields = membranes(cells, colours, times, settings.colour, analysis.matrix)
    weights = smoothing.ramp(present, times, ramp_s=settings.track.ramp_s)
    outline = _outline(record) if settings.footprint.method == "auto" else None
    motion = velocity(mesh, seen)

    def of_row(i: int) -> FacePlan | None:
        if not weights[i] > 0:
            return None
        one, two = (Landmarks(each[i].reshape(-1, 2)) for each in (mesh, other))
        painted = None if outline is None else footprint_polygon(outline, one)
        about = neighbours(mesh, other, present, i, reach=settings.alpha.average_frames)
        return FacePlan(float(weights[i]), one, two, colours[i], moved[i], fields[i], painted, motion[i], about)

    return of_row, int(np.count_nonzero(alone))


def _outline(record: TrackRecord) -> npt.NDArray[np.float64] | None:
    def footprint_of(each: FaceMeasure | None) -> Sample | None:
        return None if each is None else each.footprint

    taken = Mapped(record.measured, footprint_of)
    return footprint_outline(Picked(taken, [place for place, each in enumerate(taken) if each is not None]))  # type: ignore[arg-type]


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


def _reason(*, paired: bool, unchanged: bool) -> str:
    if not paired:
        return NO_SYNCED
    return UNCHANGED if unchanged else NO_FACE


class _Measured(Mapping[int, T]):
    """Something that was measured on a track, by row of the shot; read when it is asked for."""

    def __init__(self, record: TrackRecord, places: dict[int, int], what: Callable[[FaceMeasure], T | None]) -> None:
        self._record, self._places, self._what = record, places, what

    def __getitem__(self, row: int) -> T:
        each = self._record.measured[self._places[row]]
        found = None if each is None else self._what(each)
        assert found is not None  # only what is there has a place
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _measured(
    record: TrackRecord,
    start: int,
    stop: int,
    what: Callable[[FaceMeasure], T | None],
    without: Collection[int] = (),
) -> Mapping[int, T]:
    """Something that was measured on a track in one shot, where it was, by row of the shot."""
    places = {
        frame - start: place
        for place, (frame, each) in enumerate(zip(record.frames, record.measured, strict=True))
        if start <= frame < stop and each is not None and what(each) is not None and frame - start not in without
    }
    return _Measured(record, places, what)
