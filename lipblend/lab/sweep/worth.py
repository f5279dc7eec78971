"""What a combination is ranked by: its headline or a measure, over all runs of frames or over some of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipblend.lab.sweep.outcome import PART_KEYS, Outcome, RunOutcome
from lipblend.quality.headline import score_of
from lipblend.quality.measures import MEASURES

HEADLINE = "headline"
_SCORE = "score"  # the headline's key among the measures


def value_of(outcome: Outcome, by: str) -> float | None:
    """The headline or a measure of an outcome; None if it has none."""
    if by == HEADLINE:
        return None if outcome.headline is None else outcome.headline.score
    return outcome.values.get(by)


def values_over(runs: Sequence[RunOutcome], by: str, draws: Sequence[Sequence[int]]) -> list[float] | None:
    """The value over each of several choices of runs (with repetition); None if a run has no value."""
    if by == HEADLINE:
        seen = np.array([[run.visibility.get(key, 0.0) for key in PART_KEYS] for run in runs])
        return [score_of(seen[list(draw)].max(0).tolist()) for draw in draws]
    if any(by not in run.values for run in runs):
        return None
    values = np.array([run.values[by] for run in runs])
    weights = np.array([run.frames for run in runs], np.float64)
    return [float(np.average(values[list(draw)], weights=weights[list(draw)])) for draw in draws]


def badness(by: str, value: float | None) -> float:
    """A number that increases as a value gets worse."""
    if value is None:
        return 0.0
    better = "high" if by == HEADLINE else MEASURES[by].better
    return abs(value - 1) if better == "one" else value if better == "low" else -value


def tolerance_of(by: str) -> float:
    """How much a value may differ without meaning: about twice what encoding the same result again changes."""
    return MEASURES[_SCORE if by == HEADLINE else by].tolerance or 0.0
