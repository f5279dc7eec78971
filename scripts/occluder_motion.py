"""Where things are in a frame, with motion blur, and how they are laid over it.

Places are face widths from the middle of the mouth; times are frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from occluder_shapes import Floats, Skin, Sprite

Pose = tuple[float, float, float]  # right, down, degrees clockwise
Path = Callable[[float], Pose]  # from the share of the clip that has gone by

SHUTTER = 0.5  # of a frame
_STEP_PX = 2.0  # between the moments of which a blurred frame is made
_MOMENTS = (4, 24)  # least and most of them


@dataclass(frozen=True)
class Scene:
    """The face that things pass, in a picture of ``width`` x ``height`` pixels.

    Attributes
    ----------
    mouths : (n, 2) float32
        Middle of the mouth in every frame, steadied over time.
    face_px : float
        Width of the face.
    degrees : float
        How far the head leans, clockwise.
    skin : Skin
    hair : (3,) float32
        Colour of dark hair.
    noise : float
        Standard deviation of the camera's noise, grey levels.
    """

    width: int
    height: int
    mouths: Floats
    face_px: float
    degrees: float
    skin: Skin
    hair: Floats
    noise: float
    seed: int

    @property
    def reach(self) -> float:
        """Face widths from the mouth to the picture's lower edge."""
        return float((self.height - self.mouths[:, 1].min()) / self.face_px)

    def mouth(self, time: float) -> Floats:
        """Middle of the mouth at a time in frames."""
        frames = np.arange(len(self.mouths))
        return np.array([np.interp(time, frames, self.mouths[:, axis]) for axis in (0, 1)], np.float32)


@dataclass(frozen=True)
class Cover:
    """What covers a part of a frame: colour premultiplied, opacity, which pixels it fills, and where glass looks."""

    x0: int
    y0: int
    colour: Floats
    alpha: Floats
    solid: NDArray[np.bool_]
    shift: Floats | None = None

    @property
    def part(self) -> tuple[slice, slice]:
        """The rows and columns of the frame."""
        height, width = self.alpha.shape
        return slice(self.y0, self.y0 + height), slice(self.x0, self.x0 + width)

    def over(self, picture: NDArray[np.uint8], strength: Floats | None = None) -> NDArray[np.uint8]:
        """Lay it over a picture; ``strength`` (h, w) makes it fainter."""
        share = np.ones_like(self.alpha) if strength is None else strength[self.part]
        out = picture.copy()
        behind = picture[self.part].astype(np.float32)
        if self.shift is not None:
            y, x = np.mgrid[self.part].astype(np.float32)
            moved = (self.shift[..., axis] * share + (x, y)[axis] for axis in (0, 1))
            behind = cv2.remap(picture, *moved, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        mixed = behind * (1 - self.alpha * share)[..., None] + self.colour * share[..., None]
        out[self.part] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
        return out


class Occluder(Protocol):
    """Something that passes."""

    def cover(self, index: int) -> Cover | None:
        """What it covers in a frame; None if nothing."""
        ...


@dataclass(frozen=True)
class Passing:
    """Rigid things on their paths, the last one in front."""

    scene: Scene
    parts: Sequence[tuple[Sprite, Path]]

    def cover(self, index: int) -> Cover | None:
        """The mean over the time that the shutter is open."""
        ends = [self._matrices(index + step) for step in (-SHUTTER / 2, SHUTTER / 2)]
        boxes = [_bounds(sprite, each) for set_of in ends for (sprite, _), each in zip(self.parts, set_of, strict=True)]
        low = np.maximum(np.floor(np.min([box[0] for box in boxes], axis=0)).astype(int) - 2, 0)
        size = self.scene.width, self.scene.height
        high = np.minimum(np.ceil(np.max([box[1] for box in boxes], axis=0)).astype(int) + 2, size)
        if (high - low < 1).any():
            return None
        travel = max(float(np.abs(first[:, 2] - second[:, 2]).max()) for first, second in zip(*ends, strict=True))
        moments = int(np.clip(np.ceil(travel / _STEP_PX), *_MOMENTS))
        times = (index + SHUTTER * ((np.arange(moments) + 0.5) / moments - 0.5)).tolist()
        rgba, shift = self._moment(times[0], low, high - low)
        for time in times[1:]:
            more, moved = self._moment(time, low, high - low)
            rgba += more
            if shift is not None and moved is not None:
                shift += moved
        rgba /= np.float32(moments)
        if shift is not None:
            shift *= np.float32(self.scene.face_px / moments)
        return cover_of(self.scene, index, (int(low[0]), int(low[1])), rgba, rgba[..., 3] > 0.5, shift)

    def _moment(self, time: float, low: NDArray[np.int_], size: NDArray[np.int_]) -> tuple[Floats, Floats | None]:
        out: Floats | None = None
        shift: Floats | None = None
        shape = int(size[0]), int(size[1])
        for (sprite, _), matrix in zip(self.parts, self._matrices(time), strict=True):
            own = matrix - np.array([[0, 0, low[0]], [0, 0, low[1]]])
            layer = np.asarray(cv2.warpAffine(sprite.rgba, own, shape, flags=cv2.INTER_LINEAR), np.float32)
            out = layer if out is None else out * (1 - layer[..., 3:]) + layer
            if sprite.shift is not None:
                shift = np.asarray(cv2.warpAffine(sprite.shift, own, shape), np.float32)
        assert out is not None
        return out, shift

    def _matrices(self, time: float) -> list[NDArray[np.float64]]:
        """From the sprites' pixels to the frame's, at a time in frames."""
        matrices, scene = [], self.scene
        mouth, lean = scene.mouth(time), np.radians(scene.degrees)
        for sprite, path in self.parts:
            x, y, degrees = path(time / max(1, len(scene.mouths) - 1))
            turn, scale = lean + np.radians(degrees), scene.face_px / sprite.density
            place = mouth + scene.face_px * np.array(
                [x * np.cos(lean) - y * np.sin(lean), x * np.sin(lean) + y * np.cos(lean)]
            )
            linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            matrices.append(np.hstack([linear, (place - linear @ np.array(sprite.origin))[:, None]]))
        return matrices


def _bounds(sprite: Sprite, matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    height, width = sprite.rgba.shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ matrix.T
    return corners.min(axis=0), corners.max(axis=0)


def cover_of(
    scene: Scene, index: int, corner: tuple[int, int], rgba: Floats, solid: NDArray[np.bool_], shift: Floats | None
) -> Cover:
    """Add the camera's noise."""
    noise = np.random.default_rng((scene.seed, index)).normal(size=rgba.shape[:2]).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6) * np.float32(2.1 * scene.noise)
    alpha = np.clip(rgba[..., 3], 0, 1)
    return Cover(*corner, rgba[..., :3] + (noise * alpha)[..., None], alpha, solid, shift)


def smooth(value: float, low: float, high: float) -> float:
    """0 below ``low``, 1 above ``high``, smooth between."""
    share = float(np.clip((value - low) / (high - low), 0, 1))
    return share * share * (3 - 2 * share)
