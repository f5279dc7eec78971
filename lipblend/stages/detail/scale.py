"""Smooth things worked out small: means over blocks, the way back, and wide low-passes by them."""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]  # (h, w) or (h, w, c)

_LEAST_SIGMA = 1.0  # of a low-pass, in blocks: a smaller one would show them
_MOST_STEP = 8


def reduced(plane: Plane, step: int) -> Plane:
    """Means over blocks of ``step`` x ``step`` pixels, float32; the last ones are filled up by mirroring."""
    if step == 1:
        return plane
    below, right = -plane.shape[0] % step, -plane.shape[1] % step
    if below or right:
        plane = np.asarray(cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REFLECT), np.float32)
    while step % 2 == 0:  # halving is ten times as fast as any other reduction
        size = (plane.shape[1] // 2, plane.shape[0] // 2)
        plane, step = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32), step // 2
    if step > 1:
        size = (plane.shape[1] // step, plane.shape[0] // step)
        plane = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)
    return plane


def enlarged(plane: Plane, shape: tuple[int, ...], step: int) -> Plane:
    """The way back from `reduced` to (h, w) of ``shape``, bilinear."""
    if step == 1:
        return plane
    full = cv2.resize(plane, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(full[: shape[0], : shape[1]], np.float32)


def smooth_step(sigma_px: float) -> int:
    """The largest power of two that what is smooth by ``sigma_px`` can be worked out at."""
    step = 1
    while step < _MOST_STEP and sigma_px >= 2 * step * _LEAST_SIGMA:
        step *= 2
    return step


def inner_sigma(sigma_px: float, step: int) -> float:
    """Sigma, in blocks, that makes ``sigma_px`` together with the means and the interpolation."""
    # A block's mean has variance (s^2 - 1) / 12, interpolation between blocks about s^2 / 6.
    own = (step**2 - 1) / 12 + step**2 / 6 if step > 1 else 0.0
    return float((sigma_px**2 - own) ** 0.5) / step


def gaussian(plane: Plane, sigma_px: float) -> Plane:
    """Gaussian low-pass out to three standard deviations; left to itself OpenCV goes to four, at a third more time."""
    side = 2 * ceil(3 * sigma_px) + 1
    return np.asarray(cv2.GaussianBlur(plane, (side, side), sigma_px), np.float32)


def low_pass(plane: Plane, sigma_px: float) -> Plane:
    """Gaussian low-pass; a wide one on means over blocks, as `smooth_step` allows."""
    step = smooth_step(sigma_px)
    return enlarged(gaussian(reduced(plane, step), inner_sigma(sigma_px, step)), plane.shape, step)
