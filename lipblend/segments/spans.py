"""The split of the frames into segments."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

_DEFAULT_RATE = Fraction(25)


def segment_spans(count: int, frame_rate: Fraction | None, segment_s: float) -> list[range]:
    """Split frames into segments of equal length; the last one has 0.5 to 1.5 times that length.

    Parameters
    ----------
    count : int
        Number of output frames.
    frame_rate : Fraction or None
        Mean frame rate of the output; None counts as 25.
    segment_s : float
        Length of a segment, seconds.

    Returns
    -------
    list of range
        Consecutive; empty if there is no frame.
    """
    length = max(1, round((frame_rate or _DEFAULT_RATE) * Fraction(segment_s)))
    number = max(1, (2 * count + length) // (2 * length))
    starts = [*range(0, number * length, length), count]
    return [range(start, stop) for start, stop in itertools.pairwise(starts)] if count else []


def few_segments_note(jobs: int, segments: int, *, segment_s: float, duration_s: float) -> str:
    """Why some processes had no work; empty if all had some.

    Parameters
    ----------
    jobs, segments : int
    segment_s : float
        ``encode.segment_s``.
    duration_s : float
        Duration of the output.
    """
    if jobs <= segments:
        return ""
    enough_s = max(0.5, math.floor(2 * duration_s / jobs) / 2)
    advice = f"; encode.segment_s = {enough_s:g} gives work to all of them, and adds key frames"
    busy = f"{segments} of {jobs} processes rendered" if segments > 1 else f"one of {jobs} processes rendered"
    return (
        f"{busy}: the output has {segments} segment{'s' * (segments > 1)} of {segment_s:g} s (encode.segment_s)"
        f"{advice if duration_s >= jobs * enough_s else ''}"
    )
