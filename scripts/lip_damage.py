"""Lips of other colours: what generators do to a person's lips, by formulas of their own."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from lipblend.faces.landmarks import LIPS_INNER, LIPS_OUTER, Landmarks

Rgb = NDArray[np.uint8]
Floats = NDArray[np.float32]
Damage = Callable[[Floats, Landmarks], Floats]

_SOFT_FRAC, _SEAM_FRAC = 0.008, 0.03  # face widths: softness of the lips' edge, width of the seam
_DARKER = 0.8
_VIOLET = (6.0, -12.0, 12.0)  # R'G'B' levels
_LIPSTICK, _COVER = (160.0, 40.0, 75.0), 0.4  # a pigment, and how much of the light it reflects instead of the lips


def untouched(rgb: Floats, mesh: Landmarks) -> Floats:
    """The lips as they are."""
    return rgb


def darker(rgb: Floats, mesh: Landmarks) -> Floats:
    """Lips of 0.8 times the lightness."""
    return np.asarray(rgb * (1 - (1 - _DARKER) * lip_weight(rgb.shape, mesh)), np.float32)


def violet_seam(rgb: Floats, mesh: Landmarks) -> Floats:
    """Violet between the lips and in the corners, or around the open mouth."""
    return np.asarray(rgb + seam_weight(rgb.shape, mesh) * np.array(_VIOLET), np.float32)


def other_lipstick(rgb: Floats, mesh: Landmarks) -> Floats:
    """A thin film of another red, shaded as the lips are."""
    weight = lip_weight(rgb.shape, mesh)
    light = rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    shade = light / max(1.0, float((light * weight[..., 0]).sum() / max(1.0, float(weight.sum()))))
    film = shade[..., None] * np.array(_LIPSTICK, np.float32)
    return np.asarray(rgb + _COVER * weight * (film - rgb), np.float32)


DAMAGES = MappingProxyType(
    {"untouched": untouched, "darker": darker, "violet seam": violet_seam, "other lipstick": other_lipstick}
)
"""What is done to R'G'B' 0 to 255, (h, w, 3), of a synced picture with the mesh of its face."""


def filled(shape: tuple[int, ...], *outlines: Floats) -> Floats:
    """(h, w) float32: 1 inside closed outlines."""
    out = np.zeros(shape[:2], np.float32)
    for outline in outlines:
        cv2.fillPoly(out, [np.rint((outline - 0.5) * 16).astype(np.int32)], (1.0,), cv2.LINE_AA, shift=4)
    return out


def lips_only(shape: tuple[int, ...], mesh: Landmarks) -> Floats:
    """(h, w) float32: 1 in the red of the lips, 0 in the open mouth."""
    outer, inner = (mesh.points[list(outline)] for outline in (LIPS_OUTER, LIPS_INNER))
    return np.asarray(filled(shape, outer) * (1 - filled(shape, inner)), np.float32)


def lip_weight(shape: tuple[int, ...], mesh: Landmarks) -> Floats:
    """(h, w, 1) float32: the lips with a soft edge."""
    soft = cv2.GaussianBlur(lips_only(shape, mesh), (0, 0), max(0.5, _SOFT_FRAC * mesh.face_width_px))
    return np.asarray(soft[..., None], np.float32)


def seam_weight(shape: tuple[int, ...], mesh: Landmarks) -> Floats:
    """(h, w, 1) float32: a soft band along the inner edge of the lips."""
    band = np.zeros(shape[:2], np.float32)
    codes = np.rint((mesh.points[list(LIPS_INNER)] - 0.5) * 16).astype(np.int32)
    thickness = max(1, round(_SEAM_FRAC * mesh.face_width_px))
    cv2.polylines(band, [codes], True, (1.0,), thickness, cv2.LINE_AA, shift=4)
    band = cv2.GaussianBlur(band, (0, 0), max(0.5, _SOFT_FRAC * mesh.face_width_px))
    return np.asarray(band[..., None], np.float32)
