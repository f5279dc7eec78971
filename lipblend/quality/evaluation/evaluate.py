"""Judge a result: pair its frames with those it was made from, measure each, and hold the measures to their marks."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.output.run_record import find_record
from lipblend.pair import open_pair
from lipblend.plan.frame_plan import Plan
from lipblend.plan.make_plan import make_plan
from lipblend.quality.evaluation.file_order import check_order
from lipblend.quality.evaluation.measuring import Measured, measure
from lipblend.quality.evaluation.reference_footage import Reference
from lipblend.quality.evaluation.result_matching import follow_both, match_result, spoken_meshes
from lipblend.quality.evaluation.result_settings import fit_note, settings_for
from lipblend.quality.evaluation.trust import shows_nothing, shows_settings
from lipblend.quality.evaluation.walk import Sources, Walk
from lipblend.quality.frame_rates import frame_rate
from lipblend.quality.gate import verdicts
from lipblend.quality.headline import headline
from lipblend.quality.record import NO_CHANGE, Evaluation, InputFile
from lipblend.quality.view import FaceView, Patch3
from lipblend.runtime.identity import sha256_of
from lipblend.runtime.progress import Progress, no_progress
from lipblend.runtime.stand_ins import as_given
from lipblend.runtime.versions import OPENCV, library_versions
from lipblend.settings import Settings
from lipblend.stages.detail.restore import Restorer, load_restorer
from lipblend.video.info import VideoInfo
from lipblend.video.keep_matte import KeepMatte, open_keep
from lipblend.video.probe import probe

MatteSource = Literal["auto", "settings", "difference", "known"]
_PACKAGES = ("lipblend", "av", "mediapipe", "numpy", OPENCV, "scikit-image")
_SWAPPED_OVERSPILL, _SWAPPED_LIPS = 0.5, 0.5


@dataclass(frozen=True)
class Evaluated:
    """A finished evaluation: the record, the walk that can show its frames again, and the reference if there is one."""

    record: Evaluation
    walk: Walk
    reference: Reference | None = None

    def truth(self, index: int, view: FaceView) -> Patch3 | None:
        """What the reference shows in a view of a frame, in the original's encoding; None without a reference."""
        if self.reference is None:
            return None
        picture = next(iter(self.reference.pictures(self.walk, [index])))
        return self.reference.patch(view, picture, self.walk)


@dataclass(frozen=True)
class EvaluateOptions:
    """How a result is judged.

    Attributes
    ----------
    matte : {"auto", "settings", "difference", "known"}
        "settings": render the mattes again from the settings. "difference": estimate them from what the result took
        over. "auto": the first if a few frames show that the result was made with these settings, else the second.
        "known": the first, without a look whether the result shows these settings, for who has just rendered it.
    reference : Path, optional
        Footage that a perfect result would show, frame by frame as the result or as the original.
    models : Path, optional
        Face model bundle, or the folder that holds it.
    cache : Path, optional
        Folder in which analyses are cached.
    keep : Path, optional
        Matte of what stayed the original's (`lipblend.video.keep_matte.open_keep`).
    given_matte : Path, optional
        Alpha of the new mouth that the result was made with (`CompositeOptions.matte`), in the place of the alpha that
        the settings give; opened as ``keep``.
    crop : Path, optional
        Record of the face crop that the synced video shows (`lipblend.crops.read_places`).
    digests : mapping of Path to str
        SHA-256 of files that have been read already, hexadecimal.
    notes : tuple of str
        Notes for the report on where the settings come from.
    """

    matte: MatteSource = "auto"
    reference: Path | None = None
    models: Path | None = None
    cache: Path | None = None
    keep: Path | None = None
    given_matte: Path | None = None
    crop: Path | None = None
    digests: Mapping[Path, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def evaluate(
    original: Path | str,
    synced: Path | str,
    result: Path | str,
    *,
    settings: Settings | None = None,
    options: EvaluateOptions | None = None,
    on_progress: Callable[[Progress], None] = no_progress,
) -> Evaluated:
    """Judge the composite of an original and a synced video, whatever made it.

    Parameters
    ----------
    original, synced, result : Path
    settings : Settings, optional
        Those that the result was made with. By default those that its file records, else the defaults; a note says
        which. The groups ``track`` and ``pair`` say how faces and frames are found in any case; ``gate`` holds the pass
        marks.
    options : EvaluateOptions, optional
    on_progress : callable

    Raises
    ------
    LipblendError
        One of its subclasses, see `lipblend.errors`.
    """
    options = options or EvaluateOptions()
    pair = open_pair(original, synced, models=options.models, cache=options.cache, crop=options.crop)
    result_info = probe(Path(result))
    keep = None if options.keep is None else open_keep(options.keep, pair.original)
    given = options.given_matte
    matte = None if given is None else open_keep(given, pair.original, option="--matte")
    digests = dict(options.digests)

    def digest_of(path: Path) -> str:
        if path not in digests:
            digests[path] = sha256_of(path)
        return digests[path]

    check_order({"original": pair.original, "synced": pair.synced, "result": result_info}, digest_of)
    options = replace(options, digests=digests)
    if settings is None:
        judged = settings_for(result_info)
        settings, options = judged.settings, replace(options, notes=(*options.notes, *judged.notes))
    pair.check_times(settings)
    restorer = load_restorer(settings.restore)
    analysis = pair.analyse(settings, on_progress=on_progress)
    for each in filter(None, (keep, matte)):
        each.numbers(analysis.original)
    plan = make_plan(analysis, settings)
    return evaluate_plan(
        result_info,
        analysis.without_tracks(),
        plan,
        settings=settings,
        model=pair.model,
        restorer=restorer,
        options=options,
        keep=keep,
        matte=matte,
        on_progress=on_progress,
    )


def evaluate_plan(
    result: VideoInfo,
    analysis: ClipAnalysis,
    plan: Plan,
    *,
    settings: Settings,
    model: Path,
    restorer: Restorer | None,
    options: EvaluateOptions,
    keep: KeepMatte | None = None,
    matte: KeepMatte | None = None,
    on_progress: Callable[[Progress], None] = no_progress,
) -> Evaluated:
    """Judge a result whose plan is at hand; see `evaluate`.

    Parameters
    ----------
    result : VideoInfo
    analysis : ClipAnalysis
        Its tracks are not needed.
    plan : Plan
    settings : Settings
    model : Path
        Face landmarker bundle, checked.
    restorer : Restorer or None
        For ``settings.restore``, see `lipblend.stages.detail.restore.load_restorer`.
    options : EvaluateOptions
        Its ``models``, ``cache``, ``keep``, ``given_matte`` and ``crop`` are not used.
    keep, matte : KeepMatte, optional
        What stayed the original's, and the alpha of the new mouth that was given.
    on_progress : callable
    """
    started = time.perf_counter()
    followed, spoken = follow_both(
        result, analysis.synced.info, model=model, settings=settings,
        on_frame=lambda done: on_progress(Progress("follow the result", done, len(plan.rows))),
    )  # fmt: skip
    matched, notes = match_result(analysis, plan, followed)
    sources = Sources(analysis, plan, settings, restorer, spoken_meshes(spoken, analysis), keep, matte)
    rendered, by_difference = (Walk(sources, matched, estimated=guess) for guess in (False, True))
    nothing = shows_nothing(rendered)
    estimated, matte_notes = _estimated(rendered, options.matte, nothing=nothing)
    walk = by_difference if estimated else rendered
    truth = Reference.of(options.reference, walk) if options.reference is not None else None
    measured = measure(walk, truth, on_frame=lambda count: on_progress(Progress("measure", count, len(walk))))
    inputs = tuple(_input_files(analysis, result, options, {"keep": keep, "matte": matte}))
    found = None if nothing else headline(measured.rows, measured.shots)
    values = {**measured.values, **({"score": found.score} if found is not None else {})}
    record = Evaluation(
        rows=measured.rows,
        shots=measured.shots,
        values=values,
        headline=found,
        verdicts=verdicts(measured.rows, measured.shots, values, settings.gate, found),
        matte="difference" if estimated else "settings" if matte is None else "given",
        settings=settings.model_dump(mode="json"),
        versions=_versions(),
        inputs=inputs,
        notes=(
            *options.notes,
            *_record_notes(result, inputs, len(walk)),
            *plan.notes,
            *notes,
            *matte_notes,
            *_doubts(measured, identical=plan.unchanged),
            *(truth.notes if truth is not None else ()),
        ),
        width=result.upright_width,
        height=result.upright_height,
        frame_rate=frame_rate(matched.times_s, single=0.0),
        seconds=time.perf_counter() - started,
    )
    return Evaluated(record, walk, truth)


def _estimated(walk: Walk, matte: MatteSource, *, nothing: bool) -> tuple[bool, tuple[str, ...]]:
    """Whether mattes are to be estimated, and what is to be said about it.

    A result that shows ``nothing`` of the synced picture has no mattes: the estimate finds that in every frame.
    """
    if matte == "difference" or (matte == "auto" and nothing):
        return True, ()
    if matte == "known":
        return False, ()
    shows, found = shows_settings(walk)
    if shows:
        return False, ()
    if matte == "settings":
        return False, (
            f"the result does not look like one made with these settings ({found}): wrong mattes may be judged",
        )
    return True, (f"the result was not made with these settings ({found}): the mattes are estimated from the pictures",)


def _doubts(done: Measured, *, identical: bool) -> Iterator[str]:
    """What looks like files given in the wrong order; of ``identical`` videos the plan says so."""
    if (
        not identical
        and all(row.reason == NO_CHANGE or not row.blended for row in done.rows)
        and any(row.reason == NO_CHANGE for row in done.rows)
    ):
        yield "the result shows nothing of the synced picture: is it the original?"
    spilled = [row.values["overspill"] for row in done.rows if "overspill" in row.values]
    if spilled and np.median(spilled) > _SWAPPED_OVERSPILL and done.values.get("lip_corr", 0.0) < _SWAPPED_LIPS:
        yield "most of the old lips show, and the lips do not move as in the synced video: are two files swapped?"


def _record_notes(result: VideoInfo, inputs: tuple[InputFile, ...], frames: int) -> tuple[str, ...]:
    """What is to be said if the record in the result's file is that of other files."""
    record = find_record(result.metadata).record
    if record is None:
        return ()
    digests = {file.role: file.sha256 for file in inputs}
    note = fit_note(record, digests, frames=frames, width=result.upright_width, height=result.upright_height)
    return (note,) if note else ()


def _versions() -> Mapping[str, str]:
    return {"python": platform.python_version(), **library_versions(_PACKAGES)}


def _input_files(
    analysis: ClipAnalysis, result: VideoInfo, options: EvaluateOptions, mattes: Mapping[str, KeepMatte | None]
) -> Iterator[InputFile]:
    files = {"original": analysis.original.info.path, "synced": analysis.synced.info.path, "result": result.path}
    if options.reference is not None:
        files["reference"] = options.reference
    for role, path in files.items():
        digest = options.digests[path] if path in options.digests else sha256_of(path)
        yield InputFile(role, as_given(path.name), digest, path.stat().st_size)
    for role, matte in mattes.items():
        if matte is not None:
            yield InputFile(role, matte.path.name, matte.sha256, matte.size_bytes)
    if places := analysis.synced.info.places:
        yield InputFile("crop", places.name, places.digest, places.size_bytes)
