"""What a right result would show: the original, moved along with the new mouth.

Around a new mouth the jaw, the cheeks and the chin move. So the original is registered to the result by dense optical
flow and moved along, smoothly: a smooth motion cannot explain a line, a step, a second chin or a lost texture, and
these remain as the residual. Where speech moves the face, its shading changes too; what the synced picture shows there,
its smooth cast taken out, explains the result as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from lipblend.picture.patch import channels
from lipblend.quality.visible.work_face import Plane, Planes, WorkFace, Zones
from lipblend.stages.detail.scale import downsample, low_pass, upsample
from lipblend.stages.registration.flow import Vectors, dense_flow, moved_by

_FLOW_STEP = 2
_SMOOTH_FRAC = 0.02  # of the flow
_CAST_FRAC = 0.10
_CAST_FLOOR = 0.02
_BLUR_FRAC = 0.012
_SYNCED_BLUR_FRAC = 0.010
_WINDOW_FRAC = 0.02
_SPEAKS_FRAC = (0.22, 0.30)  # distance from the lips up to which the synced picture explains, and where it ends
_MOVES_FRAC = (0.008, 0.020)  # motion from which it explains, and fully explains


@dataclass(frozen=True)
class Expected:
    """What explains a result, in working pixels.

    Attributes
    ----------
    picture : three (h, w) float32
        The original moved along.
    right, down : (h, w) float32
        Where each of its pixels comes from in the original, pixels.
    recast : three (h, w) float32
        The synced picture with its smooth colour difference from ``picture`` taken out.
    explained : three (h, w) float32
        Smooth part of the result's difference from ``picture`` that ``recast`` explains.
    departure : three (h, w) float32
        Result minus ``picture``.
    residual : three (h, w) float32
        Result minus whichever of ``picture`` and, where speech moves the face, ``recast`` explains it better.
    """

    picture: Planes
    right: Plane
    down: Plane
    recast: Planes
    explained: Planes
    departure: Planes
    residual: Planes


def expected(face: WorkFace, parts: Zones) -> Expected:
    """Find out what a right result would show here."""
    outside = 1 - parts.mouth.astype(np.float32)
    right, down = _motion(face, outside)
    picture = _each(face.original, lambda plane: moved_by(plane, right, down, cv2.INTER_LINEAR))
    known = low_pass(outside, _CAST_FRAC * face.width) + np.float32(_CAST_FLOOR)
    recast = _pairs(
        picture,
        face.synced,
        lambda a, b: b + low_pass((a - b) * outside, _CAST_FRAC * face.width) / known,
    )
    inside = _inside(right, down)
    departure = _pairs(face.result, picture, lambda a, b: (a - b) * inside)
    # The synced picture is soft: finer than its blur it explains nothing and accuses of nothing.
    blur = max(0.8, _SYNCED_BLUR_FRAC * face.width)
    beside = _pairs(face.result, recast, lambda a, b: low_pass((a - b) * inside, blur))
    share = _explaining_share(face, parts, departure, beside, np.hypot(right, down))
    residual = _pairs(departure, beside, lambda a, b: a + share * (b - a))
    explained = _pairs(departure, beside, lambda a, b: share * (low_pass(a, blur) - b))
    return Expected(picture, right, down, recast, explained, departure, residual)


def _motion(face: WorkFace, outside: Plane) -> tuple[Plane, Plane]:
    """The smooth flow; through the mouth it is interpolated.

    Found on half the resolution: first roughly, then once more for what is left, since a chin that drops over the neck
    is found by no single pass.
    """
    original, result, weight = (downsample(plane, _FLOW_STEP) for plane in (face.original[0], face.result[0], outside))
    weight = weight + np.float32(1e-3)
    sigma = _SMOOTH_FRAC * face.width / _FLOW_STEP
    known, whole = low_pass(weight, sigma), np.ones(weight.shape, bool)

    def smooth(flow: Vectors) -> tuple[Plane, Plane]:
        right, down = (low_pass(plane * weight, sigma) / known for plane in channels(flow))
        return right, down

    rough = smooth(dense_flow(result, original, whole))
    rest = smooth(dense_flow(result, moved_by(original, *rough, cv2.INTER_LINEAR), whole, finest_scale=0))
    right, down = (
        upsample(moved_by(first, *rest, cv2.INTER_LINEAR) + second, face.shape, _FLOW_STEP) * np.float32(_FLOW_STEP)
        for first, second in zip(rough, rest, strict=True)
    )
    return right, down


def _inside(right: Plane, down: Plane) -> Plane:
    """1 where the original's picture reaches, 0 where a motion comes from beyond its border: nothing is known there."""
    height, width = right.shape
    rows, columns = np.ogrid[:height, :width]
    across, along = columns + right, rows + down
    known = (across >= 0) & (across <= width - 1) & (along >= 0) & (along <= height - 1)
    return np.asarray(known, np.float32)


def _explaining_share(face: WorkFace, parts: Zones, departure: Planes, beside: Planes, motion: Plane) -> Plane:
    """How much of the synced picture explains the result, by which of the two differences is smaller."""
    distance = cv2.distanceTransform((~parts.lips).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / face.width
    first, last = _SPEAKS_FRAC
    still, moving = _MOVES_FRAC
    speed = low_pass(motion, 0.03 * face.width) / np.float32(face.width)
    where = np.maximum(
        np.clip((last - distance) / (last - first), 0, 1), np.clip((speed - still) / (moving - still), 0, 1)
    )
    window = _WINDOW_FRAC * face.width
    energies = [
        low_pass(squared_length([low_pass(plane, _BLUR_FRAC * face.width) for plane in planes]), window)
        for planes in (departure, beside)
    ]
    far, close = (energy * energy for energy in energies)
    return np.asarray(where * far / (far + close + np.float32(1e-3)), np.float32)


def squared_length(planes: Iterable[Plane]) -> Plane:
    """Sum of the squares of some planes."""
    first, *others = planes
    total = first * first
    for plane in others:
        total += plane * plane
    return total


def _each(planes: Planes, function: Callable[[Plane], Plane]) -> Planes:
    y, cb, cr = (np.asarray(function(plane), np.float32) for plane in planes)
    return y, cb, cr


def _pairs(first: Planes, second: Planes, function: Callable[[Plane, Plane], Plane]) -> Planes:
    y, cb, cr = (np.asarray(function(a, b), np.float32) for a, b in zip(first, second, strict=True))
    return y, cb, cr
