"""The part of the clip that the output shows: its frames, clock, sound and extras."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.output.sound.audio_plan import AudioPlan, choose_audio, length_notes
from lipblend.plan.frame_plan import FaultRun, HiddenRun, Plan
from lipblend.segments.encode import Segment
from lipblend.segments.spans import segment_spans
from lipblend.settings.frame_range import FrameRange
from lipblend.video.info import VideoInfo


class OutputPart:
    """A range of a plan's frames, shifted to the start of the clip.

    Parameters
    ----------
    analysis : ClipAnalysis
        Without tracks is enough.
    plan : Plan
    frames : FrameRange

    Attributes
    ----------
    frames : range
        Frame numbers in the whole output.
    notes : tuple of str
        For the summary.
    faults : tuple of FaultRun
        Broken synced frames, in frames and time of the output.
    hidden : tuple of HiddenRun
        Frames with something in front of a face, likewise.
    duration_s : float
        From the start of the first frame to the end of the last.

    Raises
    ------
    SettingsError
        The range has no frame in the clip.
    """

    def __init__(self, analysis: ClipAnalysis, plan: Plan, frames: FrameRange) -> None:
        self._count = count = len(plan.rows)
        self._analysis = analysis
        self._original_info, self._synced_info = analysis.original.info, analysis.synced.info
        self._timing = self._synced_info if analysis.follows == "synced" else self._original_info
        ends_s = analysis.times_s[:count] + analysis.durations[:count] * float(self._timing.time_base)
        self.frames = frames.resolve(analysis.times_s[:count].tolist(), float(ends_s[-1]))
        part = slice(self.frames.start, self.frames.stop)
        pts = analysis.pts[part]
        self._shift = int(pts[0] - analysis.pts[0])
        self._rows = plan.rows[part]
        self._stamps = list(zip((pts - self._shift).tolist(), analysis.durations[part].tolist(), strict=True))
        self.faults = tuple(self._faults(plan))
        self.hidden = tuple(self._hidden(plan))
        self._is_cut = self.frames.stop < len(analysis.times_s)
        self.duration_s = float((sum(self._stamps[-1]) - self._stamps[0][0]) * self._timing.time_base)
        self.notes: tuple[str, ...] = ()
        if len(self) < count:
            total = _of(self._original_info, count)
            self.notes = (f"a part only: frames {self.frames.start} to {self.frames.stop - 1}{total}",)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def is_whole(self) -> bool:
        """Whether the output shows every frame of the plan."""
        return len(self) == self._count

    @property
    def extras_source(self) -> VideoInfo:
        """The video whose tags, chapters and subtitles are copied, its clock shifted with the pictures."""
        return replace(self._timing, origin=self._timing.origin + self._shift_s)

    def with_output_clock(self, info: VideoInfo) -> VideoInfo:
        """The original (at any size) with the output's time base, frame rate and start."""
        timing = self._timing
        return replace(info, time_base=timing.time_base, frame_rate=timing.frame_rate, start_s=timing.start_s)

    def audio(self, source: str) -> AudioPlan:
        """The sound, shifted with the pictures; see `lipblend.output.sound.audio_plan.choose_audio`.

        Raises
        ------
        InputError
            The requested sound does not exist.
        """
        follows, offset_s = self._analysis.follows, self._analysis.alignment.pairing.offset_s
        plan = choose_audio(self._original_info, self._synced_info, source, timeline=follows, offset_s=offset_s)
        from_s = Fraction(self._timing.start_s) if self._shift else plan.from_s
        notes = plan.notes
        if len(self) == self._count:  # a part is shorter on purpose
            notes += length_notes(plan, sum(self._stamps[-1]) * self._timing.time_base)
        return replace(plan, shift_s=plan.shift_s - self._shift_s, from_s=from_s, notes=notes)

    def needs_trim(self, audio_source: str) -> bool:
        """Whether sound or extras may last longer than the picture: those of another file, or of a part that is cut."""
        foreign = audio_source not in ("none", self._analysis.follows)
        return foreign or self._is_cut or self._analysis.alignment.pairing.after > 0

    def segments(self, segment_s: float) -> list[Segment]:
        """The part, split into segments of ``segment_s`` seconds."""
        spans = segment_spans(len(self), self._timing.frame_rate, segment_s)
        return [
            Segment(number, span.start, self._rows[span.start : span.stop], self._stamps[span.start : span.stop])
            for number, span in enumerate(spans)
        ]

    def _faults(self, plan: Plan) -> Iterator[FaultRun]:
        start = self.frames.start
        for run in plan.faults:
            first, last = max(run.first, start), min(run.last, self.frames.stop - 1)
            if first <= last:
                yield replace(run, first=first - start, last=last - start, time_s=self._time_s(first))

    def _hidden(self, plan: Plan) -> Iterator[HiddenRun]:
        start = self.frames.start
        for run in plan.hidden:
            first, last = max(run.first, start), min(run.last, self.frames.stop - 1)
            if first <= last:
                begins_s, ends_s = self._time_s(first), self._time_s(last)
                yield replace(run, first=first - start, last=last - start, time_s=begins_s, end_s=ends_s)

    def _time_s(self, row: int) -> float:
        """When a row of the plan is shown in the output."""
        times_s = self._analysis.times_s
        return float(times_s[row] - times_s[self.frames.start] + times_s[0])

    @property
    def _shift_s(self) -> Fraction:
        return self._shift * self._timing.time_base


def _of(original_info: VideoInfo, count: int) -> str:
    """The total, if the plan is known to cover the whole clip."""
    return f" of {count}" if original_info.frame_count is None or count >= original_info.frame_count else ""
