"""How much of the synced picture a finished result took, read off the pictures where no settings are known."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality.view import Patch3

Plane = npt.NDArray[np.float32]

_SIZE = 128.0  # face width, pixels, at which is worked at most
_BROAD = 0.06  # coarser differences are left out of the first guess, w_f
_PRE = 0.006  # low-pass before, w_f: encoders take fine detail off result and synced alike, which would look like alpha
_WINDOW = 0.012  # Gaussian window of the least squares, w_f
_SURE = 3.0  # a difference of so many noise deviations counts half
_NOISE_FLOOR = 0.3  # rounding to whole levels
_CAST_MOST = 12.0  # largest level shift between the synced picture and what was taken of it
_CLOSE = 0.06  # gaps up to twice that are closed, w_f
_REACH = 0.1  # alpha ends so far beyond what surely was taken, w_f
_LEAST_AREA = 0.002  # smaller islands are noise, w_f squared


def estimate_alpha(
    original: Patch3, synced: Patch3, result: Patch3, *, face_width_px: float, noise: float | None = None
) -> Plane:
    """Estimate the share of the synced picture in a result.

    With ``d = synced - original`` and ``r = result - original``, all slightly low-passed, alpha is the least squares
    slope ``<r, d> / <d, d>`` in a Gaussian window over the three channels. A level shift of the synced picture (the
    colour match of whoever made the result) is fitted along and added to d.

    Where original and synced do not differ by more than the noise nothing can be known: alpha there is the mean of what
    is known about it (normalised convolution, Knutsson and Westin 1993, at growing widths). What surely was taken is
    closed to regions without holes; alpha is exactly 0 farther than 0.1 ``w_f`` from them. Worked out at a face width
    of 128 px at most.

    Parameters
    ----------
    original, synced, result : (h, w, 3) float32
        The same pixels, YCbCr in 8-bit levels.
    face_width_px : float
        ``w_f``, which all widths are shares of.
    noise : float, optional
        Standard deviation of what encoding did to the result, after the low-pass, in levels. By default it is taken
        from the fifth of the pixels in which original and synced differ least, or from what no alpha explains.

    Returns
    -------
    (h, w) float32 in [0, 1]
        Exactly 0 everywhere if the result is the original.

    Raises
    ------
    ValueError
        If the shapes differ, or the face has no width.
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
    shrink = min(1.0, _SIZE / face_width_px)
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    w = face_width_px * shrink
    offered, taken = (
        _low(np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA), np.float32), _PRE * w)
        for each in (synced - original, taken)
    )
    level = _noise(offered, taken, w) if noise is None else max(noise, _NOISE_FLOOR)
    # The first guess is made without the coarse differences, as a level shift between the two may not be known yet.
    alpha, sure = _slope(offered - _low(offered, _BROAD * w), taken - _low(taken, _BROAD * w), level, w)
    for _ in range(3):
        shift = _cast(offered, taken, alpha, sure)
        alpha, sure = _slope(offered + shift, taken, level, w)
    region = _region((alpha > 0.5) & (sure > 0.5), w)
    if not region.any():
        return np.zeros((height, width), np.float32)
    beyond = np.asarray(cv2.distanceTransform(1 - region, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    limit = np.float32(max(2.0, _REACH * w))
    alpha = np.where(beyond < limit, _filled(alpha, sure, region, beyond, limit, w), np.float32(0))
    full = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(full, 0, 1), np.float32)


def _low(values: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), max(0.5, sigma)), np.float32)


def _noise(offered: Patch3, taken: Patch3, face_px: float) -> float:
    """Robust standard deviation of the result's luma where it makes no difference which picture it is.

    Or of what no alpha can explain, if that is less: the two may differ everywhere.
    """
    size = np.abs(offered).sum(2)
    calm = taken[..., 0][size <= np.quantile(size, 0.2)]
    alpha, _ = _slope(offered, taken, _NOISE_FLOOR, face_px)
    rest = taken[..., 0] - alpha * offered[..., 0]
    return max(_NOISE_FLOOR, 1.4826 * float(min(np.median(np.abs(each)) for each in (calm, rest))))


def _slope(offered: Patch3, taken: Patch3, noise: float, face_px: float) -> tuple[Plane, Plane]:
    """Least squares alpha in 0..1, and how sure it is, 0..1."""
    sigma = _WINDOW * face_px
    product = _low((offered * taken).sum(2), sigma)
    power = _low((offered * offered).sum(2), sigma)
    doubt = np.float32((_SURE * noise) ** 2)
    alpha = np.clip(product / np.maximum(power, np.float32(1e-6)), 0, 1)
    sure = power / (power + doubt)
    return np.asarray(alpha, np.float32), np.asarray(sure * sure, np.float32)


def _cast(offered: Patch3, taken: Patch3, alpha: Plane, sure: Plane) -> npt.NDArray[np.float32]:
    """(3,) level shift between what was offered and what was taken where the patch is whole."""
    whole = (alpha > 0.7) & (sure > 0.5)
    if np.count_nonzero(whole) < 50:
        return np.zeros(3, np.float32)
    shift = np.median((taken - offered)[whole], axis=0)
    return np.asarray(np.clip(shift, -_CAST_MOST, _CAST_MOST), np.float32)


def _region(surely: npt.NDArray[np.bool_], face_px: float) -> npt.NDArray[np.uint8]:
    """What surely was taken as closed regions without holes or islands; (h, w) uint8, 0 or 1."""
    reach = max(1, round(_CLOSE * face_px))
    height, width = surely.shape
    wide = cv2.copyMakeBorder(surely.astype(np.uint8), reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=(0,))
    # Dilation and erosion by the distance, which costs the same for any radius.
    grown = (cv2.distanceTransform(1 - wide, cv2.DIST_L2, 5) <= reach).astype(np.uint8)
    closed = np.maximum((cv2.distanceTransform(grown, cv2.DIST_L2, 5) > reach).astype(np.uint8), wide)
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    kept = [each for each in outlines if cv2.contourArea(each) >= _LEAST_AREA * face_px**2]
    out = np.zeros_like(closed)
    cv2.drawContours(out, kept, -1, (1,), cv2.FILLED)
    return np.array(out[reach : reach + height, reach : reach + width], np.uint8)


def _filled(
    alpha: Plane, sure: Plane, region: npt.NDArray[np.uint8], beyond: Plane, limit: np.float32, face_px: float
) -> Plane:
    """Known values kept, the others from what is known around them.

    Outside the region a lack of evidence speaks for the original, the more so the farther away (``beyond``, pixels).
    """
    weight = np.maximum(sure, np.where(region > 0, np.float32(0), np.minimum(beyond / limit, 1) ** 2))
    value = alpha * np.divide(sure, weight, out=np.zeros_like(sure), where=weight > 0)
    found, doubt = np.zeros_like(alpha), np.ones_like(alpha)
    for sigma in (0.01, 0.02, 0.04, 0.08, 0.16):
        total = _low(weight, sigma * face_px)
        mean = _low(weight * value, sigma * face_px) / np.maximum(total, np.float32(1e-6))
        part = doubt * np.minimum(total * 2, 1)
        found += part * mean
        doubt = doubt - part
    found += doubt * (region > 0)
    return np.asarray(weight * value + (1 - weight) * found, np.float32)
