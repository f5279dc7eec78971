"""Colour, sharpness and foreign texture of the skin around a new mouth."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality.levels import luma_gain
from lipblend.quality.view import FaceView
from lipblend.quality.visible.expected import Expected, squared_length
from lipblend.quality.visible.thresholds import summation
from lipblend.quality.visible.work_face import Plane, WorkFace, Zones, shrunk
from lipblend.stages.detail.scale import gaussian, low_pass
from lipblend.stages.registration.flow import moved_by

_CAST_FRAC = 0.05
_FLOOR = 0.01
_DETAIL_FRAC = 0.004  # of the Gaussian under which detail is what remains: 1.2 pixels of a face of 300
_WINDOW_FRAC = 0.05
_NOISE = np.float32(0.15)  # squared levels: less detail than this is none


def cast(face: WorkFace, found: Expected, parts: Zones) -> Plane:
    """Smooth colour difference from what is expected over the skin, levels by `summation`: (h, w), 0 elsewhere."""
    weight = parts.skin.astype(np.float32)
    sigma = _CAST_FRAC * face.width
    known = low_pass(weight, sigma) + np.float32(_FLOOR)
    smooth = [low_pass(plane * weight, sigma) / known for plane in found.residual]
    return np.asarray(np.sqrt(squared_length(smooth)) * (weight * summation(face.width)), np.float32)


def detail(face: WorkFace, view: FaceView) -> tuple[Plane, Plane]:
    """Squared fine detail of original and result, at working size, in squared levels."""
    sigma = max(0.8, _DETAIL_FRAC * view.face_width_px)
    gain = np.float32(luma_gain(view.matrix))
    first, second = (
        shrunk(_rest(cv2.extractChannel(picture, 0), sigma, gain), face.shape[::-1])
        for picture in (view.original, view.result)
    )
    return first, second


def detail_ratio(face: WorkFace, found: Expected, parts: Zones, original: Plane, result: Plane) -> Plane:
    """Local fine detail, result over what is expected; (h, w)."""
    expected = moved_by(original, found.right, found.down, cv2.INTER_LINEAR)
    weight = (~parts.mouth).astype(np.float32)
    sigma = _WINDOW_FRAC * face.width
    known = low_pass(weight, sigma) + np.float32(_FLOOR)
    kept, made = (np.maximum(low_pass(plane * weight, sigma), 0) / known for plane in (expected, result))
    return np.asarray(np.sqrt((made + _NOISE) / (kept + _NOISE)), np.float32)


def _rest(luma: npt.NDArray[Any], sigma: float, gain: np.float32) -> Plane:
    rest = cv2.subtract(luma, gaussian(np.asarray(luma, np.float32), sigma))
    return np.asarray(cv2.multiply(rest, rest, scale=float(gain * gain)), np.float32)
