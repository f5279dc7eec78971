"""Parts of the face that the measures look at: the lips, and the skin of the lower face."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.levels import low_pass, luma_gain
from lipblend.quality.view import FaceView, Patch3
from lipblend.stages.masks.mask import grid_step_px, signed_distance
from lipblend.stages.masks.shapes import convex_hull, lower_face_points

Region = npt.NDArray[np.bool_]

MIN_PIXELS = 64
"""Regions of fewer pixels say nothing."""

_LIP_MARGIN_FRAC = 0.05
_NEAR_FRAC = 0.15
_BLUR_FRAC = 0.015
_SPREAD = 2.5
_FLOOR_LEVELS = 2.0
_SHIFT = 4  # binary digits of a pixel's fraction in OpenCV's drawing


def part(box: Box, inner: Box) -> tuple[slice, slice]:
    """Rows and columns of a box inside another one, as slices of an array of the outer one's size."""
    return slice(inner.y0 - box.y0, inner.y1 - box.y0), slice(inner.x0 - box.x0, inner.x1 - box.x0)


def shared_box(one: Box, other: Box) -> Box:
    """What two boxes have in common; without width or height where that is nothing."""
    return Box(max(one.x0, other.x0), max(one.y0, other.y0), min(one.x1, other.x1), min(one.y1, other.y1))


def bounds(where: Region, margin_px: int) -> tuple[slice, slice]:
    """Rows and columns about the True pixels, with a margin, inside the array; at least one must be True."""
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    return (
        slice(max(int(rows[0]) - margin_px, 0), int(rows[-1]) + margin_px + 1),
        slice(max(int(columns[0]) - margin_px, 0), int(columns[-1]) + margin_px + 1),
    )


def lips_box(mesh: Landmarks, box: Box) -> Box:
    """The whole pixels about the outer lip contour that lie in a box; it may be empty."""
    points = mesh.points[list(LIPS_OUTER)]
    low, high = np.floor(points.min(0)).astype(int), np.ceil(points.max(0)).astype(int)
    return shared_box(Box(int(low[0]), int(low[1]), int(high[0]), int(high[1])), box)


def lips(mesh: Landmarks, box: Box) -> Region:
    """Pixels whose centre lies inside the outer lip contour; (box.height, box.width) bool."""
    if not box.width or not box.height:
        return np.zeros((box.height, box.width), bool)
    outline = mesh.points[list(LIPS_OUTER)]
    return np.asarray(signed_distance([(outline, True)], box, step_px=grid_step_px(mesh.face_width_px)) > 0)


def skin(view: FaceView) -> Region:
    """Skin of the lower face common to both meshes: inside both jaws, 0.05 face widths and more from both mouths.

    Returns
    -------
    (h, w) bool
        Of the view's size. Its outline is good to a pixel.
    """
    return _skin(view, np.inf)


def skin_near_mouth(view: FaceView) -> Region:
    """The part of `skin` within 0.15 face widths of a mouth: what every generator paints; (h, w) bool."""
    return _skin(view, _NEAR_FRAC * view.face_width_px)


def agreeing(view: FaceView, other: Patch3, region: Region) -> Region:
    """Pixels of a region where another picture shows the same as the original.

    There the luma difference, low-passed with 0.015 face widths, is the region's usual one: within 2.5 robust standard
    deviations (1.4826 times the median absolute deviation) of its median, at least 2 grey levels. All False where
    fewer than 64 pixels would be left.

    Parameters
    ----------
    other : (h, w, 3) float32
        Of the view's size and encoding.
    region : (h, w) bool
    """
    if np.count_nonzero(region) < MIN_PIXELS:
        return np.zeros_like(region)
    sigma = max(0.5, _BLUR_FRAC * view.face_width_px)
    place = bounds(region, int(4 * sigma) + 1)
    difference = (other[place][..., 0] - view.original[place][..., 0]) * np.float32(luma_gain(view.matrix))
    difference = low_pass(difference, sigma)
    inside = difference[region[place]]
    middle = np.median(inside)
    spread = 1.4826 * np.median(np.abs(inside - middle))
    same = np.zeros_like(region)
    same[place] = region[place] & (np.abs(difference - middle) <= max(_SPREAD * spread, _FLOOR_LEVELS))
    return same if np.count_nonzero(same) >= MIN_PIXELS else np.zeros_like(region)


def _skin(view: FaceView, reach_px: float) -> Region:
    """Skin inside both jaws, from 0.05 face widths to ``reach_px`` away from both mouths."""
    area = np.ones(view.contour.shape, np.uint8)
    for mesh in (view.before, view.after):
        area &= _filled([convex_hull(lower_face_points(mesh))], view.box)
    if area.any():
        mouths = _filled([mesh.points[list(LIPS_OUTER)] for mesh in (view.before, view.after)], view.box)
        if mouths.any():
            place = bounds((area | mouths) > 0, 0)
            away = cv2.distanceTransform(1 - mouths[place], cv2.DIST_L2, cv2.DIST_MASK_5)
            area[place] &= (away > _LIP_MARGIN_FRAC * view.face_width_px) & (away <= reach_px)
        elif np.isfinite(reach_px):
            area[:] = 0  # no mouth in view, and so nothing near it
    return area > 0


def _filled(polygons: Sequence[npt.NDArray[np.floating]], box: Box) -> npt.NDArray[np.uint8]:
    """The union of some polygons in picture pixels, 1 inside; (box.height, box.width) uint8."""
    area = np.zeros((box.height, box.width), np.uint8)
    for points in polygons:
        place = (points - (box.x0 + 0.5, box.y0 + 0.5)) * (1 << _SHIFT)
        cv2.fillPoly(area, [np.rint(place).astype(np.int32)], 1, shift=_SHIFT)
    return area
