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

__all__ = ["Box", "add_delta", "convert_colour", "extract_patch", "to_reduced_rgb", "to_rgb", "ycbcr_matrix"]

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

    def snapped(self, layout: PixelLayout, frame_w: int, frame_h: int) -> Box:
        """The box grown to whole chroma samples and clipped to the picture."""
        x0, x1 = _grown(self.x0, self.x1, layout.chroma_w_shift, layout.chroma_w_phase)
        y0, y1 = _grown(self.y0, self.y1, layout.chroma_h_shift, layout.chroma_h_phase)
        return Box(x0, y0, x1, y1).clipped(frame_w, frame_h)


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


def add_delta(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box, delta: NDArray[np.float32]) -> None:
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
    delta : ndarray, (box.height, box.width, 3) float32
        Change of Y, Cb, Cr in 8-bit code units, finite. For grey, Cb and Cr are not used.

    Raises
    ------
    ValueError
        A bad box, or a delta of another shape or dtype.
    """
    frame_h, frame_w = planes[0].shape
    if _outside(planes, box) or box != box.snapped(layout, frame_w, frame_h):
        raise ValueError(f"{box} is empty, off the chroma grid of {layout.name} or outside {frame_w}x{frame_h}")
    if delta.shape != (box.height, box.width, 3) or delta.dtype != np.float32:
        raise ValueError(f"delta must be ({box.height}, {box.width}, 3) float32, got {delta.shape} {delta.dtype}")
    luma, *chroma = planes
    _add_plane(luma[box.y0 : box.y1, box.x0 : box.x1], cv2.extractChannel(delta, 0), layout)
    grid = _ChromaGrid(layout, box)
    for channel, plane in enumerate(chroma, start=1):
        _add_plane(grid.region(plane), grid.averaged(cv2.extractChannel(delta, channel)), layout)


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
        grid = _ChromaGrid(layout, seen)
        parts += [_reduced(grid.region(plane), size) for plane in chroma]
    else:
        parts += [np.full(size[::-1], _NEUTRAL * layout.code_scale, whole.dtype)] * 2
    merged = cv2.merge(parts)
    if layout.depth > 8:
        merged = cv2.convertScaleAbs(merged, alpha=1 / layout.code_scale)
    matrix = ycbcr_matrix(colour, height).astype(np.float32)
    return np.ascontiguousarray(cv2.transform(merged, matrix), dtype=np.uint8)


class _ChromaGrid:
    """The chroma samples that a box of luma pixels touches, and how the box lies on them."""

    def __init__(self, layout: PixelLayout, box: Box) -> None:
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

    def replicated(self, plane: np.ndarray) -> np.ndarray:
        """The samples of the box, one for each luma pixel."""
        region = self.region(plane)
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


def _merged(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box) -> np.ndarray:
    """Codes of a box as (h, w, 3), chroma replicated."""
    if _outside(planes, box):
        raise ValueError(f"{box} is empty or outside {planes[0].shape[1]}x{planes[0].shape[0]}")
    whole, *chroma = planes
    luma = whole[box.y0 : box.y1, box.x0 : box.x1]
    if chroma:
        grid = _ChromaGrid(layout, box)
        parts = [luma, *(grid.replicated(plane) for plane in chroma)]
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
