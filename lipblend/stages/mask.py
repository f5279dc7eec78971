"""The hard mask: shapes drawn, joined, and tidied by erosion, dilation and blur."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.media.planes import Box
from lipblend.stages.shapes import Polygon

Mask = npt.NDArray[np.bool_]
Coverage = npt.NDArray[np.float32]

_SHIFT = 4  # binary digits of sub-pixel position that OpenCV's polygon filler takes
_OVERSAMPLE = 2


def rasterise(polygons: Sequence[tuple[Polygon, bool]], box: Box) -> Coverage:
    """How much of each pixel of a box some polygons cover.

    Parameters
    ----------
    polygons : sequence of ((n, 2) float32, bool)
        In picture pixels, a pixel's centre at +0.5; filled (True) or cut out (False) in order.
    box : Box
        The part of the picture to draw.

    Returns
    -------
    (box.height, box.width) float32 in [0, 1]
        Area coverage, sampled on a 2 x 2 grid a pixel, so that a slowly moving outline does not jump by whole pixels.
    """
    canvas = np.zeros((box.height * _OVERSAMPLE, box.width * _OVERSAMPLE), np.uint8)
    for points, fill in polygons:
        grid = (points - (box.x0, box.y0)) * _OVERSAMPLE - 0.5
        fixed = np.rint(grid * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(canvas, [fixed], 255 if fill else 0, lineType=cv2.LINE_8, shift=_SHIFT)
    small = cv2.resize(canvas, (box.width, box.height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def combine(shapes: Sequence[Coverage], how: str) -> Coverage:
    """Join several coverages: ``union`` (largest) or ``minimum`` (smallest), pixel by pixel."""
    join = {"union": np.maximum, "minimum": np.minimum}[how]
    joined = shapes[0]
    for shape in shapes[1:]:
        joined = join(joined, shape)
    return joined


def disc(radius_px: float) -> npt.NDArray[np.uint8]:
    """An elliptical structuring element, (2 n + 1, 2 n + 1) uint8 with n = round(radius_px)."""
    n = max(round(radius_px), 0)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * n + 1, 2 * n + 1)), np.uint8)


def tidy(coverage: Coverage, *, erosion_px: float, dilation_px: float, blur_px: float) -> Mask:
    """Erode, dilate and blur a coverage, and cut it at one half.

    Parameters
    ----------
    coverage : (h, w) float32 in [0, 1]
    erosion_px, dilation_px : float
        Radii of the elliptical element. Erosion first takes off spikes and keeps the outline away from what must not
        show; the dilation gives part of the area back.
    blur_px : float
        Standard deviation of the Gaussian that rounds corners.

    Returns
    -------
    (h, w) bool
    """
    out = coverage
    if round(erosion_px) > 0:
        out = np.asarray(cv2.erode(out, disc(erosion_px), borderValue=0), np.float32)
    if round(dilation_px) > 0:
        out = np.asarray(cv2.dilate(out, disc(dilation_px)), np.float32)
    if blur_px > 0:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), blur_px, borderType=cv2.BORDER_REPLICATE), np.float32)
    return out >= 0.5


def cover(mask: Mask, core: Coverage, margin_px: float) -> Mask:
    """Grow a mask so that every pixel of ``core`` lies at least ``margin_px`` inside its outline.

    Parameters
    ----------
    mask : (h, w) bool
    core : (h, w) float32 in [0, 1]
        What must be covered; any pixel above 0 counts.
    margin_px : float
    """
    if not core.any():
        return mask
    away = cv2.distanceTransform((core <= 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(mask | (away <= margin_px))
