"""Pictures of what can pass before a mouth, drawn by distance fields. Lengths are face widths, y points down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Point = tuple[float, float]

_LIGHT = np.array([-0.4, -0.55, 0.85]) / np.linalg.norm([-0.4, -0.55, 0.85])


@dataclass(frozen=True)
class Sprite:
    """A picture with opacity, premultiplied: (h, w, 4) float32, R'G'B' of 255 and 0 to 1; where (0, 0) lies in it."""

    rgba: Floats
    origin: Point
    density: float  # pixels per face width
    shift: Floats | None = None  # (h, w, 2) face widths: where what is seen through lies


@dataclass(frozen=True)
class Skin:
    """Colour of a skin, and a sample of its fine texture at ``density`` pixels per face width."""

    mean: Floats
    texture: Floats  # (n, n) levels around 0
    density: float


@dataclass
class Canvas:
    """A box (x0, y0, x1, y1) to paint on, back to front."""

    box: tuple[float, float, float, float]
    density: float
    rng: np.random.Generator
    x: Floats = field(init=False)
    y: Floats = field(init=False)
    rgba: Floats = field(init=False)

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.box
        across = np.arange(round((x1 - x0) * self.density), dtype=np.float32) / np.float32(self.density) + np.float32(
            x0
        )
        down = np.arange(round((y1 - y0) * self.density), dtype=np.float32) / np.float32(self.density) + np.float32(y0)
        self.x, self.y = np.meshgrid(across, down)
        self.rgba = np.zeros((*self.x.shape, 4), np.float32)

    def inside(self, distance: Floats, soft: float = 0.0) -> Floats:
        """Opacity of a distance field, its edge a pixel and a half wide or ``soft`` face widths."""
        return np.clip(0.5 - distance / max(soft, 1.5 / self.density), 0, 1).astype(np.float32)

    def paint(self, colour: Floats, alpha: Floats, shadow: float = 0.0) -> None:
        """Lay a colour over the canvas, with a soft shadow on what is there."""
        if shadow:
            dark = 1 - shadow * self.blur(alpha, 0.02)
            self.rgba[..., :3] *= dark[..., None]
        self.rgba *= 1 - alpha[..., None]
        self.rgba[..., :3] += colour * alpha[..., None]
        self.rgba[..., 3] += alpha

    def blur(self, values: Floats, width: float) -> Floats:
        """Values blurred by a part of the face width."""
        return np.asarray(cv2.GaussianBlur(values, (0, 0), max(0.3, width * self.density)), np.float32)

    def cloud(self, width: float) -> Floats:
        """Random values of standard deviation 1 that change over ``width``."""
        height, across = self.x.shape
        step = max(1.0, width * self.density)
        small = self.rng.normal(size=(int(height / step) + 3, int(across / step) + 3)).astype(np.float32)
        large = cv2.resize(small, (across, height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(large / max(float(large.std()), 1e-3), np.float32)

    def sprite(self, shift: Floats | None = None) -> Sprite:
        """What was painted."""
        return Sprite(self.rgba, (-self.box[0] * self.density, -self.box[1] * self.density), self.density, shift)


def rod(canvas: Canvas, points: Sequence[Point], radii: Sequence[float]) -> tuple[Floats, Floats]:
    """Distance to a bent rod of changing radius, and its radius nearby."""
    best = np.full(canvas.x.shape, 1e3, np.float32)
    radius = np.ones_like(best)
    for (ax, ay), (bx, by), ra, rb in zip(points, points[1:], radii, radii[1:], strict=False):
        dx, dy = bx - ax, by - ay
        along = np.clip(((canvas.x - ax) * dx + (canvas.y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        near = ra + (rb - ra) * along
        distance = np.hypot(canvas.x - ax - along * dx, canvas.y - ay - along * dy) - near
        closer = distance < best
        best, radius = np.where(closer, distance, best), np.where(closer, near, radius)
    return best.astype(np.float32), radius.astype(np.float32)


def joined(first: Floats, second: Floats, width: float) -> Floats:
    """Union of two distance fields with a fillet."""
    mix = np.clip(0.5 + 0.5 * (second - first) / width, 0, 1)
    return (second * (1 - mix) + first * mix - width * mix * (1 - mix)).astype(np.float32)


def dome(distance: Floats, radius: Floats | float) -> Floats:
    """Height of a round body over its outline."""
    out = np.clip(1 + distance / radius, 0, 1)
    return (radius * np.sqrt(1 - out * out)).astype(np.float32)


def lit(canvas: Canvas, height: Floats, dullness: float = 0.5) -> Floats:
    """Brightness of a body under soft light from the upper left; 1 where it faces the viewer."""
    dx, dy = (cv2.Sobel(height, cv2.CV_32F, *order, ksize=3) * (canvas.density / 8) for order in ((1, 0), (0, 1)))
    dx, dy = np.clip(dx, -2.2, 2.2), np.clip(dy, -2.2, 2.2)
    facing = (-dx * _LIGHT[0] - dy * _LIGHT[1] + _LIGHT[2]) / np.sqrt(1 + dx * dx + dy * dy) / _LIGHT[2]
    return (dullness + (1 - dullness) * np.clip(facing, 0, 1.35)).astype(np.float32)


def skin_colour(canvas: Canvas, skin: Skin, height: Floats, redness: Floats) -> Floats:
    """Skin on a body: shaded, mottled, with the pores of the face; shadows are warmer."""
    shade = np.clip(lit(canvas, canvas.blur(height, 0.008)), 0.3, 1.2)
    hollow = np.clip((canvas.blur(height, 0.05) - height) / 0.05, 0, 1)
    shade = shade * (1 - 0.4 * hollow) * (1 + 0.02 * canvas.cloud(0.12) + 0.012 * canvas.cloud(0.03))
    warm = np.stack([shade**power for power in (0.85, 1.05, 1.12)], axis=-1)
    blush = 1 - redness[..., None] * np.array([0.02, 0.15, 0.14], np.float32)
    return (skin.mean * warm * blush + _pores(canvas, skin)[..., None]).astype(np.float32)


def _pores(canvas: Canvas, skin: Skin) -> Floats:
    """Fine texture without repeats: noise with the spectrum of the sample."""
    ratio = skin.density / canvas.density
    shape = [int(size * ratio) + 2 for size in canvas.x.shape]
    white = canvas.rng.normal(size=shape).astype(np.float32)
    kernel = skin.texture / np.float32(max(float(np.linalg.norm(skin.texture)), 1e-6))
    noise = cv2.filter2D(white, cv2.CV_32F, kernel) * np.float32(skin.texture.std())
    return np.asarray(cv2.resize(noise, canvas.x.shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


@dataclass(frozen=True)
class Digit:
    """A finger from its knuckle on: joints and radii; ``nail`` if its back is seen."""

    joints: tuple[Point, ...]
    radii: tuple[float, ...]
    nail: bool = True


def straight(knuckle: Point, degrees: float, length: float, radius: float, bend: float = 4.0) -> Digit:
    """An extended finger that leans to the right by some degrees, a little more at each joint."""
    joints, angle = [knuckle], degrees
    for share in (0.46, 0.3, 0.24):
        x, y = joints[-1]
        lean = np.radians(angle)
        joints.append((x + share * length * float(np.sin(lean)), y - share * length * float(np.cos(lean))))
        angle += bend
    return Digit(tuple(joints), tuple(radius * share for share in (1.1, 1.0, 0.9, 0.78)))


def curled(knuckle: Point, degrees: float, length: float, radius: float) -> Digit:
    """A finger folded into the fist, seen from outside."""
    lean = np.radians(degrees)
    end = knuckle[0] + length * float(np.sin(lean)), knuckle[1] + length * float(np.cos(lean))
    return Digit((knuckle, end), (radius, radius * 0.92), nail=False)


def paint_body(canvas: Canvas, skin: Skin, digits: Sequence[Digit], palm: Sequence[Sequence[Point]]) -> None:
    """Palm and extended fingers as one body, rods of the palm from knuckle to wrist, with knuckles and nails."""
    distance, height = np.full(canvas.x.shape, 1e3, np.float32), np.zeros(canvas.x.shape, np.float32)
    for bone in palm:
        part, _ = rod(canvas, bone, [0.088, 0.1, 0.115, 0.12][: len(bone)])
        distance = joined(distance, part, 0.07)
        height += 0.02 * np.exp(-((np.minimum(part + 0.09, 0.2) / 0.03) ** 2))  # tendons
    height = canvas.blur(height, 0.02) + dome(distance, 0.11)
    redness = np.zeros_like(distance)
    creases = np.zeros_like(distance)
    for digit in digits:
        part, radius = rod(canvas, digit.joints, digit.radii)
        height = np.maximum(height, dome(part, radius))
        distance = joined(distance, part, 0.035)
        for number, (joint, r) in enumerate(zip(digit.joints, digit.radii, strict=True)):
            redness += (0.4 if number else 0.5) * _spot(canvas, joint, r * 0.8)
            if 0 < number < len(digit.joints) - 1:
                creases += _creases(canvas, digit, number)
    colour = skin_colour(canvas, skin, height, np.clip(redness, 0, 1)) * (1 - 0.16 * np.clip(creases, 0, 1))[..., None]
    canvas.paint(colour.astype(np.float32), canvas.inside(distance), shadow=0.3)
    for digit in digits:
        if digit.nail:
            _paint_nail(canvas, skin, digit)


def paint_digit(canvas: Canvas, skin: Skin, digit: Digit) -> None:
    """A finger over what is there, with its shadow."""
    part, radius = rod(canvas, digit.joints, digit.radii)
    redness = 0.7 * _spot(canvas, digit.joints[0], digit.radii[0]) + 0.4 * _spot(
        canvas, digit.joints[-1], digit.radii[-1]
    )
    canvas.paint(skin_colour(canvas, skin, dome(part, radius), redness), canvas.inside(part), shadow=0.35)
    if digit.nail:
        _paint_nail(canvas, skin, digit)


def paint_sleeve(canvas: Canvas, start: Point, end: Point, colour: Sequence[float]) -> None:
    """A sleeve with folds from the wrist on."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = float(np.hypot(dx, dy))
    along = ((canvas.x - start[0]) * dx + (canvas.y - start[1]) * dy) / length
    part, radius = rod(canvas, [start, end], [0.2, 0.3])
    part = np.maximum(part, -along - 0.01 * np.cos(9 * (canvas.x - start[0])))  # cut off straight at the cuff
    folds = canvas.blur(canvas.cloud(0.09), 0.02) * 0.02
    shade = lit(canvas, canvas.blur(dome(part, radius) + folds, 0.01), 0.35)
    cloth = shade * (1 + 0.05 * canvas.cloud(0.006)) * (1 - 0.35 * np.exp(-(((along - 0.07) / 0.006) ** 2)))
    canvas.paint((cloth[..., None] * np.array(colour)).astype(np.float32), canvas.inside(part), shadow=0.3)


def _spot(canvas: Canvas, at: Point, radius: float) -> Floats:
    return np.exp(-((canvas.x - at[0]) ** 2 + (canvas.y - at[1]) ** 2) / (radius * radius)).astype(np.float32)


def _frame(canvas: Canvas, digit: Digit, number: int) -> tuple[Floats, Floats]:
    """Coordinates along a finger and across it, from one of its joints on."""
    (ax, ay), (bx, by) = digit.joints[number - 1], digit.joints[number]
    length = float(np.hypot(bx - ax, by - ay))
    ux, uy = (bx - ax) / length, (by - ay) / length
    along = (canvas.x - bx) * ux + (canvas.y - by) * uy
    return along, (canvas.x - bx) * -uy + (canvas.y - by) * ux


def _creases(canvas: Canvas, digit: Digit, number: int) -> Floats:
    along, across = _frame(canvas, digit, number)
    reach, radius = np.zeros_like(along), digit.radii[number]
    for offset, bow in ((-0.018, 0.3), (0.0, 0.05), (0.018, -0.3)):
        line = along - offset - bow * across * across / radius
        reach += np.exp(-((line / 0.0045) ** 2)) * np.exp(-((across / (0.6 * radius)) ** 4))
    return reach.astype(np.float32)


def _paint_nail(canvas: Canvas, skin: Skin, digit: Digit) -> None:
    along, across = _frame(canvas, digit, len(digit.joints) - 1)
    r = digit.radii[-1]
    distance = ((np.abs(along - 0.05 * r) / (0.95 * r)) ** 3 + (np.abs(across) / (0.68 * r)) ** 3) ** (1 / 3) * r - r
    tint = np.clip(skin.mean * np.array([1.05, 1.02, 1.03]) + 8, 0, 245)
    shine = 22 * np.exp(-(((across + 0.25 * r) / (0.2 * r)) ** 2)) * np.exp(-(((along - 0.1 * r) / (0.6 * r)) ** 2))
    moon = 14 * np.clip((along - 0.72 * r) / (0.1 * r), 0, 1)
    bright = 1 - 0.18 * np.clip(np.abs(across) / (0.68 * r), 0, 1) ** 2
    rim = canvas.inside(np.abs(distance + 0.003) - 0.003, 0.006) * 0.3
    colour = (tint * bright[..., None] + (shine + moon)[..., None]) * (1 - rim[..., None])
    canvas.paint(colour.astype(np.float32), canvas.inside(distance, 0.012) * 0.85)
