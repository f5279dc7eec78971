"""Measure a result: every frame, what changes over the frames of a shot, and the clip as a whole."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lipblend.picture.picture import Picture
from lipblend.plan.frame_plan import OUTSIDE_RANGES
from lipblend.plan.front_log import Hiding
from lipblend.quality import temporal
from lipblend.quality.evaluation.person import FaceLook, Person, face_looks, look_of
from lipblend.quality.evaluation.reference_footage import Reference
from lipblend.quality.evaluation.walk import Looked, Walk
from lipblend.quality.face_scores import face_scores, inner_contour_scores, own_scores, same_face, worst, worst_of
from lipblend.quality.fault_traits import traits
from lipblend.quality.faults import find_faults
from lipblend.quality.frame_values import FrameValues
from lipblend.quality.lip_sync import lip_correlation, smooth_openings
from lipblend.quality.record import FrameRow, Shot
from lipblend.quality.reference_measures import SeenFace
from lipblend.quality.view import FaceView
from lipblend.quality.visible.face_parts import face_parts
from lipblend.quality.visible.scene import made_mouth, mouth_shift
from lipblend.quality.visible.visible_parts import PARTS
from lipblend.runtime.prefetch import map_in_threads, one_opencv_thread, prefetch

_QUEUE = 2
_WORKERS = 2
NOT_HELD = "not of the original"
_OF_SYNCED = {part.key for part in PARTS if part.of_synced}


@dataclass(frozen=True)
class Measured:
    """Measures of a result: a row per frame, the shots, and the values of the whole clip."""

    rows: tuple[FrameRow, ...]
    shots: tuple[Shot, ...]
    values: Mapping[str, float]


class _Shot:
    """A shot while it is measured."""

    def __init__(
        self, walk: Walk, number: int, count: int, reference: Reference | None, looks: Sequence[FaceLook]
    ) -> None:
        self._walk, self._number, self._count, self._reference = walk, number, count, reference
        self._looks = looks
        self.rows: list[FrameRow] = []
        self.people: list[Person] = []
        self._mouths: list[list[tuple[Person, dict[str, float]]]] = []  # what is held against the synced picture

    def add(self, looked: Looked, truth: Picture | None) -> None:
        """Measure the next frame."""
        place = len(self.rows)
        values, mouths = [], []
        free = list(self.people)
        for view in looked.views:
            patch = None
            if self._reference is not None and truth is not None:
                patch = self._reference.patch(view, truth, self._walk)
            person, previous = self._person_of(view, free, place, looked.index)
            seen = SeenFace(view, patch)
            scores = face_scores(view, previous.view if previous is not None else None)
            known = [scores.values]
            if self._walk.estimated:
                known.append(inner_contour_scores(view, previous.view if previous is not None else None))
            parts = face_parts(view, person.look)
            mouths.append((person, {key: parts.pop(key) for key in _OF_SYNCED & parts.keys()}))
            values.append({**worst(known), **parts, **self._against_reference(seen, previous)})
            person.note(place, seen, scores)
        self._mouths.append(mouths)
        self.rows.append(self._row(looked, values))

    def finished(self, times_s: npt.NDArray[np.float64]) -> list[FrameRow]:
        """The rows, with what only the whole shot shows: faults of synced patches, and measures over time.

        Where a person's synced patch is faulty or broken, nothing of theirs is held against it, nor against the bridge
        over it: that is one guess of what the mouth did, and another may be as good.
        """
        faults = [find_faults(person.traits, times_s, [(0, self._count)]) for person in self.people]
        series = [
            person.over_time.values({*person.bridged, *(place for place, names in enumerate(found) if names)})
            for person, found in zip(self.people, faults, strict=True)
        ]
        rows = []
        for place, row in enumerate(self.rows):
            late = [
                {key: float(each[place]) for key, each in over_time.items() if np.isfinite(each[place])}
                for over_time in series
            ]
            for person, mouth in self._mouths[place]:
                if place not in person.bridged and not faults[self.people.index(person)][place]:
                    late.append(mouth)
            names = sorted({name for found in faults for name in found[place]})
            rows.append(replace(row, faults=tuple(names), values=FrameValues({**row.values, **worst(late)})))
        return rows

    def values(self) -> dict[str, float]:
        """Measures over the shot; those of the worst face."""
        found: dict[str, list[float]] = {}
        for person in self.people:
            for key, value in (
                ("alpha_flicker", temporal.alpha_flicker(person.alpha)),
                ("colour_drift", temporal.colour_drift(person.casts)),
            ):
                if value is not None:
                    found.setdefault(key, []).append(value)
        return {key: worst_of(key, values) for key, values in found.items()}

    def _person_of(self, view: FaceView, free: list[Person], place: int, index: int) -> tuple[Person, SeenFace | None]:
        """The person that a face belongs to, of those not yet seen in this frame, and the same face one frame earlier.

        A person who was away keeps their entry: another face that comes meanwhile is another person.
        """
        known = [(person, person.last) for person in free if person.last is not None]
        number = same_face(view, [last.view for _, (_, last) in known])
        if number is None:
            self.people.append(Person(self._count, self._walk.frame_rate, look_of(index, view, self._looks)))
            return self.people[-1], None
        person, (then, last) = known[number]
        free.remove(person)
        return person, last if then == place - 1 else None

    def _against_reference(self, seen: SeenFace, previous: SeenFace | None) -> dict[str, float]:
        if seen.truth is None or self._reference is None:
            return {}
        found = seen.scores(previous)
        if self._reference.lpips is not None:
            distance = self._reference.lpips.score(seen.view, seen.truth)
            found |= {"lpips": distance} if distance is not None else {}
        return found

    def _row(self, looked: Looked, values: Sequence[Mapping[str, float]]) -> FrameRow:
        worst_fault, hiding = looked.row.worst_fault, Hiding.of_row(looked.row)
        whole = {"untouched": looked.untouched, "outside": looked.outside}
        return FrameRow(
            index=looked.index,
            time_s=float(self._walk.result.times_s[looked.index]),
            shot=self._number,
            original_index=looked.row.original_index,
            synced_index=looked.row.synced_index,
            blended=bool(looked.views),
            reason="" if looked.views else looked.reason,
            values=FrameValues({**worst(values), **{k: value for k, value in whole.items() if value is not None}}),
            faults=(),
            broken="" if worst_fault is None else worst_fault.kind,
            certainty=0.0 if worst_fault is None else worst_fault.certainty,
            bridged=looked.row.is_bridged,
            hidden=hiding.share,
            in_front=hiding.ways,
        )


def measure(walk: Walk, reference: Reference | None, *, on_frame: Callable[[int], None]) -> Measured:
    """Measure a result.

    Parameters
    ----------
    walk : Walk
    reference : Reference, optional
    on_frame : callable
        Called with the number of frames done.
    """
    indices = [index for index in range(len(walk)) if walk.result.rows[index] >= 0]
    rows: list[FrameRow] = []
    shots: list[Shot] = []
    openings: dict[int, list[npt.NDArray[np.float64]]] = {}
    with (
        one_opencv_thread(),
        _truths(reference, walk, indices) as truths,
        prefetch(walk.looked_at(indices), _QUEUE) as looks_at,
        map_in_threads(_prepared, looks_at, workers=_WORKERS) as prepared,
    ):
        frames = zip(prepared, truths, strict=True)
        for number, (start, stop) in enumerate(_shots(walk, indices)):
            looks = face_looks(walk, indices[start:stop])
            shot = _Shot(walk, number, stop - start, reference, looks)
            for looked, truth in itertools.islice(frames, stop - start):
                shot.add(looked, truth)
                on_frame(len(rows) + len(shot.rows))
            rows += shot.finished(walk.result.times_s[np.array(indices[start:stop])])
            shots.append(Shot(indices[start], indices[stop - 1] + 1, shot.values()))
            for person, each in enumerate(shot.people):
                openings.setdefault(person, []).append(_centred(each.openings))
    rows = _with_left_out(rows, walk)
    return Measured(tuple(rows), tuple(shots), _of_clip(rows, openings))


def _prepared(looked: Looked) -> Looked:
    """Compute what takes longest of every face, so that it is known when the frame's turn comes."""
    for view in looked.views:
        mouth_shift(view)
        made_mouth(view)
        own_scores(view)
        traits(view)
    return looked


def _with_left_out(rows: Sequence[FrameRow], walk: Walk) -> list[FrameRow]:
    """A row for every frame of the result; one that the original does not hold belongs to the shot before it."""
    measured = {row.index: row for row in rows}
    shot, every = 0, []
    for index, time_s in enumerate(walk.result.times_s.tolist()):
        row = measured.get(index) or FrameRow(index, time_s, shot, -1, -1, False, NOT_HELD, {}, ())
        shot = row.shot
        every.append(row)
    return every


def _truths(
    reference: Reference | None, walk: Walk, indices: Sequence[int]
) -> AbstractContextManager[Iterable[Picture | None]]:
    if reference is None:
        return nullcontext(itertools.repeat(None, len(indices)))
    return prefetch(reference.pictures(walk, indices), _QUEUE)


def _shots(walk: Walk, indices: Sequence[int]) -> list[tuple[int, int]]:
    """Shots as ranges of positions in ``indices``, the frames that the original holds."""
    plan_rows = walk.result.rows[np.array(indices, int)]
    shot = np.searchsorted(walk.shot_starts, plan_rows, side="right")
    starts = [0, *(np.flatnonzero(np.diff(shot)) + 1).tolist(), len(indices)]
    return list(itertools.pairwise(starts))


def _centred(openings: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mouth openings of a shot, (n, 2), smoothed, minus their mean: shots and people differ in it."""
    known = np.isfinite(openings).all(1)
    steady = np.stack([smooth_openings(series) for series in openings.T], axis=1)
    return steady - steady[known].mean(0) if known.any() else steady


def _of_clip(rows: Sequence[FrameRow], openings: Mapping[int, Sequence[npt.NDArray[np.float64]]]) -> dict[str, float]:
    values = {"faulty": sum(row.is_faulty for row in rows) / len(rows)}
    asked = [row for row in rows if row.reason != OUTSIDE_RANGES]
    if asked:
        values["passed_through"] = sum(not row.blended for row in asked) / len(asked)
    kept = []
    for series in openings.values():
        result, synced = np.concatenate(series).T
        found = lip_correlation(result, synced)
        if found is not None:
            kept.append(found)
    if kept:
        values["lip_corr"] = worst_of("lip_corr", kept)
    return values
