"""Patches of a picture: cut out of its planes, and changes put back, exactly.

The working unit is the *8-bit code*: a 10-bit code divided by 4, so that both depths give the same numbers.
Chroma is brought up by replication and down by area averaging; one undoes the other exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipblend.media.colour import convert_colour, ycbcr_matrix
from lipblend.media.info import ColourTags, PixelLayout

__all__ = [
    "Box",
    "ChromaGrid",
    "Patch",
    "add_delta",
    "convert_colour",
    "cut",
    "extract_patch",
    "to_reduced_rgb",
    "to_rgb",
    "ycbcr_matrix",
]

_NEUTRAL = 128


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels, half open: columns ``x0`` to ``x1 - 1``, rows ``y0`` to ``y1 - 1``."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Columns, 0 when the box is empty."""
        return max(0, self.x1 - self.x0)

    @property
    def height(self) -> int:
        """Rows, 0 when the box is empty."""
        return max(0, self.y1 - self.y0)

    def clipped(self, width: int, height: int) -> Box:
        """The part inside a picture of the given size; empty, but inside, when there is none."""
        x0, y0 = min(max(self.x0, 0), width), min(max(self.y0, 0), height)
        return Box(x0, y0, max(x0, min(self.x1, width)), max(y0, min(self.y1, height)))

    def clipped_to(self, other: Box) -> Box:
        """The part inside another box that it touches."""
        return Box(max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1))

    def snapped(self, layout: PixelLayout, frame_w: int, frame_h: int) -> Box:
        """The box grown to whole chroma samples and clipped to the picture."""
        x0, x1 = _grown(self.x0, self.x1, layout.chroma_w_shift, layout.chroma_w_phase)
        y0, y1 = _grown(self.y0, self.y1, layout.chroma_h_shift, layout.chroma_h_phase)
        return Box(x0, y0, x1, y1).clipped(frame_w, frame_h)


@dataclass(frozen=True)
class Patch:
    """A part of a picture, or a change to it, with its chroma as coarse as it is stored.

    Attributes
    ----------
    luma : (h, w) float32
        8-bit code units.
    chroma : (hc, wc, 2) float32
        Cb and Cr of the samples that the box touches, likewise.
    grid : ChromaGrid
        Where they lie.
    """

    luma: NDArray[np.float32]
    chroma: NDArray[np.float32]
    grid: ChromaGrid

    @classmethod
    def of(cls, whole: NDArray[np.float32], grid: ChromaGrid) -> Patch:
        """From (h, w, 3) float32 with chroma for every pixel, which is averaged; the inverse of `whole`."""
        luma, cb, cr = channels(whole)
        return cls(luma, joined(grid.averaged(cb), grid.averaged(cr)), grid)

    def whole(self) -> NDArray[np.float32]:
        """(h, w, 3) float32: chroma is replicated."""
        return joined(self.luma, *(self.grid.spread(each) for each in channels(self.chroma)))

    def __add__(self, other: Patch) -> Patch:
        return Patch(self.luma + other.luma, self.chroma + other.chroma, self.grid)

    def __sub__(self, other: Patch) -> Patch:
        return Patch(self.luma - other.luma, self.chroma - other.chroma, self.grid)

    def weighted(self, weight: NDArray[np.float32]) -> Patch:
        """Times (h, w) float32: chroma by the mean over each sample's pixels."""
        share = self.grid.averaged(weight)
        return Patch(self.luma * weight, self.chroma * joined(share, share), self.grid)

    def part(self, box: Box) -> Patch:
        """A view of what lies in a box on the same chroma grid, inside of this one."""
        grid = self.grid.part(box)
        return Patch(self.luma[self.grid.within(box)], self.chroma[self.grid.chroma_within(grid)], grid)


def channels(picture: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """The planes of (h, w, c), each contiguous."""
    return tuple(np.asarray(plane, np.float32) for plane in cv2.split(picture))


def joined(*planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Planes as (h, w, c)."""
    return np.asarray(cv2.merge(planes), np.float32)


def cut(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box) -> Patch:
    """Cut a part out of a picture, as it is stored; see `extract_patch`.

    Parameters
    ----------
    planes : sequence of ndarray
        (h, w) uint8 or uint16, 1 or 3 of them, as `Frame.planes`.
    layout : PixelLayout
    box : Box
        Inside the picture.

    Raises
    ------
    ValueError
        The box is outside the picture or empty.
    """
    _check_inside(planes, box)
    grid = ChromaGrid(layout, box)
    luma, *chroma = planes
    part = luma[box.y0 : box.y1, box.x0 : box.x1].astype(np.float32)
    if chroma:
        coarse = cv2.merge([grid.region(plane) for plane in chroma]).astype(np.float32)
    else:
        coarse = np.full((*part.shape, 2), _NEUTRAL * layout.code_scale, np.float32)
    if layout.depth > 8:
        part, coarse = (codes * np.float32(1 / layout.code_scale) for codes in (part, coarse))
    return Patch(part, coarse, grid)


def extract_patch(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box) -> NDArray[np.float32]:
    """Cut a patch out of a picture.

    Parameters
    ----------
    planes : sequence of ndarray
        (h, w) uint8 or uint16, 1 or 3 of them, as `Frame.planes`.
    layout : PixelLayout
        What the planes are.
    box : Box
        Inside the picture. It need not lie on the chroma grid.

    Returns
    -------
    ndarray, (h, w, 3) float32
        Y, Cb, Cr in 8-bit code units, 0 to 255 with fractions. Chroma is replicated. Grey has Cb = Cr = 128.

    Raises
    ------
    ValueError
        The box is outside the picture or empty.
    """
    merged = _merged(planes, layout, box)
    if layout.depth == 8:
        return merged.astype(np.float32)
    patch: NDArray[np.float32] = np.multiply(merged, np.float32(1 / layout.code_scale), dtype=np.float32)
    return patch


def add_delta(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box, delta: Patch | NDArray[np.float32]) -> None:
    """Add a change to a picture, in place.

    ``plane = clip(plane + rint(delta * 2**(depth - 8)), 0, 2**depth - 1)``, with chroma averaged over the luma pixels
    of each chroma sample. Samples whose rounded change is 0 keep their bits.

    Parameters
    ----------
    planes : sequence of ndarray
        (h, w) uint8 or uint16, writable.
    layout : PixelLayout
        What the planes are.
    box : Box
        On the chroma grid and inside the picture (see `Box.snapped`).
    delta : Patch, or (box.height, box.width, 3) float32
        Change of Y, Cb, Cr in 8-bit code units, finite. For grey, Cb and Cr are not used.

    Raises
    ------
    ValueError
        A bad box, or a delta of another shape or dtype.
    """
    frame_h, frame_w = planes[0].shape
    if _outside(planes, box) or box != box.snapped(layout, frame_w, frame_h):
        raise ValueError(f"{box} is empty, off the chroma grid of {layout.name} or outside {frame_w}x{frame_h}")
    grid = ChromaGrid(layout, box)
    if isinstance(delta, np.ndarray):
        if delta.shape != (box.height, box.width, 3) or delta.dtype != np.float32:
            raise ValueError(f"delta must be ({box.height}, {box.width}, 3) float32, got {delta.shape} {delta.dtype}")
        delta = Patch.of(delta, grid)
    elif delta.luma.shape != (box.height, box.width):
        raise ValueError(f"delta must be {box.width}x{box.height}, got {delta.luma.shape}")
    luma, *chroma = planes
    _add_plane(luma[box.y0 : box.y1, box.x0 : box.x1], delta.luma, layout)
    for channel, plane in enumerate(chroma):
        _add_plane(grid.region(plane), cv2.extractChannel(delta.chroma, channel), layout)


def to_rgb(
    planes: Sequence[np.ndarray],
    layout: PixelLayout,
    colour: ColourTags,
    box: Box | None = None,
    *,
    height: int | None = None,
) -> NDArray[np.uint8]:
    """Turn a picture or a part of it into RGB, for face detection and for showing.

    Parameters
    ----------
    planes : sequence of ndarray
        (h, w) uint8 or uint16.
    layout : PixelLayout
        What the planes are.
    colour : ColourTags
        Their encoding; for what is unspecified see `ycbcr_matrix`.
    box : Box or None
        Part wanted, anywhere inside the picture; None is all of it.
    height : int or None
        Lines of the whole picture, where ``planes`` are only a part; None takes them from the planes.

    Returns
    -------
    ndarray, (h, w, 3) uint8
        Contiguous R'G'B', full range, transfer and primaries as they are.
    """
    frame_h, frame_w = planes[0].shape
    wanted = box or Box(0, 0, frame_w, frame_h)
    merged = _merged(planes, layout, wanted)
    if layout.depth > 8:
        merged = cv2.convertScaleAbs(merged, alpha=1 / layout.code_scale)
    matrix = ycbcr_matrix(colour, frame_h if height is None else height).astype(np.float32)
    return np.ascontiguousarray(cv2.transform(merged, matrix), dtype=np.uint8)


def to_reduced_rgb(
    planes: Sequence[np.ndarray], layout: PixelLayout, colour: ColourTags, box: Box, step: int, *, height: int
) -> NDArray[np.uint8]:
    """Turn a part of a picture into RGB at a fraction of its size, for face detection; see `to_rgb`.

    Only so many pixels are converted as come out. Chroma is reduced from its own samples; where the box does not lie on
    their grid it is off by less than one of them.

    Parameters
    ----------
    planes, layout, colour, height
        As for `to_rgb`.
    box : Box
        Inside the picture.
    step : int
        Pixels each way that become one, averaged; what is left over at the right and below is not seen.

    Returns
    -------
    ndarray, (box.height // step, box.width // step, 3) uint8
    """
    if step == 1:
        return to_rgb(planes, layout, colour, box, height=height)
    size = box.width // step, box.height // step
    if _outside(planes, box) or 0 in size:
        raise ValueError(f"{box} is empty, outside {planes[0].shape[1]}x{planes[0].shape[0]}, or smaller than {step}")
    seen = Box(box.x0, box.y0, box.x0 + size[0] * step, box.y0 + size[1] * step)
    whole, *chroma = planes
    parts = [_reduced(whole[seen.y0 : seen.y1, seen.x0 : seen.x1], size)]
    if chroma:
        grid = ChromaGrid(layout, seen)
        parts += [_reduced(grid.region(plane), size) for plane in chroma]
    else:
        parts += [np.full(size[::-1], _NEUTRAL * layout.code_scale, whole.dtype)] * 2
    merged = cv2.merge(parts)
    if layout.depth > 8:
        merged = cv2.convertScaleAbs(merged, alpha=1 / layout.code_scale)
    matrix = ycbcr_matrix(colour, height).astype(np.float32)
    return np.ascontiguousarray(cv2.transform(merged, matrix), dtype=np.uint8)


class ChromaGrid:
    """The chroma samples that a box of luma pixels touches, and how the box lies on them."""

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
        """View of the samples in a chroma plane."""
        return plane[self._rows, self._columns]

    @property
    def box(self) -> Box:
        """The luma pixels."""
        return self._box

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the samples."""
        return self._rows.stop - self._rows.start, self._columns.stop - self._columns.start

    @property
    def to_pixels(self) -> NDArray[np.float64]:
        """(3, 3): a sample's column and row to the middle of its luma pixels, counted from the box's corner."""
        (across, down), left, top = self.subsampling, self._left, self._top
        return np.array([[across, 0, (across - 1) / 2 - left], [0, down, (down - 1) / 2 - top], [0, 0, 1]])

    @property
    def subsampling(self) -> tuple[int, int]:
        """Luma pixels of a chroma sample, across and down."""
        return 1 << self._w_shift, 1 << self._h_shift

    def like(self, other: ChromaGrid) -> bool:
        """Whether the samples lie alike in the same box."""
        return all(vars(self)[name] == vars(other)[name] for name in vars(self) if name != "_layout")

    def part(self, box: Box) -> ChromaGrid:
        """The grid of another box of the same picture."""
        return ChromaGrid(self._layout, box)

    def grown(self, box: Box) -> Box:
        """A box grown to whole samples and clipped to the grid's own."""
        edge = self._box
        return box.snapped(self._layout, edge.x1, edge.y1).clipped_to(edge)

    def within(self, box: Box) -> tuple[slice, slice]:
        """Rows and columns of a box in the planes of the grid's own."""
        x0, y0 = self._box.x0, self._box.y0
        return slice(box.y0 - y0, box.y1 - y0), slice(box.x0 - x0, box.x1 - x0)

    def chroma_within(self, other: ChromaGrid) -> tuple[slice, slice]:
        """Rows and columns of another grid's samples among these."""
        ours, theirs = (self._rows, self._columns), (other._rows, other._columns)
        rows, columns = (slice(b.start - a.start, b.stop - a.start) for a, b in zip(ours, theirs, strict=True))
        return rows, columns

    def spread(self, region: np.ndarray) -> np.ndarray:
        """The samples of the box, (hc, wc), one for each luma pixel."""
        if not (self._w_shift or self._h_shift):
            return region
        # Merging a plane with itself and reading rows through repeats each sample; four times as fast as cv2.resize.
        wide = cv2.merge([region] * (1 << self._w_shift)).reshape(region.shape[0], -1)
        tall = np.repeat(wide, 1 << self._h_shift, axis=0)
        return tall[self._top : self._top + self._box.height, self._left : self._left + self._box.width]

    def averaged(self, change: np.ndarray) -> np.ndarray:
        """The mean of the luma pixels of each sample; pixels outside count as their nearest neighbours inside."""
        if not (self._w_shift or self._h_shift):
            return change
        margins = (self._top, self._bottom, self._left, self._right)
        if any(margins):
            change = cv2.copyMakeBorder(change, *margins, cv2.BORDER_REPLICATE)
        size = (change.shape[1] >> self._w_shift, change.shape[0] >> self._h_shift)
        return np.asarray(cv2.resize(change, size, interpolation=cv2.INTER_AREA))


def _reduced(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(plane if plane.shape == size[::-1] else cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def _grown(low: int, high: int, shift: int, phase: int) -> tuple[int, int]:
    """A half-open range of luma pixels grown to whole chroma samples."""
    return ((low + phase) >> shift << shift) - phase, (-(-(high + phase) >> shift) << shift) - phase


def _outside(planes: Sequence[np.ndarray], box: Box) -> bool:
    """Whether a box is empty, or reaches beyond the picture."""
    height, width = planes[0].shape
    return box.width == 0 or box.height == 0 or box != box.clipped(width, height)


def _check_inside(planes: Sequence[np.ndarray], box: Box) -> None:
    if _outside(planes, box):
        raise ValueError(f"{box} is empty or outside {planes[0].shape[1]}x{planes[0].shape[0]}")


def _merged(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box) -> np.ndarray:
    """Codes of a box as (h, w, 3), chroma replicated."""
    _check_inside(planes, box)
    whole, *chroma = planes
    luma = whole[box.y0 : box.y1, box.x0 : box.x1]
    if chroma:
        grid = ChromaGrid(layout, box)
        parts = [luma, *(grid.spread(grid.region(plane)) for plane in chroma)]
    else:
        neutral = np.full(luma.shape, _NEUTRAL * layout.code_scale, luma.dtype)
        parts = [luma, neutral, neutral]
    return np.asarray(cv2.merge(parts))


def _add_plane(region: np.ndarray, change: np.ndarray, layout: PixelLayout) -> None:
    if layout.depth > 8:
        change = change * np.float32(layout.code_scale)
    # Rounded before the sum: rounding plane + change would send halves to even sums, not to even changes.
    rounded = np.rint(change)
    depth = cv2.CV_8U if layout.depth == 8 else cv2.CV_16U
    summed = cv2.add(region, rounded, dtype=depth)
    if 8 < layout.depth < 16:
        np.minimum(summed, layout.code_max, out=summed)
    region[...] = summed
