"""Shares with confidence intervals, and tests of votes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

CONFIDENCE = 0.95
RESAMPLES = 4000


@dataclass(frozen=True)
class Share:
    """A share of a count, ``count / of``, None if ``of`` is 0; with 95 % intervals.

    `wilson` treats the votes as independent; `by_rater` resamples raters, and is None with fewer than two.
    """

    count: float
    of: int
    share: float | None
    wilson: tuple[float, float] | None
    by_rater: tuple[float, float] | None = None


def wilson(count: int, of: int) -> tuple[float, float]:
    """95 % Wilson score interval of ``count`` successes in ``of`` trials, at least 1.

    Sources: Wilson, J. Am. Stat. Assoc. 22 (1927); recommended for few trials by Brown, Cai and DasGupta, Stat. Sci.
    16(2) (2001).
    """
    interval = binomtest(count, of).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def sign_test(first: int, second: int) -> float | None:
    """Exact two-sided p-value for equal preference of the first and the second; None without votes.

    Source: the sign test, Dixon and Mood, J. Am. Stat. Assoc. 41 (1946). Votes for no difference are left out.
    """
    if first + second == 0:
        return None
    return float(binomtest(first, first + second, 0.5).pvalue)


def d_prime(hits: float, of_hits: int, alarms: float, of_alarms: int) -> float | None:
    """Sensitivity: z(hit rate) - z(false-alarm rate), with half a vote added to each cell; None without votes.

    Source: Green and Swets 1966; the correction is by Hautus, Behav. Res. Methods 27 (1995).
    """
    if not of_hits or not of_alarms:
        return None
    normal = NormalDist()
    return normal.inv_cdf((hits + 0.5) / (of_hits + 1)) - normal.inv_cdf((alarms + 0.5) / (of_alarms + 1))


Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def bootstrap(units: int, statistic: Statistic, *, seed: int) -> tuple[float, float] | None:
    """95 % percentile interval of a statistic when whole units are resampled (cluster bootstrap): raters, or clips.

    It is too narrow with few units. Sources: Efron and Tibshirani 1993; clusters: Davison and Hinkley 1997, section
    3.8.

    Parameters
    ----------
    units : int
    statistic : callable
        Takes (n, units) float64, how often each unit was drawn in n resamples; returns (n,), nan where undefined.
    seed : int

    Returns
    -------
    (float, float) or None
        None with fewer than two units, or if no resample defines the statistic.
    """
    if units < 2:
        return None
    weights = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=RESAMPLES)
    values = statistic(weights.astype(np.float64))
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def weighted_share(
    weights: NDArray[np.float64], counts: NDArray[np.float64], totals: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share of weighted sums, nan where the total is 0: (n, raters), (raters,), (raters,) -> (n,)."""
    top, bottom = weights @ counts, weights @ totals
    shares: NDArray[np.float64] = np.divide(top, bottom, out=np.full(len(weights), np.nan), where=bottom > 0)
    return shares
