"""A composite run whose inputs, output and options have been checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lipblend.analysis.apart import analyse_apart
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.keyed_models import occluder_files
from lipblend.composite_options import CompositeOptions
from lipblend.output.encoding import check_output
from lipblend.output.sound.audio_plan import check_audio
from lipblend.pair import Pair, open_pair
from lipblend.plan.frame_plan import FramePlan, Plan
from lipblend.plan.make_plan import make_plan, without_faces
from lipblend.render.debug_export import debug_folder
from lipblend.render.debug_front import check_beside_mattes
from lipblend.render.layers_export import LayersTarget
from lipblend.runtime.child import Child
from lipblend.runtime.progress import OnProgress
from lipblend.runtime.spill import StoredSequence
from lipblend.segments.exported import Exports
from lipblend.segments.kept_segments import KeptSegments, kept_for_run
from lipblend.settings import Settings
from lipblend.settings.face_points import names_points
from lipblend.settings.work_ranges import ALL, ClipTimes
from lipblend.stages.detail.restore import Restorer, load_restorer
from lipblend.video.info import VideoInfo
from lipblend.video.keep_matte import KeepMatte, matte_files, open_keep
from lipblend.video.survey import frame_times_s


@dataclass(frozen=True)
class CompositeJob:
    """A run whose inputs, output and options have been checked.

    ``target`` is the original at the output's size; ``kept`` are the segments of an interrupted run.
    """

    pair: Pair
    keep: KeepMatte | None
    matte: KeepMatte | None
    output: Path
    settings: Settings
    options: CompositeOptions
    target: VideoInfo
    restorer: Restorer | None
    exports: Exports
    kept: KeptSegments | None
    notes: tuple[str, ...]


def prepare_job(
    original_path: Path, synced_path: Path, output: Path, settings: Settings, options: CompositeOptions
) -> CompositeJob:
    """Check everything that can be checked before the work begins.

    Raises
    ------
    LipblendError
        See `lipblend.compositing.composite`.
    """
    options.check()
    pair = open_pair(original_path, synced_path, models=options.models, cache=options.cache, crop=options.crop)
    pair.check_times(settings)
    keep = None if options.keep is None else open_keep(options.keep, pair.original)
    matte = None if options.matte is None else open_keep(options.matte, pair.original, option="--matte")
    target, notes = pair.original, tuple[str, ...]()
    if options.proxy is not None:
        target, encode, note = options.proxy.apply(pair.original, settings.encode)
        settings, notes = settings.model_copy(update={"encode": encode}), (note,)
    # Sound and models are inputs too. Words such as "original" do no harm: an output has a suffix.
    models = Path(settings.restore.model), *occluder_files(settings.occlusion)
    records = () if options.crop is None else (options.crop,)
    files = (Path(settings.audio.source), *models, *matte_files(options.keep), *matte_files(options.matte), *records)
    inputs = (original_path, synced_path, *files)
    check_output(output, target, encode=settings.encode, inputs=inputs, overwrite=options.overwrite)
    check_audio(pair.synced, settings.audio.source)
    restorer = load_restorer(settings.restore)
    debug = None if options.debug is None else debug_folder(options.debug.folder, options.debug.run_tag)
    if debug is not None:
        check_beside_mattes(debug, (options.keep, options.matte))
    layers = None
    if options.layers is not None:
        layers = LayersTarget(options.layers.folder, options.layers.form, options.overwrite)
        layers.check(inputs, output)
        notes += (f"patch, mattes and timeline for an editor are in {options.layers.folder}",)
    exports = Exports(debug, "png" if options.debug is None else options.debug.form, layers)
    kept = None
    if options.resume:
        paths = {"original": original_path, "synced video": synced_path}
        size, runtime = f"{target.width}x{target.height}", "none" if restorer is None else restorer.model.runtime
        more = {"size": size, "restoration": runtime, "keep": "none" if keep is None else keep.sha256}
        more["matte"] = "none" if matte is None else matte.sha256
        more["crop"] = "none" if pair.synced.places is None else pair.synced.places.digest
        more["frames"] = str(options.frames or "all")
        kept = kept_for_run(output, paths, settings, more, replace=options.replace_kept, shared=options.share_kept)
    return CompositeJob(pair, keep, matte, output, settings, options, target, restorer, exports, kept, notes)


def analyse_job(job: CompositeJob, process: Child | None, on_progress: OnProgress) -> tuple[ClipAnalysis, list[str]]:
    """The first pass, over no more of the clip than needed; with notes for the summary."""
    analysis, notes = None, list[str]()
    if job.options.frames is not None:
        stop_s = job.options.frames.stop_s(frame_times_s(job.pair.original))
        if names_points(job.settings.track.face):
            notes.append("the whole clip was analysed: track.face names faces by points anywhere in it")
        elif stop_s is not None:
            analysis, notes = job.pair.analyse_beginning(stop_s, job.settings, on_progress=on_progress)
    if analysis is None:
        analyser = analyse_apart if process is None else partial(analyse_apart, process=process)
        analysis = job.pair.analyse(job.settings, on_progress=on_progress, analyser=analyser)
    if process is not None:
        process.end()  # unused if the analysis was cached, or of a part
    return analysis, notes


def plan_job(analysis: ClipAnalysis, job: CompositeJob) -> Plan:
    """The plan, in a temporary file, so that memory use does not grow with the length of the clip."""
    clip = None
    if job.options.frames is not None and job.settings.track.ranges != (ALL,) and analysis.follows == "original":
        clip = ClipTimes.of(frame_times_s(job.pair.original))  # perhaps only its beginning was analysed
    plan = make_plan(analysis, job.settings, into=StoredSequence[FramePlan](), clip=clip)
    return without_faces(plan, into=StoredSequence[FramePlan]()) if plan.unchanged else plan
