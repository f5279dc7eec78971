"""The second pass as a whole: segments are rendered here or by workers, kept if asked for, and joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

from lipblend.output.writer import VideoWriter
from lipblend.runtime.progress import Progress, no_progress
from lipblend.runtime.spill import Joined
from lipblend.segments.encode import Done, OnFrame, Segment, encode_segment
from lipblend.segments.job import RenderJob, Tally
from lipblend.segments.kept_segments import KeptSegments
from lipblend.segments.pool import WorkerPool
from lipblend.segments.segment_files import SegmentFile, SegmentFileWriter
from lipblend.stages.detail.restore import Restorer


class SegmentRun:
    """Renders the segments of an output and writes them in order.

    Parameters
    ----------
    job : RenderJob
    segments : sequence of Segment
        All segments of the output.
    jobs : int
        Number of processes. Workers are started if this is above 1 and more than one segment has to be rendered.
    restorer : Restorer, optional
        For rendering in this process; workers load their own.
    kept : KeptSegments, optional
        Stores finished segments, and provides those of an interrupted run.
    threads : int, optional
        Threads that compose beside the encoder in this process; by default as many as suit the machine.
    on_frame : callable, optional
        Called with every frame in order; cannot be combined with workers or kept segments.
    on_progress : callable

    Attributes
    ----------
    tally : Tally
    reused : int
        Frames taken from kept segments.
    """

    def __init__(
        self,
        job: RenderJob,
        segments: Sequence[Segment],
        *,
        jobs: int = 1,
        restorer: Restorer | None = None,
        kept: KeptSegments | None = None,
        threads: int | None = None,
        on_frame: OnFrame | None = None,
        on_progress: Callable[[Progress], None] = no_progress,
    ) -> None:
        if on_frame is not None and (jobs > 1 or kept is not None):
            raise ValueError("on_frame cannot be combined with workers or kept segments")
        self._job, self._segments, self._restorer, self._kept = job, segments, restorer, kept
        self._on_frame, self._on_progress, self._threads = on_frame, on_progress, threads
        self._total = sum(len(segment.rows) for segment in segments)
        self._ready: dict[int, SegmentFile] = {}
        for segment in segments if kept is not None else ():
            assert kept is not None
            finished = kept.finished(segment.number)
            if finished is not None:
                self._ready[segment.number] = finished
        self._missing = [segment for segment in segments if segment.number not in self._ready]
        self._jobs = min(jobs, len(self._missing))
        self._counted = self.reused = self._total - sum(len(segment.rows) for segment in self._missing)
        self.tally = Tally()

    def write(self, writer: VideoWriter) -> None:
        """Render the missing segments and write all of them.

        Raises
        ------
        LipblendError
            A segment cannot be rendered, encoded or written.
        """
        if self.reused:
            self._on_progress(Progress("render", self.reused, self._total))
        if self._jobs <= 1 and self._kept is None:
            self._in_one_pass(writer)
            return
        with ExitStack() as stack:
            made = self._by_workers(stack) if self._jobs > 1 else self._one_by_one(stack)
            for segment in self._segments:
                while segment.number not in self._ready:
                    number, stored = next(made)
                    self._ready[number] = stored
                stored = self._ready.pop(segment.number)
                writer.begin_segment(segment.pts)
                writer.add_coded(stored.packets())
                self._end(writer, segment, stored.done)
                stored.discard()

    def keep(self) -> None:
        """Render the missing segments into the folder of kept ones, and write no output.

        Raises
        ------
        LipblendError
            A segment cannot be rendered, encoded or stored.
        """
        with ExitStack() as stack:
            for _ in self._by_workers(stack) if self._jobs > 1 else self._one_by_one(stack):
                pass

    def _in_one_pass(self, writer: VideoWriter) -> None:
        """Render all segments in one pass; packets go straight into the output."""
        rows = Joined([segment.rows for segment in self._segments])
        with closing(self._job.render(rows, self._restorer, threads=self._threads)) as frames:
            for segment in self._segments:
                writer.begin_segment(segment.pts)
                for step in encode_segment(self._job, segment, frames, self._on_frame):
                    writer.add_coded(step.packets)
                    self._count(step.frames)
                    if step.done is not None:
                        self._end(writer, segment, step.done)

    def _one_by_one(self, stack: ExitStack) -> Iterator[tuple[int, SegmentFile]]:
        """Render the missing segments in one pass, each into a file."""
        rows = Joined([segment.rows for segment in self._missing])
        frames = stack.enter_context(closing(self._job.render(rows, self._restorer, threads=self._threads)))
        for segment in self._missing:
            spool = self._spool(stack, segment)
            for step in encode_segment(self._job, segment, frames):
                spool.add(step.packets)
                self._count(step.frames)
                if step.done is not None:
                    yield segment.number, spool.finish(step.done)

    def _by_workers(self, stack: ExitStack) -> Iterator[tuple[int, SegmentFile]]:
        """Render the missing segments by workers; yields them as they are finished."""
        pool = stack.enter_context(WorkerPool(self._job, self._jobs))
        spools: dict[int, SegmentFileWriter] = {}
        for segment, step in pool.run(self._missing):
            number = segment.number
            if number not in spools:
                spools[number] = self._spool(stack, segment)
            spools[number].add(step.packets)
            self._count(step.frames)
            if step.done is not None:
                yield number, spools.pop(number).finish(step.done)

    def _spool(self, stack: ExitStack, segment: Segment) -> SegmentFileWriter:
        name = self._kept.path(segment.number) if self._kept is not None else None
        return stack.enter_context(SegmentFileWriter(self._job.output, name))

    def _end(self, writer: VideoWriter, segment: Segment, done: Done) -> None:
        writer.end_segment(done.header, frames=len(segment.rows), end=segment.end)
        self.tally.merge(done.tally)

    def _count(self, frames: int) -> None:
        self._counted += frames
        if frames:
            self._on_progress(Progress("render", self._counted, self._total))
