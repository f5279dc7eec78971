"""What is written of a run besides its output, frame by frame: debug pictures, and layers for an editor."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.render.debug_export import DebugExport, DebugFormat
from lipblend.render.debug_frame import DebugFrame
from lipblend.render.frame import FrameResult
from lipblend.render.layers_export import LayersExport, LayersTarget
from lipblend.segments.encode import Segment
from lipblend.segments.job import RenderJob
from lipblend.segments.output_part import OutputPart
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame
from lipblend.video.survey import frame_times_s


@dataclass(frozen=True)
class Exports:
    """What is to be written.

    Attributes
    ----------
    debug_folder : Path or None
    debug_form : {"png", "video"}
    layers : LayersTarget or None
    """

    debug_folder: Path | None = None
    debug_form: DebugFormat = "png"
    layers: LayersTarget | None = None

    def open(
        self,
        stack: ExitStack,
        job: RenderJob,
        part: OutputPart,
        segments: Sequence[Segment],
        audio: AudioPlan,
        original: VideoInfo,
    ) -> FrameExport | None:
        """Begin to write; what is on the stack ends it. None if nothing is to be written.

        Parameters
        ----------
        stack : ExitStack
        job : RenderJob
        part : OutputPart
        segments : sequence of Segment
            All of the output.
        audio : AudioPlan
            Sound of the output.
        original : VideoInfo

        Raises
        ------
        OutputError
            Something cannot be written.
        """
        if self.debug_folder is None and self.layers is None:
            return None
        info, count, debug, layers = part.with_output_clock(original), len(job.original), None, None
        if not part.is_whole:  # then perhaps only a part was analysed
            count = len(frame_times_s(original))
        if self.debug_folder is not None:
            debug = stack.enter_context(DebugExport(self.debug_folder, info, form=self.debug_form, frames=count))
        if self.layers is not None:
            trim = part.needs_trim(audio.taken)
            layers = stack.enter_context(
                LayersExport(self.layers, info, output=job.output, original_frames=count, audio=audio, trim=trim)
            )
        return FrameExport(debug, layers, job, segments)


class FrameExport:
    """Called with every frame of the output in order.

    Attributes
    ----------
    notes : list of str
        For the summary, complete when all has been written.
    """

    def __init__(
        self, debug: DebugExport | None, layers: LayersExport | None, job: RenderJob, segments: Sequence[Segment]
    ) -> None:
        self._exports = [each for each in (debug, layers) if each is not None]
        self._job, self._segments = job, segments
        self.notes: list[str] = [] if layers is None else layers.notes

    def __call__(self, number: int, frame: Frame, result: FrameResult) -> None:
        """Write what belongs to one frame."""
        segment = next(each for each in self._segments if number < each.first + len(each.rows))
        row, (pts, duration) = segment.rows[number - segment.first], segment.stamps[number - segment.first]
        time_s, picture = float(pts * self._job.target.time_base), self._job.original.picture(frame)
        for export in self._exports:
            export.save(DebugFrame(number, pts, duration, time_s, row, picture, result))
