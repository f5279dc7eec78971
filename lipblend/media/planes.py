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

__all__ = ["Box", "add_delta", "convert_colour", "extract_patch", "to_rgb", "ycbcr_matrix"]

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
        w_step, h_step = 1 << layout.chroma_w_shift, 1 << layout.chroma_h_shift
        grown = Box(
            self.x0 // w_step * w_step,
            self.y0 // h_step * h_step,
            -(-self.x1 // w_step) * w_step,
            -(-self.y1 // h_step) * h_step,
        )
        return grown.clipped(frame_w, frame_h)


def extract_patch(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box) -> NDArray[np.float32]:
    """Cut a patch out of a picture.

    Parameters
    ----------
    planes : sequence of ndarray
        (h, w) uint8 or uint16, 1 or 3 of them, as `Frame.planes`.
    layout : PixelLayout
        What the planes are.
    box : Box
        Inside the picture. It may lie off the chroma grid: the two videos of a pair need not have the same grid.

    Returns
    -------
    ndarray, (h, w, 3) float32
        Y, Cb, Cr in 8-bit code units, 0 to 255 with fractions. Chroma is replicated. Grey has Cb = Cr = 128.

    Raises
    ------
    ValueError
        The box is outside the picture or empty.
    """
    merged = _cut(planes, layout, box)
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
        On the chroma grid and inside the picture.
    delta : ndarray, (box.height, box.width, 3) float32
        Change of Y, Cb, Cr in 8-bit code units, finite. For grey, Cb and Cr are not used.

    Raises
    ------
    ValueError
        A bad box, or a delta of another shape or dtype.
    """
    _check_box(planes, layout, box)
    if delta.shape != (box.height, box.width, 3) or delta.dtype != np.float32:
        raise ValueError(f"delta must be ({box.height}, {box.width}, 3) float32, got {delta.shape} {delta.dtype}")
    regions = _regions(planes, layout, box)
    for channel, region in enumerate(regions):
        change: np.ndarray = cv2.extractChannel(delta, channel)
        if channel:
            change = _averaged(change, layout)
        _add_plane(region, change, layout)


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
    merged = _cut(planes, layout, wanted)
    if layout.depth > 8:
        merged = cv2.convertScaleAbs(merged, alpha=1 / layout.code_scale)
    matrix = ycbcr_matrix(colour, frame_h if height is None else height).astype(np.float32)
    return np.ascontiguousarray(cv2.transform(np.ascontiguousarray(merged), matrix), dtype=np.uint8)


def _check_box(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box) -> None:
    frame_h, frame_w = planes[0].shape
    if box.width == 0 or box.height == 0 or box != box.snapped(layout, frame_w, frame_h):
        raise ValueError(f"{box} is empty, off the chroma grid of {layout.name} or outside {frame_w}x{frame_h}")


def _regions(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box) -> list[np.ndarray]:
    """Views of what each plane holds for a box."""
    regions = [planes[0][box.y0 : box.y1, box.x0 : box.x1]]
    x0, y0 = box.x0 >> layout.chroma_w_shift, box.y0 >> layout.chroma_h_shift
    chroma_w, chroma_h = layout.chroma_size(box.width, box.height)
    regions += [plane[y0 : y0 + chroma_h, x0 : x0 + chroma_w] for plane in planes[1:]]
    return regions


def _cut(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box) -> np.ndarray:
    """Codes of any box inside the picture as (h, w, 3), chroma replicated."""
    frame_h, frame_w = planes[0].shape
    if box.width == 0 or box.height == 0 or box != box.clipped(frame_w, frame_h):
        raise ValueError(f"{box} is empty or outside {frame_w}x{frame_h}")
    snapped = box.snapped(layout, frame_w, frame_h)
    x, y = box.x0 - snapped.x0, box.y0 - snapped.y0
    return _merged(planes, layout, snapped)[y : y + box.height, x : x + box.width]


def _merged(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box) -> np.ndarray:
    """Codes of a box as (h, w, 3), chroma replicated."""
    _check_box(planes, layout, box)
    luma, *chroma = _regions(planes, layout, box)
    if not chroma:
        neutral = np.full_like(luma, _NEUTRAL * layout.code_scale)
        chroma = [neutral, neutral]
    size = (box.width, box.height)
    return np.asarray(cv2.merge([luma, *(_replicated(plane, layout, size) for plane in chroma)]))


def _replicated(plane: np.ndarray, layout: PixelLayout, size: tuple[int, int]) -> np.ndarray:
    if plane.shape == size[::-1]:
        return plane
    # Merging a plane with itself and reading rows through repeats each sample; four times as fast as cv2.resize.
    wide = cv2.merge([plane] * (1 << layout.chroma_w_shift)).reshape(plane.shape[0], -1)
    return np.repeat(wide, 1 << layout.chroma_h_shift, axis=0)[: size[1], : size[0]]


def _averaged(change: np.ndarray, layout: PixelLayout) -> np.ndarray:
    if layout.chroma_w_shift == 0 and layout.chroma_h_shift == 0:
        return change
    height, width = change.shape
    chroma_w, chroma_h = layout.chroma_size(width, height)
    right = (chroma_w << layout.chroma_w_shift) - width
    bottom = (chroma_h << layout.chroma_h_shift) - height
    if right or bottom:
        change = cv2.copyMakeBorder(change, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(change, (chroma_w, chroma_h), interpolation=cv2.INTER_AREA))


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
