"""Compare two pictures of a face: where they agree, and how much the generator painted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces import landmarks as lm
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.shapes import Polygon, convex_hull, lower_face_points

Patch3 = npt.NDArray[np.float32]

_EYE_CORNERS = (33, 263)
_SUBPIXEL_BITS = 4
_LIP_MARGIN_FRAC = 0.05  # face widths
_BLUR_FRAC = 0.02  # face widths
_MAX_DEVIATION = 2.5  # robust standard deviations
_MIN_TOLERANCE_LEVELS = 2.0
_MIN_PIXELS = 64


def lower_face_box(faces: Sequence[Landmarks]) -> Box:
    """The box around the lower half of one or two meshes, pixels; may extend outside the picture."""
    points = np.concatenate([lower_face_points(face) for face in faces])
    low, high = np.floor(points.min(0)).astype(int), np.ceil(points.max(0)).astype(int)
    return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def face_box(faces: Sequence[Landmarks]) -> Box:
    """The box around one or two meshes, pixels; may extend outside the picture."""
    return reduce(Box.joined_with, [face.box() for face in faces])


def upper_face_box(face: Landmarks) -> Box:
    """The box around a mesh from its top to the eyes, pixels; may extend outside the picture."""
    (left, top), right = np.floor(face.points.min(0)).astype(int), int(np.ceil(face.points[:, 0].max()))
    return Box(int(left), int(top), right, int(face.points[list(_EYE_CORNERS), 1].mean()))


def skin_region(faces: Sequence[Landmarks], box: Box) -> npt.NDArray[np.bool_]:
    """Lower-face skin common to all meshes: inside every jaw, away from every mouth; (box.height, box.width) bool."""
    region = np.ones((box.height, box.width), np.uint8)
    for face in faces:
        region &= _filled(convex_hull(lower_face_points(face)), box)
        lips, margin_px = face.points[np.asarray(lm.LIPS_OUTER)], _LIP_MARGIN_FRAC * face.face_width_px
        region &= 1 - _filled(lips, box, margin_px)
    return region.view(bool)


def _filled(polygon: Polygon, box: Box, margin_px: float = 0.0) -> npt.NDArray[np.uint8]:
    """1 inside a polygon expanded by a margin, 0 elsewhere; accurate to half a pixel."""
    filled = np.zeros((box.height, box.width), np.uint8)
    # Pixel centres lie at +0.5; OpenCV has them at integers.
    codes = np.rint((polygon - (box.x0 + 0.5, box.y0 + 0.5)) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(filled, [codes], 1, shift=_SUBPIXEL_BITS)
    thickness = round(2 * margin_px)
    if thickness > 1:
        cv2.polylines(filled, [codes], True, 1, thickness, shift=_SUBPIXEL_BITS)
    return filled


def agreeing(
    original: Patch3, synced: Patch3, region: npt.NDArray[np.bool_], face_width_px: float
) -> npt.NDArray[np.bool_]:
    """Pixels of a region where both pictures show the same thing, judged by the low-passed difference.

    A pixel agrees if its difference lies within 2.5 robust standard deviations (1.4826 times the median absolute
    deviation) of the region's median in all three channels, or within 2 levels if that is more. Empty if the region has
    fewer than 64 pixels.
    """
    if np.count_nonzero(region) < _MIN_PIXELS:
        return np.zeros_like(region)
    difference = cv2.GaussianBlur(synced - original, (0, 0), max(0.5, _BLUR_FRAC * face_width_px))
    inside = difference[region]
    median = np.median(inside, axis=0)
    spread = 1.4826 * np.median(np.abs(inside - median), axis=0)
    agrees = np.abs(difference - median) <= np.maximum(_MAX_DEVIATION * spread, _MIN_TOLERANCE_LEVELS)
    return np.asarray(region & agrees.all(2))


def same_skin(original: Patch3, synced: Patch3, faces: Sequence[Landmarks], box: Box) -> npt.NDArray[np.bool_] | None:
    """The lower-face skin where both pictures agree, (h, w) bool; None if it has fewer than 64 pixels."""
    where = agreeing(original, synced, skin_region(faces, box), max(face.face_width_px for face in faces))
    return where if np.count_nonzero(where) >= _MIN_PIXELS else None


def painted_score(original: Patch3, synced: Patch3, face_width_px: float) -> float:
    """How much the generator changed a lower face: spread of the low-passed luma difference, 8-bit levels.

    The median is subtracted first, so a uniform difference (other tags, another encoder's rounding) does not count.
    """
    difference = cv2.GaussianBlur(synced[..., 0] - original[..., 0], (0, 0), max(0.5, _BLUR_FRAC * face_width_px))
    return float(np.abs(difference - np.median(difference)).mean())
