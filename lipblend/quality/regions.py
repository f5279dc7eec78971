"""Parts of the face that measures compare: the lips, and the skin of the lower face."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.levels import low_pass, luma_gain
from lipblend.quality.view import FaceView, Patch3, Region, bounds
from lipblend.stages.masks.mask import grid_step_px, signed_distance
from lipblend.stages.masks.shapes import convex_hull, lower_face_points

MIN_PIXELS = 64
"""Smaller regions are not measured."""

_LIP_MARGIN_FRAC = 0.05
_BESIDE_FRAC, _ABOVE_FRAC, _BELOW_FRAC = 0.72, 0.62, 0.82  # around the mouth
_NEAR_MOUTH_FRAC = 0.15
_BLUR_FRAC = 0.015
_MAX_DEVIATIONS = 2.5
_MIN_TOLERANCE_LEVELS = 2.0
_SUBPIXEL_BITS = 4  # of OpenCV's drawing functions


def mouth_surroundings(face: Landmarks) -> Box:
    """What is judged around a mouth; may reach beyond the picture."""
    width_px, (x, y) = face.face_width_px, face.mouth_centre
    beside, above, below = (round(frac * width_px) for frac in (_BESIDE_FRAC, _ABOVE_FRAC, _BELOW_FRAC))
    return Box(round(x) - beside, round(y) - above, round(x) + beside, round(y) + below)


def lips_box(mesh: Landmarks, box: Box) -> Box:
    """Bounding box of the outer lip contour, clipped to ``box``; may be empty."""
    points = mesh.points[list(LIPS_OUTER)]
    return Box.around(points.min(0), points.max(0)).clipped_to(box)


def lips(mesh: Landmarks, box: Box) -> Region:
    """Pixels whose centre lies inside the outer lip contour; (box.height, box.width) bool."""
    if not box.width or not box.height:
        return np.zeros((box.height, box.width), bool)
    outline = mesh.points[list(LIPS_OUTER)]
    return np.asarray(signed_distance([(outline, True)], box, step_px=grid_step_px(mesh.face_width_px)) > 0)


def skin(view: FaceView) -> Region:
    """Skin of the lower face: inside both meshes' jaws, at least 0.05 face widths from both mouths.

    (h, w) bool of the view's size; the outline is accurate to a pixel.
    """
    return _skin(view, np.inf)


def skin_near_mouth(view: FaceView) -> Region:
    """The part of `skin` within 0.15 face widths of a mouth, which every generator repaints; (h, w) bool."""
    return _skin(view, _NEAR_MOUTH_FRAC * view.face_width_px)


def agreeing(view: FaceView, patch: Patch3, region: Region) -> Region:
    """Pixels of a region where a patch shows the same content as the original, apart from a constant difference.

    The luma difference, low-passed with 0.015 face widths, must lie within 2.5 robust standard deviations (1.4826 times
    the median absolute deviation), at least 2 grey levels, of its median over the region.

    Parameters
    ----------
    patch : (h, w, 3) float32
        Of the view's size and encoding.
    region : (h, w) bool

    Returns
    -------
    (h, w) bool
        All False where fewer than 64 pixels would remain.
    """
    if np.count_nonzero(region) < MIN_PIXELS:
        return np.zeros_like(region)
    sigma = max(0.5, _BLUR_FRAC * view.face_width_px)
    crop = bounds(region, int(4 * sigma) + 1)
    difference = (patch[crop][..., 0] - view.original[crop][..., 0]) * np.float32(luma_gain(view.matrix))
    difference = low_pass(difference, sigma)
    inside = difference[region[crop]]
    middle = np.median(inside)
    deviation = 1.4826 * np.median(np.abs(inside - middle))
    same = np.zeros_like(region)
    tolerance = max(_MAX_DEVIATIONS * deviation, _MIN_TOLERANCE_LEVELS)
    same[crop] = region[crop] & (np.abs(difference - middle) <= tolerance)
    return same if np.count_nonzero(same) >= MIN_PIXELS else np.zeros_like(region)


def _skin(view: FaceView, max_distance_px: float) -> Region:
    """Skin inside both jaws, from 0.05 face widths to ``max_distance_px`` away from both mouths."""
    area = np.ones(view.contour.shape, np.uint8)
    meshes = view.original_mesh, view.synced_mesh
    for mesh in meshes:
        area &= _filled([convex_hull(lower_face_points(mesh))], view.box)
    if area.any():
        mouths = _filled([mesh.points[list(LIPS_OUTER)] for mesh in meshes], view.box)
        if mouths.any():
            crop = bounds((area | mouths) > 0, 0)
            distance = cv2.distanceTransform(1 - mouths[crop], cv2.DIST_L2, cv2.DIST_MASK_5)
            area[crop] &= (distance > _LIP_MARGIN_FRAC * view.face_width_px) & (distance <= max_distance_px)
        elif np.isfinite(max_distance_px):
            area[:] = 0  # no mouth in view, so nothing is near it
    return area > 0


def _filled(polygons: Sequence[npt.NDArray[np.floating]], box: Box) -> npt.NDArray[np.uint8]:
    """Union of polygons given in picture pixels, 1 inside; (box.height, box.width) uint8."""
    area = np.zeros((box.height, box.width), np.uint8)
    for points in polygons:
        fixed = (points - (box.x0 + 0.5, box.y0 + 0.5)) * (1 << _SUBPIXEL_BITS)
        cv2.fillPoly(area, [np.rint(fixed).astype(np.int32)], 1, shift=_SUBPIXEL_BITS)
    return area
