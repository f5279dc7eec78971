"""A colour map: a shift per channel that is piecewise linear in the value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Patch, channels, joined
from lipblend.stages.colour import statistics as colour

Patch3 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.float64]
Space = Literal["ycbcr", "lab", "light"]


@dataclass(frozen=True)
class ColourMap:
    """Maps synced colours to the original's, channel by channel.

    The shift is linear between two knots; beyond the outer knots the value is scaled about the knot by ``slope``. With
    a single knot the map is ``slope * value + constant``.

    Attributes
    ----------
    space : str
        ``ycbcr`` (8-bit levels), ``lab`` (CIE units) or ``light`` (linear sRGB, 0..1).
    knots : (k, 3) float64
        Values of the synced picture, not descending.
    moves : (k, 3) float64
        Shift at each knot.
    slope : (3,) float64
    """

    space: Space
    knots: Rows
    moves: Rows
    slope: Rows

    @classmethod
    def affine(cls, space: Space, gain: Rows, offset: Rows) -> ColourMap:
        """``gain * value + offset``."""
        return cls(space, np.zeros((1, 3)), np.asarray(offset, np.float64)[None], np.asarray(gain, np.float64))

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return bool(np.all(self.moves == 0) and np.all(self.slope == 1))

    def line(self) -> tuple[Rows, Rows]:
        """Gain and offset of the straight line through the knots (least squares); (3,) each."""
        if len(self.knots) == 1:
            return self.slope, self.moves[0] + self.knots[0] * (1 - self.slope)
        middle, centred = self.knots.mean(0), self.knots - self.knots.mean(0)
        spread = (centred**2).sum(0)
        gain = 1 + (centred * self.moves).sum(0) / np.where(spread > 0, spread, 1)
        return gain, middle + self.moves.mean(0) - gain * middle

    def curve(self, values: Rows) -> Rows:
        """The map on values of its own space, (n, 3) float64."""
        out = values.copy()
        for k, (knots, moves) in enumerate(zip(self.knots.T, self.moves.T, strict=True)):
            beyond = values[:, k] - np.clip(values[:, k], knots[0], knots[-1])
            out[:, k] += np.interp(values[:, k], knots, moves) + (self.slope[k] - 1) * beyond
        return out

    def apply(self, patch: Patch3, matrix: npt.NDArray[np.float64]) -> Patch3:
        """Map a patch, (h, w, 3) YCbCr in 8-bit levels; the identity returns the same object.

        ``matrix`` is YCbCr to R'G'B' 0..255, from `lipblend.picture.ycbcr.ycbcr_matrix`. The conversion to another
        space may clip: only the change that the map makes there is added to the patch.
        """
        if self.is_identity:
            return patch
        if self.space == "ycbcr":
            return self._mapped(patch)
        to, back = _CONVERSIONS[self.space]
        values = to(patch, matrix)
        return np.asarray(patch + (back(self._mapped(values), matrix) - back(values, matrix)), np.float32)

    def apply_patch(self, patch: Patch, matrix: npt.NDArray[np.float64]) -> Patch:
        """`apply` for a patch whose chroma is coarser than its luma."""
        if self.is_identity:
            return patch
        if self.space != "ycbcr":
            return Patch.of(self.apply(patch.whole(), matrix), patch.grid)
        if len(self.knots) > 1:
            luma = self._curve_of(patch.luma, 0)
            chroma = [self._curve_of(plane, 1 + k) for k, plane in enumerate(channels(patch.chroma))]
            return Patch(luma, joined(*chroma), patch.grid)
        gain, offset = self.line()
        luma = patch.luma * np.float32(gain[0])
        luma += np.float32(offset[0])
        chroma_map = np.concatenate([np.diag(gain[1:]), offset[1:, None]], axis=1)
        return Patch(luma, np.asarray(cv2.transform(patch.chroma, chroma_map), np.float32), patch.grid)

    def _curve_of(self, plane: npt.NDArray[np.float32], channel: int) -> npt.NDArray[np.float32]:
        knots, moves = self.knots[:, channel], self.moves[:, channel]
        beyond = plane - np.clip(plane, knots[0], knots[-1])
        moved = plane + np.interp(plane, knots, moves) + (self.slope[channel] - 1) * beyond
        return np.asarray(moved, np.float32)

    def _mapped(self, values: Patch3) -> Patch3:
        if len(self.knots) == 1:
            gain, offset = self.line()
            return np.asarray(
                cv2.transform(values, np.concatenate([np.diag(gain), offset[:, None]], axis=1)), np.float32
            )
        return self.curve(values.reshape(-1, 3).astype(np.float64)).reshape(values.shape).astype(np.float32)


_CONVERSIONS = {
    "lab": (colour.ycbcr_to_lab, colour.lab_to_ycbcr),
    "light": (colour.to_light, colour.from_light),
}
