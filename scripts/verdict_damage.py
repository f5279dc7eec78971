"""Damage laid on a right result, each kind meant for one visible part of the verdict.

A damage changes one face of one frame: ``(view, strength, memory) -> (h, w, 3) float32``, the crop in YCbCr levels.
Strength 1 is the damage as named in docs/lab/verdict.md, 0 is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from lipblend.faces.landmarks import LIPS_INNER, LIPS_OUTER, LOWER_JAW
from lipblend.quality.view import FaceView

Crop = NDArray[np.float32]
Plane = NDArray[np.float32]


@dataclass
class Memory:
    """What a damage remembers of the frames before: number of the frame, the first damaged view, random numbers."""

    number: int = 0
    first: FaceView | None = None
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))


@dataclass(frozen=True)
class Damage:
    """One kind of damage.

    Attributes
    ----------
    apply : callable
    parts : tuple of str
        Visible parts of which one has to name it.
    frames : tuple of float and int, or None
        Where in the clip it starts (0..1), and how many frames it lasts; None for all of them.
    """

    apply: Callable[[FaceView, float, Memory], Crop]
    parts: tuple[str, ...]
    frames: tuple[float, int] | None = None

    def covers(self, number: int, count: int) -> bool:
        """Whether a frame of a clip of ``count`` frames is damaged."""
        if self.frames is None:
            return True
        start = round(self.frames[0] * count)
        return start <= number < start + self.frames[1]


def _soft(plane: Plane, sigma: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), max(1.0, sigma)), np.float32)


def _inside(view: FaceView, feather_frac: float = 0.04) -> Plane:
    return _soft((view.contour >= 0.5).astype(np.float32), feather_frac * view.face_width_px)


def _mix(view: FaceView, other: Crop, share: Plane) -> Crop:
    return np.asarray(view.result + share[..., None] * (other - view.result), np.float32)


def _points(view: FaceView, indices: tuple[int, ...], *, synced: bool = False) -> NDArray[np.float32]:
    mesh = view.synced_mesh if synced else view.original_mesh
    return np.asarray(mesh.points[list(indices)] - (view.box.x0, view.box.y0), np.float32)


def _moved(picture: Crop, right: float, down: float) -> Crop:
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    size = picture.shape[1], picture.shape[0]
    # Lanczos, so that a small way does not soften: that would be another damage.
    flags, border = cv2.INTER_LANCZOS4, cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=border), np.float32)


def hard_paste(view: FaceView, strength: float, memory: Memory) -> Crop:
    """The synced picture inside the contour, without a feather."""
    return _mix(view, view.synced, np.float32(strength) * (view.contour >= 0.5))


def box_kept(view: FaceView, strength: float, memory: Memory) -> Crop:
    """The synced picture in a rectangle around the mouth."""
    (x, y), w = _points(view, LIPS_OUTER).mean(0), view.face_width_px
    area = np.zeros(view.contour.shape, np.float32)
    rows = slice(max(0, int(y - 0.28 * w)), int(y + 0.42 * w))
    area[rows, max(0, int(x - 0.42 * w)) : int(x + 0.42 * w)] = strength
    return _mix(view, view.synced, area)


def tint(view: FaceView, strength: float, memory: Memory) -> Crop:
    """4 levels more red and less blue."""
    change = np.array([0.74, -2.7, 2.3], np.float32) * np.float32(strength)
    return np.asarray(view.result + _inside(view)[..., None] * change, np.float32)


def pumping(view: FaceView, strength: float, memory: Memory) -> Crop:
    """Luma up and down by 3 levels, nine frames a period."""
    level = 3 * strength * np.sin(2 * np.pi * memory.number / 9)
    return np.asarray(view.result + _inside(view)[..., None] * np.array([level, 0, 0], np.float32), np.float32)


def displaced(view: FaceView, strength: float, memory: Memory) -> Crop:
    """The patch 0.03 face widths off."""
    distance = 0.03 * view.face_width_px * strength
    return _mix(view, _moved(view.result, 0.6 * distance, 0.8 * distance), _inside(view, 0.02))


def double_chin(view: FaceView, strength: float, memory: Memory) -> Crop:
    """A second chin 0.06 face widths below the first."""
    w = view.face_width_px
    jaw = _points(view, LOWER_JAW[2:-2], synced=True) + np.array([0, 0.06 * w], np.float32)
    band = np.zeros(view.contour.shape, np.float32)
    line = np.rint(jaw * 16).astype(np.int32)
    cv2.polylines(band, [line], False, (1.0,), max(2, int(0.06 * w)), cv2.LINE_AA, 4)
    return _mix(view, _moved(view.result, 0, 0.06 * w), np.float32(strength) * _soft(band, 0.01 * w))


def old_lips(view: FaceView, strength: float, memory: Memory) -> Crop:
    """30 % of the original's mouth."""
    area = np.zeros(view.contour.shape, np.float32)
    cv2.fillPoly(area, [np.rint(_points(view, LIPS_OUTER)).astype(np.int32)], (1.0,))
    side = 2 * int(0.03 * view.face_width_px) + 1
    area = _soft(np.asarray(cv2.dilate(area, np.ones((side, side), np.uint8)), np.float32), 0.012 * view.face_width_px)
    return _mix(view, view.original, np.float32(0.3 * strength) * area)


def old_words(view: FaceView, strength: float, memory: Memory) -> Crop:
    """The original instead of the patch, as if nothing had been taken over."""
    return _mix(view, view.original, np.float32(strength) * _inside(view))


def ghosted_fade(view: FaceView, strength: float, memory: Memory) -> Crop:
    """Half of the original over the whole patch."""
    return _mix(view, view.original, np.float32(0.5 * strength) * _inside(view))


def noise(view: FaceView, strength: float, memory: Memory) -> Crop:
    """Coloured noise, 50 levels."""
    levels = memory.random.normal(0, 50 * strength, view.result.shape).astype(np.float32)
    return np.asarray(view.result + _inside(view)[..., None] * levels, np.float32)


def black_mouth(view: FaceView, strength: float, memory: Memory) -> Crop:
    """A black ellipse for a mouth."""
    (x, y), w = _points(view, LIPS_OUTER, synced=True).mean(0), view.face_width_px
    area = np.zeros(view.contour.shape, np.float32)
    cv2.ellipse(area, (int(x), int(y)), (int(0.13 * w), int(0.07 * w)), 0, 0, 360, (1.0,), -1)
    black = np.empty_like(view.result)
    black[...] = (16, 128, 128)
    return _mix(view, black, np.float32(strength) * _soft(area, 0.008 * w))


def softened(view: FaceView, strength: float, memory: Memory) -> Crop:
    """The patch blurred until its fine detail is 0.6 of what it was."""
    area, luma = _inside(view, 0.02), np.ascontiguousarray(view.result[..., 0])

    def detail(picture: Plane) -> float:
        return float((picture - _soft(picture, 1.5 * view.face_width_px / 300))[area > 0.5].std())

    goal, low, high = (1 - 0.4 * strength) * detail(luma), 0.2, 8.0
    for _ in range(12):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if detail(_blurred(luma, middle)) > goal else (low, middle)
    return _mix(view, _blurred(view.result, low), area)


def flat_grain(view: FaceView, strength: float, memory: Memory) -> Crop:
    """The grain filtered out, edges kept."""
    flat = view.result.copy()
    flat[..., 0] = cv2.bilateralFilter(np.ascontiguousarray(view.result[..., 0]), 7, 12, 3)
    return _mix(view, flat, np.float32(strength) * _inside(view, 0.02))


def painted_over(view: FaceView, strength: float, memory: Memory) -> Crop:
    """The synced picture inside the contour, softly: only on clips with something in front of the face."""
    return _mix(view, view.synced, np.float32(strength) * _inside(view, 0.02))


def frozen(view: FaceView, strength: float, memory: Memory) -> Crop:
    """The patch of the first damaged frame, at its old place."""
    if memory.first is None:
        memory.first = view
    first = memory.first
    right, down = first.box.x0 - view.box.x0, first.box.y0 - view.box.y0
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    size = view.result.shape[1], view.result.shape[0]
    old = cv2.warpAffine(first.result, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    area = cv2.warpAffine(_inside(first, 0.02), matrix, size)
    return _mix(view, np.asarray(old, np.float32), np.float32(strength) * np.asarray(area, np.float32))


def torn_lips(view: FaceView, strength: float, memory: Memory) -> Crop:
    """A checkerboard of the original's pixels along the new lip lines, 0.024 face widths wide."""
    band, thick = np.zeros(view.contour.shape, np.uint8), max(2, round(0.024 * view.face_width_px))
    for contour in (LIPS_OUTER, LIPS_INNER):
        line = np.rint((_points(view, contour, synced=True) - 0.5) * 16).astype(np.int32)
        cv2.polylines(band, [line], True, (1,), thick, cv2.LINE_8, 4)
    rows, columns = np.indices(band.shape)
    return _mix(view, view.original, np.float32(strength) * (band * ((rows + columns) % 2 == 0)))


def etched_lips(view: FaceView, strength: float, memory: Memory) -> Crop:
    """The mouth with an unsharp mask of 1.5 times what is finer than 0.006 face widths."""
    area, w = np.zeros(view.contour.shape, np.float32), view.face_width_px
    cv2.fillPoly(area, [np.rint(_points(view, LIPS_OUTER, synced=True)).astype(np.int32)], (1.0,))
    side = 2 * int(0.03 * w) + 1
    area = _soft(np.asarray(cv2.dilate(area, np.ones((side, side), np.uint8)), np.float32), 0.012 * w)
    finer = view.result - _blurred(view.result, max(1.0, 0.006 * w))
    return np.asarray(view.result + np.float32(1.5 * strength) * area[..., None] * finer, np.float32)


def _blurred(picture: Crop | Plane, sigma: float) -> Crop:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


DAMAGES = {
    "hard paste": Damage(hard_paste, ("seam_step",)),
    "box kept": Damage(box_kept, ("box_trace", "seam_step", "skin_cast")),
    "tint": Damage(tint, ("skin_cast", "mouth_colour")),
    "pumping": Damage(pumping, ("flicker",)),
    "displaced": Damage(displaced, ("displaced", "doubled")),
    "double chin": Damage(double_chin, ("doubled", "uneven")),
    "old lips": Damage(old_lips, ("old_lips",)),
    "old words": Damage(old_words, ("old_lips", "out_of_step"), (0.33, 12)),
    "ghosted fade": Damage(ghosted_fade, ("old_lips",), (0.5, 8)),
    "noise burst": Damage(noise, ("foreign_texture",), (0.5, 3)),
    "black mouth": Damage(black_mouth, ("mouth_dark",), (0.5, 5)),
    "softened": Damage(softened, ("softness", "lip_softness")),
    "flat grain": Damage(flat_grain, ("softness",)),
    "frozen": Damage(frozen, ("out_of_step", "displaced", "mouth_unlike"), (0.33, 12)),
    "torn lips": Damage(torn_lips, ("lip_ragged",)),
    "etched lips": Damage(etched_lips, ("lip_halo", "lip_ragged")),
    "painted over": Damage(painted_over, ("painted_over",)),
}
"""By name; "painted over" only where something is in front of the face."""
