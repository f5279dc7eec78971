"""Downsampling by block means, the way back, and low-passes that use them."""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]  # (h, w) or (h, w, c)

_MIN_SIGMA_BLOCKS = 1.0  # a narrower low-pass would show the blocks
MAX_STEP = 8
"""Side of the largest blocks of `low_pass`."""


def downsample(plane: Plane, step: int) -> Plane:
    """Means over blocks of ``step`` x ``step`` pixels, float32; incomplete blocks are filled by mirroring."""
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


def upsample(plane: Plane, shape: tuple[int, ...], step: int) -> Plane:
    """Bilinear interpolation of block means to the (h, w) of ``shape``."""
    if step == 1:
        return plane
    full = cv2.resize(plane, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(full[: shape[0], : shape[1]], np.float32)


def downsampling_step(sigma_px: float) -> int:
    """The largest step, a power of two up to 8, at which a plane as smooth as ``sigma_px`` can be computed."""
    step = 1
    while step < MAX_STEP and sigma_px >= 2 * step * _MIN_SIGMA_BLOCKS:
        step *= 2
    return step


def downsampled_sigma(sigma_px: float, step: int) -> float:
    """Sigma in blocks that gives ``sigma_px`` together with the block means and the interpolation."""
    # A block mean has variance (s^2 - 1) / 12, interpolation between blocks about s^2 / 6.
    own = (step**2 - 1) / 12 + step**2 / 6 if step > 1 else 0.0
    return float((sigma_px**2 - own) ** 0.5) / step


def gaussian(plane: Plane, sigma_px: float) -> Plane:
    """Gaussian low-pass cut off at three standard deviations; OpenCV's default of four takes a third more time."""
    side = 2 * ceil(3 * sigma_px) + 1
    return np.asarray(cv2.GaussianBlur(plane, (side, side), sigma_px), np.float32)


def low_pass(plane: Plane, sigma_px: float) -> Plane:
    """Gaussian low-pass; a wide one is computed on block means, see `downsampling_step`."""
    step = downsampling_step(sigma_px)
    return upsample(gaussian(downsample(plane, step), downsampled_sigma(sigma_px, step)), plane.shape, step)
