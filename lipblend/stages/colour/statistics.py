"""Colour statistics of the same skin in two pictures, and conversions to the spaces they are measured in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Patch3 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.float64]

QUANTILES = (0.02, 0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.92, 0.98)
"""Shares of pixels below the knots of a histogram match."""


@dataclass(frozen=True)
class ColourStats:
    """Colours of the original and the synced picture at the same pixels.

    Attributes
    ----------
    original_mean, original_std, synced_mean, synced_std : (3,) float64
        In units of the colour space (YCbCr: 8-bit levels; Lab: CIE units).
    original_quantiles, synced_quantiles : (9, 3) float64
        Quantiles at the shares `QUANTILES`, in the same units, ascending.
    original_light, synced_light : (3,) float64
        Mean of linear R, G, B, 0 to 1.
    pixels : int
        Number of pixels.
    """

    original_mean: Rows
    original_std: Rows
    synced_mean: Rows
    synced_std: Rows
    original_quantiles: Rows
    synced_quantiles: Rows
    original_light: Rows
    synced_light: Rows
    pixels: int


def measure(
    original: Patch3, synced: Patch3, where: npt.NDArray[np.bool_], matrix: Rows, *, lab: bool = False
) -> ColourStats:
    """Measure two patches, (h, w, 3) YCbCr in 8-bit levels, at the pixels where both show the same.

    ``matrix`` is YCbCr to R'G'B' 0..255, from `lipblend.picture.ycbcr.ycbcr_matrix`. With ``lab``, means, deviations
    and quantiles are in CIE Lab instead of YCbCr.
    """
    a, b = (_of_pixels(patch[where][None], matrix, lab=lab) for patch in (original, synced))
    pixels = int(np.count_nonzero(where))
    return ColourStats(*a[:2], *b[:2], a[2], b[2], a[3], b[3], pixels)


def _of_pixels(pixels: Patch3, matrix: Rows, *, lab: bool) -> tuple[Rows, Rows, Rows, Rows]:
    """Mean, deviation, quantiles and mean light of a row of pixels, (1, n, 3)."""
    light = to_light(pixels, matrix).mean((0, 1), dtype=np.float64)
    values = ycbcr_to_lab(pixels, matrix) if lab else pixels
    mean, std = cv2.meanStdDev(values)
    return np.ravel(mean), np.ravel(std), np.stack([_quantiles(values[0, :, k]) for k in range(3)], axis=1), light


def _quantiles(values: npt.NDArray[np.float32]) -> Rows:
    """Quantiles, with each integer value taken as spread evenly over its unit.

    Decoded samples are integers, and skin has few of them in chroma: otherwise quantiles would jump.
    """
    codes = np.rint(values).astype(np.int64)
    low = int(codes.min())
    counts = np.bincount(codes - low)
    edges = low - 0.5 + np.arange(len(counts) + 1)
    below = np.concatenate([[0], np.cumsum(counts)]) / len(values)
    return np.asarray(np.interp(QUANTILES, below, edges), np.float64)


def ycbcr_to_lab(patch: Patch3, matrix: npt.NDArray[np.float64]) -> Patch3:
    """(h, w, 3) YCbCr in 8-bit levels to CIE L*a*b* (L 0..100), through R'G'B' taken as sRGB; ``matrix`` as above."""
    rgb = np.clip(cv2.transform(patch, matrix / 255.0), 0, 1)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab), np.float32)


def lab_to_ycbcr(patch: Patch3, matrix: npt.NDArray[np.float64]) -> Patch3:
    """The inverse of `ycbcr_to_lab` for colours inside sRGB."""
    rgb = np.asarray(cv2.cvtColor(patch, cv2.COLOR_Lab2RGB), np.float32) * 255
    return np.asarray(cv2.transform(rgb, _inverse(matrix)), np.float32)


def to_light(patch: Patch3, matrix: npt.NDArray[np.float64]) -> Patch3:
    """YCbCr in 8-bit levels to linear R, G, B 0..1, R'G'B' taken as sRGB and clipped to its range."""
    return srgb_to_linear(np.clip(cv2.transform(patch, matrix / 255.0), 0, 1))


def from_light(light: Patch3, matrix: npt.NDArray[np.float64]) -> Patch3:
    """The inverse of `to_light`; light above 1 continues the curve."""
    return np.asarray(cv2.transform(linear_to_srgb(light) * np.float32(255), _inverse(matrix)), np.float32)


def _inverse(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The affine map back, (3, 4)."""
    linear = np.linalg.inv(matrix[:, :3])
    return np.concatenate([linear, -linear @ matrix[:, 3:]], axis=1)


def srgb_to_linear(code: npt.NDArray[np.floating[Any]]) -> npt.NDArray[Any]:
    """R'G'B' 0..1 to linear light (IEC 61966-2-1)."""
    return np.where(code <= 0.04045, code / 12.92, ((np.maximum(code, 0) + 0.055) / 1.055) ** 2.4).astype(code.dtype)


def linear_to_srgb(light: npt.NDArray[np.floating[Any]]) -> npt.NDArray[Any]:
    """Linear light to R'G'B' 0..1, the inverse of `srgb_to_linear`."""
    curve = 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, light * 12.92, curve).astype(light.dtype)
