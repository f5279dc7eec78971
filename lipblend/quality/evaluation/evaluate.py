"""Judge a result: pair its frames with those it was made from, measure each, and hold the measures to their marks."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from lipblend.analysis.cache import analyse_cached
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.errors import InputError
from lipblend.faces.models import resolve_model
from lipblend.plan.clip_plan import ClipPlan, make_plan
from lipblend.quality.evaluation.measuring import Measured, measure
from lipblend.quality.evaluation.reference_footage import Reference
from lipblend.quality.evaluation.result_matching import follow_both, match_result, spoken_meshes
from lipblend.quality.evaluation.trust import shows_settings
from lipblend.quality.evaluation.walk import NO_CHANGE, Video, Walk
from lipblend.quality.gate import verdicts
from lipblend.quality.record import Evaluation, InputFile
from lipblend.runtime.progress import Progress
from lipblend.runtime.versions import OPENCV, library_versions
from lipblend.settings import Settings
from lipblend.stages.detail.restore import Restorer, load_restorer
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe, probe_both

MatteSource = Literal["auto", "settings", "difference"]
_PACKAGES = ("lipblend", "av", "mediapipe", "numpy", OPENCV, "scikit-image")
_BLOCK = 1 << 20
_SWAPPED_OVERSPILL, _SWAPPED_LIPS = 0.5, 0.5


@dataclass(frozen=True)
class Evaluated:
    """A finished evaluation: the record, and the walk that can show its frames again."""

    record: Evaluation
    walk: Walk


def evaluate(
    original: Path,
    synced: Path,
    result: Path,
    *,
    settings: Settings,
    matte: MatteSource = "auto",
    reference: Path | None = None,
    models: Path | None = None,
    cache: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Evaluated:
    """Judge the composite of an original and a synced video, made by lipblend or by anything else.

    Parameters
    ----------
    original, synced, result : Path
    settings : Settings
        Those that the result was made with, if they are known; the groups ``track`` and ``pair`` say how faces and
        frames are found in any case, ``gate`` holds the pass marks.
    matte : str
        "settings": the mattes are rendered again from the settings. "difference": they are estimated from what the
        result took over. "auto": the first where a few frames show that the result was made with these settings, else
        the second.
    reference : Path, optional
        The footage that a perfect result would show, frame by frame as the result or as the original.
    models : Path, optional
        Face model bundle, or the folder it lies in.
    cache : Path, optional
        Folder in which analyses are kept, see `lipblend.compositing.composite`.
    on_progress : callable, optional

    Raises
    ------
    LipblendError
        One of its subclasses, see `lipblend.errors`.
    """
    report = on_progress or (lambda _: None)
    (ours, theirs), made = probe_both(original, synced), probe(result)
    model = resolve_model("face_landmarker", models)
    restorer = load_restorer(settings.restore)
    analysis = analyse_cached(
        ours,
        theirs,
        model=model,
        settings=settings,
        on_frame=lambda done: report(Progress("analyse", done, ours.frame_count)),
        cache=cache,
    )
    plan = make_plan(analysis, settings)
    analysis = replace(analysis, tracks={})  # the plan holds all that is needed of the faces from here on
    return evaluate_plan(
        ours,
        theirs,
        made,
        analysis,
        plan,
        settings=settings,
        model=model,
        restorer=restorer,
        matte=matte,
        reference=reference,
        on_progress=report,
    )


def evaluate_plan(
    ours: VideoInfo,
    theirs: VideoInfo,
    made: VideoInfo,
    analysis: ClipAnalysis,
    plan: ClipPlan,
    *,
    settings: Settings,
    model: Path,
    restorer: Restorer | None,
    matte: MatteSource,
    reference: Path | None,
    on_progress: Callable[[Progress], None],
) -> Evaluated:
    """Judge a result whose plan is at hand; see `evaluate`.

    Parameters
    ----------
    ours, theirs, made : VideoInfo
        The original, the synced video and the result.
    analysis : ClipAnalysis
        Its tracks are not needed.
    plan : ClipPlan
    settings : Settings
    model : Path
        Face landmarker bundle, checked.
    restorer : Restorer or None
        Of the settings, see `lipblend.stages.detail.restore.load_restorer`.
    matte, reference, on_progress
        As of `evaluate`.
    """
    started = time.perf_counter()
    original = Video(ours, analysis.original_pts, analysis.exact_times[0])
    read = theirs.read_by(analysis.interpretation.change)
    synced = Video(read, analysis.synced_pts, analysis.exact_times[1])
    result, spoken = follow_both(
        made, theirs, model=model, settings=settings,
        on_frame=lambda done: on_progress(Progress("follow the result", done, len(plan.rows))),
    )  # fmt: skip
    matched, notes = match_result(original, analysis, plan, result)
    meshes = spoken_meshes(spoken, analysis)
    rendered, by_difference = (
        Walk(
            original, synced, matched,
            analysis=analysis, plan=plan, spoken=meshes, settings=settings, restorer=restorer, estimated=guess,
        )
        for guess in (False, True)
    )  # fmt: skip
    estimated, said = _estimated(rendered, matte)
    walk = by_difference if estimated else rendered
    truth = Reference.of(reference, walk) if reference is not None else None
    done = measure(walk, truth, on_frame=lambda count: on_progress(Progress("measure", count, len(walk))))
    files = [("original", ours.path), ("synced", theirs.path), ("result", made.path)]
    if reference is not None:
        files.append(("reference", reference))
    record = Evaluation(
        rows=done.rows,
        shots=done.shots,
        values=done.values,
        verdicts=verdicts(done.rows, done.shots, done.values, settings.gate),
        matte="difference" if estimated else "settings",
        settings=settings.model_dump(mode="json"),
        versions=_versions(),
        inputs=tuple(_input_file(role, path) for role, path in files),
        notes=(
            *plan.notes,
            *notes,
            *said,
            *_doubts(done),
            *(truth.notes if truth is not None else ()),
        ),
        width=made.upright_width,
        height=made.upright_height,
        frame_rate=_frame_rate(matched.times_s),
        seconds=time.perf_counter() - started,
    )
    return Evaluated(record, walk)


def _estimated(walk: Walk, matte: MatteSource) -> tuple[bool, tuple[str, ...]]:
    """Whether mattes are to be estimated, and what is to be said about it."""
    if matte == "difference":
        return True, ()
    shows, found = shows_settings(walk)
    if shows:
        return False, ()
    if matte == "settings":
        return False, (
            f"the result does not look like one made with these settings ({found}): wrong mattes may be judged",
        )
    return True, (f"the result was not made with these settings ({found}): the mattes are estimated from the pictures",)


def _doubts(done: Measured) -> Iterator[str]:
    """What looks like files given in the wrong order."""
    if all(row.reason == NO_CHANGE or not row.blended for row in done.rows) and any(
        row.reason == NO_CHANGE for row in done.rows
    ):
        yield "the result shows nothing of the synced picture: is it the original?"
    spilled = [row.values["overspill"] for row in done.rows if "overspill" in row.values]
    if spilled and np.median(spilled) > _SWAPPED_OVERSPILL and done.values.get("lip_corr", 0.0) < _SWAPPED_LIPS:
        yield "most of the old lips show, and the lips do not move as in the synced video: are two files swapped?"


def _versions() -> Mapping[str, str]:
    return {"python": platform.python_version(), **library_versions(_PACKAGES)}


def _input_file(role: str, path: Path) -> InputFile:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    return InputFile(role, path.name, digest.hexdigest(), size)


def _frame_rate(times_s: np.ndarray) -> float:
    return 1 / max(float(np.median(np.diff(times_s))), 1e-6) if len(times_s) > 1 else 0.0
