"""Ranges of frames, as users write them and in a clip."""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from lipblend.errors import SettingsError
from lipblend.settings.time_words import unit_time

_NUMBER = re.compile(r"-?\d{1,12}")
_SLACK_S = 1e-6
_HINT = "Write A:B with frame numbers (100:200, :50, -50:) or times (2s:3.5s, :10s, 1m30s:, -2s:)."


@dataclass(frozen=True)
class FrameRange:
    """A range of output frames, like a Python slice: the end is excluded, and a range may reach beyond the clip.

    Parameters
    ----------
    start, stop : int, Fraction or None
        Frame numbers, or seconds (as fractions) since the output's first frame; negative ones count from the end; None
        is the clip's start or end. A range of times contains the frames that start in it.
    """

    start: int | Fraction | None = None
    stop: int | Fraction | None = None

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """Parse ``A:B``, ``A:``, ``:B`` or ``-A:``, where each end is a frame number or a time (``2s``, ``1m02.5s``).

        Raises
        ------
        SettingsError
            The text is not a range, or a range that is empty for any clip.
        """
        words = text.strip().split(":")
        if len(words) != 2:
            steps = len(words) == 3 and all(_NUMBER.fullmatch(word.strip()) for word in words if word.strip())
            step = ": every n-th frame cannot be selected, and times are written 1m02s"
            reason = step if steps and words[2].strip() else ""
            raise SettingsError(f"{text!r} is not a range of frames{reason}", hint=_HINT)
        start, stop = (_end(word.strip(), text) for word in words)
        frames = cls(start, stop)
        if start is None or stop is None or type(start) is not type(stop):
            return frames
        if (start < 0) == (stop < 0) and start >= stop:
            raise frames._error("is empty" if start == stop else "runs backwards")
        return frames

    def stop_s(self, times_s: Sequence[float]) -> float | None:
        """End of the range in seconds since the first frame; None if that depends on the clip's end.

        Parameters
        ----------
        times_s : sequence of float
            Start of each frame of the whole clip, ascending.
        """
        if self.stop is None or self.stop < 0 or (self.start is not None and self.start < 0):
            return None
        if isinstance(self.stop, Fraction):
            return float(self.stop)
        return float(times_s[self.stop] - times_s[0]) if self.stop < len(times_s) else None

    def resolve(self, times_s: Sequence[float], end_s: float) -> range:
        """The frames of a clip; ends beyond the clip are clamped, as in a Python slice.

        Parameters
        ----------
        times_s : sequence of float
            Start of each frame, ascending.
        end_s : float
            End of the last one.

        Raises
        ------
        SettingsError
            The range is empty.
        """
        count = len(times_s)
        start, stop = (
            default if end is None else _place(end, times_s, end_s)
            for end, default in ((self.start, 0), (self.stop, count))
        )
        if start >= stop:
            length_s = end_s - times_s[0] if count else 0.0
            clip = f"the output has {count} frames, 0 to {count - 1}, and lasts {length_s:.3f} s"
            backwards = start > stop and self.start is not None and self.stop is not None
            raise self._error(f"{'runs backwards' if backwards else 'is empty'}: {clip}")
        return range(start, stop)

    def _error(self, problem: str) -> SettingsError:
        if isinstance(self.start, Fraction) or isinstance(self.stop, Fraction):
            hint = "A:B selects the frames that start from time A on and before time B, counted from the first frame."
        else:
            hint = "A:B selects the frames A to B - 1, counted from 0."
        return SettingsError(f"the range of frames {self} {problem}", hint=hint)

    def __str__(self) -> str:
        ends = (
            "" if end is None else f"{float(end):g}s" if isinstance(end, Fraction) else str(end)
            for end in (self.start, self.stop)
        )
        return ":".join(ends)


def _end(word: str, text: str) -> int | Fraction | None:
    """One end of a range: a frame number or a time."""
    if not word:
        return None
    if _NUMBER.fullmatch(word):
        return int(word)
    time = unit_time(word.removeprefix("-"))
    if time is None:
        raise SettingsError(f"{text!r} is not a range of frames: {word!r} is neither a number nor a time", hint=_HINT)
    return -time if word.startswith("-") else time


def _place(end: int | Fraction, times_s: Sequence[float], end_s: float) -> int:
    """The first frame at or after an end of a range, within the clip."""
    count = len(times_s)
    if isinstance(end, int):
        return min(max(end + count * (end < 0), 0), count)
    wanted_s = float(end) + (end_s if end < 0 else times_s[0] if count else 0.0)
    return bisect.bisect_left(times_s, wanted_s - _SLACK_S)
