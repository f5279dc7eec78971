"""Which frames are rendered, and where segments begin."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from fractions import Fraction

from lipblend.errors import SettingsError

_USUAL_RATE = Fraction(25)
_RANGE = re.compile(r"(-?\d{1,12})?:(-?\d{1,12})?")


def segment_spans(count: int, frame_rate: Fraction | None, segment_s: float) -> list[range]:
    """Split frames into segments of one length; the last one has half as much to half as much again.

    Parameters
    ----------
    count : int
        Frames of the output.
    frame_rate : Fraction or None
        Of the output, mean; None is taken for 25.
    segment_s : float
        Length of a segment, seconds.

    Returns
    -------
    list of range
        Consecutive; empty where there is no frame.
    """
    length = max(1, round((frame_rate or _USUAL_RATE) * Fraction(segment_s)))
    number = max(1, (2 * count + length) // (2 * length))
    starts = [*range(0, number * length, length), count]
    return [range(start, stop) for start, stop in itertools.pairwise(starts)] if count else []


@dataclass(frozen=True)
class FrameRange:
    """Frames of the output, as a Python slice counts them: the end is left out, negative numbers count from the end.

    Parameters
    ----------
    start, stop : int or None
        None for the clip's start and end.
    """

    start: int | None = None
    stop: int | None = None

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """Read ``A:B``, ``A:``, ``:B`` or ``-A:``.

        Raises
        ------
        SettingsError
            Something else, or a range that is empty whatever the clip.
        """
        found = _RANGE.fullmatch(text.strip())
        if found is None:
            raise SettingsError(
                f"{text!r} is no range of frames", hint="Write --frames A:B, for example 100:200, :50 or -50: ."
            )
        start, stop = (None if part is None else int(part) for part in found.groups())
        frames = cls(start, stop)
        if start is not None and stop is not None and (start < 0) == (stop < 0) and start >= stop:
            raise frames._unfit("is empty" if start == stop else "runs backwards")
        return frames

    def of(self, count: int) -> range:
        """The frames of a clip of so many.

        Raises
        ------
        SettingsError
            The range is empty, runs backwards, or leaves the clip.
        """
        start = 0 if self.start is None else self.start + count * (self.start < 0)
        stop = count if self.stop is None else self.stop + count * (self.stop < 0)
        clip = f"the output has {count} frames, 0 to {count - 1}"
        if not (0 <= start <= count and 0 <= stop <= count):
            raise self._unfit(f"leaves the clip: {clip}")
        if start >= stop:
            raise self._unfit(f"{'is empty' if start == stop else 'runs backwards'}: {clip}")
        return range(start, stop)

    def _unfit(self, what: str) -> SettingsError:
        return SettingsError(f"the range of frames {self} {what}", hint="--frames A:B takes A to B - 1, from 0.")

    def __str__(self) -> str:
        return ":".join("" if end is None else str(end) for end in (self.start, self.stop))
