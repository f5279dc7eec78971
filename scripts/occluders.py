"""What passes before a mouth: each kind with its path.

Places are face widths from the middle of the mouth; a path takes the share of the clip that has gone by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import occluder_things as things
from occluder_hair import Strands
from occluder_light import caption
from occluder_motion import Cover, Occluder, Passing, Path, Pose, Scene, smooth
from occluder_shapes import Sprite

_FINER = 1.25  # pixels of a sprite per pixel of the picture


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


@dataclass(frozen=True)
class _Text:
    """Text over the picture, which the generator painted over."""

    scene: Scene

    def cover(self, index: int) -> Cover | None:
        text = caption(self.scene, index)
        if text is None:
            return None
        colour = np.repeat(text[..., 1:], 3, axis=2)
        return Cover(0, 0, colour, text[..., 0], text[..., 0] > 0.5)


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
    "subtitles_painted": _Text,
}
