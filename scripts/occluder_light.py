"""Disturbances with nothing solid in front of the face: light, smoke, and text over the picture.

The generator sees them in its input, so they lie in orig, synced and truth alike. Of ``shadow_missed`` the generator
painted half only, as one that takes the mouth from another frame does. `occluders` has text that is painted over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from occluder_motion import Scene, smooth
from occluder_shapes import Floats

_SHADE = 0.6
_PENUMBRA = 0.006  # face widths
_FLICKER = 0.15
_LAMP = (0.25, -0.05, -0.2)  # of red, green and blue, at most
_EXPOSURE = (0.6, 1.25)  # first and last
_VEIL, _VEIL_LEVELS = 0.45, 205.0  # most of it, and its grey
_CLOUD, _DRIFT = 0.4, 1.2  # size of its patches in face widths, and how far they drift
_LINES = ("so this is what they said", "and nobody believed it")
_SHOWN = ((0.12, 0.5), (0.56, 0.9))  # of the clip
_TEXT_WIDTH, _TEXT_BELOW = 1.2, 0.2  # face widths: its length, and its middle below the mouth's

LightPath = Callable[[int], "Light"]


@dataclass(frozen=True)
class Light:
    """What becomes of a picture: ``gain`` times its levels plus ``veil``; each broadcasts to (h, w, 3)."""

    gain: Floats
    veil: Floats

    def over(self, picture: NDArray[np.uint8], strength: Floats | None = None) -> NDArray[np.uint8]:
        """Lay it over a picture; ``strength`` (h, w) makes it fainter."""
        share = np.float32(1) if strength is None else strength[..., None]
        mixed = picture * (1 + (self.gain - 1) * share) + self.veil * share
        return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)


def _even(gain: float | Floats) -> Light:
    return Light(np.broadcast_to(np.asarray(gain, np.float32), (1, 1, 3)), np.zeros((1, 1, 1), np.float32))


def _shaded(scene: Scene, where: Floats) -> Light:
    soft = cv2.GaussianBlur(where, (0, 0), max(0.5, _PENUMBRA * scene.face_px))[..., None]
    return Light(np.asarray(1 - (1 - _SHADE) * soft, np.float32), np.zeros((1, 1, 1), np.float32))


def _share(scene: Scene, index: int) -> float:
    return index / max(1, len(scene.mouths) - 1)


def _from_mouth(scene: Scene, index: int) -> tuple[Floats, Floats]:
    """Columns and rows of every pixel, in face widths from the middle of the mouth."""
    x, y = scene.mouth(index).tolist()
    rows, columns = np.mgrid[: scene.height, : scene.width].astype(np.float32)
    return (columns - x) / scene.face_px, (rows - y) / scene.face_px


def _shadow(scene: Scene) -> LightPath:
    """A slanting edge that sweeps over the lower face and back, with a bump as of a shoulder."""

    def light(index: int) -> Light:
        share = _share(scene, index)
        right, down = _from_mouth(scene, index)
        edge = -0.9 + 1.3 * smooth(share, 0.1, 0.45) * (1 - smooth(share, 0.6, 0.95))
        bump = 0.15 * np.exp(-(((down - 0.05) / 0.12) ** 2))
        return _shaded(scene, ((right + 0.3 * down + bump < edge) & (down > -0.3)).astype(np.float32))

    return light


def _blinds(scene: Scene) -> LightPath:
    """Bars of a blind that move slowly over the whole picture."""

    def light(index: int) -> Light:
        right, down = _from_mouth(scene, index)
        phase = (down + 0.35 * right + 0.5 * _share(scene, index)) / 0.2
        return _shaded(scene, (phase % 1 < 0.5).astype(np.float32))

    return light


def _flicker(scene: Scene) -> LightPath:
    rng = np.random.default_rng(scene.seed)
    gains = 1 + rng.uniform(-_FLICKER, _FLICKER, len(scene.mouths))
    return lambda index: _even(float(gains[index]))


def _lamp(scene: Scene) -> LightPath:
    """A red lamp that goes on and off, in some frames halfway."""
    on = np.random.default_rng(scene.seed).choice([0, 0.5, 1], len(scene.mouths), p=[0.4, 0.2, 0.4])
    return lambda index: _even(1 + np.float32(on[index]) * np.array(_LAMP, np.float32))


def _exposure(scene: Scene) -> LightPath:
    first, last = _EXPOSURE
    return lambda index: _even(first + (last - first) * _share(scene, index))


def _smoke(scene: Scene) -> LightPath:
    """Soft patches that drift past, denser in the middle of the clip."""
    drift, sigma = round(_DRIFT * scene.face_px), _CLOUD * scene.face_px / 3
    shape = scene.height, scene.width + drift
    noise = np.random.default_rng(scene.seed).normal(size=shape).astype(np.float32)
    cloud = sum(cv2.GaussianBlur(noise, (0, 0), sigma / part) * np.float32(sigma / part**1.5) for part in (1, 2, 4))
    cloud = np.clip(0.5 + 0.5 * (cloud - np.mean(cloud)) / (2 * np.std(cloud)), 0, 1)

    def light(index: int) -> Light:
        share = _share(scene, index)
        dense = smooth(share, 0, 0.3) * (1 - smooth(share, 0.7, 1))
        left = round(drift * (1 - share))
        alpha = np.asarray(_VEIL * dense * cloud[:, left : left + scene.width, None], np.float32)
        return Light(1 - alpha, _VEIL_LEVELS * alpha)

    return light


def caption(scene: Scene, index: int) -> Floats | None:
    """White text with a dark outline across the chin, where it stays; (h, w, 2): opacity and grey levels, or None."""
    share = _share(scene, index)
    shown = [line for line, (start, stop) in zip(_LINES, _SHOWN, strict=True) if start <= share < stop]
    if not shown:
        return None
    font, finer, face_px = cv2.FONT_HERSHEY_DUPLEX, 3, scene.face_px
    (length, height), _ = cv2.getTextSize(shown[0], font, 1.0, 1)
    scale = _TEXT_WIDTH * face_px * finer / length
    x, y = (finer * (scene.mouths.mean(axis=0) + (0, _TEXT_BELOW * face_px))).tolist()
    corner = round(x - scale * length / 2), round(y + scale * height / 2)
    planes = []
    for width in (0.035, 0.011):  # outline and stroke, face widths
        plane = np.zeros((finer * scene.height, finer * scene.width), np.uint8)
        cv2.putText(plane, shown[0], corner, font, scale, 255, max(1, round(width * face_px * finer)), cv2.LINE_AA)
        planes.append(cv2.resize(plane, (scene.width, scene.height), interpolation=cv2.INTER_AREA) / np.float32(255))
    outline, stroke = planes
    alpha = np.maximum(outline, stroke)
    return np.dstack([alpha, 15 * (alpha - stroke) + 235 * stroke]).astype(np.float32)


def _subtitles(scene: Scene) -> LightPath:
    def light(index: int) -> Light:
        text = caption(scene, index)
        return _even(1.0) if text is None else Light(1 - text[..., :1], text[..., 1:])

    return light


LIGHTS: dict[str, Callable[[Scene], LightPath]] = {
    "shadow": _shadow,
    "shadow_missed": _shadow,
    "blinds": _blinds,
    "flicker": _flicker,
    "lamp": _lamp,
    "exposure": _exposure,
    "smoke": _smoke,
    "subtitles": _subtitles,
}
MISSED = {"shadow_missed": 0.5}
"""Share of them that the generator painted."""
