"""The planes of one picture, with what is needed to read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lipblend.picture.formats import ColourTags, PixelLayout
from lipblend.picture.patch import Box
from lipblend.picture.planes import to_rgb

Planes = Sequence[npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Picture:
    """The planes of one decoded frame, upright.

    Attributes
    ----------
    planes : sequence of (h, w) uint8 or uint16
    layout : PixelLayout
    colour : ColourTags
    height : int
        Number of lines of the coded picture: it decides how untagged colours are read.
    """

    planes: Planes
    layout: PixelLayout
    colour: ColourTags
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = self.planes[0].shape
        return width, height

    def to_rgb(self, box: Box | None = None) -> npt.NDArray[np.uint8]:
        """The picture, or a box of it, as (h, w, 3) uint8 RGB, as a standard screen shows it."""
        return to_rgb(self.planes, self.layout, self.colour, box, height=self.height)

    def copy(self) -> Picture:
        """The same picture in buffers of its own."""
        return replace(self, planes=[plane.copy() for plane in self.planes])
