"""A finished picture as a patch with straight alpha over the original.

``original * (1 - alpha) + patch * alpha`` gives the finished picture. The blend itself is no plain mixture (multiband,
membrane, detail), so the patch is solved for: ``patch = original + (finished - original) / alpha``, with alpha raised
where the patch would otherwise leave the codes that a video may hold.

All planes are those of the coded picture, not turned upright. Colours are Y, Cb, Cr in 8-bit code units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box

Plane = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint16]
Planes = Sequence[npt.NDArray[np.generic]]

_DEPTH = 10
_SCALE, _MOST = 1 << (_DEPTH - 8), (1 << _DEPTH) - 1
LOW, HIGH = 1.0, 254.75
"""Codes that SDI and editors leave alone, 4 to 1019 in 10 bits."""
_STEEPEST = 64.0  # codes: a change is at most this share of the patch's difference, so that rounding is not blown up
_REACH = 2  # px over which a raised alpha is smoothed
_CLOSED = 15  # px: smaller holes in what changed have alpha too
_MARGIN = 32  # px around what changed that show the original, so that filters find its colours beyond the edge
_BLOCK = 16  # px of ProRes


@dataclass(frozen=True)
class StraightPatch:
    """The planes of one picture.

    Attributes
    ----------
    colours : three (h, w) uint16
        Y, Cb, Cr, 10 bits, 4:4:4.
    alpha : (h, w) uint16
        0 to 1023; 0 where nothing changed.
    """

    colours: tuple[Codes, Codes, Codes]
    alpha: Codes


def straight_patch(
    original: Planes, finished: Planes, layout: PixelLayout, alpha: Plane, change: npt.NDArray[np.float64] | None
) -> StraightPatch:
    """Solve for the patch of one picture.

    Parameters
    ----------
    original, finished : 1 or 3 planes, (h, w) uint8 or uint16
        Of one layout.
    layout : PixelLayout
        Of the coded picture.
    alpha : (h, w) float32 in [0, 1]
        The blend's own.
    change : (3, 4) float64 or None
        From the original's encoding to the patch's (`lipblend.picture.ycbcr.change_of_encoding`).

    Returns
    -------
    StraightPatch
        Where alpha is 0, the original's colours: those of the place itself near the patch, those of the nearest such
        place elsewhere; their mean where nothing changed at all.
    """
    height, width = original[0].shape
    box = _changed(original, finished, layout, alpha)
    if box is None:
        whole = Box(0, 0, width, height)
        means = [float(plane.mean()) / layout.code_scale for plane in original]
        flat = np.array([[[*means, 128.0, 128.0][:3]]], np.float32)
        return _coded(_converted(flat, change), np.zeros((1, 1), np.uint16), Box(0, 0, 1, 1), whole)
    before, after = (_converted(full_chroma(planes, layout, box), change) for planes in (original, finished))
    difference = after - before
    weight = raised_alpha(before, difference, alpha[box.y0 : box.y1, box.x0 : box.x1])
    codes = np.ceil(weight * np.float32(_MOST) - np.float32(1e-3)).astype(np.uint16)
    # By the alpha that is stored, so that its rounding takes no part.
    stored = np.maximum(codes, 1).astype(np.float32) / np.float32(_MOST)
    before += np.where((codes > 0)[..., None], difference / stored[..., None], 0)
    return _coded(before, codes, box, Box(0, 0, width, height))


def raised_alpha(before: Plane, difference: Plane, alpha: Plane) -> Plane:
    """The alpha with which a change can be shown: at least the blend's own, smooth, and 0 beyond what changed.

    Parameters
    ----------
    before, difference : (h, w, 3) float32
        The original, and what is added to it.
    alpha : (h, w) float32 in [0, 1]

    Returns
    -------
    (h, w) float32 in [0, 1]
    """
    room = np.where(difference > 0, np.float32(HIGH) - before, before - np.float32(LOW))
    size = np.abs(difference)
    needed = (size / np.clip(room, np.float32(1e-3), np.float32(_STEEPEST))).max(axis=2)
    np.minimum(needed, 1, out=needed)
    side = 2 * _REACH + 1
    # Every tap of the mean lies within reach of the pixel, whose own need its maximum holds: never less than needed.
    smooth = cv2.blur(cv2.dilate(needed, np.ones((side, side), np.uint8)), (side, side))
    weight = np.maximum(np.maximum(alpha, needed), smooth)
    changed = (size.max(axis=2) > 0).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_CLOSED, _CLOSED))
    return np.where(cv2.morphologyEx(changed, cv2.MORPH_CLOSE, disc) > 0, np.minimum(weight, 1), np.float32(0))


def full_chroma(planes: Planes, layout: PixelLayout, box: Box) -> Plane:
    """A box of a picture with chroma interpolated to every pixel: (h, w, 3) float32 in 8-bit code units.

    Linear between samples, which lie at the left pixel of those that share them and in the middle of their rows, as
    MPEG-2 and H.264 have them.
    """
    luma = planes[0][box.y0 : box.y1, box.x0 : box.x1].astype(np.float32)
    if len(planes) < 3:
        chroma = [np.full(luma.shape, 128.0 * layout.code_scale, np.float32)] * 2
    else:
        chroma = [_interpolated(plane, layout, box) for plane in planes[1:3]]
    return np.asarray(cv2.merge([luma, *chroma]) / np.float32(layout.code_scale), np.float32)


def _interpolated(plane: npt.NDArray[np.generic], layout: PixelLayout, box: Box) -> Plane:
    across = np.arange(box.x0, box.x1) / (1 << layout.chroma_w_shift)
    down = (np.arange(box.y0, box.y1) + 0.5) / (1 << layout.chroma_h_shift) - 0.5
    (left, right, x), (top, bottom, y) = (
        _neighbours(place, count) for place, count in ((across, plane.shape[1]), (down, plane.shape[0]))
    )
    part = plane[top[0] : bottom[-1] + 1].astype(np.float32)
    wide = part[:, left] * (1 - x) + part[:, right] * x
    return np.asarray(wide[top - top[0]] * (1 - y)[:, None] + wide[bottom - top[0]] * y[:, None], np.float32)


def _neighbours(
    place: npt.NDArray[np.float64], count: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """The two samples beside every place, and the weight of the second."""
    place = np.clip(place, 0, count - 1)
    first = np.floor(place).astype(np.intp)
    return first, np.minimum(first + 1, count - 1), (place - first).astype(np.float32)


def _changed(original: Planes, finished: Planes, layout: PixelLayout, alpha: Plane) -> Box | None:
    """A box around everything that changed, with a margin, in whole blocks of the encoder; None if nothing did."""
    height, width = alpha.shape
    found = [_bounds(alpha > 0, 0, 0)]
    for index, (old, new) in enumerate(zip(original, finished, strict=True)):
        found.append(_bounds(old != new, *((layout.chroma_h_shift, layout.chroma_w_shift) if index else (0, 0))))
    boxes = [box for box in found if box is not None]
    if len(boxes) == (found[0] is not None):  # no sample changed
        return None
    box = reduce(Box.joined_with, boxes)
    x0, y0 = ((each - _MARGIN) // _BLOCK * _BLOCK for each in (box.x0, box.y0))
    x1, y1 = (-(-(each + _MARGIN) // _BLOCK) * _BLOCK for each in (box.x1, box.y1))
    return Box(x0, y0, x1, y1).clipped(width, height)


def _bounds(found: npt.NDArray[np.bool_], down: int, across: int) -> Box | None:
    """The box of what is found among the samples of a plane, in pixels; None for nothing."""
    rows, columns = (np.flatnonzero(found.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    x0, x1, y0, y1 = (int(each) for each in (columns[0], columns[-1] + 1, rows[0], rows[-1] + 1))
    return Box(x0 << across, y0 << down, x1 << across, y1 << down)


def _converted(patch: Plane, change: npt.NDArray[np.float64] | None) -> Plane:
    return patch if change is None else np.asarray(cv2.transform(patch, change.astype(np.float32)), np.float32)


def _coded(patch: Plane, alpha: Codes, box: Box, whole: Box) -> StraightPatch:
    """10-bit codes of a box, its border repeated up to the picture's."""
    codes = np.rint(np.clip(patch, np.float32(LOW), np.float32(HIGH)) * np.float32(_SCALE)).astype(np.uint16)
    margins = box.y0, whole.height - box.y1, box.x0, whole.width - box.x1
    colours = [cv2.copyMakeBorder(cv2.extractChannel(codes, each), *margins, cv2.BORDER_REPLICATE) for each in range(3)]
    weight = np.zeros((whole.height, whole.width), np.uint16)
    weight[box.y0 : box.y1, box.x0 : box.x1] = alpha
    return StraightPatch((colours[0], colours[1], colours[2]), weight)
