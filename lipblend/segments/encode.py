"""One segment from its rendered frames: fitted, stamped, encoded."""

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
        0, 1, 2 ... in the output.
    first : int
        Index of its first frame in the output.
    rows : sequence of FramePlan
    stamps : sequence of (int, int)
        When each frame is shown and for how long, in the output's time base.
    """

    number: int
    first: int
    rows: Sequence[FramePlan]
    stamps: Sequence[tuple[int, int]]

    @property
    def shown(self) -> list[int]:
        """Time stamps of its frames."""
        return [pts for pts, _ in self.stamps]

    @property
    def end(self) -> int:
        """When the last frame ends."""
        return sum(self.stamps[-1])

    @property
    def frames_text(self) -> str:
        """Its frames, in words."""
        return f"frames {self.first} to {self.first + len(self.rows) - 1}"


@dataclass(frozen=True)
class Done:
    """A segment is encoded: what was done to its frames, and its encoder's header."""

    tally: Tally
    header: bytes


@dataclass(frozen=True)
class Step:
    """How far the encoding of a segment has come.

    Attributes
    ----------
    frames : int
        Rendered since the step before.
    packets : list of CodedPacket
        That became ready, in the encoder's order.
    done : Done or None
        With the last step.
    """

    frames: int
    packets: list[CodedPacket]
    done: Done | None = None


FrameSeen = Callable[[int, Frame, FrameResult], None]


def encoded(
    job: RenderJob, segment: Segment, frames: Iterable[tuple[Frame, FrameResult]], seen: FrameSeen | None = None
) -> Iterator[Step]:
    """Encode one segment, a step a frame and one for what the encoder held back.

    Parameters
    ----------
    job : RenderJob
    segment : Segment
    frames : iterable of (Frame, FrameResult)
        Its frames, rendered; later ones are left alone.
    seen : callable, optional
        Told of every frame by its index in the output, before it is encoded.
    """
    tally = Tally()
    with SegmentEncoder(job.output, job.target, job.settings.encode) as encoder:
        for place, ((pts, duration), (frame, result)) in enumerate(zip(segment.stamps, frames, strict=False)):
            tally.add(result)
            if seen is not None:
                seen(segment.first + place, frame, result)
            handle = scaled_picture(frame.handle, job.target)
            yield Step(1, encoder.encode(replace(frame, handle=handle, pts=pts, duration=duration)))
        yield Step(0, encoder.finish(), Done(tally, encoder.header))
    release_freed_memory()  # the next segment's encoder does not fit into the gaps that this one leaves
