"""Smoothing over time: zero-phase regression, exponential average, gap filling, outliers, fades."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

Series = npt.NDArray[np.floating[Any]]
Valid = npt.NDArray[np.bool_]

CUTOFF_SIGMAS = 3.0
"""Where the Gaussian weights are cut off, in standard deviations."""

_MIN_SAMPLES = 3  # for a parabola


def zero_phase(values: Series, valid: Valid, times_s: Series, *, sigma_s: float, order: int) -> Series:
    """Local polynomial regression with Gaussian weights over past and future frames.

    For every frame, a polynomial is fitted to its neighbours by weighted least squares and evaluated at the frame
    (Savitzky and Golay 1964 for even sampling; Cleveland 1979 for any). Symmetric weights have zero phase, so nothing
    lags; order 2 preserves peaks such as an opening mouth. Time stamps are used, so the frame rate may vary.

    Parameters
    ----------
    values : (n, k) float64
    valid : (n,) bool
        Rows to fit to. Other rows are interpolated if valid neighbours are in reach.
    times_s : (n,) float64
        Increasing.
    sigma_s : float
        Standard deviation of the weights, in seconds.
    order : int
        0 (weighted mean), 1 or 2. Lowered where too few neighbours are in reach.

    Returns
    -------
    (n, k) float64
        Rows without a valid neighbour in reach are unchanged.
    """
    out = values.copy()
    reach = CUTOFF_SIGMAS * sigma_s
    known = np.flatnonzero(valid)
    known_times = times_s[known]
    first = np.searchsorted(known_times, times_s - reach, side="left")
    last = np.searchsorted(known_times, times_s + reach, side="right")
    for row, (low, high) in enumerate(zip(first, last, strict=True)):
        if high <= low:
            continue
        offset = (known_times[low:high] - times_s[row]) / sigma_s
        weight = np.exp(-0.5 * offset**2)
        degree = min(order, high - low - 1 if high - low < _MIN_SAMPLES else order)
        basis = offset[:, None] ** np.arange(degree + 1)
        weighted = basis * weight[:, None]
        # Row 0 of the hat matrix reads the fit at the frame itself.
        kernel = np.linalg.lstsq(weighted.T @ basis, weighted.T, rcond=None)[0][0]
        out[row] = kernel @ values[known[low:high]]
    return out


def ema(values: Series, valid: Valid, *, weight: float) -> Series:
    """Exponential moving average: ``s = weight * x + (1 - weight) * s``. Causal, so it lags.

    Restarts after rows that are not valid; those are unchanged.
    """
    out = values.copy()
    state: Series | None = None
    for row in range(len(values)):
        if not valid[row]:
            state = None
            continue
        state = values[row] if state is None else weight * values[row] + (1 - weight) * state
        out[row] = state
    return out


def fill_gaps(values: Series, valid: Valid, times_s: Series, *, max_gap_s: float) -> tuple[Series, Valid]:
    """Fill short runs of missing rows by linear interpolation over time.

    Parameters
    ----------
    values : (n, k) float64
    valid : (n,) bool
    times_s : (n,) float64
    max_gap_s : float
        Longest gap that is filled, from the valid row before it to its last missing row. Gaps at either end are never
        filled.

    Returns
    -------
    values, valid
        Copies in which filled rows are valid; the same array of values if nothing was filled.
    """
    out, ok = values, valid.copy()
    known = np.flatnonzero(valid)
    for a, b in itertools.pairwise(known):
        missing_s = times_s[b - 1] - times_s[a]
        if b - a < 2 or missing_s > max_gap_s + 1e-9:
            continue
        share = ((times_s[a + 1 : b] - times_s[a]) / (times_s[b] - times_s[a]))[:, None]
        if out is values:
            out = values.copy()
        out[a + 1 : b] = values[a] * (1 - share) + values[b] * share
        ok[a + 1 : b] = True
    return out, ok


def reject_outliers(values: Series, valid: Valid, scale: Series, *, limit: float) -> Valid:
    """Drop rows that deviate from the median of their neighbours.

    A row is dropped if its mean absolute distance from the median of the five valid rows around it (including itself)
    exceeds ``limit * scale``. That drops a mesh that jumped elsewhere for a frame or two, but no fast or lasting
    motion.

    Parameters
    ----------
    values : (n, k) float64
    valid : (n,) bool
    scale : (n,) float64
        Face width in the same unit as the values.
    limit : float

    Returns
    -------
    (n,) bool
        A copy of ``valid`` with the outliers cleared.
    """
    ok = valid.copy()
    known = np.flatnonzero(valid)
    if len(known) < 5:
        return ok
    for place, row in enumerate(known):
        low = min(max(place - 2, 0), len(known) - 5)
        around = known[low : low + 5]
        middle = np.median(values[around], axis=0)
        ok[row] = np.abs(values[row] - middle).mean() <= limit * scale[row]
    return ok


def without_brief_runs(present: Valid, times_s: Series, *, min_s: float) -> Valid:
    """Clear the runs of present rows that are shorter than ``min_s``, between missing ones that are not.

    Runs at the ends of the shot count as long, present or missing: they begin or end with the cut.

    Parameters
    ----------
    present : (n,) bool
    times_s : (n,) float64
        Increasing. A run lasts until the row after it.
    min_s : float
        0 clears none.
    """
    out = present.copy()
    limits = np.concatenate([[0], np.flatnonzero(present[1:] != present[:-1]) + 1, [len(present)]])
    starts_s = np.concatenate([[-np.inf], times_s[limits[1:-1]], [np.inf]])
    short = np.diff(starts_s) < min_s - 1e-9
    for run in np.flatnonzero(short & present[limits[:-1]]).tolist():  # never the first nor the last
        if not short[run - 1] and not short[run + 1]:
            out[limits[run] : limits[run + 1]] = False
    return out


def ramp(present: Valid, times_s: Series, *, ramp_s: float) -> Series:
    """Weights in [0, 1] that fade linearly towards missing rows, on both sides of them.

    0 in missing rows; 1 from ``ramp_s`` away from the nearest one. There is no fade at the ends of the shot.
    """
    missing = times_s[~present]
    if len(missing) == 0 or ramp_s <= 0:
        return present.astype(np.float64)
    after = np.searchsorted(missing, times_s)
    padded = np.concatenate([[-np.inf], missing, [np.inf]])
    distance = np.minimum(times_s - padded[after], padded[after + 1] - times_s)
    step = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
    # Rounded: a frame at full weight shall not count as fading by the error of its time.
    return np.where(present, np.clip(np.round(distance / (ramp_s + step), 9), 0, 1), 0.0)


def moving_mean(values: Series, times_s: Series, *, reach_s: float) -> Series:
    """Mean of (n,) values over the rows that are at most ``reach_s`` away; ``times_s`` increasing."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    first = np.searchsorted(times_s, times_s - reach_s - 1e-9)
    stop = np.searchsorted(times_s, times_s + reach_s + 1e-9)
    return np.asarray((total[stop] - total[first]) / (stop - first))
