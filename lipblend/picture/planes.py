"""Patches of a picture, cut from its planes and added back exactly, and pictures as RGB.

The unit is the *8-bit code*: a 10-bit code divided by 4, so that all depths give the same numbers. Chroma is replicated
to full size and averaged back to its samples; one undoes the other exactly.

``planes`` is a sequence of 1 or 3 arrays, (h, w) uint8 or uint16, as `Frame.planes`, and ``layout`` describes them.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lipblend.picture.formats import ColourTags, PixelLayout
from lipblend.picture.light import SDR, sdr_table, transfer_kind
from lipblend.picture.patch import Box, ChromaGrid, Patch, joined
from lipblend.picture.ycbcr import ycbcr_matrix

_NEUTRAL = 128


def cut(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box) -> Patch:
    """Cut a box out of a picture, chroma at its own resolution; see `extract_patch`."""
    _check_inside(planes, box)
    grid = ChromaGrid(layout, box)
    luma, *chroma = planes
    part = luma[box.y0 : box.y1, box.x0 : box.x1].astype(np.float32)
    if chroma:
        # Converting first makes the planes contiguous: merging strided ones takes four times as long.
        coarse = joined(*(grid.region(plane).astype(np.float32) for plane in chroma))
    else:
        coarse = np.full((*part.shape, 2), _NEUTRAL * layout.code_scale, np.float32)
    if layout.depth > 8:
        part, coarse = (codes * np.float32(1 / layout.code_scale) for codes in (part, coarse))
    return Patch(part, coarse, grid)


def extract_patch(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box) -> NDArray[np.float32]:
    """Cut a box inside a picture, on its chroma grid or not, with chroma replicated.

    Returns (h, w, 3) float32: Y, Cb, Cr in 8-bit code units, 0 to 255 with fractions. Grey has Cb = Cr = 128. Raises
    ValueError for a box that is empty or outside the picture.
    """
    merged = _merged(planes, layout, box)
    if layout.depth == 8:
        return merged.astype(np.float32)
    patch: NDArray[np.float32] = np.multiply(merged, np.float32(1 / layout.code_scale), dtype=np.float32)
    return patch


def extract_reduced(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box, step: int) -> NDArray[np.float32]:
    """Cut a box out of a picture at a fraction of its size: means over ``step`` x ``step`` pixels; as `extract_patch`.

    Raises ValueError also if the sides of the box are not multiples of ``step``.
    """
    size = box.width // step, box.height // step
    if (size[0] * step, size[1] * step) != (box.width, box.height):
        raise ValueError(f"{box} is {box.width}x{box.height}, not a multiple of {step}")
    if step == 1:
        return extract_patch(planes, layout, box)
    _check_inside(planes, box)
    luma, *chroma = planes
    coarse = [ChromaGrid(layout, box).region(plane) for plane in chroma]
    down, across = 1 << layout.chroma_h_shift, 1 << layout.chroma_w_shift
    if not chroma or step % down or step % across or coarse[0].shape != (box.height // down, box.width // across):
        return _block_means(extract_patch(planes, layout, box), size)  # blocks of pixels split chroma samples
    parts = [
        _block_means(plane.astype(np.float32), size) for plane in (luma[box.y0 : box.y1, box.x0 : box.x1], *coarse)
    ]
    patch = joined(*parts)
    return patch if layout.depth == 8 else patch * np.float32(1 / layout.code_scale)


def add_delta(planes: Sequence[np.ndarray], layout: PixelLayout, box: Box, delta: Patch | NDArray[np.float32]) -> None:
    """Add a change of Y, Cb, Cr in 8-bit code units, finite, to a picture in place; the planes must be writable.

    ``plane = clip(plane + rint(delta * 2**(depth - 8)), 0, 2**depth - 1)``, with chroma averaged over the luma pixels
    of each chroma sample. Samples whose rounded change is 0 keep their bits. Chroma is ignored for grey.

    Raises
    ------
    ValueError
        The box is off the chroma grid (see `Box.snapped`) or outside the picture, or the delta has a wrong shape.
    """
    frame_h, frame_w = planes[0].shape
    if _is_outside(planes, box) or box != box.snapped(layout, frame_w, frame_h):
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
    """Convert a picture or a box inside it to RGB, for face detection and display.

    Returns (h, w, 3) uint8: contiguous R'G'B', full range, primaries unchanged, HDR tone-mapped for an SDR display.
    Unspecified tags are read as in `ycbcr_matrix`; ``height`` is the number of lines of the whole picture if ``planes``
    are a part of it.
    """
    frame_h, frame_w = planes[0].shape
    merged = _merged(planes, layout, box or Box(0, 0, frame_w, frame_h))
    if layout.depth > 8:
        merged = cv2.convertScaleAbs(merged, alpha=1 / layout.code_scale)
    return displayed(merged, colour, frame_h if height is None else height)


def to_reduced_rgb(
    planes: Sequence[np.ndarray], layout: PixelLayout, colour: ColourTags, box: Box, step: int, *, height: int
) -> NDArray[np.uint8]:
    """Convert a box of a picture to RGB, reduced ``step`` times, for face detection; see `to_rgb`.

    Averages first, so that only the resulting pixels are converted. Chroma is averaged over its own samples; if the box
    does not lie on their grid, chroma is off by less than one sample. Pixels beyond the last whole block are ignored.
    """
    if step == 1:
        return to_rgb(planes, layout, colour, box, height=height)
    size = box.width // step, box.height // step
    if _is_outside(planes, box) or 0 in size:
        raise ValueError(f"{box} is empty, outside {planes[0].shape[1]}x{planes[0].shape[0]}, or smaller than {step}")
    used = Box(box.x0, box.y0, box.x0 + size[0] * step, box.y0 + size[1] * step)
    whole, *chroma = planes
    parts = [_resized(whole[used.y0 : used.y1, used.x0 : used.x1], size)]
    if chroma:
        grid = ChromaGrid(layout, used)
        parts += [_resized(grid.region(plane), size) for plane in chroma]
    else:
        parts += [np.full(size[::-1], _NEUTRAL * layout.code_scale, whole.dtype)] * 2
    merged = cv2.merge(parts)
    if layout.depth > 8:
        merged = cv2.convertScaleAbs(merged, alpha=1 / layout.code_scale)
    return displayed(merged, colour, height)


def displayed(codes: np.ndarray, colour: ColourTags, height: int) -> NDArray[np.uint8]:
    """8-bit codes, (h, w, 3), as RGB; HDR as an SDR display shows it."""
    rgb = np.ascontiguousarray(cv2.transform(codes, ycbcr_matrix(colour, height).astype(np.float32)), dtype=np.uint8)
    kind = transfer_kind(colour.transfer)
    return rgb if kind == SDR else np.asarray(cv2.LUT(rgb, sdr_table(kind)), np.uint8)


def _is_outside(planes: Sequence[np.ndarray], box: Box) -> bool:
    """Whether a box is empty or reaches beyond the picture."""
    height, width = planes[0].shape
    return box.width == 0 or box.height == 0 or box != box.clipped(width, height)


def _check_inside(planes: Sequence[np.ndarray], box: Box) -> None:
    if _is_outside(planes, box):
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


def _resized(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(plane if plane.shape == size[::-1] else cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def _block_means(plane: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    if plane.shape[1::-1] == size:
        return plane
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)
