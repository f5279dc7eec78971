"""The debug pictures of the frames of a run."""

from __future__ import annotations

from collections.abc import Sequence

from lipblend.render.debug_export import DebugExport
from lipblend.render.debug_frame import DebugFrame
from lipblend.render.frame import FrameResult
from lipblend.segments.encode import Segment
from lipblend.segments.job import RenderJob
from lipblend.video.reader import Frame


def export_frame(
    export: DebugExport, job: RenderJob, segments: Sequence[Segment], number: int, frame: Frame, result: FrameResult
) -> None:
    """Write the debug pictures of one frame of the output."""
    segment = next(each for each in segments if number < each.first + len(each.rows))
    row, (pts, duration) = segment.rows[number - segment.first], segment.stamps[number - segment.first]
    time_s, picture = float(pts * job.target.time_base), job.original.picture(frame)
    export.save(DebugFrame(number, pts, duration, time_s, row, picture, result))
