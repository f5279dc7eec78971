"""Conversion of one video's YCbCr codes to another's where their tags do not give it, if needed through light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipblend.picture.light import MAX_LIGHT

Patch3 = NDArray[np.float32]
Matrix = NDArray[np.float64]
Table = NDArray[np.float32]

TABLE_SIZE = 4096
MAX_CODE = 1.1
"""R'G'B' codes are distinguished from 0 to this: limited range reaches 1.09."""

_SIGMA_PX = 1.0  # surroundings by which one of two readings is chosen
_WIDE_SIGMA_PX, _WIDE_SIGMA_FRAC = 4.0, 0.008  # wider surroundings: at least these pixels; of the patch's side
_WIDE_SHARE = 0.1  # weight of the wider surroundings: for a grey pixel both readings are equal
_BORDER = np.ones((7, 7), np.uint8)  # reach of a mixed chroma sample after upsampling
_CLEAR_SHARE = 0.25  # of the readings' difference: one reading is closer by this much all around
_MIXED_LEVELS = 8.0  # the readings differ by more where neither is right
_MIN_DIFFERENCE, _SLOPE = 0.5, 2.0  # levels; the choice is complete at a quarter of the difference


@dataclass(frozen=True, eq=False)
class LightPath:
    """R'G'B' codes to R'G'B' codes, through light.

    Attributes
    ----------
    decode : (4096,) float32
        Light at evenly spaced codes from 0 to `MAX_CODE`, the same for all channels.
    mix : (3, 3) float64
        Applied to light.
    powers : (float, float)
        Light is multiplied by this power of its luminance, before and after ``mix``.
    weights : two (3,) float64
        Weights of the channels in the luminance, before and after ``mix``.
    encode : (4096, 3) float32
        Codes at light ``MAX_LIGHT * (k / 4095)**4``, per channel.
    """

    decode: Table
    mix: Matrix
    powers: tuple[float, float]
    weights: tuple[Matrix, Matrix]
    encode: Table

    def apply(self, rgb: Patch3) -> Patch3:
        """(h, w, 3) float32 R'G'B' 0..1 in and out."""
        light = _interpolated(self.decode, np.clip(rgb, 0, MAX_CODE) * np.float32((TABLE_SIZE - 1) / MAX_CODE))
        light = _with_power(light, self.powers[0], self.weights[0])
        light = _with_power(np.asarray(cv2.transform(light, self.mix), np.float32), self.powers[1], self.weights[1])
        root = np.sqrt(np.sqrt(np.clip(light, 0, MAX_LIGHT) * np.float32(1 / MAX_LIGHT))) * np.float32(TABLE_SIZE - 1)
        planes = [_interpolated(self.encode[:, k], root[..., k]) for k in range(3)]
        return np.asarray(cv2.merge(planes), np.float32)


@dataclass(frozen=True, eq=False)
class CodeMap:
    """Codes of one video to the encoding of another.

    Attributes
    ----------
    to_rgb : (3, 4) float64
        YCbCr codes in 8-bit units to R'G'B' 0..1.
    path : LightPath or None
        Applied to R'G'B'; None for the identity.
    from_rgb : (3, 4) float64
        R'G'B' to YCbCr codes of the other encoding.
    painted_to_rgb : (3, 4) float64, optional
        Used instead of ``to_rgb`` where it brings the picture closer to the other video's: for a patch that the
        generator painted in another channel order than the rest.
    """

    to_rgb: Matrix
    path: LightPath | None
    from_rgb: Matrix
    painted_to_rgb: Matrix | None = None

    def apply(self, patch: Patch3, reference: Patch3 | None = None) -> Patch3:
        """Map a patch, (h, w, 3) float32 in 8-bit units; the result is not clipped.

        ``reference`` is the same place in the other video's picture; it is needed to use ``painted_to_rgb``.
        """
        plain = self._mapped(patch, self.to_rgb)
        if self.painted_to_rgb is None or reference is None:
            return plain
        return choose_closer(plain, self._mapped(patch, self.painted_to_rgb), reference)

    def _mapped(self, patch: Patch3, to_rgb: Matrix) -> Patch3:
        if self.path is None:
            whole = np.vstack([self.from_rgb, [0, 0, 0, 1]]) @ np.vstack([to_rgb, [0, 0, 0, 1]])
            return np.asarray(cv2.transform(patch, whole[:3]), np.float32)
        rgb = np.asarray(cv2.transform(patch, to_rgb), np.float32)
        return np.asarray(cv2.transform(self.path.apply(rgb), self.from_rgb), np.float32)


def choose_closer(first: Patch3, second: Patch3, reference: Patch3) -> Patch3:
    """The one of two pictures that is closer to the reference around each pixel, with soft transitions.

    At the border between them subsampled chroma is a mix of both and neither is right: the reference is used there.
    """
    difference = np.abs(second - first).sum(-1)
    gain = np.abs(first - reference).sum(-1) - np.abs(second - reference).sum(-1)
    sigma = max(_WIDE_SIGMA_PX, _WIDE_SIGMA_FRAC * max(first.shape[:2]))
    (narrow, wide), (narrow_gain, wide_gain) = (
        [cv2.GaussianBlur(plane, (0, 0), each) for each in (_SIGMA_PX, sigma)] for plane in (difference, gain)
    )
    share = _share(narrow_gain + _WIDE_SHARE * wide_gain, narrow + _WIDE_SHARE * wide)
    clear = np.abs(wide_gain) > _CLEAR_SHARE * wide
    share = np.where(clear, _share(wide_gain, wide), share)
    chosen = (share > 0.5).astype(np.uint8)
    border = cv2.bitwise_and(cv2.dilate(chosen, _BORDER), cv2.dilate(1 - chosen, _BORDER))
    mixed = (border > 0) & ~clear & (narrow > _MIXED_LEVELS)
    out = first + share[..., None] * (second - first)
    weight = cv2.blur(mixed.astype(np.float32), (3, 3))[..., None]
    return np.asarray(out + weight * (reference - out), np.float32)


def _share(gain: Patch3, difference: Patch3) -> Patch3:
    return np.asarray(np.clip(0.5 + gain / (difference + _MIN_DIFFERENCE) * _SLOPE, 0, 1), np.float32)


def _interpolated(table: Table, index: Patch3) -> Patch3:
    """A table at fractional indices, 0 to 4095."""
    low = np.minimum(index.astype(np.int32), TABLE_SIZE - 2)
    start = table[low]
    return np.asarray(start + (index - low).astype(np.float32) * (table[low + 1] - start), np.float32)


def _with_power(light: Patch3, power: float, weights: Matrix) -> Patch3:
    if power == 0:
        return light
    luminance = np.maximum(cv2.transform(light, weights[None]), 1e-6)
    return np.asarray(light * (luminance ** np.float32(power)).reshape(*light.shape[:-1], 1), np.float32)
