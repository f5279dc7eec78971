"""Runs of broken synced frames, and the good frames beside them that bridge them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lipblend.plan.smoothing import Valid

_ROUNDING_S = 1e-6


def bridged_rows(
    broken: Collection[int], good: Valid, times_s: npt.NDArray[np.float64], *, max_s: float
) -> Mapping[int, tuple[int, ...]]:
    """Which broken rows of a shot are bridged, and the good rows just before and after their run.

    A run is bridged if it lasts at most ``max_s``, and if at least one of its two neighbours is good. At the beginning
    or end of a shot, or beside frames without a face, there is only one.

    Parameters
    ----------
    broken : collection of int
        Rows.
    good : (n,) bool
        Rows that are blended and not broken.
    times_s : (n,) float64
    max_s : float
        Seconds; 0 bridges nothing.
    """
    bridged: dict[int, tuple[int, ...]] = {}
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
    for first, last in _runs(broken):
        ends = tuple(row for row in (first - 1, last + 1) if 0 <= row < len(good) and good[row])
        if ends and times_s[last] - times_s[first] + step_s <= max_s + _ROUNDING_S:
            bridged.update(dict.fromkeys(range(first, last + 1), ends))
    return bridged


def share_of_second(row: int, ends: tuple[int, ...], times_s: npt.NDArray[np.float64]) -> float:
    """How far a row lies on the way from one end to the other, in [0, 1]; 0 with one end."""
    first, last = times_s[ends[0]], times_s[ends[-1]]
    return float((times_s[row] - first) / (last - first)) if last > first else 0.0


def _runs(rows: Collection[int]) -> Iterator[tuple[int, int]]:
    """First and last of the consecutive rows."""
    ordered = sorted(rows)
    starts = [0, *(place for place, (a, b) in enumerate(pairwise(ordered), 1) if b != a + 1), len(ordered)]
    for a, b in pairwise(starts):
        if b > a:
            yield ordered[a], ordered[b - 1]
