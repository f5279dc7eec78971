"""Runs over segments that copy a video, so that little is computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from fractions import Fraction
from pathlib import Path

import numpy as np

from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.picture.frame_mapping import UNMOVED
from lipblend.plan.frame_plan import FramePlan
from lipblend.runtime.progress import Progress
from lipblend.segments.encode import Segment
from lipblend.segments.job import RenderJob
from lipblend.segments.kept_segments import KeptSegments
from lipblend.segments.segment_run import SegmentRun
from lipblend.segments.spans import segment_spans
from lipblend.settings import EncodeSettings, Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from lipblend.video.video import Video

SILENT = AudioPlan(None, None, "none", ())
SETTINGS = Settings(encode=EncodeSettings(preset="veryfast", crf=20))


def job_of(source: Path, output: Path) -> tuple[RenderJob, list[Segment]]:
    """A job that copies every frame of a video, in four segments."""
    info = probe(source)
    with VideoReader(info) as reader:
        stamps = [(frame.pts, frame.duration) for frame in reader]
    pts = np.array([stamp for stamp, _ in stamps])
    rows = [FramePlan(index, -1, (), "no face") for index in range(len(stamps))]
    job = RenderJob(Video(info, pts, True), Video(info, pts, True), UNMOVED, SETTINGS, info, output)
    spans = segment_spans(len(rows), Fraction(25), 0.4)
    return job, [Segment(i, s.start, rows[s.start : s.stop], stamps[s.start : s.stop]) for i, s in enumerate(spans)]


@contextmanager
def closing_empty(kept: KeptSegments) -> Iterator[None]:
    try:
        yield
    finally:
        kept.close_empty()


def write(source: Path, output: Path, **options: object) -> SegmentRun:
    job, segments = job_of(source, output)
    run = SegmentRun(job, segments, **options)
    kept = options.get("kept")
    with (
        closing_empty(kept) if isinstance(kept, KeptSegments) else nullcontext(),
        VideoWriter(output, job.target, encode=SETTINGS.encode, audio=SILENT, extras_from=None) as writer,
    ):
        run.write(writer)
    return run


class Stop:
    """Raises what it is given when so many frames are done."""

    def __init__(self, at: int, error: BaseException) -> None:
        self.at, self.error = at, error

    def __call__(self, progress: Progress) -> None:
        if progress.done == self.at:
            raise self.error
