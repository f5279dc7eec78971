"""The second pass as a whole: every segment rendered, here or by workers, kept where wanted, and joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

from lipblend.output.writer import VideoWriter
from lipblend.runtime.progress import Progress
from lipblend.runtime.spill import Joined
from lipblend.segments.encode import Done, FrameSeen, Segment, encoded
from lipblend.segments.job import RenderJob, Tally
from lipblend.segments.kept_segments import KeptSegments
from lipblend.segments.pool import WorkerPool
from lipblend.segments.segment_files import SegmentFile, SegmentFileWriter
from lipblend.stages.detail.restore import Restorer


class SegmentRun:
    """Renders an output's segments and writes them, in order.

    Parameters
    ----------
    job : RenderJob
    segments : sequence of Segment
        All of the output.
    jobs : int
        Worker processes; 1, or a single segment to render, needs none.
    restorer : Restorer, optional
        For rendering without workers, which load their own.
    kept : KeptSegments, optional
        Where finished segments are kept, and taken from.
    seen : callable, optional
        Told of every frame, in order; only where neither workers nor kept segments are used.
    report : callable

    Attributes
    ----------
    tally : Tally
    taken : int
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
        seen: FrameSeen | None = None,
        report: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        if seen is not None and (jobs > 1 or kept is not None):
            raise ValueError("frames are seen by one process only")
        self._job, self._segments, self._restorer, self._kept = job, segments, restorer, kept
        self._seen, self._report = seen, report
        self._total = sum(len(segment.rows) for segment in segments)
        self._ready: dict[int, SegmentFile] = {}
        for segment in segments if kept is not None else ():
            assert kept is not None
            finished = kept.finished(segment.number)
            if finished is not None:
                self._ready[segment.number] = finished
        self._missing = [segment for segment in segments if segment.number not in self._ready]
        self._jobs = min(jobs, len(self._missing))
        self._counted = self.taken = self._total - sum(len(segment.rows) for segment in self._missing)
        self.tally = Tally()

    def write(self, writer: VideoWriter) -> None:
        """Render what is missing and write everything.

        Raises
        ------
        LipblendError
            A segment cannot be rendered, encoded or written.
        """
        if self.taken:
            self._report(Progress("render", self.taken, self._total))
        if self._jobs <= 1 and self._kept is None:
            self._straight(writer)
            return
        with ExitStack() as stack:
            made = self._by_workers(stack) if self._jobs > 1 else self._one_by_one(stack)
            for segment in self._segments:
                while segment.number not in self._ready:
                    number, stored = next(made)
                    self._ready[number] = stored
                stored = self._ready.pop(segment.number)
                writer.begin_segment(segment.shown)
                writer.add_coded(stored.packets())
                self._end(writer, segment, stored.done)
                stored.discard()

    def _straight(self, writer: VideoWriter) -> None:
        """Render all segments by one reading, packets going into the output at once."""
        rows = Joined([segment.rows for segment in self._segments])
        with closing(self._job.rendered(rows, self._restorer)) as frames:
            for segment in self._segments:
                writer.begin_segment(segment.shown)
                for step in encoded(self._job, segment, frames, self._seen):
                    writer.add_coded(step.packets)
                    self._count(step.frames)
                    if step.done is not None:
                        self._end(writer, segment, step.done)

    def _one_by_one(self, stack: ExitStack) -> Iterator[tuple[int, SegmentFile]]:
        """Render the missing segments by one reading, each into a file."""
        rows = Joined([segment.rows for segment in self._missing])
        frames = stack.enter_context(closing(self._job.rendered(rows, self._restorer)))
        for segment in self._missing:
            spool = self._spool(stack, segment)
            for step in encoded(self._job, segment, frames):
                spool.add(step.packets)
                self._count(step.frames)
                if step.done is not None:
                    yield segment.number, spool.finish(step.done)

    def _by_workers(self, stack: ExitStack) -> Iterator[tuple[int, SegmentFile]]:
        """Have the missing segments rendered by workers; yields them as they are finished."""
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
            self._report(Progress("render", self._counted, self._total))
