"""Synthetic films as small pictures, for everything that is found by the picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from textures import RATE, texture

from lipblend.pairing.costs import TimePrior

SIZE = (48, 27)
CLIPS = 7


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


def generated(
    pictures: np.ndarray, source: Sequence[int] | np.ndarray, *, seed: int = 1, noise: float = 1.5, pump: float = 3.0
) -> np.ndarray:
    """The frames ``source`` after a generator: another mouth, a colour cast, pumping brightness, coding noise."""
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


def pixel_rows(pictures: np.ndarray) -> np.ndarray:
    """(n, h * w) uint8."""
    return thumbs(pictures).reshape(len(pictures), -1)


def same_start(count: int, originals: int, speed: float = 1.0) -> TimePrior:
    """The prior if both start together and a synced frame lasts ``speed`` original ones."""
    at = np.arange(count) * speed
    return TimePrior(np.minimum(at, originals - 1), at > originals - 0.5)


def resampled(count: int, rate: float, to_rate: float) -> np.ndarray:
    """The frame map of ``count`` frames converted to another rate by time."""
    return np.rint(np.arange(int(count * to_rate / rate)) * rate / to_rate).astype(int).clip(0, count - 1)


def talking_film(clip_frames: int, rounds: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """An original and the synced version of it, in step: (n, h, w) uint8 each, with n = 7 * clip_frames * rounds.

    Every clip has its own place and head, which sways slowly and comes back to where it was. Each round shows the same
    seven clips again, zoomed more and every other time mirrored. The mouths of the two films open at other times.
    """
    rng = np.random.default_rng(seed)
    films = tuple(
        np.concatenate([_clip(clip_frames, 10 * seed + number, voice) for number in range(CLIPS)]) for voice in (1, 2)
    )
    original, synced = (np.concatenate([_shown_again(film, number) for number in range(rounds)]) for film in films)
    synced = 0.97 * synced + 4
    return tuple(
        np.clip(np.rint(film + rng.normal(0, noise, film.shape)), 0, 255).astype(np.uint8)
        for film, noise in ((original, 1.0), (synced, 1.5))
    )  # type: ignore[return-value]


def _clip(frames: int, seed: int, voice: int) -> np.ndarray:
    width, height = SIZE
    place, face = texture(SIZE, seed), texture((2 * width, 2 * height), seed + 500)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    at_s = np.arange(frames) / RATE
    sway = np.random.default_rng(seed + 900).uniform(0.1, 0.35, 4)
    right = 2.2 * np.sin(2 * np.pi * sway[0] * at_s) + 0.6 * np.sin(2 * np.pi * 3 * sway[1] * at_s)
    down = 1.2 * np.sin(2 * np.pi * sway[2] * at_s + 1) + 0.4 * np.sin(2 * np.pi * 3 * sway[3] * at_s)
    mouth = _speech(frames, np.random.default_rng(seed + 7000 * voice))
    out = np.empty((frames, height, width), np.float32)
    for picture, dx, dy, opened in zip(out, right, down, mouth, strict=True):
        moved = cv2.warpAffine(face, np.array([[1, 0, dx - width / 2], [0, 1, dy - height / 2]], np.float32), SIZE)
        middle_x, middle_y = width / 2 + dx, height / 2 + dy
        head = np.clip((1 - np.hypot((x - middle_x) / (width / 4), (y - middle_y) / (height / 2.4))) * 4, 0, 1)
        lips = np.clip((1 - np.hypot((x - middle_x) / 4, (y - middle_y - 5) / (0.5 + 2.5 * opened))) * 3, 0, 1)
        picture[...] = place + head * (moved - place)
        picture += lips * (30 - picture)
    return out


def _speech(frames: int, rng: np.random.Generator) -> np.ndarray:
    """How far a mouth is open, 0..1: about five times a second."""
    spoken = cv2.GaussianBlur(rng.normal(0, 1, (1, frames)), (0, 0), 2.0)[0]
    return np.clip(0.45 + 0.35 * spoken / spoken.std(), 0, 1)


def _shown_again(film: np.ndarray, number: int) -> np.ndarray:
    width, height = SIZE
    zoom = 1 + 0.08 * number
    turn = np.array([[zoom, 0, (1 - zoom) * width / 2], [0, zoom, (1 - zoom) * height / 2]], np.float32)
    zoomed = np.stack([cv2.warpAffine(picture, turn, SIZE, borderMode=cv2.BORDER_REPLICATE) for picture in film])
    return zoomed[:, :, ::-1] if number % 2 else zoomed
