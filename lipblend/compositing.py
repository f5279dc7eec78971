"""The whole job on one page: probe, analyse, plan, render, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipblend.analysis.apart import analyse_apart
from lipblend.analysis.cache import WHOLE_PACKAGE, analyse_cached, code_fingerprint
from lipblend.analysis.early import Started
from lipblend.errors import OutputError, SettingsError
from lipblend.faces.models import resolve_model
from lipblend.output.sound.audio_plan import check_audio
from lipblend.output.writer import VideoWriter, check_output
from lipblend.pairing.alignment import Alignment
from lipblend.plan.clip_plan import PlanRow, make_plan, without_faces
from lipblend.render.debug_export import DebugExport, DebugFormat, DebugFrame, debug_folder
from lipblend.render.frame import FrameResult
from lipblend.runtime.allocator import give_back
from lipblend.runtime.prefetch import one_opencv_thread
from lipblend.runtime.progress import Progress
from lipblend.runtime.spill import StoredSequence
from lipblend.segments.analysed_part import analysed_part
from lipblend.segments.encode import Segment
from lipblend.segments.job import RenderJob
from lipblend.segments.kept import KeptSegments, digest, remove_segments, run_key
from lipblend.segments.output_part import Look
from lipblend.segments.proxy_size import ProxySize
from lipblend.segments.run_options import check_options, few_segments_note
from lipblend.segments.segment_run import SegmentRun
from lipblend.segments.spans import FrameRange
from lipblend.settings import Settings
from lipblend.stages.detail.restore import load_restorer
from lipblend.video.probe import probe, probe_both
from lipblend.video.reader import Frame

if TYPE_CHECKING:
    from lipblend.quality.evaluation.evaluate import Evaluated


@dataclass(frozen=True)
class CompositeResult:
    """What a run did.

    Attributes
    ----------
    output : Path
    frames, blended : int
        Frames written, and how many of them carry a patch.
    passed_through : mapping of str to int
        Why the other frames are the original's own, and how many of them for each reason.
    fallbacks : mapping of str to int
        Stages done by a second-best method, and on how many frames.
    seconds, analyse_seconds, render_seconds : float
        Wall-clock time.
    audio : str
        Whose sound was taken: original, synced, file or none.
    timeline : str
        Whose time line the output follows: original or synced.
    pairing : mapping
        How the two videos go together: offset_s, in_step, drift, repeated, missing, jumps, backward, before, after (see
        `lipblend.pairing.timeline.Pairing`), likeness and mapping (`lipblend.pairing.alignment.Alignment`).
    colour : mapping
        How the synced video's codes were read (`lipblend.analysis.interpret.Interpretation.found`).
    notes : tuple of str
        What else the user should know.
    width, height : int
    duration_s : float
        From the first frame's start to the last frame's end.
    evaluation : Evaluated or None
        What was measured on the output, where that was asked for.
    """

    output: Path
    frames: int
    blended: int
    passed_through: Mapping[str, int]
    fallbacks: Mapping[str, int]
    seconds: float
    analyse_seconds: float
    render_seconds: float
    audio: str
    timeline: str
    pairing: Mapping[str, Any]
    colour: Mapping[str, Any]
    notes: tuple[str, ...]
    width: int
    height: int
    duration_s: float
    evaluation: Evaluated | None = None

    def to_dict(self) -> dict[str, Any]:
        """All fields but the evaluation, ready for JSON."""
        return {**asdict(replace(self, evaluation=None)), "output": str(self.output), "notes": list(self.notes)}


def composite(
    original: Path,
    synced: Path,
    output: Path,
    *,
    settings: Settings,
    overwrite: bool = True,
    models: Path | None = None,
    debug_dir: Path | None = None,
    measure: bool = False,
    run_tag: str | None = None,
    debug_format: DebugFormat = "png",
    jobs: int = 1,
    resume: bool = False,
    frames: FrameRange | None = None,
    proxy: ProxySize | None = None,
    cache: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    process: Started | None = None,
) -> CompositeResult:
    """Take the synced mouth over into the original video.

    Parameters
    ----------
    original, synced : Path
        The real footage, and the same footage after a lip-sync generator.
    output : Path
        .mp4, .mov or .mkv; appears only when complete, and replaces what was there.
    settings : Settings
    overwrite : bool
        Replace `output` if it exists, at the start or by the end; otherwise that is an error.
    models : Path, optional
        Face model bundle, or the folder it lies in.
    debug_dir : Path, optional
        Folder for mask, alpha, seam ring and overlay of every frame, and a table
        (`lipblend.render.debug_export.DebugExport`).
    run_tag : str, optional
        Name of a folder in `debug_dir` that they go to instead.
    debug_format : {"png", "video"}
        Pictures, or videos in step with the output.
    measure : bool
        Measure the output when it is written; see `lipblend.quality.evaluation`.
    jobs : int
        Processes that render and encode, 1 to 64. The pictures of the output are the same with any number. They are
        started by importing the main script anew, so call this below ``if __name__ == "__main__":`` in scripts.
    resume : bool
        Keep finished segments in a hidden folder beside the output when the run is stopped, and go on from those that
        a stopped run has kept there. The folder is removed when the output is complete.
    frames : FrameRange, optional
        Render only these frames of the output, with their sound; the first of them starts where the output would.
    proxy : ProxySize, optional
        Write a smaller picture with a fast encoder preset, for a quick look.
    cache : Path, optional
        Folder in which analyses are kept, so that the same pair need not be looked at twice
        (see `lipblend.analysis.cache`); none is kept without it.
    on_progress : callable, optional
        Called on this thread, about once a frame.
    process : Started, optional
        One for the first pass that was started early (`lipblend.analysis.early`); it has ended when the second begins.

    Raises
    ------
    LipblendError
        One of its subclasses, see `lipblend.errors`. No output is left then.
    """
    started = time.perf_counter()
    check_options(jobs, resume=resume, debug=debug_dir is not None, measure=measure, part=frames, proxy=proxy)
    report = on_progress or (lambda _: None)
    ours, theirs = probe_both(original, synced)
    # Sound and restoration model are inputs too; "original" and the like are no names of an output, which has a suffix.
    inputs = (original, synced, Path(settings.audio.source), Path(settings.restore.model))
    coded, notes = ours, []
    if proxy is not None:
        coded, encode, note = proxy.applied(ours, settings.encode)
        settings = settings.model_copy(update={"encode": encode})
        notes.append(note)
    check_output(output, coded, encode=settings.encode, inputs=inputs, overwrite=overwrite)
    check_audio(theirs, settings.audio.source)
    model = resolve_model("face_landmarker", models)
    restorer = load_restorer(settings.restore)
    if run_tag is not None and debug_dir is None:
        raise SettingsError(
            "--run-tag names a folder in --debug-dir, which is not given", hint="Add --debug-dir FOLDER."
        )
    export_to = debug_folder(debug_dir, run_tag) if debug_dir is not None else None
    key = (
        None
        if not resume
        else run_key(
            {"original": original, "synced video": synced, "restoration model": Path(settings.restore.model)},
            settings,
            output=output.name,
            frames=frames or "all",
            size=f"{coded.width}x{coded.height}",
            code=code_fingerprint(WHOLE_PACKAGE),
        )
    )
    kept = KeptSegments(output, key) if key is not None else None
    analysis = None
    if frames is not None:
        analysis, partly = analysed_part(
            ours, theirs, frames, model=model, settings=settings, cache=cache, report=report
        )
        notes += partly
    if analysis is None:
        analysis = analyse_cached(
            ours,
            theirs,
            model=model,
            settings=settings,
            on_frame=lambda done: report(Progress("analyse", done, ours.frame_count)),
            cache=cache,
            analyser=analyse_apart if process is None else partial(analyse_apart, process=process),
        )
    if process is not None:
        process.end()  # an analysis that is kept, or a part, needs none
    theirs = theirs.read_by(analysis.interpretation.change)
    # What is needed of every frame lies in a file from here on, so that memory does not grow with the clip's length.
    plan = make_plan(analysis, settings, into=StoredSequence[PlanRow]())
    if plan.unchanged:
        plan = without_faces(plan, into=StoredSequence[PlanRow]())
    analysis = replace(analysis, tracks={})
    look = Look(ours, theirs, analysis, plan, frames or FrameRange())
    found = analysis.alignment
    audio = look.audio(settings.audio.source)
    job = RenderJob(
        ours,
        theirs,
        analysis.original_pts,
        analysis.synced_pts,
        analysis.exact_times,
        found.mapping,
        settings,
        look.clocked(coded),
        output,
    )
    segments = look.segments(settings.encode.segment_s)
    if kept is not None:
        kept.open(plan=digest([[segment.rows, segment.stamps] for segment in segments]))
    if not all(analysis.exact_times) and jobs > 1:
        jobs = 1
        notes.append("one process rendered: frames of a video with mended time stamps cannot be sought")
    if few := few_segments_note(jobs, len(segments), segment_s=settings.encode.segment_s, duration_s=look.duration_s):
        notes.append(few)
    give_back()
    analysed = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(one_opencv_thread())
        seen = None
        if export_to is not None:
            export = stack.enter_context(DebugExport(export_to, look.clocked(ours), form=debug_format))
            seen = partial(_exported, export, job, segments)
        if kept is not None:
            stack.callback(kept.close_empty)
        writer = stack.enter_context(
            VideoWriter(
                output,
                job.target,
                encode=settings.encode,
                audio=audio,
                extras_from=look.extras,
                trim=look.trimmed(audio.taken),
                overwrite=overwrite,
            )
        )
        run = SegmentRun(job, segments, jobs=jobs, restorer=restorer, kept=kept, seen=seen, report=report)
        run.write(writer)
    try:
        remove_segments(output)
    except OutputError as error:  # the output is complete all the same
        notes.append(error.message)
    if run.taken:
        notes.append(f"{run.taken} of {len(look)} frames were taken from an interrupted run")
    finished = time.perf_counter()
    evaluation = None
    if measure:
        from lipblend.quality.evaluation.evaluate import evaluate_plan  # slow to load, and 20 MB

        evaluation = evaluate_plan(
            ours,
            theirs,
            probe(output),
            analysis,
            plan,
            settings=settings,
            model=model,
            restorer=restorer,
            matte="settings",
            reference=None,
            on_progress=report,
        )
    return CompositeResult(
        output=output,
        frames=len(look),
        blended=run.tally.blended,
        passed_through=dict(run.tally.passed_through),
        fallbacks=dict(run.tally.fallbacks),
        seconds=finished - started,
        analyse_seconds=analysed - started,
        render_seconds=finished - analysed,
        audio=audio.taken,
        timeline=found.timeline.follows,
        pairing=_pairing_dict(found),
        colour=analysis.interpretation.found,
        notes=(
            *notes,
            *dict.fromkeys((*ours.warnings, *theirs.warnings)),
            *plan.notes,
            *look.notes,
            *audio.notes,
            *writer.notes,
        ),
        width=coded.upright_width,
        height=coded.upright_height,
        duration_s=look.duration_s,
        evaluation=evaluation,
    )


def _exported(
    export: DebugExport, job: RenderJob, segments: Sequence[Segment], number: int, frame: Frame, result: FrameResult
) -> None:
    """Write the debug pictures of one frame."""
    segment = next(each for each in segments if number < each.first + len(each.rows))
    row, (pts, duration) = segment.rows[number - segment.first], segment.stamps[number - segment.first]
    time_s, made_from = float(pts * job.target.time_base), (row.original_index, row.synced_index)
    export.save(DebugFrame(number, pts, duration, time_s, *made_from, job.picture(frame), result))


def _pairing_dict(found: Alignment) -> dict[str, Any]:
    pairing, mapping = found.pairing, found.mapping
    return {
        "offset_s": pairing.offset_s,
        "in_step": pairing.in_step,
        "drift": pairing.drift,
        "repeated": pairing.repeated,
        "missing": pairing.missing,
        "jumps": pairing.jumps,
        "backward": pairing.backward,
        "before": pairing.before,
        "after": pairing.after,
        "likeness": found.likeness,
        "mapping": asdict(mapping),
    }
