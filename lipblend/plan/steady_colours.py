"""Colour maps and membranes over a shot: outliers removed, shapes smoothed, small variations of shifts suppressed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lipblend.picture.smoothstep import smoothstep
from lipblend.plan import smoothing
from lipblend.plan.steady_meshes import blocks
from lipblend.runtime.spill import StoredRows, StoredSequence
from lipblend.settings import ColourSettings
from lipblend.stages.colour.colour_map import ColourMap
from lipblend.stages.colour.fit import ColourFit, colour_map, fit
from lipblend.stages.colour.membrane import CELLS, Cells, Sample, smooth_cells
from lipblend.stages.colour.statistics import ColourStats

_MEDIAN_ROWS = 5
_MAX_STEPS = 4.0  # from the local median, in median steps from row to row
_MEMBRANE_FLOOR = 0.02
_ROUNDING_S = 1e-6
_CELL_BANDS = 4.0  # a cell has far fewer pixels than the whole skin, so it is noisier

Series = npt.NDArray[np.float64]


def colour_maps(
    stats: Mapping[int, ColourStats], times_s: smoothing.Series, settings: ColourSettings
) -> Sequence[ColourMap]:
    """A colour map for every frame of one shot.

    A generator's colour cast changes from frame to frame, and its mean is measured precisely, so the shift may follow
    at once. The shape (gains, curve) is noisy and is smoothed more. Frames without statistics use their neighbours'.

    Parameters
    ----------
    stats : mapping of int to ColourStats
        By row of ``times_s``; rows may be missing.
    times_s : (n,) float64
    settings : ColourSettings
    """
    if settings.method == "none" or not stats:
        return [ColourMap.affine("ycbcr", np.ones(3), np.zeros(3))] * len(times_s)
    rows = sorted(set(stats) - outlier_rows(stats, settings))
    fits = [fit(stats[row], settings) for row in rows]
    shifts, centres = (np.stack(each) for each in ([f.shift for f in fits], [f.centre for f in fits]))
    shapes = np.stack([np.concatenate([f.knots, f.bend, f.tilt[None]]).ravel() for f in fits])
    valid = np.zeros(len(times_s), bool)
    valid[rows] = True
    shapes = _smoothed(_interpolated(shapes, valid, times_s), valid, times_s, settings.gain_smooth_s)
    shapes = shapes.reshape(len(times_s), -1, 3)
    shifts = _smoothed(_interpolated(shifts, valid, times_s), valid, times_s, settings.shift_smooth_s)
    shifts = suppress_variations(shifts, valid, times_s, sigma_s=settings.gain_smooth_s, band=settings.hold_levels)
    size = len(fits[0].knots)
    out: StoredSequence[ColourMap] = StoredSequence()
    for centre, shift, shape in zip(_interpolated(centres, valid, times_s), shifts, shapes, strict=True):
        out.append(colour_map(ColourFit(centre, shift, shape[:size], shape[size:-1], shape[-1]), settings))
    return out


def outlier_rows(stats: Mapping[int, ColourStats], settings: ColourSettings) -> set[int]:
    """Rows of one shot whose shift is an outlier (see `inliers`); they use their neighbours' map and membrane.

    Empty if all rows are outliers.
    """
    if settings.method == "none" or not stats:
        return set()
    rows = sorted(stats)
    kept = inliers(np.stack([fit(stats[row], settings).shift for row in rows]), limit=settings.outlier_levels)
    return {row for row, inlier in zip(rows, kept.tolist(), strict=True) if not inlier} if kept.any() else set()


def membranes(
    samples: Mapping[int, Sample],
    maps: Sequence[ColourMap],
    times_s: smoothing.Series,
    settings: ColourSettings,
    matrix: npt.NDArray[np.float64],
) -> Sequence[Cells | None]:
    """The colour difference that the colour map leaves, for every frame of one shot; None if it is off or not measured.

    Parameters
    ----------
    samples : mapping of int to Sample
        By row of ``times_s``; see `lipblend.stages.colour.membrane.membrane_sample`. Without `outlier_rows`, because
        what their maps leave is the jump that was rejected.
    maps : sequence of ColourMap
        One per row.
    times_s : (n,) float64
    settings : ColourSettings
    matrix : (3, 4) float64
        YCbCr to R'G'B'.
    """
    if not settings.membrane or not samples:
        return [None] * len(times_s)
    rows = np.array(sorted(samples))
    out = StoredRows((CELLS, CELLS, 3), np.float32)
    reach_s = 2 * smoothing.CUTOFF_SIGMAS * settings.gain_smooth_s + _ROUNDING_S  # `suppress_variations` smooths twice
    for start, stop in blocks(len(times_s)):
        low = int(np.searchsorted(times_s, times_s[start] - reach_s))
        high = int(np.searchsorted(times_s, times_s[stop - 1] + reach_s, "right"))
        # Rows between are interpolated, so include the last sample before and the first one after.
        first = max(int(np.searchsorted(rows, low, "right")) - 1, 0)
        end = min(int(np.searchsorted(rows, high - 1)) + 1, len(rows))
        near = rows[first:end]
        low, high = min(low, int(near[0])), max(high, int(near[-1]) + 1)
        left = np.stack([_left_over(samples[int(row)].astype(np.float64), maps[int(row)], matrix) for row in near])
        valid = np.zeros(high - low, bool)
        valid[near - low] = True
        flat = _interpolated(left.reshape(len(near), -1), valid, times_s[low:high])
        band = _CELL_BANDS * settings.hold_levels
        flat = suppress_variations(flat, valid, times_s[low:high], sigma_s=settings.gain_smooth_s, band=band)
        out.extend(flat[start - low : stop - low].reshape(-1, CELLS, CELLS, 3).astype(np.float32))
    return out


def _left_over(sample: Series, mapped: ColourMap, matrix: npt.NDArray[np.float64]) -> Series:
    weight, original, difference = sample[..., 0], sample[..., 1:4], sample[..., 4:]
    synced = mapped.apply((original + difference).astype(np.float32), matrix)
    return smooth_cells(original - synced, weight, _MEMBRANE_FLOOR)


def inliers(values: Series, *, limit: float) -> smoothing.Valid:
    """Which rows are close to the median of the five rows around them.

    A row is an outlier if any column deviates by more than ``limit``, and by more than four times the median step from
    row to row. A generator that pumps does so all the time; a failed fit is isolated.

    Parameters
    ----------
    values : (n, k) float64
    limit : float

    Returns
    -------
    (n,) bool
    """
    count = len(values)
    if count < _MEDIAN_ROWS:
        return np.ones(count, bool)
    low = np.clip(np.arange(count) - _MEDIAN_ROWS // 2, 0, count - _MEDIAN_ROWS)
    deviation = np.abs(values - np.median(values[low[:, None] + np.arange(_MEDIAN_ROWS)], axis=1))
    bound = np.maximum(limit, _MAX_STEPS * np.median(np.abs(np.diff(values, axis=0)), axis=0))
    return np.asarray(np.all(deviation <= bound, axis=1))


def suppress_variations(
    values: Series, valid: smoothing.Valid, times_s: smoothing.Series, *, sigma_s: float, band: float
) -> Series:
    """Replace variations within a dead band by the slow mean, and keep larger ones.

    ``y = slow + share * (x - slow)``, column by column. ``slow`` is the Gaussian mean of ``sigma_s``. The share rises
    smoothly from 0 to 1 while the deviation grows from the band to twice the band; the deviation is the row's own or
    the local root mean square, whichever is larger. So an isolated change is kept, and pumping is kept in full,
    including its zero crossings. Symmetric in time.

    Parameters
    ----------
    values : (n, k) float64
    valid : (n,) bool
    times_s : (n,) float64
    sigma_s : float
        0 returns the values unchanged.
    band : float
        0 returns the values unchanged.
    """
    if band <= 0 or sigma_s <= 0:
        return values
    slow = _smoothed(values, valid, times_s, sigma_s)
    deviation = values - slow
    local = np.sqrt(np.maximum(_smoothed(deviation**2, valid, times_s, sigma_s), 0))
    return slow + smoothstep(np.maximum(np.abs(deviation), local) / band - 1) * deviation


def _interpolated(known: Series, valid: smoothing.Valid, times_s: smoothing.Series) -> Series:
    """Missing rows interpolated linearly; before the first and after the last known row, its value."""
    return np.stack([np.interp(times_s, times_s[valid], column) for column in known.T], axis=1)


def _smoothed(values: Series, valid: smoothing.Valid, times_s: smoothing.Series, sigma_s: float) -> Series:
    if sigma_s <= 0:
        return values
    return np.asarray(smoothing.zero_phase(values, valid, times_s, sigma_s=sigma_s, order=0), np.float64)
