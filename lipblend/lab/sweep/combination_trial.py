"""Trying one combination: frames rendered in memory and measured."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lipblend.analysis import measure
from lipblend.faces.landmarks import Landmarks
from lipblend.lab.sweep.grid import Combination
from lipblend.lab.sweep.outcome import AGAINST_REFERENCE, MEASURED, Outcome, RunOutcome
from lipblend.lab.sweep.tried_frames import Block, Run
from lipblend.picture.frame_mapping import UNMOVED
from lipblend.picture.frame_mappings import Mappings
from lipblend.picture.picture import Picture
from lipblend.plan.frame_plan import FramePlan
from lipblend.quality import temporal
from lipblend.quality.evaluation.person import FaceLook, look_of
from lipblend.quality.evaluation.views import Blended, FrameTriple, frame_views, in_original
from lipblend.quality.face_scores import face_scores, same_face, worst, worst_of
from lipblend.quality.headline import headline
from lipblend.quality.record import FrameRow, Shot
from lipblend.quality.reference_measures import SeenFace
from lipblend.quality.view import FaceView, Patch3
from lipblend.quality.visible.face_parts import face_parts
from lipblend.quality.visible.over_time import OverTime
from lipblend.quality.visible.person_look import PersonLook
from lipblend.render.frame import FrameResult, compose, render_frame
from lipblend.settings import Settings
from lipblend.stages.detail.restore import Restorer

CLASSIC_FRAMES = 4
_MB = 1_000_000


@dataclass(frozen=True)
class Pictures:
    """What one row is rendered from and compared with; the last two as for `lipblend.render.frame.render_frame`."""

    original: Picture
    synced: Picture
    truth: Picture | None
    bridging: Mapping[int, Picture] = field(default_factory=dict)
    keep: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Planned:
    """A plan that one or more combinations share.

    Attributes
    ----------
    rows : sequence of FramePlan
    mapping : FrameMapping or FrameMappings
    ms_a_frame : float
        Time that making it took.
    """

    rows: Sequence[FramePlan]
    mapping: Mappings
    ms_a_frame: float

    @property
    def blended(self) -> npt.NDArray[np.bool_]:
        """(n,) bool: rows with a face."""
        return np.array([bool(row.faces) for row in self.rows], bool)


@dataclass(frozen=True)
class Tried:
    """What is tried, and known of it before.

    Attributes
    ----------
    runs : sequence of Run
    times_s : (n,) float64
        Of all rows.
    frame_rate : float
    looks : mapping of int to sequence of FaceLook
        How the people of each shot look.
    every : bool
        The classic numbers are taken on every frame, else on the first four of each run.
    """

    runs: Sequence[Run]
    times_s: npt.NDArray[np.float64]
    frame_rate: float
    looks: Mapping[int, Sequence[FaceLook]]
    every: bool


@dataclass
class _Person:
    """One face through the tried frames of a shot."""

    mesh: Landmarks
    look: PersonLook | None
    alpha: list[float] = field(default_factory=list)
    casts: list[npt.NDArray[np.float64]] = field(default_factory=list)
    over_time: dict[int, OverTime] = field(default_factory=dict)


def composed(
    row: FramePlan, pictures: Pictures, settings: Settings, mapping: Mappings, restorer: Restorer | None
) -> tuple[FrameResult, Picture]:
    """Render a frame; returns the patches and the whole picture, before encoding."""
    done = render_frame(
        pictures.original,
        pictures.synced,
        row,
        settings,
        mapping=mapping,
        restorer=restorer,
        bridging=pictures.bridging,
        keep=pictures.keep,
    )
    return done, compose(pictures.original, done)


class Trial:
    """Renders and measures the tried frames with one combination of settings.

    Parameters
    ----------
    combination : Combination
    plan : Planned
    restorer : Restorer or None
        Of the combination's settings.
    tried : Tried
    """

    def __init__(self, combination: Combination, plan: Planned, restorer: Restorer | None, tried: Tried) -> None:
        self._combination, self._plan, self._restorer, self._tried = combination, plan, restorer, tried
        self._values: dict[int, Mapping[str, float]] = {}
        self._render_s: list[float] = []
        self._people: dict[int, list[_Person]] = {}
        self._memory: int | None = None
        self._fallbacks = 0

    def work(self, block: Block, pictures: Sequence[Pictures]) -> None:
        """Render and measure one block; ``pictures`` has an entry for each of its rows."""
        previous: list[SeenFace] = []
        for number, each in zip(range(block.start, block.stop), pictures, strict=True):
            row = self._plan.rows[number]
            if self._memory is None:
                self._memory = self._rendering_memory(row, each)
            started = time.perf_counter()
            done, composed = self._render(row, each)
            seconds = time.perf_counter() - started
            pictures_of = each.original, each.synced, composed
            frames = FrameTriple(
                *pictures_of, self._plan.mapping, synced_index=row.synced_index, bridging=each.bridging
            )
            views = frame_views(frames, Blended.of(done))
            seen = [SeenFace(view, _truth(view, each)) for view in views]
            if number > block.start or not block.lead_in:
                self._render_s.append(seconds)
                self._fallbacks += bool(done.fallbacks)
                self._values[number] = self._measure(block.run, number, seen, previous)
            previous = seen

    def outcome(self) -> Outcome:
        """The measures and times of all blocks."""
        plan, runs = self._plan, self._tried.runs
        rows = [self._rows_of(number, run) for number, run in enumerate(runs)]
        stops = np.cumsum([len(each) for each in rows]).tolist()
        shots = [Shot(stop - len(each), stop, {}) for stop, each in zip(stops, rows, strict=True)]
        every = [row for each in rows for row in each]
        return Outcome(
            self._combination,
            headline(every, shots),
            {**_means(every), **self._over_shots()},
            tuple(_run_outcome(run, each) for run, each in zip(runs, rows, strict=True)),
            frames=sum(bool(values) for values in self._values.values()),
            blended=int(np.count_nonzero(plan.blended)),
            rows=len(plan.rows),
            plan_ms=plan.ms_a_frame,
            render_ms=float(np.median(self._render_s)) * 1000 if self._render_s else 0.0,
            memory_mb=(self._memory or 0) / _MB,
            fallbacks=self._fallbacks,
        )

    def _render(self, row: FramePlan, pictures: Pictures) -> tuple[FrameResult, Picture]:
        return composed(row, pictures, self._combination.settings, self._plan.mapping, self._restorer)

    def _rendering_memory(self, row: FramePlan, pictures: Pictures) -> int:
        """Peak memory of rendering a frame, bytes."""
        tracing = tracemalloc.is_tracing()
        if not tracing:
            tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            self._render(row, pictures)
            return tracemalloc.get_traced_memory()[1] - before
        finally:
            if not tracing:
                tracemalloc.stop()

    def _measure(
        self, run: int, row: int, seen: Sequence[SeenFace], previous: Sequence[SeenFace]
    ) -> Mapping[str, float]:
        place = row - self._tried.runs[run].start
        known = [each.view for each in previous]
        people = self._people.setdefault(self._tried.runs[run].shot, [])
        free = list(people)
        scores = []
        for each in seen:
            number = same_face(each.view, known)
            before = previous[number] if number is not None else None
            person = self._person(each.view, run, row, people, free)
            values = {**face_parts(each.view, person.look), **each.scores(before)}
            person.over_time[run].add(place, each.view)
            if self._tried.every or place < CLASSIC_FRAMES:
                values |= _classic(each.view, before.view if before is not None else None, person)
            scores.append(values)
        return worst(scores)

    def _person(self, view: FaceView, run: int, row: int, people: list[_Person], free: list[_Person]) -> _Person:
        """The person a face belongs to: the nearest of the shot not yet seen in this frame, or a new one."""
        mesh = measure.same_face(view.original_mesh, [each.mesh for each in free])
        found = next((each for each in free if each.mesh is mesh), None)
        tried = self._tried.runs[run]
        if found is None:
            found = _Person(view.original_mesh, look_of(row, view, self._tried.looks.get(tried.shot, ())))
            people.append(found)
        else:
            free.remove(found)
            found.mesh = view.original_mesh
        if run not in found.over_time:
            found.over_time[run] = OverTime(tried.stop - tried.start, self._tried.frame_rate, found.look)
        return found

    def _rows_of(self, number: int, run: Run) -> list[FrameRow]:
        """All rows of a run as the headline reads them; those that were not tried have no values."""
        series = [
            person.over_time[number].values() for person in self._people.get(run.shot, ()) if number in person.over_time
        ]
        rows = []
        for row in range(run.start, run.stop):
            over_time = worst([_known(each, row - run.start) for each in series])
            values = {**self._values.get(row, {}), **over_time}
            plan = self._plan.rows[row]
            time_s = float(self._tried.times_s[row])
            rows.append(
                FrameRow(row, time_s, number, plan.original_index, plan.synced_index, bool(plan.faces), "", values, ())
            )
        return rows

    def _over_shots(self) -> dict[str, float]:
        """Measures over shots: the mean over the shots of the worst person's."""
        found: dict[str, list[float]] = {}
        for people in self._people.values():
            alpha = [temporal.alpha_flicker(np.array(each.alpha)) for each in people if each.alpha]
            drift = [temporal.colour_drift(np.array(each.casts)) for each in people if each.casts]
            for key, values in (("alpha_flicker", alpha), ("colour_drift", drift)):
                numbers = [value for value in values if value is not None]
                if numbers:
                    found.setdefault(key, []).append(worst_of(key, numbers))
        return {key: float(np.mean(numbers)) for key, numbers in found.items()}


def _classic(view: FaceView, previous: FaceView | None, person: _Person) -> Mapping[str, float]:
    score = face_scores(view, previous)
    if "alpha" in score.values:
        person.alpha.append(score.values["alpha"])
    if score.cast is not None:
        person.casts.append(score.cast)
    return score.values


def _known(series: Mapping[str, npt.NDArray[np.float64]], place: int) -> dict[str, float]:
    return {key: float(values[place]) for key, values in series.items() if np.isfinite(values[place])}


def _means(rows: Sequence[FrameRow]) -> dict[str, float]:
    means = {}
    for key in (*MEASURED, *AGAINST_REFERENCE):
        numbers = [row.values[key] for row in rows if key in row.values]
        if numbers:
            means[key] = float(np.mean(numbers))
    return means


def _run_outcome(run: Run, rows: Sequence[FrameRow]) -> RunOutcome:
    alone = headline(rows, [Shot(0, len(rows), {})])
    seen = {part.key: part.visibility for part in alone.parts} if alone is not None else {}
    return RunOutcome(run.start, sum(bool(row.values) for row in rows), _means(rows), seen)


def _truth(view: FaceView, pictures: Pictures) -> Patch3 | None:
    if pictures.truth is None:
        return None
    ours = pictures.original
    return in_original(pictures.truth, view.box, UNMOVED, ours.colour, ours.height)
