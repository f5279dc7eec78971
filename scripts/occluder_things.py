"""Hands, cups, glasses, microphones and trays as pictures; see occluder_shapes.py for the units."""

from __future__ import annotations

import numpy as np
from occluder_shapes import (
    Canvas,
    Digit,
    Floats,
    Point,
    Skin,
    Sprite,
    curled,
    dome,
    lit,
    paint_body,
    paint_digit,
    paint_sleeve,
    rod,
    straight,
)

_CLOTHS = ((38, 44, 62), (66, 60, 58), (92, 104, 120), (48, 58, 50))
_WRIST: Point = (0.02, 0.62)


def open_hand(skin: Skin, density: float, reach: float, seed: int, *, spread: float = 1.0) -> Sprite:
    """A hand with its fingers up, (0, 0) at the knuckles; with ``spread`` 0 they are held together."""
    canvas = Canvas((-0.85, -0.8, 0.75, 0.6 + reach), density, np.random.default_rng(seed))
    knuckles = ((-0.19, 0.0), (-0.065, -0.035), (0.06, -0.02), (0.18, 0.04))
    lengths, leans = (0.5, 0.56, 0.52, 0.41), (-11.0, -2.0, 8.0, 20.0)
    fingers = [
        straight(knuckle, 2 + spread * lean, length, 0.064 if number < 3 else 0.055, bend=spread * (1.5 - number))
        for number, (knuckle, length, lean) in enumerate(zip(knuckles, lengths, leans, strict=True))
    ]
    out = 0.55 + 0.45 * spread
    thumb = Digit(
        ((-0.12, 0.42), (-0.2 - 0.09 * out, 0.26), (-0.22 - 0.2 * out, 0.11), (-0.23 - 0.26 * out, -0.02)),
        (0.1, 0.08, 0.07, 0.055),
    )
    arm = (_WRIST[0] + 0.02, 0.62 + reach)
    palm = [[knuckle, (knuckle[0] * 0.7, 0.3), (_WRIST[0] + knuckle[0] * 0.3, 0.62), arm] for knuckle in knuckles]
    paint_body(canvas, skin, [*fingers, thumb], palm)
    paint_sleeve(canvas, (0.02, 0.86), arm, _CLOTHS[seed % len(_CLOTHS)])
    return canvas.sprite()


def pointing_hand(skin: Skin, density: float, reach: float, seed: int) -> Sprite:
    """A fist with the forefinger up; (0, 0) lies on its middle joint."""
    canvas = Canvas((-0.5, -0.5, 0.75, 0.9 + reach), density, np.random.default_rng(seed))
    finger = straight((-0.02, 0.26), 4.0, 0.54, 0.066, bend=-3.0)
    arm = (0.2, 0.9 + reach)
    palm = [[(x, y), (x * 0.8 + 0.04, 0.55), (0.14 + 0.3 * x, 0.86), arm] for x, y in _FIST]
    paint_body(canvas, skin, [finger], palm)
    for (x, y), length in zip(_FIST[:0:-1], (0.17, 0.2, 0.21), strict=True):
        paint_digit(canvas, skin, curled((x + 0.005, y + 0.005), -6, length, 0.067))
    thumb = Digit(((-0.09, 0.66), (-0.06, 0.5), (0.07, 0.43), (0.17, 0.41)), (0.085, 0.076, 0.066, 0.052))
    paint_digit(canvas, skin, thumb)
    paint_sleeve(canvas, (0.17, 1.12), arm, _CLOTHS[seed % len(_CLOTHS)])
    return canvas.sprite()


_FIST = ((-0.02, 0.28), (0.115, 0.24), (0.235, 0.27), (0.34, 0.33))


def _paint_holding_arm(canvas: Canvas, skin: Skin, middle: Point, reach: float, cloth: int) -> None:
    """The back of a hand that holds something from the right, and its arm, before the thing is painted."""
    x, y = middle
    arm = (x + 0.45, y + 0.55 + reach)
    palm = [[(x, y + step), (x + 0.1, y + 0.06 + 0.9 * step), (x + 0.2, y + 0.33), arm] for step in (-0.14, -0.03, 0.1)]
    paint_body(canvas, skin, [], palm)
    paint_sleeve(canvas, (x + 0.26, y + 0.52), arm, _CLOTHS[cloth % len(_CLOTHS)])


def _paint_grip(canvas: Canvas, skin: Skin, knuckles: Point, length: float) -> None:
    """Four fingers around a thing from the right."""
    x, y = knuckles
    for number, share in reversed(list(enumerate((0.92, 1.0, 0.95, 0.8)))):
        top = y + 0.112 * number
        joints = ((x + 0.03, top), (x - 0.4 * length, top - 0.03), (x - share * length, top - 0.012))
        paint_digit(canvas, skin, Digit(joints, (0.06, 0.06, 0.049), nail=True))


def _cylinder(canvas: Canvas, height: float, top: float, bottom: float, round_end: float) -> tuple[Floats, Floats]:
    """Distance to a standing round thing seen a little from above, and the place across it, -1 to 1."""
    half = top + (bottom - top) * np.clip(canvas.y / height, 0, 1)
    across = canvas.x / half
    bow = round_end * np.sqrt(np.clip(1 - across * across, 0, 1))
    sides = np.abs(canvas.x) - half
    return np.maximum(np.maximum(sides, canvas.y - height - bow), -canvas.y - bow).astype(np.float32), across


def mug(skin: Skin, density: float, reach: float, seed: int) -> Sprite:
    """A mug of a saturated colour with a pattern, held by its handle; (0, 0) is the middle of its rim."""
    canvas = Canvas((-0.4, -0.15, 1.3, 1.1 + reach), density, np.random.default_rng(seed))
    colour = np.array([(196, 38, 44), (24, 92, 190), (232, 150, 20), (20, 140, 96)][seed % 4], np.float32)
    _paint_holding_arm(canvas, skin, (0.52, 0.34), reach, seed)
    ring = np.abs(np.hypot((canvas.x - 0.28) / 0.16, (canvas.y - 0.32) / 0.21) - 1) * 0.18 - 0.036
    canvas.paint((lit(canvas, dome(ring, 0.036))[..., None] * colour).astype(np.float32), canvas.inside(ring), 0.3)
    distance, across = _cylinder(canvas, 0.64, 0.275, 0.25, 0.045)
    turn = np.arcsin(np.clip(across, -1, 1))
    shade = 0.42 + 0.62 * np.clip(np.cos(turn + 0.45), 0, 1) + 0.01 * canvas.cloud(0.02)
    band = canvas.inside(np.abs(canvas.y - 0.34 - 0.04 * np.cos(turn)) - 0.1, 0.008)
    wave = canvas.inside(np.abs(canvas.y - 0.34 - 0.04 * np.cos(turn) - 0.05 * np.sin(9 * turn)) - 0.016, 0.008)
    paint = colour * (1 - band[..., None]) + band[..., None] * (
        np.array([238, 232, 220]) * (1 - wave[..., None]) + colour * 0.55 * wave[..., None]
    )
    gloss = 85 * np.exp(-(((across + 0.5) / 0.09) ** 2)) * np.clip(1.1 - np.abs(canvas.y - 0.3) / 0.32, 0, 1)
    gloss = gloss + 25 * np.exp(-(((across - 0.7) / 0.06) ** 2))
    body = paint * shade[..., None] + gloss[..., None] * (1 + 0.1 * canvas.cloud(0.01)[..., None])
    canvas.paint(np.clip(body, 0, 255).astype(np.float32), canvas.inside(distance), 0.3)
    rim = (np.hypot(canvas.x / 0.275, canvas.y / 0.045) - 1) * 0.045
    canvas.paint(np.clip(colour * 1.1 + 45, 0, 255) * np.ones_like(canvas.x)[..., None], canvas.inside(rim))
    inner = (np.hypot(canvas.x / 0.257, (canvas.y - 0.004) / 0.034) - 1) * 0.034
    dark = (0.35 + 0.3 * np.clip(0.5 + canvas.x / 0.5, 0, 1))[..., None] * np.array([190, 180, 165])
    canvas.paint(dark.astype(np.float32), canvas.inside(inner))
    _paint_grip(canvas, skin, (0.56, 0.17), 0.24)
    return canvas.sprite()


def glass(skin: Skin, density: float, reach: float, seed: int) -> Sprite:
    """A tumbler of water, mostly seen through, held from the right; (0, 0) is the middle of its rim."""
    canvas = Canvas((-0.35, -0.12, 1.2, 1.25 + reach), density, np.random.default_rng(seed))
    _paint_holding_arm(canvas, skin, (0.32, 0.62), reach, seed)
    distance, across = _cylinder(canvas, 0.82, 0.265, 0.215, 0.05)
    inside = canvas.inside(distance)
    canvas.rgba *= (1 - 0.35 * inside)[..., None]  # what is behind it is dimmed and mixed with what is farther behind
    edge = np.abs(across)
    wall = np.clip((edge - 0.86) / 0.12, 0, 1) ** 1.5
    stripes = (
        np.exp(-(((across + 0.58) / 0.05) ** 2)) * 0.7 + np.exp(-(((across - 0.5) / 0.035) ** 2)) * 0.4
    ) * np.clip(1.4 - np.abs(canvas.y - 0.36) / 0.3, 0, 1)
    stripes = stripes * (0.85 + 0.15 * canvas.cloud(0.08))
    base = np.exp(-(((canvas.y - 0.8 - 0.04 * np.sqrt(np.clip(1 - across**2, 0, 1))) / 0.03) ** 2))
    for tone, alpha in (
        (205.0, 0.07 * np.ones_like(across)),
        (60.0, 0.45 * np.exp(-(((edge - 0.9) / 0.025) ** 2))),
        (236.0, 0.62 * wall),
        (250.0, stripes),
        (225.0, 0.5 * base),
        (70.0, 0.35 * np.roll(base, round(0.035 * density), axis=0)),
    ):
        opacity = (np.clip(alpha, 0, 0.92) * inside).astype(np.float32)
        canvas.paint(np.full((*across.shape, 3), tone, np.float32) * np.array([0.97, 1, 1], np.float32), opacity)
    for middle, half, low, strength in ((0.0, 0.262, 0.05, 0.6), (0.26, 0.24, 0.04, 0.3)):
        ring = np.abs((np.hypot(canvas.x / half, (canvas.y - middle) / low) - 1) * low) - 0.004
        canvas.paint(np.full((*across.shape, 3), 240, np.float32), canvas.inside(ring, 0.008) * np.float32(strength))
    _paint_grip(canvas, skin, (0.33, 0.42), 0.34)
    lens = np.where(canvas.y > 0.26, 0.06, 0.02) * np.clip(across, -1, 1) ** 3 * inside
    return canvas.sprite(np.stack([-lens, 0 * lens], axis=-1).astype(np.float32))


def microphone(density: float, reach: float, seed: int) -> Sprite:
    """A microphone with a dark ball of wire mesh on a stand; (0, 0) is the middle of the ball."""
    canvas = Canvas((-0.3, -0.28, 0.3, 1.0 + reach), density, np.random.default_rng(seed))
    pole, radius = rod(canvas, [(0.0, 0.7), (0.0, 1.0 + reach)], [0.035, 0.035])
    canvas.paint(
        lit(canvas, dome(pole, radius), 0.3)[..., None] * np.float32(70) * np.ones(3, np.float32), canvas.inside(pole)
    )
    grip, radius = rod(canvas, [(0.0, 0.12), (0.0, 0.3), (0.0, 0.92)], [0.125, 0.098, 0.07])
    satin = 30 + 42 * lit(canvas, dome(grip, radius), 0.0) + 70 * np.exp(-(((canvas.x + 0.04) / 0.012) ** 2))
    satin = satin * (1 + 0.03 * canvas.cloud(0.006))
    canvas.paint((satin[..., None] * np.array([0.96, 0.98, 1.02])).astype(np.float32), canvas.inside(grip), 0.3)
    r = np.hypot(canvas.x / 0.18, canvas.y / 0.19)
    depth = np.sqrt(np.clip(1 - r * r, 0.02, 1))
    u, v = np.arctan2(canvas.x / 0.18, depth), np.arcsin(np.clip(canvas.y / 0.19, -1, 1))
    wires = np.maximum(np.abs(np.sin(15 * (u + v))), np.abs(np.sin(15 * (u - v)))) ** 3
    light = lit(canvas, (0.18 * depth).astype(np.float32), 0.25)
    ball = (20 + 62 * wires * light) * (1 + 0.05 * canvas.cloud(0.01))
    ball = ball + wires * 120 * np.exp(-(((canvas.x + 0.065) ** 2 + (canvas.y + 0.075) ** 2) / 0.05**2))
    canvas.paint((ball[..., None] * np.array([1.0, 1.0, 1.03])).astype(np.float32), canvas.inside((r - 1) * 0.18), 0.3)
    band = np.maximum(np.abs(canvas.y - 0.05 - 0.03 * depth) - 0.022, (r - 1.03) * 0.18)
    metal = 70 + 95 * np.clip(np.cos(2.2 * u + 0.9), 0, 1) + 60 * np.exp(-(((u + 0.5) / 0.12) ** 2))
    canvas.paint((metal[..., None] * np.ones(3)).astype(np.float32), canvas.inside(band.astype(np.float32)), 0.2)
    return canvas.sprite()


def tray(density: float, half: float, seed: int) -> Sprite:
    """A bright slab far out of focus, ``half`` wide on each side; (0, 0) lies on its upper edge."""
    canvas = Canvas((-half, -0.15, half, 0.95), density * 0.5, np.random.default_rng(seed))
    rim = np.exp(-(((canvas.y - 0.1) / 0.035) ** 2))
    tone = (
        226 - 34 * np.clip((canvas.y - 0.1) / 0.7, 0, 1) + 9 * rim + 3 * canvas.cloud(0.35) + 1.2 * canvas.cloud(0.08)
    )
    tone = tone - 16 * np.exp(-(((canvas.y - 0.19) / 0.03) ** 2))
    slab = canvas.inside(np.maximum(-canvas.y, canvas.y - 0.8))
    canvas.paint((tone[..., None] * np.array([1.0, 0.985, 0.955])).astype(np.float32), slab)
    canvas.rgba = canvas.blur(canvas.rgba, 0.03)
    return canvas.sprite()
