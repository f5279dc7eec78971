"""Grain: the noise of the original that the synced picture lacks, measured by brightness, made afresh for each frame.

Noise is measured in the flattest part of what both pictures show, as the residual over a Gaussian of sigma 1.5 px, so
no more is added than that the one has and the other lacks, and with the original's correlation from pixel to pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.detail.scale import enlarged, gaussian, inner_sigma, reduced, smooth_step

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

_HIGH_PX = 1.5
_BRIGHTNESS_PX = 3.0
_SEEN_PX = 14  # a Gaussian of the one over a Gaussian of the other
_BIN_LEVELS = 32
_LEAST_PIXELS = 200
_LARGE_PATCH_PX = 40_000  # from this size on a quarter of the pixels tells the noise
_FLAT_SHARE = 0.4
_KEPT = 0.9
_NORMAL_MEAN = 0.6574  # of |x| below its 0.9 quantile, x standard normal
_TAPS = np.linspace(0, 0.7, 15)


@dataclass(frozen=True)
class Grain:
    """The noise that is missing.

    Attributes
    ----------
    levels : (n,) float64
        Luma, rising. Empty: nothing is missing, or nothing is known.
    sigma : (n,) float64
        Standard deviation of the noise to be added at that luma, 8-bit levels; between them linear.
    tap : float
        The noise is white noise under the separable kernel (tap, 1, tap), normalised.
    """

    levels: npt.NDArray[np.float64]
    sigma: npt.NDArray[np.float64]
    tap: float


NOTHING = Grain(np.zeros(0), np.zeros(0), 0.0)


def missing_grain(original: Plane, synced: Plane, where: Mask) -> Grain:
    """The original's noise less the synced picture's.

    Parameters
    ----------
    original, synced : (h, w) float32
        Luma of two pictures of the same thing, neither of them resampled if that can be helped.
    where : (h, w) bool
        Where they are that.

    Returns
    -------
    Grain
        Variances are subtracted per 32 levels of luma, each over its flattest 40 % of pixels, robustly (mean of the
        lower 90 % of the residual's size). Bins with less than 200 such pixels are left out; large patches are read at
        every second pixel each way.
    """
    step = 2 if where.size >= _LARGE_PATCH_PX else 1
    about = _about(where)
    original, synced, where = original[about], synced[about], where[about]
    if np.count_nonzero(where[::step, ::step]) < _LEAST_PIXELS:
        return NOTHING
    softs = [gaussian(luma, _HIGH_PX) for luma in (original, synced)]
    ours, theirs = original - softs[0], synced - softs[1]
    thin = [np.ascontiguousarray(soft[::step, ::step]) for soft in softs]
    slope = np.maximum(*(_slope(soft) for soft in thin))
    rows, columns = np.nonzero(where[::step, ::step])
    steep = slope[rows, columns]
    flattest = int(_FLAT_SHARE * (steep.size - 1))
    calm = steep <= np.partition(steep, flattest)[flattest]
    rows, columns = rows[calm], columns[calm]
    if rows.size < _LEAST_PIXELS:
        return NOTHING
    wider = (_BRIGHTNESS_PX**2 - _HIGH_PX**2) ** 0.5 / step
    smooth = gaussian(thin[0], wider)[rows, columns]
    rows, columns = rows * step, columns * step
    own, other = ours[rows, columns], theirs[rows, columns]
    tap, passed = _kernel(_neighbours(ours, own, rows, columns))
    place = (smooth // _BIN_LEVELS).astype(np.int32)
    levels, sigma = [], []
    for bin_ in range(int(place.min()), int(place.max()) + 1):
        here = place == bin_
        if np.count_nonzero(here) < _LEAST_PIXELS:
            continue
        lack = _spread(own[here]) ** 2 - _spread(other[here]) ** 2
        levels.append(float(smooth[here].mean(dtype=np.float64)))
        sigma.append(max(0.0, lack) ** 0.5 / passed)
    if not any(sigma):
        return NOTHING
    return Grain(np.array(levels), np.array(sigma), tap)


def grain_plane(luma: Plane, grain: Grain, *, frame: int, x0: int, y0: int) -> Plane:
    """The noise to be added to a picture.

    Parameters
    ----------
    luma : (h, w) float32
        It decides on the amount.
    grain : Grain
    frame : int
        Number of the frame: each has its own noise.
    x0, y0 : int
        Place of the picture's corner in the frame. The same pixel of the same frame has the same noise in any picture.

    Returns
    -------
    (h, w) float32
        Levels.
    """
    height, width = luma.shape
    if grain.levels.size == 0:
        return np.zeros_like(luma)
    white = _white(frame, x0 - 1, y0 - 1, width + 2, height + 2)
    taps = np.array([grain.tap, 1, grain.tap])
    kernel = (taps / np.sqrt((taps**2).sum())).astype(np.float32)
    noise = np.asarray(cv2.sepFilter2D(white, cv2.CV_32F, kernel, kernel)[1:-1, 1:-1], np.float32)
    # Brightness is smooth: what goes with it is worked out small.
    step = smooth_step(_BRIGHTNESS_PX)
    smooth = gaussian(reduced(luma, step), inner_sigma(_BRIGHTNESS_PX, step))
    sigma = np.interp(smooth, grain.levels, grain.sigma).astype(np.float32)
    noise *= enlarged(sigma, luma.shape, step)
    return noise


def _white(frame: int, x0: int, y0: int, width: int, height: int) -> Plane:
    """Noise of mean 0 and variance 1, the sum of a hash's four bytes: a function of frame and place alone."""
    x = np.arange(x0, x0 + width, dtype=np.int64).astype(np.uint32)[None]
    y = np.arange(y0, y0 + height, dtype=np.int64).astype(np.uint32)[:, None]
    mixed = _scrambled(_scrambled(_scrambled(np.full((1, 1), frame & 0xFFFFFFFF, np.uint32)) ^ y) ^ x)
    pairs = (mixed & np.uint32(0x00FF00FF)) + (mixed >> np.uint32(8) & np.uint32(0x00FF00FF))
    total = ((pairs * np.uint32(0x00010001)) >> np.uint32(16)).astype(np.float32)
    total -= np.float32(4 * 127.5)
    total *= np.float32(1 / (4 * (256**2 - 1) / 12) ** 0.5)
    return total


def _scrambled(value: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """A one-to-one scrambling of 32 bits: additions of an odd constant, xor-shifts and odd products."""
    value = value + np.uint32(0x9E3779B9)
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        value ^= value >> np.uint32(shift)
        value *= np.uint32(factor)
    value ^= value >> np.uint32(15)
    return value


def _about(where: Mask) -> tuple[slice, slice]:
    """Rows and columns that hold a mask, with as much about it as the filters see; from even ones on."""
    x, y, width, height = cv2.boundingRect(where.view(np.uint8))
    left, top = (max(0, first - _SEEN_PX) // 2 * 2 for first in (x, y))
    return slice(top, y + height + _SEEN_PX), slice(left, x + width + _SEEN_PX)


def _slope(soft: Plane) -> Plane:
    return np.asarray(cv2.magnitude(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)), np.float32)


def _spread(residual: Plane) -> float:
    size = np.abs(residual).astype(np.float64)
    kept = max(1, int(_KEPT * size.size))
    if kept < size.size:
        size.partition(kept)
    return float(size[:kept].mean() / _NORMAL_MEAN)


def _neighbours(residual: Plane, own: Plane, rows: Places, columns: Places) -> float:
    """Correlation of next neighbours, both directions together, at some places (``own``: the residual there)."""
    height, width = residual.shape
    right = residual[rows, np.minimum(columns + 1, width - 1)]
    below = residual[np.minimum(rows + 1, height - 1), columns]
    product = float((own * right + own * below).sum(dtype=np.float64))
    power = float((2 * own * own + right * right + below * below).sum(dtype=np.float64)) / 2
    return product / max(power, 1e-9)


def _kernel(correlation: float) -> tuple[float, float]:
    """The tap whose noise has this correlation under the high-pass, and the share of its deviation that passes that."""
    seen, passed = _responses()
    tap = float(np.interp(correlation, seen, _TAPS))
    return tap, float(np.interp(tap, _TAPS, passed))


@cache
def _responses() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For each tap: correlation of neighbours after the high-pass, and what passes it."""
    seen, passed = [], []
    for tap in _TAPS:
        taps = np.array([tap, 1, tap]) / np.sqrt(1 + 2 * tap**2)
        impulse = np.zeros((33, 33), np.float32)
        impulse[15:18, 15:18] = np.outer(taps, taps)
        response = impulse - gaussian(impulse, _HIGH_PX)
        power = (response**2).sum()
        seen.append((response[:, 1:] * response[:, :-1]).sum() / power)
        passed.append(power**0.5)
    return np.array(seen), np.array(passed)
