"""Which differences between combinations mean nothing.

Two sources are known. Encoding the same result again changes a measure by about half its tolerance
(`lipblend.quality.measure.Measure.tolerance`), so a difference below the tolerance means nothing. And a sample of runs
of frames is not the clip: the runs are drawn again with repetition (the bootstrap of Efron 1979,
https://doi.org/10.1214/aos/1176344552), the same ones for both combinations, and where more than a tenth of the draws
give a difference below the tolerance, it means nothing. A difference that only one run shows never passes, since a
third of the draws miss that run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipblend.lab.sweep.outcome import Outcome
from lipblend.lab.sweep.worth import HEADLINE, badness, tolerance_of, value_of, values_over

MIN_RUNS = 3
"""Fewer runs say nothing about the clip: then only the tolerance counts."""
_DRAWS = 400
_MAX_SHARE = 0.1


def equal_to_first(ordered: Sequence[Outcome], by: str, *, sampled: bool) -> set[int]:
    """Numbers of the combinations that do not differ clearly from the first, the first among them.

    Parameters
    ----------
    ordered : sequence of Outcome
        From best to worst, all with a value.
    by : str
    sampled : bool
        The runs are a sample of the clip.
    """
    first = ordered[0]
    draws, counts = _draws(len(first.runs) if sampled else 0)
    return {each.combination.number for each in ordered if _is_equal(first, each, by, draws, counts)}


def noise_text(ordered: Sequence[Outcome], by: str, *, sampled: bool) -> str:
    """What ``=`` in a ranking says."""
    unit = " of 100" if by == HEADLINE else ""
    text = f"= no clear difference from the best: below {tolerance_of(by):g}{unit}"
    count = len(ordered[0].runs)
    if not sampled:
        return text
    if count >= MIN_RUNS:
        return f"{text}, or not confirmed when the {count} runs of frames are drawn again (bootstrap)"
    return f"{text}; {count} run{'s' * (count != 1)} of frames cannot show how far the clip differs (--samples)"


def _is_equal(first: Outcome, other: Outcome, by: str, draws: Sequence[Sequence[int]], counts: Sequence[int]) -> bool:
    limit = tolerance_of(by)
    if badness(by, value_of(other, by)) - badness(by, value_of(first, by)) < limit:
        return True
    if not draws or [run.start for run in first.runs] != [run.start for run in other.runs]:
        return False
    ours, theirs = (values_over(each.runs, by, draws) for each in (first, other))
    if ours is None or theirs is None:
        return False
    below = [badness(by, b) - badness(by, a) < limit for a, b in zip(ours, theirs, strict=True)]
    return bool(np.average(below, weights=counts) > _MAX_SHARE)


def _draws(count: int) -> tuple[list[list[int]], list[int]]:
    """Distinct draws of ``count`` of as many runs, and how often each came; none for too few runs."""
    if count < MIN_RUNS:
        return [], []
    drawn = np.sort(np.random.default_rng(0).integers(count, size=(_DRAWS, count)), axis=1)
    distinct, counts = np.unique(drawn, axis=0, return_counts=True)
    return distinct.tolist(), counts.tolist()
