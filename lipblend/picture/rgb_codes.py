"""Whole R'G'B' pictures as 4:4:4 YCbCr codes and back, and linear light: for image sequences.

Every 8-bit R'G'B' colour survives limited-range YCbCr of 10 bits exactly, with the matrices of BT.601 and BT.709; with
8 or 9 bits it does not.

Sources: ITU-R BT.709 (opto-electronic transfer function), IEC 61966-2-1 (sRGB), `lipblend.picture.light` (PQ, HLG).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lipblend.picture.formats import ColourTags
from lipblend.picture.light import SDR, to_light, transfer_kind
from lipblend.picture.ycbcr import ycbcr_matrix

Pictures = NDArray[np.float32]
Codes = NDArray[Any]

EXACT_DEPTH = 10
"""Smallest depth of YCbCr codes at which 8-bit R'G'B' is exact."""
SRGB = 13
"""Transfer function sRGB (ITU-T H.273)."""

_ALPHA, _BETA = 1.09929682680944, 0.018053968510807  # BT.709
_LINEAR_GAIN, _POWER = 4.5, 0.45
_TABLE = 1 << 16


def to_ycbcr(rgb: Pictures, colour: ColourTags, height: int, depth: int) -> Codes:
    """YCbCr codes of an R'G'B' picture.

    Parameters
    ----------
    rgb : (h, w, 3) float32
        R'G'B', 0 to 1.
    colour : ColourTags
        Matrix and range of the codes.
    height : int
        Lines of the whole picture; they select an unspecified matrix.
    depth : int
        9 to 16 bits.

    Returns
    -------
    (h, w, 3) uint16
    """
    matrix = np.asarray(ycbcr_matrix(colour, height))
    inverse = np.linalg.inv(matrix[:, :3])
    scale = float(1 << (depth - 8))
    change = np.column_stack([inverse * 255, -inverse @ matrix[:, 3]]) * scale
    codes = cv2.transform(rgb, change.astype(np.float32))
    np.rint(codes, out=codes)
    return np.asarray(np.clip(codes, 0, (1 << depth) - 1), np.uint16)


def to_rgb(ycbcr: Codes, colour: ColourTags, height: int, depth: int) -> Pictures:
    """The inverse of `to_ycbcr`, not clipped: (h, w, 3) codes of 8 to 16 bits to float32 R'G'B', 0 to 1."""
    matrix = np.asarray(ycbcr_matrix(colour, height)) / 255
    change = np.column_stack([matrix[:, :3] / (1 << (depth - 8)), matrix[:, 3]])
    return np.asarray(cv2.transform(np.asarray(ycbcr, np.float32), change.astype(np.float32)), np.float32)


def integer_codes(values: Pictures, bits: int) -> Codes:
    """Values from 0 to 1, clipped, as uint8 (8 bits) or uint16 codes with white at ``2**bits - 1``."""
    top = (1 << bits) - 1
    return np.asarray(np.rint(np.clip(values, 0, 1) * np.float32(top)), np.uint8 if bits == 8 else np.uint16)


def linear_light(rgb: Pictures, transfer: int) -> Pictures:
    """Scene-linear light of R'G'B', as editors expect it in OpenEXR: 1 is white.

    By the inverse of sRGB's curve where the transfer function (ITU-T H.273) is sRGB, through PQ or HLG for these (1 is
    diffuse white, `lipblend.picture.light`), and by the inverse of BT.709's camera curve for all others. Codes are
    clipped to 0 to 1.
    """
    codes = np.linspace(0, 1, _TABLE)
    return np.interp(np.clip(rgb, 0, 1), codes, _decoded(codes, transfer)).astype(np.float32)


def display_codes(light: Pictures, transfer: int) -> Pictures:
    """The inverse of `linear_light`: R'G'B' from 0 to 1. Light beyond 0 to 1 is clipped."""
    x = np.clip(light, 0, 1)
    if transfer == SRGB:
        return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055).astype(np.float32)
    curved = _ALPHA * np.maximum(x, 1e-9) ** _POWER - (_ALPHA - 1)
    return np.where(x < _BETA, _LINEAR_GAIN * x, curved).astype(np.float32)


def _decoded(codes: NDArray[np.float64], transfer: int) -> NDArray[np.float64]:
    kind = transfer_kind(transfer)
    if kind != SDR:
        return to_light(codes, kind)
    if transfer == SRGB:
        return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    return np.where(codes < _LINEAR_GAIN * _BETA, codes / _LINEAR_GAIN, ((codes + _ALPHA - 1) / _ALPHA) ** (1 / _POWER))
