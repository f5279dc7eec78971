"""What passes before a mouth, moving: where each thing is in a frame, with motion blur.

Places are face widths from the middle of the mouth, times the share of the clip that has gone by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import occluder_things as things
from numpy.typing import NDArray
from occluder_shapes import Floats, Skin, Sprite

Pose = tuple[float, float, float]  # right, down, degrees clockwise
Path = Callable[[float], Pose]

SHUTTER = 0.5  # of a frame
_FINER = 1.25  # pixels of a sprite per pixel of the picture
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
            y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
            moved = (self.shift[..., axis] * share + (x, y)[axis][self.part] for axis in (0, 1))
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
        times = index + SHUTTER * ((np.arange(moments) + 0.5) / moments - 0.5)
        layers = [self._moment(time, low, high - low) for time in times.tolist()]
        rgba = np.mean([rgba for rgba, _ in layers], axis=0, dtype=np.float32)
        shifts = [shift for _, shift in layers if shift is not None]
        shift = np.mean(shifts, axis=0, dtype=np.float32) * np.float32(self.scene.face_px) if shifts else None
        return _cover(self.scene, index, (int(low[0]), int(low[1])), rgba, rgba[..., 3] > 0.5, shift)

    def _moment(self, time: float, low: NDArray[np.int_], size: NDArray[np.int_]) -> tuple[Floats, Floats | None]:
        out = np.zeros((int(size[1]), int(size[0]), 4), np.float32)
        shift: Floats | None = None
        for (sprite, _), matrix in zip(self.parts, self._matrices(time), strict=True):
            own = matrix - np.array([[0, 0, low[0]], [0, 0, low[1]]])
            layer = cv2.warpAffine(sprite.rgba, own, out.shape[1::-1], flags=cv2.INTER_LINEAR)
            out = out * (1 - layer[..., 3:]) + layer
            if sprite.shift is not None:
                shift = np.asarray(cv2.warpAffine(sprite.shift, own, out.shape[1::-1]), np.float32)
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


def _cover(
    scene: Scene, index: int, corner: tuple[int, int], rgba: Floats, solid: NDArray[np.bool_], shift: Floats | None
) -> Cover:
    """Add the camera's noise."""
    noise = np.random.default_rng((scene.seed, index)).normal(size=rgba.shape[:2]).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6) * np.float32(2.1 * scene.noise)
    alpha = np.clip(rgba[..., 3], 0, 1)
    return Cover(*corner, rgba[..., :3] + (noise * alpha)[..., None], alpha, solid, shift)


@dataclass(frozen=True)
class Strands:
    """Locks of hair from the forehead down, which hang before the cheek and swing over the mouth in the middle half."""

    scene: Scene
    hairs: int = 56
    finer: int = 3

    def cover(self, index: int) -> Cover | None:
        """Hairs drawn finer than the picture, over the time that the shutter is open."""
        scene, moments = self.scene, 6
        low = np.maximum(scene.mouth(index) + scene.face_px * np.array([-0.9, -1.3]), 0).astype(int)
        high = np.minimum(
            scene.mouth(index) + scene.face_px * np.array([0.9, 0.75]), (scene.width, scene.height)
        ).astype(int)
        if (high - low < 1).any():
            return None
        width, height = (high - low).tolist()
        rgba = np.zeros((height, width, 4), np.float32)
        own = np.zeros((height, width), np.float32)
        for moment in range(moments):
            time = index + SHUTTER * ((moment + 0.5) / moments - 0.5)
            drawn, thick = self._drawn(time, low, width, height)
            rgba += cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / moments
            own = np.maximum(
                own, cv2.resize(thick, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.float32)
            )
        rgba[..., 3] /= 255
        solid = (rgba[..., 3] > 0.5 * own / 255) & (own > 0)
        return _cover(scene, index, (int(low[0]), int(low[1])), rgba, solid, None)

    def _drawn(
        self, time: float, low: NDArray[np.int_], width: int, height: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The hairs, premultiplied, and the opacity of each over a little more than its width."""
        drawn = np.zeros((height * self.finer, width * self.finer, 4), np.uint8)
        thick = np.zeros(drawn.shape[:2], np.uint8)
        rng = np.random.default_rng(self.scene.seed)
        mouth = self.scene.mouth(time) - low
        share = time / max(1, len(self.scene.mouths) - 1)
        for _ in range(self.hairs):
            lock = int(rng.integers(5))
            points, opacity, shine, size = _hair(rng, lock, share, time)
            px = ((mouth + points * self.scene.face_px) * self.finer * 16).astype(np.int32)
            colour = np.clip(self.scene.hair * shine + 6 * shine, 0, 255)
            line = max(self.finer, round(size * self.scene.face_px * self.finer))
            for start in range(0, len(px) - 1, 4):
                # Faint at both ends. What is drawn replaces what lies there, so that the pieces do not add up.
                ends = min(1.0, 0.25 + start / 10, 0.3 + (len(px) - 5 - start) / 14)
                piece, alpha = px[None, start : start + 5], 255 * opacity * ends
                cv2.polylines(drawn, piece, False, (*(colour * alpha / 255).tolist(), alpha), line, cv2.LINE_AA, 4)
                cv2.polylines(thick, piece, False, alpha, line + self.finer, cv2.LINE_8, 4)
        return drawn, thick


def _hair(
    rng: np.random.Generator, lock: int, share: float, time: float
) -> tuple[NDArray[np.float64], float, float, float]:
    """Points of a hair, its opacity, shine and width."""
    stray, phase, curl, length, opacity, shine, size, wild = rng.random(8)
    down = np.linspace(0, 1, 45)
    swinging = smooth(share, 0.2, 0.3) * (1 - smooth(share, 0.7, 0.8))
    sway = swinging * (-0.33 + 0.17 * np.sin(0.42 * time + 0.6 * lock) + 0.04 * np.sin(0.9 * time + 6 * phase))
    sway += 0.008 * np.sin(0.2 * time + 6 * phase)
    loose = (stray - 0.5) * (0.07 - 0.03 * down) + (0.16 * (wild - 0.5) * down**2 if wild > 0.75 else 0)
    x = 0.1 + 0.045 * lock + (0.12 + 0.03 * lock) * np.sin(2.3 * down) + loose
    x = x + sway * down**1.6 * (1 - 0.25 * (1 - down)) + 0.02 * np.sin(4 * down + 1.3 * lock + 1.5 * curl) * down
    x = x + 0.008 * np.sin(11 * down + 6 * curl) * down
    y = -1.16 + 0.05 * abs(lock - 1) + (1.12 + 0.12 * (lock % 3) + 0.35 * length) * down - 0.12 * np.abs(sway) * down
    return np.stack([x, y], axis=-1), 0.35 + 0.5 * opacity, 0.55 + 1.5 * shine**3, 0.003 + 0.0035 * size


def smooth(value: float, low: float, high: float) -> float:
    """0 below ``low``, 1 above ``high``, smooth between."""
    share = float(np.clip((value - low) / (high - low), 0, 1))
    return share * share * (3 - 2 * share)


def _rising(scene: Scene, top: float, pose: Path, times: tuple[float, float, float, float]) -> Path:
    """A path from below the picture to a pose and back; ``top`` is how far the thing reaches up from its origin."""

    def path(share: float) -> Pose:
        x, y, degrees = pose(share)
        up = smooth(share, *times[:2]) * (1 - smooth(share, *times[2:]))
        return x + 0.25 * (1 - up), y + (1 - up) * (scene.reach + top + 0.25 - y), degrees + 12 * (1 - up)

    return path


_MIDDLE = (0.13, 0.28, 0.72, 0.87)


def _wave(share: float, turns: float, phase: float = 0.0) -> float:
    return float(np.sin(2 * np.pi * (turns * share + phase)))


def make_occluder(kind: str, scene: Scene) -> Occluder:
    """One of `KINDS`."""
    return KINDS[kind](scene)


def _hand(scene: Scene) -> Occluder:
    def pose(share: float) -> Pose:
        across = smooth(share, 0.22, 0.8)
        return 0.5 - 0.85 * across, 0.3 + 0.05 * _wave(share, 3), -8 - 22 * across + 4 * _wave(share, 2, 0.3)

    sprite = things.open_hand(scene.skin, scene.face_px * _FINER, scene.reach + 1.2, scene.seed)
    return Passing(scene, [(sprite, _rising(scene, 0.7, pose, _MIDDLE))])


def _finger(scene: Scene) -> Occluder:
    def pose(share: float) -> Pose:
        return 0.01 + 0.006 * _wave(share, 5), 0.05 + 0.008 * _wave(share, 3.3), -7 + 1.2 * _wave(share, 4)

    sprite = things.pointing_hand(scene.skin, scene.face_px * _FINER, scene.reach + 1.0, scene.seed)
    return Passing(scene, [(sprite, _rising(scene, 0.4, pose, _MIDDLE))])


def _sign(scene: Scene) -> Occluder:
    parts = []
    for side in (1, -1):

        def pose(share: float, side: int = side) -> Pose:
            beat = _wave(share, 3.5, 0.0 if side > 0 else 0.35)
            x = side * (0.36 - 0.16 * beat + 0.05 * _wave(share, 7.3, 0.1))
            return x, 0.58 - 0.24 * _wave(share, 2.7, 0.1 if side > 0 else 0.5), -side * (14 + 16 * beat)

        spread = 0.85 if side > 0 else 0.25
        made = things.open_hand(scene.skin, scene.face_px * _FINER, scene.reach + 1.0, scene.seed + 4, spread=spread)
        if side < 0:
            flipped = np.ascontiguousarray(made.rgba[:, ::-1])
            made = Sprite(flipped, (flipped.shape[1] - 1 - made.origin[0], made.origin[1]), made.density)
        parts.append((made, _rising(scene, 0.7, pose, _MIDDLE)))
    return Passing(scene, parts)


def _tray(scene: Scene) -> Occluder:
    def path(share: float) -> Pose:
        up = smooth(share, 0.15, 0.45) * (1 - smooth(share, 0.55, 0.85))
        return 0.0, -0.3 + (1 - up) * (scene.reach + 0.5), 1.5 * _wave(share, 1.5)

    half = 1.3 * max(scene.width, scene.height) / scene.face_px
    return Passing(scene, [(things.tray(scene.face_px, half, scene.seed), path)])


def _cup(scene: Scene) -> Occluder:
    def pose(share: float) -> Pose:
        return 0.02 * _wave(share, 2), 0.02 + 0.015 * _wave(share, 3), -3 + 3 * _wave(share, 1.7)

    sprite = things.mug(scene.skin, scene.face_px * _FINER, scene.reach + 0.6, scene.seed)
    return Passing(scene, [(sprite, _rising(scene, 0.1, pose, _MIDDLE))])


def _glass(scene: Scene) -> Occluder:
    def pose(share: float) -> Pose:
        return 0.03 * _wave(share, 1.5), -0.04 + 0.02 * _wave(share, 3), -3 + 3 * _wave(share, 1.3)

    sprite = things.glass(scene.skin, scene.face_px * _FINER, scene.reach + 0.6, scene.seed)
    return Passing(scene, [(sprite, _rising(scene, 0.1, pose, _MIDDLE))])


def _microphone_pose(share: float) -> Pose:
    return 0.02 + 0.09 * _wave(share, 2.2), 0.16 + 0.05 * _wave(share, 1.6, 0.2), 5 * _wave(share, 1.9, 0.1)


def _microphone(scene: Scene) -> Occluder:
    sprite = things.microphone(scene.face_px * _FINER, scene.reach + 0.4, scene.seed)
    return Passing(scene, [(sprite, _rising(scene, 0.3, _microphone_pose, _MIDDLE))])


def _microphone_still(scene: Scene) -> Occluder:
    sprite = things.microphone(scene.face_px * _FINER, scene.reach + 0.4, scene.seed)
    return Passing(scene, [(sprite, _microphone_pose)])


KINDS: dict[str, Callable[[Scene], Occluder]] = {
    "skinhand": _hand,
    "tray": _tray,
    "cup": _cup,
    "strands": Strands,
    "finger": _finger,
    "microphone": _microphone,
    "microphone_still": _microphone_still,
    "glass": _glass,
    "sign": _sign,
}
