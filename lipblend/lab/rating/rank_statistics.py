"""How well one number orders clips as another does. All take weights, so that clips can be resampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MIN_VARIANCE = 1e-9  # of ranks, which are multiples of one half: below is rounding


def roc_area(weights: NDArray[np.float64], values: NDArray[np.float64], low: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Area under the ROC curve: how often a clip of the class `low` has the lower value of a pair; ties count half.

    Source: it is the Mann-Whitney statistic, Hanley and McNeil, Radiology 143 (1982).

    Parameters
    ----------
    weights : (n, clips) float64
        How often each clip was drawn in n resamples.
    values : (clips,) float64
    low : (clips,) bool
        The class that should have the low values.

    Returns
    -------
    (n,) float64
        1: every value of the class `low` is below every other one; 0.5: no better than guessing; nan where a resample
        holds one class only.
    """
    lower, higher = values[low][None, :], values[~low][:, None]
    won = (higher > lower) + 0.5 * (higher == lower)
    of_high, of_low = weights[:, ~low], weights[:, low]
    pairs = of_high.sum(axis=1) * of_low.sum(axis=1)
    return _divided(((of_high @ won) * of_low).sum(axis=1), pairs)


def rank_correlation(
    weights: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Spearman's rank correlation, with the mean rank for ties: (n, clips), (clips,), (clips,) -> (n,).

    Nan where either is the same for all clips. Source: Spearman, Am. J. Psychol. 15 (1904).
    """
    x, y = (_centred_ranks(weights, values) for values in (first, second))
    variances = (weights * x**2).sum(axis=1) * (weights * y**2).sum(axis=1)
    return _divided((weights * x * y).sum(axis=1), np.sqrt(np.where(variances > _MIN_VARIANCE, variances, 0)))


def _centred_ranks(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks in each resample, minus their mean: (n, clips), (clips,) -> (n, clips)."""
    below = (values[:, None] < values[None, :]) + 0.5 * (values[:, None] == values[None, :])
    ranks = weights @ below
    centred: NDArray[np.float64] = ranks - (weights * ranks).sum(axis=1, keepdims=True) / weights.sum(
        axis=1, keepdims=True
    )
    return centred


def _divided(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
    quotients: NDArray[np.float64] = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
    return quotients
