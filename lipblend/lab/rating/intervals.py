"""Shares with their intervals."""

from __future__ import annotations

import math
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
    """A share of a count.

    Parameters
    ----------
    count, of : int
    share : float or None
        ``count / of``; None of nothing.
    wilson : (float, float) or None
        95 % interval that takes the votes as independent.
    by_rater : (float, float) or None
        95 % interval over raters; None with fewer than two.
    """

    count: float
    of: int
    share: float | None
    wilson: tuple[float, float] | None
    by_rater: tuple[float, float] | None = None


def wilson(count: float, of: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval of a binomial share.

    Sources: Wilson, J. Am. Stat. Assoc. 22 (1927); advised for few trials by Brown, Cai and DasGupta, Stat. Sci. 16(2)
    (2001).

    Parameters
    ----------
    count : float
        Successes, 0 to `of`.
    of : int
        Trials, at least 1.
    confidence : float
        Within (0, 1).
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = count / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    # At the ends the bound is exact; rounding must not move it.
    return (0.0 if count == 0 else middle - half, 1.0 if count == of else middle + half)


def sign_test(first: int, second: int) -> float | None:
    """Exact two-sided p-value of `first` against `second` preferences being equally likely; None without any.

    Source: the sign test, Dixon and Mood, J. Am. Stat. Assoc. 41 (1946). No-difference votes are left out.
    """
    if first + second == 0:
        return None
    return float(binomtest(first, first + second, 0.5).pvalue)


def d_prime(hits: float, of_hits: int, alarms: float, of_alarms: int) -> float | None:
    """Sensitivity: z(hit rate) - z(false-alarm rate), with half a vote added to each cell; None without votes.

    Source: Green and Swets 1966; the correction is Hautus, Behav. Res. Methods 27 (1995).
    """
    if not of_hits or not of_alarms:
        return None
    normal = NormalDist()
    return normal.inv_cdf((hits + 0.5) / (of_hits + 1)) - normal.inv_cdf((alarms + 0.5) / (of_alarms + 1))


Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def over_raters(raters: int, statistic: Statistic, *, seed: int) -> tuple[float, float] | None:
    """Percentile interval of a statistic when whole raters are drawn with replacement (cluster bootstrap).

    Sources: Efron and Tibshirani 1993; clusters: Davison and Hinkley 1997, section 3.8. With few raters
    it is too narrow.

    Parameters
    ----------
    raters : int
        How many there are.
    statistic : callable
        Takes (n, raters) float64: how often each rater was drawn, for n draws; gives (n,) with nan where it is not
        defined.
    seed : int
        Of the random numbers.

    Returns
    -------
    (float, float) or None
        None with fewer than two raters, or where no draw defines the statistic.
    """
    if raters < 2:
        return None
    drawn = np.random.default_rng(seed).multinomial(raters, np.full(raters, 1 / raters), size=RESAMPLES)
    values = statistic(drawn.astype(np.float64))
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def ratio(
    weights: NDArray[np.float64], counts: NDArray[np.float64], totals: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share of weighted sums; nan where nothing was drawn. (n, raters), (raters,), (raters,) -> (n,)."""
    top, bottom = weights @ counts, weights @ totals
    shares: NDArray[np.float64] = np.divide(top, bottom, out=np.full(len(weights), np.nan), where=bottom > 0)
    return shares
