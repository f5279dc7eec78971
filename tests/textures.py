"""Made textures and small films of them, for what is found by the picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

RATE = 25.0


def texture(size: tuple[int, int], seed: int, *, fine_px: float = 1.5, contrast: float = 45) -> np.ndarray:
    """(h, w) float32 smooth noise about 120 grey levels; ``size`` is (width, height)."""
    width, height = size
    noise = np.random.default_rng(seed).normal(0, 1, (height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), fine_px)
    return np.asarray(120 + smooth * (contrast / smooth.std()), np.float32)


def film(frames: int, seed: int = 0, *, size: tuple[int, int] = (48, 27), step_px: float = 0.5) -> np.ndarray:
    """(n, h, w) float32: a disc of one texture in front of another, which never comes back to where it was.

    It moves on a spiral, by ``step_px`` a frame.
    """
    width, height = size
    back = texture(size, seed)
    front = texture((3 * width, 3 * height), seed + 1000)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    disc = np.clip((1 - np.hypot((x - width / 2) / (width / 3), (y - height / 2) / (height / 2.2))) * 4, 0, 1)
    angle, radius = 0.0, height / 6
    out = np.empty((frames, height, width), np.float32)
    for picture in out:
        shift = np.array([[1, 0, radius * np.cos(angle) - width], [0, 1, radius * np.sin(angle) - height]], np.float32)
        moved = cv2.warpAffine(front, shift, size, borderMode=cv2.BORDER_WRAP)
        picture[...] = back + disc * (moved - back)
        angle += step_px / radius
        radius += 0.4 * step_px * 2 * np.pi / 25 * (25 / max(radius, 25))
    return out


def handed_on(
    pictures: np.ndarray, source: Sequence[int] | np.ndarray, *, seed: int = 1, noise: float = 1.5, pump: float = 3.0
) -> np.ndarray:
    """The same pictures in another order after a generator: another mouth, a cast, pumping brightness, coding noise."""
    rng = np.random.default_rng(seed)
    out = pictures[np.asarray(source)].astype(np.float32)
    count, height, width = out.shape
    mouth = rng.normal(0, 30, (count, 1, 1)).astype(np.float32)
    out[:, int(0.6 * height) : int(0.85 * height), int(0.4 * width) : int(0.6 * width)] += mouth
    out = 0.97 * out + 4 + pump * np.sin(2 * np.pi * 1.4 / RATE * np.arange(count))[:, None, None]
    return np.asarray(out + rng.normal(0, noise, out.shape), np.float32)


def thumbs(pictures: np.ndarray) -> np.ndarray:
    """(n, h, w) uint8."""
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8)
