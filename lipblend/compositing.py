"""The whole composite on one page: open the pair, analyse, plan, render, write, and measure if requested."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.composite_job import CompositeJob, analyse_job, plan_job, prepare_job
from lipblend.composite_options import CompositeOptions
from lipblend.composite_result import CompositeResult, Faults, Hidden, Kept, pairing_dict
from lipblend.crops.read_places import rates_by_record
from lipblend.errors import OutputError, SettingsError
from lipblend.output.given_videos import GivenRate, given_videos
from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.plan.frame_plan import NO_SYNCED, OUTSIDE_RANGES, Plan
from lipblend.runtime.allocator import release_freed_memory
from lipblend.runtime.child import Child, can_start_child
from lipblend.runtime.prefetch import one_opencv_thread
from lipblend.runtime.progress import OnProgress, no_progress
from lipblend.runtime.stand_ins import as_given, is_pattern
from lipblend.segments.encode import Segment
from lipblend.segments.job import RenderJob, given_alpha_notes
from lipblend.segments.kept_segments import remove_segments, segments_digest
from lipblend.segments.output_part import OutputPart
from lipblend.segments.output_record import input_digests, output_record
from lipblend.segments.segment_run import SegmentRun
from lipblend.segments.spans import few_segments_note
from lipblend.settings import Settings
from lipblend.settings.frame_range import FrameRange
from lipblend.video.probe import probe

if TYPE_CHECKING:
    from lipblend.quality.evaluation.evaluate import Evaluated


def composite(
    original: Path | str,
    synced: Path | str,
    output: Path | str,
    *,
    settings: Settings | None = None,
    options: CompositeOptions | None = None,
    rate: GivenRate = None,
    on_progress: OnProgress = no_progress,
    process: Child | None = None,
) -> CompositeResult:
    """Blend the synced mouth into the original video.

    Parameters
    ----------
    original, synced : Path
        The real footage, and the same footage processed by a lip-sync generator. Also image sequences
        (``shots/%06d.png``), which are read once into temporary films.
    output : Path
        .mp4, .mov, .mkv or another container that the encoder supports. Appears only when complete, and replaces an
        existing file.
    settings : Settings, optional
        How the picture is made; `Settings()` by default.
    options : CompositeOptions, optional
        How the run is executed; `CompositeOptions()` by default.
    rate : str, int or Fraction, optional
        Pictures per second of image sequences; by default that of the crop's record (``options.crop``), else
        that of the other video, else 25.
    on_progress : callable
        Called on this thread, about once per frame.
    process : Child, optional
        Process for the first pass, started early (`lipblend.analysis.early`). It has ended when the second pass begins.

    Raises
    ------
    LipblendError
        One of its subclasses, see `lipblend.errors`. No output is left behind.
    """
    started = time.perf_counter()
    options = options or CompositeOptions()
    if options.measure and any(is_pattern(Path(path)) or str(path) == "-" for path in (original, synced)):
        raise SettingsError(
            "a run from an image sequence cannot be measured: its film is removed at the end",
            hint="Open the sequences with lipblend.given_videos, and call composite inside.",
        )
    own = rates_by_record(options.crop, Path(synced))
    with given_videos(original, synced, rate=rate, own=own, on_progress=on_progress) as (first, second):
        job = prepare_job(first, second, Path(output), settings or Settings(), options)
        result = _run(job, process, on_progress, started)
    return replace(result, notes=tuple(map(as_given, result.notes)))


def _run(job: CompositeJob, process: Child | None, on_progress: OnProgress, started: float) -> CompositeResult:
    """All of a run after the checks; ``started`` is when it began, by `time.perf_counter`."""
    analysis, analysis_notes = analyse_job(job, process, on_progress)
    for matte in filter(None, (job.keep, job.matte)):
        matte.numbers(analysis.original)  # the first pass may have found other frames than the packets announce
    plan = plan_job(analysis, job)
    analysis = analysis.without_tracks()
    part = OutputPart(analysis, plan, job.options.frames or FrameRange())
    audio = part.audio(job.settings.audio.source)
    segments = part.segments(job.settings.encode.segment_s)
    jobs, run_notes = _processes(job, analysis, part, len(segments))
    release_freed_memory()
    analysed = time.perf_counter()
    digests = input_digests(job.pair, quick=job.options.is_quick_look) if job.options.record else {}
    run, writer_notes = _render(job, analysis, part, segments, audio, jobs, digests, on_progress)
    run_notes += _remove_kept_segments(job.output, run, len(part), 0 if job.kept is None else job.kept.replaced)
    finished = time.perf_counter()
    evaluation = _measure(job, analysis, plan, digests, on_progress) if job.options.measure else None
    return CompositeResult(
        output=job.output,
        frames=len(part),
        blended=run.tally.blended,
        passed_through=dict(run.tally.passed_through),
        fallbacks=dict(run.tally.fallbacks),
        seconds=finished - started,
        analyse_seconds=analysed - started,
        render_seconds=finished - analysed,
        audio=audio.taken,
        timeline=analysis.follows,
        pairing=pairing_dict(analysis),
        colour=analysis.interpretation.found,
        notes=(
            *job.notes, *analysis_notes, *run_notes, *job.pair.warnings, *plan.notes, *part.notes, *audio.notes,
            *writer_notes,
        ),
        width=job.target.upright_width,
        height=job.target.upright_height,
        duration_s=part.duration_s,
        evaluation=evaluation,
        faults=Faults.of(
            job.settings.faults.action,
            part.faults,
            len(part) - sum(run.tally.passed_through.get(reason, 0) for reason in (NO_SYNCED, OUTSIDE_RANGES)),
        ),
        in_front=Hidden.of(part.hidden),
        keep=None if job.keep is None else Kept(job.keep.path.resolve().name, run.tally.kept),
    )  # fmt: skip


def _processes(job: CompositeJob, analysis: ClipAnalysis, part: OutputPart, segments: int) -> tuple[int, list[str]]:
    """How many processes render, and a note if these are fewer than requested."""
    jobs, notes = job.options.jobs, list[str]()
    if jobs > 1 and not (analysis.original.exact and analysis.synced.exact):
        jobs = 1
        notes.append("one process rendered: a video with corrected time stamps cannot be sought")
    elif jobs > 1 and not can_start_child():
        jobs = 1
        notes.append("one process rendered: there is no Python interpreter to start others with")
    segment_s = job.settings.encode.segment_s
    if few := few_segments_note(jobs, segments, segment_s=segment_s, duration_s=part.duration_s):
        notes.append(few)
    return jobs, notes


def _render(
    job: CompositeJob,
    analysis: ClipAnalysis,
    part: OutputPart,
    segments: list[Segment],
    audio: AudioPlan,
    jobs: int,
    digests: dict[Path, str],
    on_progress: OnProgress,
) -> tuple[SegmentRun, tuple[str, ...]]:
    """The second pass: render, encode and write all segments; with the writer's notes."""
    target, options, record = part.with_output_clock(job.target), job.options, ""
    if options.record:
        size = job.target.upright_size
        record = output_record(
            job.pair, part, job.settings, options.preset,
            size=size, proxy=options.proxy, digests=digests, keep=job.keep,
            matte=job.matte,
        )  # fmt: skip
    pair = analysis.original, analysis.synced, analysis.mapping
    with_originals = job.exports.layers is not None
    render = RenderJob(*pair, job.settings, target, job.output, job.keep, job.matte, with_originals)
    if job.kept is not None:
        job.kept.open(plan=segments_digest(segments))
    with ExitStack() as stack:
        stack.enter_context(one_opencv_thread())
        on_frame = job.exports.open(stack, render, part, segments, audio, job.pair.original)
        if job.kept is not None:
            stack.callback(job.kept.close_empty)
        writer = stack.enter_context(
            VideoWriter(
                job.output,
                target,
                encode=job.settings.encode,
                audio=audio,
                extras_from=part.extras_source,
                record=record,
                trim=part.needs_trim(audio.taken),
                overwrite=job.options.overwrite,
            )
        )
        run = SegmentRun(
            render,
            segments,
            jobs=jobs,
            restorer=job.restorer,
            kept=job.kept,
            threads=options.threads,
            on_frame=on_frame,
            on_progress=on_progress,
        )
        run.write(writer)
    return run, (
        *writer.notes,
        *(on_frame.notes if on_frame is not None else ()),
        *given_alpha_notes(job.matte, run.tally),
    )


def _remove_kept_segments(output: Path, run: SegmentRun, frames: int, replaced: int) -> list[str]:
    """Remove the kept segments of a complete output; with notes for the summary."""
    notes = []
    if replaced:
        were = "segment was" if replaced == 1 else "segments were"
        notes.append(f"{replaced} kept {were} made from other inputs, settings or versions, and removed")
    try:
        remove_segments(output)
    except OutputError as error:  # the output is complete nevertheless
        notes.append(error.message)
    if run.reused:
        notes.append(f"{run.reused} of {frames} frames were taken from an interrupted run")
    return notes


def _measure(
    job: CompositeJob, analysis: ClipAnalysis, plan: Plan, digests: dict[Path, str], on_progress: OnProgress
) -> Evaluated:
    from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate_plan  # slow to load, and 20 MB

    return evaluate_plan(
        probe(job.output),
        analysis,
        plan,
        settings=job.settings,
        model=job.pair.model,
        restorer=job.restorer,
        options=EvaluateOptions(matte="known", digests=digests),
        keep=job.keep,
        matte=job.matte,
        on_progress=on_progress,
    )
