"""Grain: the original's noise that the synced picture lacks, measured by brightness and synthesised for each frame.

Noise is the residual over a Gaussian of sigma 1.5 px, in the flattest part of what both pictures show. Only the
difference between the two pictures' noise is added, with the original's correlation between neighbouring pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.detail.scale import downsample, downsampled_sigma, downsampling_step, gaussian, upsample

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

_HIGH_PASS_PX = 1.5
_BRIGHTNESS_PX = 3.0
_FILTER_REACH_PX = 14  # of both Gaussians, one after the other
_BIN_LEVELS = 32
_MIN_PIXELS = 200
_LARGE_PATCH_PX = 40_000  # patches of this size are read at every second pixel each way
_FLAT_SHARE = 0.4
_INLIER_SHARE = 0.9
_NORMAL_MEAN = 0.6574  # of |x| below its 0.9 quantile, x standard normal
_TAPS = np.linspace(0, 0.7, 15)


@dataclass(frozen=True)
class Grain:
    """Missing noise.

    Attributes
    ----------
    levels : (n,) float64
        Luma, ascending. Empty: nothing is missing, or nothing is known.
    sigma : (n,) float64
        Standard deviation of the noise to add at that luma, 8-bit levels; interpolated linearly.
    tap : float
        The noise is white noise under the separable kernel (tap, 1, tap), normalised.
    """

    levels: npt.NDArray[np.float64]
    sigma: npt.NDArray[np.float64]
    tap: float


NO_GRAIN = Grain(np.zeros(0), np.zeros(0), 0.0)


def missing_grain(original: Plane, synced: Plane, where: Mask) -> Grain:
    """The original's noise minus the synced picture's, from their luma (best not resampled) where both show the same.

    Variances are subtracted per bin of 32 levels of luma, each over the flattest 40 % of pixels and robustly (mean of
    the lower 90 % of absolute residuals). Bins with less than 200 such pixels are left out.
    """
    step = 2 if where.size >= _LARGE_PATCH_PX else 1
    around = _around(where)
    original, synced, where = original[around], synced[around], where[around]
    if np.count_nonzero(where[::step, ::step]) < _MIN_PIXELS:
        return NO_GRAIN
    smooth_original, smooth_synced = (gaussian(luma, _HIGH_PASS_PX) for luma in (original, synced))
    residual = original - smooth_original
    thin, thin_synced = (np.ascontiguousarray(each[::step, ::step]) for each in (smooth_original, smooth_synced))
    rows, columns = _flattest(np.maximum(_slope(thin), _slope(thin_synced)), where[::step, ::step])
    if rows.size < _MIN_PIXELS:
        return NO_GRAIN
    wider = (_BRIGHTNESS_PX**2 - _HIGH_PASS_PX**2) ** 0.5 / step
    brightness = gaussian(thin, wider)[rows, columns]
    rows, columns = rows * step, columns * step
    noise, synced_noise = residual[rows, columns], (synced - smooth_synced)[rows, columns]
    tap, passed = _kernel(_neighbour_correlation(residual, noise, rows, columns))
    place = (brightness // _BIN_LEVELS).astype(np.int32)
    levels, sigma = [], []
    for index in range(int(place.min()), int(place.max()) + 1):
        in_bin = place == index
        if np.count_nonzero(in_bin) < _MIN_PIXELS:
            continue
        lack = _deviation(noise[in_bin]) ** 2 - _deviation(synced_noise[in_bin]) ** 2
        levels.append(float(brightness[in_bin].mean(dtype=np.float64)))
        sigma.append(max(0.0, lack) ** 0.5 / passed)
    if not any(sigma):
        return NO_GRAIN
    return Grain(np.array(levels), np.array(sigma), tap)


def grain_plane(luma: Plane, grain: Grain, *, frame: int, x0: int, y0: int) -> Plane:
    """The noise to add to a picture, (h, w) float32 levels; its luma decides on the amount.

    Each frame has its own noise. ``x0, y0`` is the position of the picture's corner in the frame: a pixel of the frame
    has the same noise in every picture.
    """
    height, width = luma.shape
    if grain.levels.size == 0:
        return np.zeros_like(luma)
    white = _white_noise(frame, x0 - 1, y0 - 1, width + 2, height + 2)
    taps = np.array([grain.tap, 1, grain.tap])
    kernel = (taps / np.sqrt((taps**2).sum())).astype(np.float32)
    noise = np.asarray(cv2.sepFilter2D(white, cv2.CV_32F, kernel, kernel)[1:-1, 1:-1], np.float32)
    # Brightness is smooth: the amount is computed at a smaller size.
    step = downsampling_step(_BRIGHTNESS_PX)
    brightness = gaussian(downsample(luma, step), downsampled_sigma(_BRIGHTNESS_PX, step))
    sigma = np.interp(brightness, grain.levels, grain.sigma).astype(np.float32)
    noise *= upsample(sigma, luma.shape, step)
    return noise


def _white_noise(frame: int, x0: int, y0: int, width: int, height: int) -> Plane:
    """Noise of mean 0 and variance 1, the sum of the four bytes of a hash of frame and position."""
    x = np.arange(x0, x0 + width, dtype=np.int64).astype(np.uint32)[None]
    y = np.arange(y0, y0 + height, dtype=np.int64).astype(np.uint32)[:, None]
    mixed = _hash(_hash(_hash(np.full((1, 1), frame & 0xFFFFFFFF, np.uint32)) ^ y) ^ x)
    pairs = (mixed & np.uint32(0x00FF00FF)) + (mixed >> np.uint32(8) & np.uint32(0x00FF00FF))
    total = ((pairs * np.uint32(0x00010001)) >> np.uint32(16)).astype(np.float32)
    total -= np.float32(4 * 127.5)
    total *= np.float32(1 / (4 * (256**2 - 1) / 12) ** 0.5)
    return total


def _hash(value: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """A bijective hash of 32 bits: an odd constant added, then xor-shifts and odd factors."""
    value = value + np.uint32(0x9E3779B9)
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        value ^= value >> np.uint32(shift)
        value *= np.uint32(factor)
    value ^= value >> np.uint32(15)
    return value


def _around(where: Mask) -> tuple[slice, slice]:
    """Rows and columns that hold a mask and what the filters read around it, starting at even ones."""
    x, y, width, height = cv2.boundingRect(where.view(np.uint8))
    left, top = (max(0, first - _FILTER_REACH_PX) // 2 * 2 for first in (x, y))
    return slice(top, y + height + _FILTER_REACH_PX), slice(left, x + width + _FILTER_REACH_PX)


def _slope(smooth: Plane) -> Plane:
    along_x, along_y = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(along_x, along_y), np.float32)


def _flattest(slope: Plane, where: Mask) -> tuple[Places, Places]:
    """Rows and columns of the flattest pixels of a mask."""
    rows, columns = np.nonzero(where)
    steep = slope[rows, columns]
    limit = int(_FLAT_SHARE * (steep.size - 1))
    flat = steep <= np.partition(steep, limit)[limit]
    return rows[flat], columns[flat]


def _deviation(residual: Plane) -> float:
    """Robust standard deviation."""
    size = np.abs(residual).astype(np.float64)
    count = max(1, int(_INLIER_SHARE * size.size))
    if count < size.size:
        size.partition(count)
    return float(size[:count].mean() / _NORMAL_MEAN)


def _neighbour_correlation(residual: Plane, values: Plane, rows: Places, columns: Places) -> float:
    """Correlation with the right and the lower neighbour at some places, where the residual is ``values``."""
    height, width = residual.shape
    right = residual[rows, np.minimum(columns + 1, width - 1)]
    below = residual[np.minimum(rows + 1, height - 1), columns]
    product = float((values * right + values * below).sum(dtype=np.float64))
    power = float((2 * values * values + right * right + below * below).sum(dtype=np.float64)) / 2
    return product / max(power, 1e-9)


def _kernel(correlation: float) -> tuple[float, float]:
    """The tap whose noise has this correlation after the high-pass, and the share of its deviation that passes."""
    seen, passed = _responses()
    tap = float(np.interp(correlation, seen, _TAPS))
    return tap, float(np.interp(tap, _TAPS, passed))


@cache
def _responses() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Per tap: correlation of neighbours after the high-pass, and the share of the deviation that passes."""
    seen, passed = [], []
    for tap in _TAPS:
        taps = np.array([tap, 1, tap]) / np.sqrt(1 + 2 * tap**2)
        impulse = np.zeros((33, 33), np.float32)
        impulse[15:18, 15:18] = np.outer(taps, taps)
        response = impulse - gaussian(impulse, _HIGH_PASS_PX)
        power = (response**2).sum()
        seen.append((response[:, 1:] * response[:, :-1]).sum() / power)
        passed.append(power**0.5)
    return np.array(seen), np.array(passed)
