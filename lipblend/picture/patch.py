"""A box of a picture, its chroma samples, and its content."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipblend.picture.formats import PixelLayout


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels, half open: columns ``x0`` to ``x1 - 1``, rows ``y0`` to ``y1 - 1``."""

    x0: int
    y0: int
    x1: int
    y1: int

    @classmethod
    def around(cls, low: NDArray[np.floating], high: NDArray[np.floating]) -> Box:
        """The smallest box around two corners (x, y), top left and bottom right."""
        return cls(*np.floor(low).astype(int).tolist(), *np.ceil(high).astype(int).tolist())

    @property
    def width(self) -> int:
        """Columns, 0 for an empty box."""
        return max(0, self.x1 - self.x0)

    @property
    def height(self) -> int:
        """Rows, 0 for an empty box."""
        return max(0, self.y1 - self.y0)

    def clipped(self, width: int, height: int) -> Box:
        """The part inside a picture of the given size; an empty box inside it if there is none."""
        x0, y0 = min(max(self.x0, 0), width), min(max(self.y0, 0), height)
        return Box(x0, y0, max(x0, min(self.x1, width)), max(y0, min(self.y1, height)))

    def clipped_to(self, other: Box) -> Box:
        """The pixels in both boxes; without width or height if there are none."""
        return Box(max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1))

    def joined_with(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))

    def within(self, outer: Box) -> tuple[slice, slice]:
        """Rows and columns of this box in the planes of another."""
        return slice(self.y0 - outer.y0, self.y1 - outer.y0), slice(self.x0 - outer.x0, self.x1 - outer.x0)

    def snapped(self, layout: PixelLayout, frame_w: int, frame_h: int) -> Box:
        """The box grown to whole chroma samples and clipped to the picture."""
        x0, x1 = _grown(self.x0, self.x1, layout.chroma_w_shift, layout.chroma_w_phase)
        y0, y1 = _grown(self.y0, self.y1, layout.chroma_h_shift, layout.chroma_h_phase)
        return Box(x0, y0, x1, y1).clipped(frame_w, frame_h)


@dataclass(frozen=True)
class Patch:
    """A box of a picture, or a change to it, with chroma at its stored resolution.

    Attributes
    ----------
    luma : (h, w) float32
        8-bit code units.
    chroma : (hc, wc, 2) float32
        Cb and Cr of the samples that the box touches, 8-bit code units.
    grid : ChromaGrid
        Position of the samples.
    """

    luma: NDArray[np.float32]
    chroma: NDArray[np.float32]
    grid: ChromaGrid

    @classmethod
    def of(cls, whole: NDArray[np.float32], grid: ChromaGrid) -> Patch:
        """From (h, w, 3) float32; chroma is averaged. The inverse of `whole`."""
        luma, cb, cr = channels(whole)
        return cls(luma, joined(grid.averaged(cb), grid.averaged(cr)), grid)

    def whole(self) -> NDArray[np.float32]:
        """(h, w, 3) float32; chroma is replicated."""
        return joined(self.luma, *(self.grid.spread(each) for each in channels(self.chroma)))

    def __add__(self, other: Patch) -> Patch:
        return Patch(self.luma + other.luma, self.chroma + other.chroma, self.grid)

    def __sub__(self, other: Patch) -> Patch:
        return Patch(self.luma - other.luma, self.chroma - other.chroma, self.grid)

    def add_in_place(self, other: Patch) -> None:
        """``self + other`` without new planes."""
        np.add(self.luma, other.luma, out=self.luma)
        np.add(self.chroma, other.chroma, out=self.chroma)

    def subtract_in_place(self, other: Patch) -> None:
        """``self - other`` without new planes."""
        np.subtract(self.luma, other.luma, out=self.luma)
        np.subtract(self.chroma, other.chroma, out=self.chroma)

    def weighted(self, weight: NDArray[np.float32]) -> Patch:
        """The patch times (h, w) float32; chroma times the mean over each sample's pixels."""
        share = self.grid.averaged(weight)
        return Patch(self.luma * weight, self.chroma * joined(share, share), self.grid)

    def part(self, box: Box) -> Patch:
        """A view of a box on the same chroma grid, inside this one."""
        grid = self.grid.part(box)
        return Patch(self.luma[box.within(self.grid.box)], self.chroma[self.grid.chroma_within(grid)], grid)


class ChromaGrid:
    """The chroma samples that a box of luma pixels touches, and the position of the box on them."""

    def __init__(self, layout: PixelLayout, box: Box) -> None:
        self._layout = layout
        self._w_shift, self._h_shift = layout.chroma_w_shift, layout.chroma_h_shift
        self._box = box
        x0, x1 = _grown(box.x0, box.x1, self._w_shift, layout.chroma_w_phase)
        y0, y1 = _grown(box.y0, box.y1, self._h_shift, layout.chroma_h_phase)
        self._left, self._top, self._right, self._bottom = box.x0 - x0, box.y0 - y0, x1 - box.x1, y1 - box.y1
        self._columns = slice(
            (x0 + layout.chroma_w_phase) >> self._w_shift, (x1 + layout.chroma_w_phase) >> self._w_shift
        )
        self._rows = slice((y0 + layout.chroma_h_phase) >> self._h_shift, (y1 + layout.chroma_h_phase) >> self._h_shift)

    def region(self, plane: np.ndarray) -> np.ndarray:
        """View of the box's samples in a chroma plane."""
        return plane[self._rows, self._columns]

    @property
    def box(self) -> Box:
        """The box of luma pixels."""
        return self._box

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the samples."""
        return self._rows.stop - self._rows.start, self._columns.stop - self._columns.start

    @property
    def to_pixels(self) -> NDArray[np.float64]:
        """(3, 3): column and row of a sample to the middle of its luma pixels, relative to the box's corner."""
        (across, down), left, top = self.subsampling, self._left, self._top
        return np.array([[across, 0, (across - 1) / 2 - left], [0, down, (down - 1) / 2 - top], [0, 0, 1]])

    @property
    def subsampling(self) -> tuple[int, int]:
        """Luma pixels per chroma sample, across and down."""
        return 1 << self._w_shift, 1 << self._h_shift

    def matches(self, other: ChromaGrid) -> bool:
        """Whether both have the same box and the same samples."""
        return all(vars(self)[name] == vars(other)[name] for name in vars(self) if name != "_layout")

    def part(self, box: Box) -> ChromaGrid:
        """The grid of another box of the same picture."""
        return ChromaGrid(self._layout, box)

    def grown(self, box: Box) -> Box:
        """A box grown to whole samples and clipped to the grid's box."""
        own = self._box
        return box.snapped(self._layout, own.x1, own.y1).clipped_to(own)

    def chroma_within(self, other: ChromaGrid) -> tuple[slice, slice]:
        """Rows and columns of another grid's samples among these."""
        rows, columns = (
            slice(b.start - a.start, b.stop - a.start)
            for a, b in ((self._rows, other._rows), (self._columns, other._columns))
        )
        return rows, columns

    def spread(self, region: np.ndarray) -> np.ndarray:
        """The samples of the box, (hc, wc), replicated to its luma pixels."""
        if not (self._w_shift or self._h_shift):
            return region
        # Merging a plane with itself repeats each sample in its row; four times as fast as cv2.resize.
        wide = cv2.merge([region] * (1 << self._w_shift)).reshape(region.shape[0], -1)
        tall = np.repeat(wide, 1 << self._h_shift, axis=0)
        return tall[self._top : self._top + self._box.height, self._left : self._left + self._box.width]

    def averaged(self, change: np.ndarray) -> np.ndarray:
        """The mean over the luma pixels of each sample; pixels outside the box repeat its border."""
        if not (self._w_shift or self._h_shift):
            return change
        margins = (self._top, self._bottom, self._left, self._right)
        if any(margins):
            change = cv2.copyMakeBorder(change, *margins, cv2.BORDER_REPLICATE)
        size = (change.shape[1] >> self._w_shift, change.shape[0] >> self._h_shift)
        return np.asarray(cv2.resize(change, size, interpolation=cv2.INTER_AREA))


def channels(picture: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """The planes of an (h, w, c) array, each contiguous."""
    return tuple(np.asarray(plane, np.float32) for plane in cv2.split(picture))


def joined(*planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Planes as one (h, w, c) array."""
    return np.asarray(cv2.merge(planes), np.float32)


def _grown(low: int, high: int, shift: int, phase: int) -> tuple[int, int]:
    """A half-open range of luma pixels grown to whole chroma samples."""
    return ((low + phase) >> shift << shift) - phase, (-(-(high + phase) >> shift) << shift) - phase
