"""Outcomes of a sweep, made without a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lipblend.lab.sweep.grid import Grid
from lipblend.lab.sweep.outcome import Outcome, RunOutcome
from lipblend.lab.sweep.ranking import Ranking, rank
from lipblend.quality.headline import score_of
from lipblend.quality.record import Headline, PartResult

AXES = ["mask.erosion_frac=0.003,0.009", "alpha.gamma=0.5,1"]
Seen = Mapping[str, Sequence[float]]
"""Visibility of each part in each run."""


def made(number: int, grid: Grid, given: Seen | dict[str, float] | str) -> Outcome:
    """An outcome of visibilities by run, of values alone, or a failed one."""
    combination = grid.combinations[number]
    if isinstance(given, str):
        return Outcome(combination, failed=given)
    seen = {key: each for key, each in given.items() if not isinstance(each, float)}
    values = {key: each for key, each in given.items() if isinstance(each, float)}
    runs, headline = (RunOutcome(0, 30, values, {}),), None
    if seen:
        count = len(next(iter(seen.values())))
        runs = tuple(
            RunOutcome(20 * run, 10, values, {key: each[run] for key, each in seen.items()}) for run in range(count)
        )
        parts = sorted(
            (PartResult(key, max(each), 0.5, 20 * int(np.argmax(each)) + 3, ()) for key, each in seen.items()),
            key=lambda part: -part.visibility,
        )
        headline = Headline(score_of(part.visibility for part in parts), tuple(parts))
    return Outcome(
        combination, headline, values, runs,
        frames=30, blended=48, rows=50, plan_ms=1.0, render_ms=9.0 + number, memory_mb=5.5,
    )  # fmt: skip


def outcomes(grid: Grid, given: Sequence[Seen | dict[str, float] | str]) -> list[Outcome]:
    return [made(number, grid, each) for number, each in enumerate(given)]


def ranked(
    grid: Grid, given: Sequence[Seen | dict[str, float] | str], by: str = "headline", *, sampled: bool = True
) -> Ranking:
    return rank(outcomes(grid, given), grid.axes, by=by, sampled=sampled)
