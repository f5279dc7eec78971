"""What brings one video's YCbCr codes to another's where their tags do not: read by other rules, through light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipblend.picture.light import BRIGHTEST

Patch3 = NDArray[np.float32]
Matrix = NDArray[np.float64]
Table = NDArray[np.float32]

STEPS = 4096
"""Entries of a table."""
HIGHEST = 1.1
"""Codes R'G'B' from 0 to this are told apart: limited range goes on to 1.09."""

_SIGMA_PX = 1.0  # surroundings by which one of two readings is chosen
_AROUND_SIGMA_PX, _AROUND_SIGMA_FRAC = 4.0, 0.008  # wider ones: pixels at least; of the patch's side
_AROUND_SHARE = 0.1  # of the wider ones in what is chosen by: where a pixel is grey either reading does
_BORDER = np.ones((7, 7), np.uint8)  # what a mixed chroma sample spreads to when it is upsampled
_SETTLED = 0.25  # of what the two differ by: then one is right all around
_MIXED_LEVELS = 8.0  # the two differ by more where neither is right
_LEAST_APART, _SURE_SLOPE = 0.5, 2.0  # levels; a choice is whole from a quarter of the difference on


@dataclass(frozen=True, eq=False)
class LightPath:
    """From R'G'B' codes to R'G'B' codes, through light.

    Attributes
    ----------
    decode : (4096,) float32
        Light at evenly spaced codes from 0 to `HIGHEST`, the same for all channels.
    mix : (3, 3) float64
        On light, after the display's power.
    powers : (float, float)
        Light is multiplied by this power of its luminance, before and after ``mix``.
    weights : two (3,) float64
        What the channels add to the luminance, before and after ``mix``.
    encode : (4096, 3) float32
        Codes at ``BRIGHTEST * (k / 4095)**4`` of light, channel by channel.
    """

    decode: Table
    mix: Matrix
    powers: tuple[float, float]
    weights: tuple[Matrix, Matrix]
    encode: Table

    def apply(self, rgb: Patch3) -> Patch3:
        """(h, w, 3) float32 R'G'B' 0..1 in and out."""
        light = _looked_up(self.decode, np.clip(rgb, 0, HIGHEST) * np.float32((STEPS - 1) / HIGHEST))
        light = _powered(light, self.powers[0], self.weights[0])
        light = _powered(np.asarray(cv2.transform(light, self.mix), np.float32), self.powers[1], self.weights[1])
        root = np.sqrt(np.sqrt(np.clip(light, 0, BRIGHTEST) * np.float32(1 / BRIGHTEST))) * np.float32(STEPS - 1)
        planes = [_looked_up(self.encode[:, k], root[..., k]) for k in range(3)]
        return np.asarray(cv2.merge(planes), np.float32)


@dataclass(frozen=True, eq=False)
class CodeMap:
    """Codes of one video to another's encoding.

    Attributes
    ----------
    into : (3, 4) float64
        YCbCr codes in 8-bit units to R'G'B' 0..1.
    path : LightPath or None
        What becomes of them there; None for nothing.
    out : (3, 4) float64
        R'G'B' to YCbCr codes of the other encoding.
    painted_into : (3, 4) float64, optional
        In place of ``into`` wherever that makes the picture more alike to the other video's: for what a generator
        painted in another order of channels than the rest.
    """

    into: Matrix
    path: LightPath | None
    out: Matrix
    painted_into: Matrix | None = None

    def apply(self, patch: Patch3, beside: Patch3 | None = None) -> Patch3:
        """Map a patch.

        Parameters
        ----------
        patch : (h, w, 3) float32
            8-bit units.
        beside : (h, w, 3) float32, optional
            The same place in the other video's picture, by which ``painted_into`` is chosen; without it it is not.

        Returns
        -------
        (h, w, 3) float32
            Not clipped.
        """
        usual = self._mapped(patch, self.into)
        if self.painted_into is None or beside is None:
            return usual
        return nearer(usual, self._mapped(patch, self.painted_into), beside)

    def _mapped(self, patch: Patch3, into: Matrix) -> Patch3:
        if self.path is None:
            whole = np.vstack([self.out, [0, 0, 0, 1]]) @ np.vstack([into, [0, 0, 0, 1]])
            return np.asarray(cv2.transform(patch, whole[:3]), np.float32)
        rgb = np.asarray(cv2.transform(patch, into), np.float32)
        return np.asarray(cv2.transform(self.path.apply(rgb), self.out), np.float32)


def nearer(usual: Patch3, other: Patch3, beside: Patch3) -> Patch3:
    """One picture or another, whichever is nearer to a third in the surroundings of each pixel; soft in between.

    Where the one ends and the other begins, subsampled chroma is a mix of both and neither is right: there it is the
    third.
    """
    apart = np.abs(other - usual).sum(-1)
    gain = np.abs(usual - beside).sum(-1) - np.abs(other - beside).sum(-1)
    sigma = max(_AROUND_SIGMA_PX, _AROUND_SIGMA_FRAC * max(usual.shape[:2]))
    (known, wide_known), (gained, wide_gained) = (
        [cv2.GaussianBlur(plane, (0, 0), each) for each in (_SIGMA_PX, sigma)] for plane in (apart, gain)
    )
    share = _share(gained + _AROUND_SHARE * wide_gained, known + _AROUND_SHARE * wide_known)
    settled = np.abs(wide_gained) > _SETTLED * wide_known
    share = np.where(settled, _share(wide_gained, wide_known), share)
    chosen = (share > 0.5).astype(np.uint8)
    border = cv2.bitwise_and(cv2.dilate(chosen, _BORDER), cv2.dilate(1 - chosen, _BORDER))
    mixed = (border > 0) & ~settled & (known > _MIXED_LEVELS)
    out = usual + share[..., None] * (other - usual)
    weight = cv2.blur(mixed.astype(np.float32), (3, 3))[..., None]
    return np.asarray(out + weight * (beside - out), np.float32)


def _share(gained: Patch3, known: Patch3) -> Patch3:
    return np.asarray(np.clip(0.5 + gained / (known + _LEAST_APART) * _SURE_SLOPE, 0, 1), np.float32)


def _looked_up(table: Table, at: Patch3) -> Patch3:
    """A table between its entries; ``at`` counts them, 0 to 4095."""
    low = np.minimum(at.astype(np.int32), STEPS - 2)
    here = table[low]
    return np.asarray(here + (at - low).astype(np.float32) * (table[low + 1] - here), np.float32)


def _powered(light: Patch3, power: float, weights: Matrix) -> Patch3:
    if power == 0:
        return light
    luminance = np.maximum(cv2.transform(light, weights[None]), 1e-6)
    return np.asarray(light * (luminance ** np.float32(power)).reshape(*light.shape[:-1], 1), np.float32)
