"""The moving portrait of the sample clips.

All coordinates without another unit are pixels of scikit-image's astronaut portrait.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from lipblend.picture.smoothstep import smoothstep
from lipblend.selfcheck.sample_speech import FRAME_RATE, Floats, Speech

Rgb = NDArray[np.uint8]

_VIEW = 256  # side of the visible part of the portrait
_VIEW_CORNER = (95.0, 6.0)
_DETAIL = 3  # scale of the portrait, which also gets skin texture before it is moved
_MOUTH = (223.7, 140.2)
_HALF_MOUTH = 21.0
_UPPER_SAG, _LOWER_SAG = 3.2, 9.2  # sag of the lips' inner edges below the line through the mouth corners
_CHIN_Y = 178.0
_LIP_SHUT, _LIP_OPEN = -6.1, 7.5  # displacement of the lower lip from its position in the portrait (a smile with teeth)
_HEAD = (226.0, 112.0, 80.0, 88.0)  # centre and half axes
_GENERATOR_CROP = (172.0, 74.0, 278.0, 186.0)  # the square that a generator crops; it repaints the lower half
_GENERATOR_PX = 96
_INSIDE_RGB = (46.0, 17.0, 18.0)


class Scene:
    """The moving portrait. Every frame depends only on its number.

    Parameters
    ----------
    frames, size, seed : int
        As for `make_sample`.
    """

    def __init__(self, frames: int, size: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._seed = seed
        self._size = size
        self._scale = size / _VIEW
        self._portrait = _add_detail(_portrait(), rng)
        time_s = np.arange(frames) / float(FRAME_RATE)
        phase = rng.uniform(0, 2 * np.pi, 8)
        # Columns: shift right, shift down, rotation in radians, zoom.
        self._head = np.stack(
            [
                3.2 * np.sin(2.3 * time_s + phase[0]) + 0.8 * np.sin(5.3 * time_s + phase[1]),
                1.6 * np.sin(1.9 * time_s + phase[2]) + 0.5 * np.sin(6.1 * time_s + phase[3]),
                np.radians(2.2) * np.sin(1.5 * time_s + phase[4]),
                1 + 0.018 * np.sin(1.2 * time_s + phase[5]),
            ],
            axis=1,
        )
        self._camera = np.stack(
            [np.sin(0.9 * time_s + phase[6]), 0.6 * np.sin(1.1 * time_s + phase[7]), 0 * time_s, 1 + 0 * time_s], axis=1
        )
        self._jitter = rng.normal(0, 0.5, (frames, 2)).clip(-1.2, 1.2)
        side = (np.arange(size, dtype=np.float32) + 0.5) / self._scale
        self._x, self._y = np.meshgrid(side + _VIEW_CORNER[0], side + _VIEW_CORNER[1])

    def footage(self, index: int, speech: Speech) -> Rgb:
        """A frame of footage with this mouth: (size, size, 3) uint8 RGB, with film grain."""
        return _to_bytes(self._clean(index, speech) + self._grain(index))

    def generated(self, index: int, original: Speech, synced: Speech) -> Rgb:
        """The frame of `original` with the mouth of `synced` painted in: (size, size, 3) uint8 RGB."""
        frame = self.footage(index, original).astype(np.float32)
        x0, y0, x1, y1 = self._crop_box(index)
        crop = self._clean(index, synced)[y0:y1, x0:x1]
        small = cv2.resize(crop, (_GENERATOR_PX, _GENERATOR_PX), interpolation=cv2.INTER_AREA)
        soft = cv2.resize(small, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        shift = np.array([[1, 0, self._jitter[index, 0]], [0, 1, self._jitter[index, 1]]], np.float32)
        soft = cv2.warpAffine(soft, shift, (x1 - x0, y1 - y0), borderMode=cv2.BORDER_REPLICATE)
        pump = 1 + 0.45 * np.sin(2 * np.pi * 1.4 * index / float(FRAME_RATE))
        painted = soft * 1.03 + np.float32(pump) * np.array([7.0, 1.0, -8.0], np.float32)
        bx0, by0, bx1, by1 = self.patch_box(index)
        frame[by0:by1, bx0:bx1] = painted[by0 - y0 : by1 - y0, bx0 - x0 : bx1 - x0]
        return _to_bytes(frame)

    def patch_box(self, index: int) -> tuple[int, int, int, int]:
        """Box that the generator repaints: x0, y0, x1, y1 in output pixels, half-open."""
        x0, y0, x1, y1 = self._crop_box(index)
        return x0, (y0 + y1) // 2, x1, y1

    def _crop_box(self, index: int) -> tuple[int, int, int, int]:
        shift = self._head[index, :2]
        corners = np.array(_GENERATOR_CROP).reshape(2, 2) + shift - _VIEW_CORNER
        x0, y0, x1, y1 = np.rint(corners.ravel() * self._scale).astype(int).clip(0, self._size).tolist()
        return x0, y0, x1, y1

    def _clean(self, index: int, speech: Speech) -> Floats:
        """A frame without grain: (size, size, 3) float32 RGB."""
        x, y = self._portrait_position(index)
        x = _undo_rounding(x, y, float(speech.rounding[index]))
        travel = _LIP_SHUT + (_LIP_OPEN - _LIP_SHUT) * float(speech.openness[index])
        source_y, inside = _undo_lip_motion(x, y, travel)
        picture = _sample(self._portrait, x, source_y)
        depth = np.clip((y - _lip_edge(x, _LOWER_SAG)) / 5, 0, 1)[..., None]
        dark = np.array(_INSIDE_RGB, np.float32) * (1.25 - 0.5 * depth)
        return np.asarray(picture + inside[..., None] * (dark - picture), dtype=np.float32)

    def _portrait_position(self, index: int) -> tuple[Floats, Floats]:
        """Portrait position of each output pixel. Head and background move separately, with a soft transition."""
        centre_x, centre_y, half_x, half_y = _HEAD
        head_x, head_y = _inverse(self._x, self._y, self._head[index])
        back_x, back_y = _inverse(self._x, self._y, self._camera[index])
        radius = np.hypot((head_x - centre_x) / half_x, (head_y - centre_y) / half_y)
        weight = smoothstep((1.55 - radius) / 0.6)
        return back_x + weight * (head_x - back_x), back_y + weight * (head_y - back_y)

    def _grain(self, index: int) -> Floats:
        rng = np.random.default_rng((self._seed, index))
        grain = rng.normal(0, 2.2, (self._size, self._size)).astype(np.float32)
        return np.asarray(cv2.GaussianBlur(grain, (0, 0), 0.6), dtype=np.float32)[..., None]


def _portrait() -> Rgb:
    return np.asarray(data.astronaut(), dtype=np.uint8)  # type: ignore[no-untyped-call]


def _add_detail(portrait: Rgb, rng: np.random.Generator) -> Floats:
    """Enlarge, sharpen and add skin texture, so that a generator's blur is as visible as on real footage."""
    big = cv2.resize(portrait, None, fx=_DETAIL, fy=_DETAIL, interpolation=cv2.INTER_LANCZOS4).astype(np.float32)
    big += 0.6 * (big - cv2.GaussianBlur(big, (0, 0), 0.7 * _DETAIL))
    texture = cv2.GaussianBlur(rng.normal(0, 1, big.shape[:2]).astype(np.float32), (0, 0), 0.4 * _DETAIL)
    texture *= np.float32(0.014) / texture.std()
    return np.asarray(np.clip(big * (1 + texture[..., None]), 0, 255), dtype=np.float32)


def _inverse(x: Floats, y: Floats, pose: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Undo shift, rotation and zoom about the neck."""
    shift_x, shift_y, turn, zoom = (np.float32(value) for value in pose)
    pivot_x, pivot_y = np.float32(_HEAD[0]), np.float32(_CHIN_Y + 20)
    dx, dy = (x - pivot_x - shift_x) / zoom, (y - pivot_y - shift_y) / zoom
    cos, sin = np.cos(turn), np.sin(turn)
    return pivot_x + cos * dx + sin * dy, pivot_y - sin * dx + cos * dy


def _lip_edge(x: Floats, sag: float) -> Floats:
    u = (x - np.float32(_MOUTH[0])) / np.float32(_HALF_MOUTH)
    return np.asarray(_MOUTH[1] + sag * np.maximum(0, 1 - u * u), dtype=np.float32)


def _undo_rounding(x: Floats, y: Floats, rounding: float) -> Floats:
    """Undo lip rounding, which pulls in the mouth corners by up to a tenth."""
    dx = x - np.float32(_MOUTH[0])
    weight = np.exp(-((dx / 30) ** 2) - ((y - np.float32(_MOUTH[1] + 5)) / 18) ** 2)
    return np.asarray(x + 0.14 * rounding * weight * dx, dtype=np.float32)


def _undo_lip_motion(x: Floats, y: Floats, travel: float) -> tuple[Floats, Floats]:
    """Undo a lower lip moved down by `travel`: portrait y of each pixel, and its share of open mouth (0..1)."""
    dx = x - np.float32(_MOUTH[0])
    across_lip = np.maximum(0, 1 - (dx / _HALF_MOUTH) ** 2)
    rest = _lip_edge(x, _LOWER_SAG)
    edge: Floats = np.maximum(rest + travel * across_lip, _lip_edge(x, _UPPER_SAG)).astype(np.float32)
    below = smoothstep((y - edge) / 14)
    across = across_lip + below * (np.exp(-((dx / 30) ** 2)) - across_lip)
    fade = 1 - smoothstep((y - (_CHIN_Y - 4)) / 26)
    moved_y = y - np.float32(travel) * across * fade
    lip = smoothstep((y - edge) / 0.9 + 0.5)
    gap = smoothstep((y - rest) / 0.9 + 0.5) * (1 - lip) * (across_lip > 0)
    source_y = np.where(lip > 0, np.maximum(moved_y, rest - 0.4), y)
    return source_y.astype(np.float32), gap.astype(np.float32)


def _sample(portrait: Floats, x: Floats, y: Floats) -> Floats:
    scale, half = np.float32(_DETAIL), np.float32(0.5)
    sampled = cv2.remap(
        portrait, x * scale - half, y * scale - half, interpolation=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return sampled.astype(np.float32, copy=False)


def _to_bytes(picture: Floats) -> Rgb:
    return np.asarray(np.clip(np.rint(picture), 0, 255), dtype=np.uint8)
