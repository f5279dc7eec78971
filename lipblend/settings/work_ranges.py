"""The ranges of time that are worked on (``track.ranges``): written, checked, and laid onto a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from lipblend.errors import SettingsError
from lipblend.settings.base import wrong_form
from lipblend.settings.frame_range import FrameRange
from lipblend.settings.time_words import moment, moment_text

ALL = "all"
FORM = "all, or ranges such as 2.5-8,1m30s-2m,120f-300f,200-end"
"""What is allowed, in words."""

_END = "end"
_SLACK_S = 1e-6
_KEY = "track.ranges"


def range_words(value: object) -> object:
    """A text as a list of words, separated by commas; other values as they are."""
    if isinstance(value, str):
        return [word.strip() for word in value.strip("[]").split(",") if word.strip()]
    return value


def canonical_ranges(words: Sequence[str]) -> tuple[str, ...]:
    """The ranges in their shortest notation, as the record of a run holds them.

    Raises
    ------
    ValueError
        A word is no range, or one that is empty or runs backwards in any clip.
    """
    if not words:
        raise wrong_form("an empty text", "a range", FORM)
    if ALL in words:
        if len(words) > 1:
            raise ValueError("'all' stands for the whole clip, so it cannot be given beside other ranges")
        return (ALL,)
    return tuple(_canonical(word) for word in words)


def _canonical(word: str) -> str:
    first, last = _ends(word)
    return f"{moment_text(first)}-{_END if last is None else moment_text(last)}"


def _ends(word: str) -> tuple[int | Fraction, int | Fraction | None]:
    """Start and end of a range; the end is None for that of the clip."""
    before, dash, after = (part.strip() for part in word.partition("-"))
    first = moment(before) if before else Fraction(0)
    last = None if after in ("", _END) else moment(after)
    if not dash or first is None or (last is None and after not in ("", _END)) or not (before or after):
        raise wrong_form(word, "a range", FORM)
    if last is not None and type(first) is type(last) and first >= last:
        raise ValueError(f"the range {word} {'is empty' if first == last else 'runs backwards'}")
    return first, last


@dataclass(frozen=True)
class ClipTimes:
    """When the frames of a whole clip are shown.

    Attributes
    ----------
    starts_s : sequence of float
        Of each frame, ascending; at least one.
    end_s : float
        Of the last frame.
    """

    starts_s: Sequence[float]
    end_s: float

    @classmethod
    def of(cls, starts_s: Sequence[float]) -> ClipTimes:
        """From the starts alone: the last frame lasts as long as a usual one."""
        steps = np.diff(np.asarray(starts_s, np.float64))
        return cls(starts_s, float(starts_s[-1]) + (float(np.median(steps)) if len(steps) else 0.04))

    def with_another_frame(self) -> ClipTimes:
        """The clip if it had one frame more than its file announces."""
        return ClipTimes([*self.starts_s, self.end_s], 2 * self.end_s - float(self.starts_s[-1]))

    @property
    def length_s(self) -> float:
        """From the first frame to the end of the last one."""
        return self.end_s - float(self.starts_s[0])

    def __str__(self) -> str:
        count = len(self.starts_s)
        return f"the output has {count} frames, 0 to {count - 1}, and lasts {self.length_s:.3f} s"


def spans_of(words: Sequence[str], clip: ClipTimes) -> list[range]:
    """The frames of a clip that lie in the ranges, as runs that neither touch nor overlap, ascending.

    A range holds the frames that start from its start on and before its end; of frame numbers, the last is excluded.

    Raises
    ------
    SettingsError
        A range has no frame, runs backwards in this clip, or reaches beyond its end by more than a frame.
    """
    found: list[range] = []
    for span in sorted((_span(word, clip) for word in words), key=lambda each: each.start):
        if found and span.start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, span.stop))
        else:
            found.append(span)
    return found


def _span(word: str, clip: ClipTimes) -> range:
    count = len(clip.starts_s)
    if word == ALL:
        return range(count)
    first, last = _ends(word)
    length_s, frame_s = clip.length_s, clip.end_s - clip.starts_s[-1]
    for end, least in ((first, True), (last, False)):
        if end is None:
            continue
        frames, seconds = (count, length_s) if least else (count + 1, length_s + frame_s)
        if (end >= frames) if isinstance(end, int) else (float(end) >= seconds + (-_SLACK_S if least else _SLACK_S)):
            raise SettingsError(
                f"the range {word} ({_KEY}) reaches beyond the clip: {clip}",
                hint="Write `end` for the end of the clip.",
            )
    try:
        return FrameRange(first, last).resolve(clip.starts_s, clip.end_s)
    except SettingsError as error:
        raise SettingsError(f"the range {word} ({_KEY}) holds no frame: {clip}", hint=error.hint) from error


def frames_within(
    words: Sequence[str], times_s: npt.NDArray[np.float64], clip: ClipTimes | None = None
) -> npt.NDArray[np.bool_]:
    """Which frames lie in the ranges.

    Parameters
    ----------
    words : sequence of str
        The setting.
    times_s : (n,) float64
        When the frames are shown, ascending, seconds.
    clip : ClipTimes, optional
        The whole clip, if ``times_s`` is only a part of it.

    Returns
    -------
    (n,) bool

    Raises
    ------
    SettingsError
        See `spans_of`.
    """
    inside = np.zeros(len(times_s), bool)
    if tuple(words) == (ALL,):
        return ~inside
    clip = ClipTimes.of(times_s.tolist()) if clip is None else clip
    for span in spans_of(words, clip):
        stop_s = clip.starts_s[span.stop] if span.stop < len(clip.starts_s) else np.inf
        inside |= (times_s >= clip.starts_s[span.start] - _SLACK_S) & (times_s < stop_s - _SLACK_S)
    return inside
