"""Estimate of alpha from the pictures alone, for a result whose settings are unknown."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality.view import Patch3

Plane = npt.NDArray[np.float32]

_MAX_FACE_PX = 128.0  # the estimate is made at this face width at most
_COARSE_FRAC = 0.06  # coarser differences are ignored in the first estimate
_PREFILTER_FRAC = 0.006  # encoders remove fine detail of result and synced alike, which would look like alpha
_WINDOW_FRAC = 0.012  # Gaussian window of the least squares
_HALF_CONFIDENCE = 3.0  # noise deviations of a difference that counts half
_MIN_NOISE = 0.3  # rounding to whole levels
_MAX_SHIFT_LEVELS = 12.0  # between the synced picture and the part of it in the result
_CLOSE_FRAC = 0.06  # gaps up to twice this width are closed
_REACH_FRAC = 0.1  # alpha ends this far outside the pixels that certainly were taken
_MIN_AREA = 0.002  # smaller islands are noise, w_f squared
_FILL_FRACS = (0.01, 0.02, 0.04, 0.08, 0.16)


def estimate_alpha(
    original: Patch3, synced: Patch3, result: Patch3, *, face_width_px: float, noise: float | None = None
) -> Plane:
    """Estimate the share of the synced picture in a result.

    With ``d = synced - original`` and ``r = result - original``, all slightly low-passed, alpha is the least squares
    slope ``<r, d> / <d, d>`` in a Gaussian window over the three channels. A level shift of the synced picture (a
    colour match by the tool that made the result) is estimated as well and added to d.

    Where original and synced differ by no more than the noise, alpha is interpolated from its surroundings (normalised
    convolution, Knutsson and Westin 1993, at growing widths). The pixels that certainly were taken are closed to
    regions without holes; farther than 0.1 ``w_f`` from them alpha is exactly 0. Computed at a face width of at most
    128 px.

    Parameters
    ----------
    original, synced, result : (h, w, 3) float32
        The same pixels, YCbCr in 8-bit levels.
    face_width_px : float
        ``w_f``, to which all widths are relative.
    noise : float, optional
        Standard deviation of the encoding error of the result after the low-pass, in levels. By default the smaller of
        two estimates: from the fifth of the pixels in which original and synced differ least, and from the residual of
        the least squares.

    Returns
    -------
    (h, w) float32 in [0, 1]
        Exactly 0 everywhere if the result is the original.

    Raises
    ------
    ValueError
        If the shapes differ, or the face width is not positive.
    """
    if not original.shape == synced.shape == result.shape or original.ndim != 3 or face_width_px <= 0:
        raise ValueError(
            f"expected three patches of one shape and a face width above 0, got {original.shape}, {synced.shape}, "
            f"{result.shape} and {face_width_px}"
        )
    taken = result - original
    if not taken.any():
        return np.zeros(original.shape[:2], np.float32)
    height, width = original.shape[:2]
    shrink = min(1.0, _MAX_FACE_PX / face_width_px)
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    w = face_width_px * shrink
    difference, taken = (
        _blur(np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA), np.float32), _PREFILTER_FRAC * w)
        for each in (synced - original, taken)
    )
    level = _noise(difference, taken, w) if noise is None else max(noise, _MIN_NOISE)
    # The first estimate ignores coarse differences, because the level shift is not known yet.
    fine_difference, fine_taken = (values - _blur(values, _COARSE_FRAC * w) for values in (difference, taken))
    alpha, confidence = _slope(fine_difference, fine_taken, level, w)
    for _ in range(3):
        shift = _level_shift(difference, taken, alpha, confidence)
        alpha, confidence = _slope(difference + shift, taken, level, w)
    region = _region((alpha > 0.5) & (confidence > 0.5), w)
    if not region.any():
        return np.zeros((height, width), np.float32)
    outside = np.asarray(cv2.distanceTransform(1 - region, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    limit = np.float32(max(2.0, _REACH_FRAC * w))
    alpha = np.where(outside < limit, _filled(alpha, confidence, region, outside, limit, w), np.float32(0))
    full = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(full, 0, 1), np.float32)


def _blur(values: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), max(0.5, sigma)), np.float32)


def _noise(difference: Patch3, taken: Patch3, face_px: float) -> float:
    """Robust standard deviation of the result's luma where the pictures agree, or of the residual if that is smaller.

    The pictures may differ everywhere.
    """
    size = np.abs(difference).sum(2)
    calm = taken[..., 0][size <= np.quantile(size, 0.2)]
    alpha, _ = _slope(difference, taken, _MIN_NOISE, face_px)
    rest = taken[..., 0] - alpha * difference[..., 0]
    return max(_MIN_NOISE, 1.4826 * float(min(np.median(np.abs(each)) for each in (calm, rest))))


def _slope(difference: Patch3, taken: Patch3, noise: float, face_px: float) -> tuple[Plane, Plane]:
    """Least squares alpha and its confidence, both in 0..1."""
    sigma = _WINDOW_FRAC * face_px
    product = _blur((difference * taken).sum(2), sigma)
    power = _blur((difference * difference).sum(2), sigma)
    noise_power = np.float32((_HALF_CONFIDENCE * noise) ** 2)
    alpha = np.clip(product / np.maximum(power, np.float32(1e-6)), 0, 1)
    confidence = power / (power + noise_power)
    return np.asarray(alpha, np.float32), np.asarray(confidence * confidence, np.float32)


def _level_shift(difference: Patch3, taken: Patch3, alpha: Plane, confidence: Plane) -> npt.NDArray[np.float32]:
    """(3,) level shift between synced and result where alpha is near 1."""
    whole = (alpha > 0.7) & (confidence > 0.5)
    if np.count_nonzero(whole) < 50:
        return np.zeros(3, np.float32)
    shift = np.median((taken - difference)[whole], axis=0)
    return np.asarray(np.clip(shift, -_MAX_SHIFT_LEVELS, _MAX_SHIFT_LEVELS), np.float32)


def _region(certain: npt.NDArray[np.bool_], face_px: float) -> npt.NDArray[np.uint8]:
    """Close the pixels that certainly were taken to regions without holes or islands; (h, w) uint8, 0 or 1."""
    reach = max(1, round(_CLOSE_FRAC * face_px))
    height, width = certain.shape
    padded = cv2.copyMakeBorder(certain.astype(np.uint8), reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=(0,))
    # Dilation and erosion by distance: the cost does not depend on the radius.
    grown = (cv2.distanceTransform(1 - padded, cv2.DIST_L2, 5) <= reach).astype(np.uint8)
    closed = np.maximum((cv2.distanceTransform(grown, cv2.DIST_L2, 5) > reach).astype(np.uint8), padded)
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    large = [each for each in outlines if cv2.contourArea(each) >= _MIN_AREA * face_px**2]
    out = np.zeros_like(closed)
    cv2.drawContours(out, large, -1, (1,), cv2.FILLED)
    return np.array(out[reach : reach + height, reach : reach + width], np.uint8)


def _filled(
    alpha: Plane, confidence: Plane, region: npt.NDArray[np.uint8], outside: Plane, limit: np.float32, face_px: float
) -> Plane:
    """Interpolate uncertain values from their surroundings.

    Outside the region a lack of evidence speaks for the original, increasingly with the distance ``outside`` in pixels.
    """
    weight = np.maximum(confidence, np.where(region > 0, np.float32(0), np.minimum(outside / limit, 1) ** 2))
    value = alpha * np.divide(confidence, weight, out=np.zeros_like(confidence), where=weight > 0)
    filled, remaining = np.zeros_like(alpha), np.ones_like(alpha)
    for sigma in _FILL_FRACS:
        total = _blur(weight, sigma * face_px)
        mean = _blur(weight * value, sigma * face_px) / np.maximum(total, np.float32(1e-6))
        part = remaining * np.minimum(total * 2, 1)
        filled += part * mean
        remaining = remaining - part
    filled += remaining * (region > 0)
    return np.asarray(weight * value + (1 - weight) * filled, np.float32)
