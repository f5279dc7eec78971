"""A composite in steps, for several processes or machines that share their files: prepare, render segments, join.

The joining is `lipblend.compositing.composite` with ``resume``, which finds all segments made. Its bytes are those of a
run that renders them itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lipblend.analysis.cache import AnalysisCache, analysis_key
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.composite_job import CompositeJob, analyse_job, plan_job, prepare_job
from lipblend.composite_options import CompositeOptions
from lipblend.errors import SettingsError
from lipblend.runtime.allocator import release_freed_memory
from lipblend.runtime.prefetch import one_opencv_thread
from lipblend.runtime.progress import OnProgress, no_progress
from lipblend.segments.encode import Segment
from lipblend.segments.job import RenderJob
from lipblend.segments.kept_segments import KeptSegments, segments_digest
from lipblend.segments.output_part import OutputPart
from lipblend.segments.segment_run import SegmentRun
from lipblend.settings import Settings
from lipblend.settings.frame_range import FrameRange


@dataclass(frozen=True)
class PreparedSegments:
    """What the machines that render need to know: the number of segments, and the file of the cached analysis."""

    count: int
    analysis: Path


def prepare_segments(
    original: Path,
    synced: Path,
    output: Path,
    settings: Settings,
    options: CompositeOptions,
    on_progress: OnProgress = no_progress,
) -> PreparedSegments:
    """Analyse both videos into the cache, and make the folder for the output's segments.

    Parameters
    ----------
    original, synced, output, settings, options, on_progress
        As for `lipblend.compositing.composite`. Resuming is implied.

    Raises
    ------
    SettingsError
        No cache is given: every step would analyse the videos again.
    LipblendError
        As there.
    """
    run = _opened(original, synced, output, settings, replace(options, resume=True), on_progress)
    run.kept.prepare(plan=run.plan_digest)
    pair, cache = run.job.pair, options.cache
    assert cache is not None
    key = analysis_key(pair.original, pair.synced, model=pair.model, settings=run.job.settings)
    return PreparedSegments(len(run.segments), AnalysisCache(cache).path(key))


def render_segments(
    original: Path,
    synced: Path,
    output: Path,
    settings: Settings,
    options: CompositeOptions,
    wanted: range,
    on_progress: OnProgress = no_progress,
    *,
    shared: bool = True,
) -> int:
    """Render some of the segments that `prepare_segments` has counted, without those that are there already.

    Parameters
    ----------
    original, synced, output, settings, options, on_progress
        As there; all that changes pictures must be the same.
    wanted : range
        Numbers of segments.
    shared : bool
        The folder of segments is the one that `prepare_segments` has made, and others write there too. Otherwise it is
        this process's alone, and made here.

    Returns
    -------
    int
        Frames in them.

    Raises
    ------
    OutputError
        The folder of segments is missing, or is that of another run; a segment cannot be written.
    LipblendError
        As there.
    """
    options = replace(options, resume=True, share_kept=shared, measure=False)
    run = _opened(original, synced, output, settings, options, on_progress)
    analysis, job = run.analysis, run.job
    render = RenderJob(
        analysis.original, analysis.synced, analysis.mapping, job.settings,
        run.part.with_output_clock(job.target), job.output, job.keep, job.matte,
    )  # fmt: skip
    segments = run.segments[wanted.start : wanted.stop]
    run.kept.open(plan=run.plan_digest)
    try:
        with one_opencv_thread():
            made = SegmentRun(
                render,
                segments,
                jobs=options.jobs,
                threads=options.threads,
                restorer=job.restorer,
                kept=run.kept,
                on_progress=on_progress,
            )
            made.keep()
    finally:
        run.kept.release()
    return sum(len(segment.rows) for segment in segments)


@dataclass(frozen=True)
class _Opened:
    """A run up to its second pass."""

    job: CompositeJob
    analysis: ClipAnalysis
    part: OutputPart
    segments: list[Segment]
    kept: KeptSegments

    @property
    def plan_digest(self) -> str:
        """See `segments_digest`."""
        return segments_digest(self.segments)


def _opened(
    original: Path,
    synced: Path,
    output: Path,
    settings: Settings,
    options: CompositeOptions,
    on_progress: OnProgress,
) -> _Opened:
    if options.cache is None:
        raise SettingsError(
            "segments can only be made by several machines with a cache of analyses", hint="Leave out --no-cache."
        )
    job = prepare_job(original, synced, output, settings, options)
    analysis, _ = analyse_job(job, None, on_progress)
    for matte in filter(None, (job.keep, job.matte)):
        matte.numbers(analysis.original)
    plan = plan_job(analysis, job)
    analysis = analysis.without_tracks()
    part = OutputPart(analysis, plan, options.frames or FrameRange())
    release_freed_memory()
    assert job.kept is not None
    return _Opened(job, analysis, part, part.segments(job.settings.encode.segment_s), job.kept)
