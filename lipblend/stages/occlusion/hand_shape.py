"""The area that a hand covers, drawn from its 21 points (`lipblend.faces.hand_landmarker.Hand.points`).

Widths are about those of an average adult, relative to the palm's length, in the order of what surveys give for the
breadth of fingers at their joints, of hand and wrist (for example Greiner, Hand Anthropometry of U.S. Army Personnel,
Natick TR-92/011, 1991), rounded, and checked on pictures. The roots of the fingers are wider, for the web between them.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Box
from lipblend.stages.masks.mask import Distance, signed_distance

Points = npt.NDArray[np.floating]

WRIST = 0
KNUCKLES = (5, 9, 13, 17)
_HAND_POINTS = 21
_FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))

_PALM_MM = 95.0
"""From the wrist's point to the middle finger's knuckle."""
_KNUCKLES_MM = 63.0
"""From the index finger's knuckle to the little one's."""
_RADII_MM = (
    (17.0, 15.0, 12.0, 11.0),  # thumb, from its root to its tip
    (13.0, 11.0, 9.7, 8.8),
    (13.0, 11.2, 9.9, 9.0),
    (12.5, 10.7, 9.4, 8.6),
    (12.0, 9.8, 8.6, 7.9),
)
_PALM_RADIUS_MM = 13.0
"""Flesh around the hull of the palm's points."""
_WRIST_RADII_MM = (20.0, 29.0)
"""Half the wrist's depth, seen from its edge, and half its breadth."""
_FOREARM_GROWTH = 1.3
"""How much thicker the arm is one palm's length behind the wrist."""


def palm_length_px(points: Points) -> float:
    """Length of the palm as if seen from the front, in pixels: the longer of what its length and its breadth tell.

    Turning the hand away shortens one of the two, rarely both. `points` is (21, 2).
    """
    return max(float(np.linalg.norm(points[9] - points[WRIST])), _breadth_px(points))


def _breadth_px(points: Points) -> float:
    """The palm's length as its breadth tells it, in pixels; short for a palm seen from its edge."""
    return float(np.linalg.norm(points[5] - points[17])) * _PALM_MM / _KNUCKLES_MM


def palm_centre(points: Points) -> npt.NDArray[np.float64]:
    """Mean of the wrist and the four knuckles, (2,) float64."""
    return np.asarray(points[[WRIST, *KNUCKLES]].mean(axis=0), np.float64)


def hand_mask(
    points: Points, box: Box, *, width: float = 1.0, grow_px: float = 0.0, forearm: float = 0.5, soft_px: float = 1.0
) -> npt.NDArray[np.float32]:
    """How much of each pixel a hand covers: palm, fingers and a piece of the forearm, filled.

    Parameters
    ----------
    points : (21, 2) float
        Pixels of the picture, pixel centres at +0.5. Not finite values are not allowed.
    box : Box
        Pixels to draw; may exceed the picture.
    width : float
        Breadth of all parts relative to an average hand's, > 0.
    grow_px : float
        Added on all sides, in pixels; may be negative.
    forearm : float
        Length of the piece behind the wrist, in palm lengths; 0 draws none. It goes straight on from the palm, since no
        point tells where the arm is: behind a bent wrist it lies beside the arm.
    soft_px : float
        Width of the edge from 0 to 1, in pixels, > 0. 1 is antialiasing.

    Returns
    -------
    (h, w) float32
        In [0, 1]; 0.5 on the outline.

    Raises
    ------
    ValueError
        `points` has another shape or is not finite, or an option is out of range.
    """
    if points.shape != (_HAND_POINTS, 2) or not np.isfinite(points).all():
        raise ValueError(f"expected (21, 2) finite points, got {points.shape}")
    if width <= 0 or soft_px <= 0 or forearm < 0:
        raise ValueError(f"expected width, soft_px > 0 and forearm >= 0, got {width}, {soft_px}, {forearm}")
    if not box.width or not box.height:
        return np.zeros((box.height, box.width), np.float32)
    points = np.asarray(points, np.float64)
    distance = hand_distance(points, box, width=width, forearm=forearm)
    return np.asarray(np.clip(0.5 + (distance + np.float32(grow_px)) / np.float32(soft_px), 0, 1), np.float32)


def hand_distance(points: Points, box: Box, *, width: float, forearm: float) -> Distance:
    """Distance of each pixel centre to the hand's outline, positive inside; (h, w) float32, pixels. See `hand_mask`."""
    palm_px = palm_length_px(points)
    scale = width * palm_px / _PALM_MM  # pixels per millimetre of breadth
    low, high = _WRIST_RADII_MM
    wrist_px = scale * (low + (high - low) * min(_breadth_px(points) / max(palm_px, 1e-6), 1.0))
    x = np.arange(box.x0, box.x1, dtype=np.float32) + np.float32(0.5)
    y = np.arange(box.y0, box.y1, dtype=np.float32) + np.float32(0.5)
    flesh_px = _PALM_RADIUS_MM * scale
    distance = signed_distance([(_palm(points, wrist_px - flesh_px), True)], box, step_px=1) + np.float32(flesh_px)
    for finger, radii in zip(_FINGERS, _RADII_MM, strict=True):
        for (a, b), (ra, rb) in zip(itertools.pairwise(finger), itertools.pairwise(radii), strict=True):
            bone = _bone_distance(x, y, points[a], points[b], ra * scale, rb * scale)
            np.maximum(distance, bone, out=distance)
    if forearm > 0:
        back = points[WRIST] - points[list(KNUCKLES)].mean(axis=0)
        norm = float(np.linalg.norm(back))
        end = points[WRIST] + (back / norm if norm > 0 else back) * palm_px * forearm
        end_px = wrist_px * (1 + (_FOREARM_GROWTH - 1) * forearm)
        arm = _bone_distance(x, y, points[WRIST], end, wrist_px, end_px)
        np.maximum(distance, arm, out=distance)
    return distance


def _palm(points: Points, half_px: float) -> npt.NDArray[np.float32]:
    """Hull of the wrist's sides, ``half_px`` from its middle, the thumb's root and the knuckles; (n, 2) float32."""
    along = points[list(KNUCKLES)].mean(axis=0) - points[WRIST]
    across = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
    wrist = [points[WRIST] + across * half_px, points[WRIST] - across * half_px]
    corners = np.concatenate([wrist, points[[1, 2, *KNUCKLES]]])
    return np.asarray(cv2.convexHull(corners.astype(np.float32)).reshape(-1, 2), np.float32)


def _bone_distance(
    x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], start: Points, stop: Points, first_px: float, last_px: float
) -> Distance:
    """Distance to a segment minus a radius that changes evenly along it, positive inside; (len(y), len(x)) float32."""
    bone = np.asarray(stop - start, np.float32)
    off_x, off_y = x[None, :] - np.float32(start[0]), y[:, None] - np.float32(start[1])
    squared = max(float(bone @ bone), 1e-12)
    share = np.clip((off_x * bone[0] + off_y * bone[1]) / np.float32(squared), 0, 1)
    radius = np.float32(first_px) + share * np.float32(last_px - first_px)
    return np.asarray(radius - np.hypot(off_x - share * bone[0], off_y - share * bone[1]), np.float32)
