"""Encoding one segment: its rendered frames are scaled, time-stamped and encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lipblend.output.coded import CodedPacket, SegmentEncoder
from lipblend.output.scaling import scaled_picture
from lipblend.plan.frame_plan import FramePlan
from lipblend.render.frame import FrameResult
from lipblend.runtime.allocator import release_freed_memory
from lipblend.segments.job import RenderJob, Tally
from lipblend.video.reader import Frame


@dataclass(frozen=True)
class Segment:
    """Frames that are encoded together.

    Attributes
    ----------
    number : int
        Counted from 0 in the output.
    first : int
        Index of its first frame in the output.
    rows : sequence of FramePlan
    stamps : sequence of (int, int)
        Time stamp and duration of each frame, in the output's time base.
    """

    number: int
    first: int
    rows: Sequence[FramePlan]
    stamps: Sequence[tuple[int, int]]

    @property
    def pts(self) -> list[int]:
        """Time stamps of its frames."""
        return [pts for pts, _ in self.stamps]

    @property
    def end(self) -> int:
        """End of the last frame, in the output's time base."""
        return sum(self.stamps[-1])

    @property
    def frames_text(self) -> str:
        """Its frames, for messages."""
        return f"frames {self.first} to {self.first + len(self.rows) - 1}"


@dataclass(frozen=True)
class Done:
    """The end of a segment: what was done to its frames, and its encoder's header."""

    tally: Tally
    header: bytes


@dataclass(frozen=True)
class Step:
    """Progress of encoding a segment.

    Attributes
    ----------
    frames : int
        Frames rendered since the previous step.
    packets : list of CodedPacket
        Packets that became ready, in coding order.
    done : Done or None
        Only in the last step.
    """

    frames: int
    packets: list[CodedPacket]
    done: Done | None = None


OnFrame = Callable[[int, Frame, FrameResult], None]


def encode_segment(
    job: RenderJob, segment: Segment, frames: Iterable[tuple[Frame, FrameResult]], on_frame: OnFrame | None = None
) -> Iterator[Step]:
    """Encode one segment: one step per frame, and a last one for the packets that the encoder held back.

    Parameters
    ----------
    job : RenderJob
    segment : Segment
    frames : iterable of (Frame, FrameResult)
        Rendered frames; those after the segment are not consumed.
    on_frame : callable, optional
        Called with the index in the output of every frame, before the frame is encoded.
    """
    tally = Tally()
    with SegmentEncoder(job.output, job.target, job.settings.encode) as encoder:
        for place, ((pts, duration), (frame, result)) in enumerate(zip(segment.stamps, frames, strict=False)):
            tally.add(result)
            if on_frame is not None:
                on_frame(segment.first + place, frame, result)
            handle = scaled_picture(frame.handle, job.target)
            yield Step(1, encoder.encode(replace(frame, handle=handle, pts=pts, duration=duration)))
        yield Step(0, encoder.finish(), Done(tally, encoder.header))
    release_freed_memory()  # the next segment's encoder does not fit into the gaps that this one leaves
