"""Colour fits over a shot: odd frames out, shapes calm, shifts held where they only tremble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lipblend.picture.smoothstep import smoothstep
from lipblend.plan import smoothing
from lipblend.plan.steady_meshes import parts
from lipblend.runtime.spill import StoredRows, StoredSequence
from lipblend.settings import ColourSettings
from lipblend.stages.colour.colour_map import ColourMap
from lipblend.stages.colour.fit import ColourFit, colour_map, fit
from lipblend.stages.colour.membrane import CELLS, Cells, Sample, smooth_cells
from lipblend.stages.colour.statistics import ColourStats

_AROUND = 5  # frames whose median a fit is held against
_ODD_STEPS = 4.0
_MEMBRANE_FLOOR = 0.02
_ROUNDING_S = 1e-6
_CELL_BANDS = 4.0  # a cell is seen through far fewer pixels than the whole skin, and trembles so much more

Series = npt.NDArray[np.float64]


def colour_maps(
    stats: Mapping[int, ColourStats], times_s: smoothing.Series, settings: ColourSettings
) -> Sequence[ColourMap]:
    """A colour map for every frame of one shot.

    A generator's cast changes from frame to frame, and the mean is known well, so the shift may follow it at once; the
    shape (gains, curve) is noisy, and is smoothed more. Frames without statistics take their neighbours'.

    Parameters
    ----------
    stats : mapping of int to ColourStats
        By row of ``times_s``; rows may be missing.
    times_s : (n,) float64
    settings : ColourSettings
    """
    if settings.method == "none" or not stats:
        return [ColourMap.affine("ycbcr", np.ones(3), np.zeros(3))] * len(times_s)
    rows = sorted(set(stats) - odd_rows(stats, settings))
    fits = [fit(stats[row], settings) for row in rows]
    shifts, centres = (np.stack(each) for each in ([f.shift for f in fits], [f.centre for f in fits]))
    shapes = np.stack([np.concatenate([f.knots, f.bend, f.tilt[None]]).ravel() for f in fits])
    valid = np.zeros(len(times_s), bool)
    valid[rows] = True
    calm = _smoothed(_filled(shapes, valid, times_s), valid, times_s, settings.gain_smooth_s)
    moves = _smoothed(_filled(shifts, valid, times_s), valid, times_s, settings.shift_smooth_s)
    moves = held(moves, valid, times_s, sigma_s=settings.gain_smooth_s, band=settings.hold_levels)
    middle = _filled(centres, valid, times_s)
    size = len(fits[0].knots)
    out: StoredSequence[ColourMap] = StoredSequence()
    for centre, shift, shape in zip(middle, moves, calm.reshape(len(times_s), -1, 3), strict=True):
        out.append(colour_map(ColourFit(centre, shift, shape[:size], shape[size:-1], shape[-1]), settings))
    return out


def odd_rows(stats: Mapping[int, ColourStats], settings: ColourSettings) -> set[int]:
    """Rows of one shot whose shift stands apart (`keep_usual`): their map and their membrane are their neighbours'.

    None where that would leave nothing.
    """
    if settings.method == "none" or not stats:
        return set()
    rows = sorted(stats)
    usual = keep_usual(np.stack([fit(stats[row], settings).shift for row in rows]), limit=settings.outlier_levels)
    return {row for row, kept in zip(rows, usual.tolist(), strict=True) if not kept} if usual.any() else set()


def membranes(
    samples: Mapping[int, Sample],
    maps: Sequence[ColourMap],
    times_s: smoothing.Series,
    settings: ColourSettings,
    matrix: npt.NDArray[np.float64],
) -> Sequence[Cells | None]:
    """For every frame of one shot what its colour map leaves, None for all where nothing is known or none is wanted.

    Parameters
    ----------
    samples : mapping of int to Sample
        By row of ``times_s``; see `lipblend.stages.colour.membrane.membrane_sample`. Without `odd_rows`: what their
        maps leave is the very jump that was not believed.
    maps : sequence of ColourMap
        One a row.
    times_s : (n,) float64
    settings : ColourSettings
    matrix : (3, 4) float64
        YCbCr to R'G'B'.
    """
    if not settings.membrane or not samples:
        return [None] * len(times_s)
    rows = np.array(sorted(samples))
    out = StoredRows((CELLS, CELLS, 3), np.float32)
    reach_s = 2 * smoothing.REACH * settings.gain_smooth_s + _ROUNDING_S  # what is held is smoothed twice
    for start, stop in parts(len(times_s)):
        low = int(np.searchsorted(times_s, times_s[start] - reach_s))
        high = int(np.searchsorted(times_s, times_s[stop - 1] + reach_s, "right"))
        # From the last row known before it to the first one after it, as what lies between is interpolated.
        first = max(int(np.searchsorted(rows, low, "right")) - 1, 0)
        end = min(int(np.searchsorted(rows, high - 1)) + 1, len(rows))
        some = rows[first:end]
        low, high = min(low, int(some[0])), max(high, int(some[-1]) + 1)
        left = np.stack([_left_over(samples[int(row)].astype(np.float64), maps[int(row)], matrix) for row in some])
        valid = np.zeros(high - low, bool)
        valid[some - low] = True
        flat = _filled(left.reshape(len(some), -1), valid, times_s[low:high])
        band = _CELL_BANDS * settings.hold_levels
        flat = held(flat, valid, times_s[low:high], sigma_s=settings.gain_smooth_s, band=band)
        out.extend(flat[start - low : stop - low].reshape(-1, CELLS, CELLS, 3).astype(np.float32))
    return out


def _left_over(sample: Series, mapped: ColourMap, matrix: npt.NDArray[np.float64]) -> Series:
    weight, ours, apart = sample[..., 0], sample[..., 1:4], sample[..., 4:]
    theirs = mapped.apply((ours + apart).astype(np.float32), matrix)
    return smooth_cells(ours - theirs, weight, _MEMBRANE_FLOOR)


def keep_usual(values: Series, *, limit: float) -> smoothing.Valid:
    """Which rows do not stand apart from the median of the five around them.

    A row is dropped when any column is further off than ``limit``, and than four times the median step from row to
    row: a generator that pumps does so all the time, a failed fit stands alone.

    Parameters
    ----------
    values : (n, k) float64
    limit : float

    Returns
    -------
    (n,) bool
    """
    count = len(values)
    if count < _AROUND:
        return np.ones(count, bool)
    low = np.clip(np.arange(count) - _AROUND // 2, 0, count - _AROUND)
    apart = np.abs(values - np.median(values[low[:, None] + np.arange(_AROUND)], axis=1))
    usual = np.maximum(limit, _ODD_STEPS * np.median(np.abs(np.diff(values, axis=0)), axis=0))
    return np.asarray(np.all(apart <= usual, axis=1))


def held(values: Series, valid: smoothing.Valid, times_s: smoothing.Series, *, sigma_s: float, band: float) -> Series:
    """Values held at their slow course where they tremble about it by less than a band, and followed where by more.

    ``y = slow + share * (x - slow)``, column by column. ``slow`` is the Gaussian mean of ``sigma_s``; the share rises
    smoothly from 0 to 1 while the departure, the row's own or the root mean square of those around it, grows from the
    band to twice it. So a lonely change is followed, and pumping is followed whole, its zero crossings included.
    Symmetric in time.

    Parameters
    ----------
    values : (n, k) float64
    valid : (n,) bool
    times_s : (n,) float64
    sigma_s : float
        0 holds nothing.
    band : float
        0 holds nothing.
    """
    if band <= 0 or sigma_s <= 0:
        return values
    slow = _smoothed(values, valid, times_s, sigma_s)
    apart = values - slow
    around = np.sqrt(np.maximum(_smoothed(apart**2, valid, times_s, sigma_s), 0))
    return slow + smoothstep(np.maximum(np.abs(apart), around) / band - 1) * apart


def _filled(known: Series, valid: smoothing.Valid, times_s: smoothing.Series) -> Series:
    """Missing rows interpolated, the nearest one's beyond the ends."""
    return np.stack([np.interp(times_s, times_s[valid], column) for column in known.T], axis=1)


def _smoothed(values: Series, valid: smoothing.Valid, times_s: smoothing.Series, sigma_s: float) -> Series:
    if sigma_s <= 0:
        return values
    return np.asarray(smoothing.zero_phase(values, valid, times_s, sigma_s=sigma_s, order=0), np.float64)
