"""Colour match: per-channel mean and standard deviation (Reinhard et al. 2001, "Color Transfer between Images")."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Patch3 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ColourStats:
    """Means and standard deviations of the original and the synced picture over the same pixels.

    Attributes
    ----------
    original_mean, original_std, synced_mean, synced_std : (3,) float64
        In the units of the space they were taken in (YCbCr: 8-bit levels; Lab: CIE units).
    pixels : int
        How many pixels they were taken from.
    """

    original_mean: Rows
    original_std: Rows
    synced_mean: Rows
    synced_std: Rows
    pixels: int


def measure(original: Patch3, synced: Patch3, where: npt.NDArray[np.bool_]) -> ColourStats:
    """Statistics of two patches over one set of pixels.

    Parameters
    ----------
    original, synced : (h, w, 3) float32
    where : (h, w) bool
        Where both pictures show the same thing.
    """
    select = where.astype(np.uint8)
    om, os = cv2.meanStdDev(original, mask=select)
    sm, ss = cv2.meanStdDev(synced, mask=select)
    flat = [np.asarray(v, np.float64).ravel() for v in (om, os, sm, ss)]
    return ColourStats(flat[0], flat[1], flat[2], flat[3], int(np.count_nonzero(where)))


def fit(
    stats: ColourStats, *, strength: float, gain_min: float, gain_max: float, offset_max: float
) -> tuple[Rows, Rows]:
    """Gain and shift of the map that brings the synced statistics to the original's.

    The gain (ratio of standard deviations) is clamped to [gain_min, gain_max], the shift of the mean to +-offset_max;
    both are taken by ``strength`` (0 gives the identity). A channel that hardly varies (standard deviation below half
    a unit in either picture) keeps gain 1, as its ratio would be noise.

    Returns
    -------
    gain, shift : (3,) float64
    """
    steady = (stats.original_std < 0.5) | (stats.synced_std < 0.5)
    ratio = np.where(steady, 1.0, stats.original_std / np.where(steady, 1.0, stats.synced_std))
    gain = 1 + strength * (np.clip(ratio, gain_min, gain_max) - 1)
    shift = strength * np.clip(stats.original_mean - stats.synced_mean, -offset_max, offset_max)
    return gain, shift


def offset(synced_mean: Rows, gain: Rows, shift: Rows) -> Rows:
    """The ``offset`` for which ``gain * synced + offset`` scales about the synced mean and moves it by ``shift``."""
    return np.asarray(synced_mean * (1 - gain) + shift)


def apply_gain_offset(patch: Patch3, gain: Rows, offset: Rows) -> Patch3:
    """``gain * patch + offset``, channel by channel; (h, w, 3) float32 in and out."""
    matrix = np.concatenate([np.diag(gain), offset[:, None]], axis=1)
    return np.asarray(cv2.transform(patch, matrix), np.float32)


def ycbcr_to_lab(patch: Patch3, matrix: npt.NDArray[np.float64]) -> Patch3:
    """YCbCr in 8-bit levels to CIE L*a*b* (L 0..100), through R'G'B' taken as sRGB.

    Parameters
    ----------
    patch : (h, w, 3) float32
    matrix : (3, 4) float64
        YCbCr to R'G'B' 0..255, from `lipblend.media.planes.ycbcr_matrix`.
    """
    rgb = np.clip(cv2.transform(patch, matrix / 255.0), 0, 1)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab), np.float32)


def lab_to_ycbcr(patch: Patch3, matrix: npt.NDArray[np.float64]) -> Patch3:
    """The inverse of `ycbcr_to_lab` for colours inside sRGB."""
    rgb = np.asarray(cv2.cvtColor(patch, cv2.COLOR_Lab2RGB), np.float32) * 255
    inverse = np.linalg.inv(matrix[:, :3])
    return np.asarray(cv2.transform(rgb, np.concatenate([inverse, -inverse @ matrix[:, 3:]], axis=1)), np.float32)
