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
from lipblend.lab.sweep.score import AGAINST_REFERENCE, MEASURED, Outcome
from lipblend.lab.sweep.tried_frames import Block
from lipblend.picture.frame_mapping import UNMOVED, FrameMapping
from lipblend.picture.picture import Picture
from lipblend.plan.frame_plan import FramePlan
from lipblend.quality import temporal
from lipblend.quality.evaluation.views import Blended, FrameTriple, frame_views, in_original
from lipblend.quality.face_scores import face_scores, same_face, worst, worst_of
from lipblend.quality.reference_measures import SeenFace
from lipblend.quality.view import FaceView, Patch3
from lipblend.render.frame import FrameResult, compose, render_frame
from lipblend.settings import Settings
from lipblend.stages.detail.restore import Restorer

_MB = 1_000_000


@dataclass(frozen=True)
class Pictures:
    """What one row is rendered from and compared with."""

    original: Picture
    synced: Picture
    truth: Picture | None


@dataclass(frozen=True)
class Planned:
    """A plan that one or more combinations share.

    Attributes
    ----------
    rows : sequence of FramePlan
    mapping : FrameMapping
    ms_a_frame : float
        Time that making it took.
    """

    rows: Sequence[FramePlan]
    mapping: FrameMapping
    ms_a_frame: float

    @property
    def blended(self) -> npt.NDArray[np.bool_]:
        """(n,) bool: rows with a face."""
        return np.array([bool(row.faces) for row in self.rows], bool)


@dataclass
class _Person:
    """One face through the tried frames of a shot."""

    mesh: Landmarks
    alpha: list[float] = field(default_factory=list)
    casts: list[npt.NDArray[np.float64]] = field(default_factory=list)


def composed(
    row: FramePlan, pictures: Pictures, settings: Settings, mapping: FrameMapping, restorer: Restorer | None
) -> tuple[FrameResult, Picture]:
    """Render a frame; returns the patches and the whole picture, before encoding."""
    done = render_frame(pictures.original, pictures.synced, row, settings, mapping=mapping, restorer=restorer)
    return done, compose(pictures.original, done)


class Trial:
    """Renders and measures the tried frames with one combination of settings.

    Parameters
    ----------
    combination : Combination
    plan : Planned
    restorer : Restorer or None
        Of the combination's settings.
    """

    def __init__(self, combination: Combination, plan: Planned, restorer: Restorer | None) -> None:
        self._combination, self._plan, self._restorer = combination, plan, restorer
        self._rows: list[Mapping[str, float]] = []
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
            frames = FrameTriple(each.original, each.synced, composed, self._plan.mapping)
            views = frame_views(frames, Blended.of(done))
            seen = [SeenFace(view, _truth(view, each)) for view in views]
            if number > block.start or not block.lead_in:
                self._render_s.append(seconds)
                self._fallbacks += bool(done.fallbacks)
                self._rows.append(self._measure(block.shot, seen, previous))
            previous = seen

    def outcome(self) -> Outcome:
        """The measures and times of all blocks."""
        plan = self._plan
        return Outcome(
            self._combination,
            self._means(),
            frames=sum(bool(row) for row in self._rows),
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

    def _measure(self, shot: int, seen: Sequence[SeenFace], previous: Sequence[SeenFace]) -> Mapping[str, float]:
        known = [each.view for each in previous]
        people = self._people.setdefault(shot, [])
        free = list(people)
        scores = []
        for each in seen:
            number = same_face(each.view, known)
            score = face_scores(each.view, known[number] if number is not None else None)
            values = {**score.values, **each.scores(previous[number] if number is not None else None)}
            scores.append(values)
            person = _person(each.view, people, free)
            if "alpha" in values:
                person.alpha.append(values["alpha"])
            if score.cast is not None:
                person.casts.append(score.cast)
        return worst(scores)

    def _means(self) -> dict[str, float]:
        means = {}
        for key in (*MEASURED, *AGAINST_REFERENCE):
            numbers = [row[key] for row in self._rows if key in row]
            if numbers:
                means[key] = float(np.mean(numbers))
        flickers: list[float] = []
        drifts: list[float] = []
        for people in self._people.values():
            alpha = [temporal.alpha_flicker(np.array(each.alpha)) for each in people if each.alpha]
            drift = [temporal.colour_drift(np.array(each.casts)) for each in people if each.casts]
            for key, found, kept in (("alpha_flicker", alpha, flickers), ("colour_drift", drift, drifts)):
                numbers = [value for value in found if value is not None]
                if numbers:
                    kept.append(worst_of(key, numbers))
        for key, kept in (("alpha_flicker", flickers), ("colour_drift", drifts)):
            if kept:
                means[key] = float(np.mean(kept))
        return means


def _person(view: FaceView, people: list[_Person], free: list[_Person]) -> _Person:
    """The person a face belongs to: the nearest of the shot not yet seen in this frame, or a new one."""
    mesh = measure.same_face(view.original_mesh, [each.mesh for each in free])
    for each in free:
        if each.mesh is mesh:
            free.remove(each)
            each.mesh = view.original_mesh
            return each
    people.append(_Person(view.original_mesh))
    return people[-1]


def _truth(view: FaceView, pictures: Pictures) -> Patch3 | None:
    if pictures.truth is None:
        return None
    ours = pictures.original
    return in_original(pictures.truth, view.box, UNMOVED, ours.colour, ours.height)
