"""A self-made sample: a talking portrait, and the same after something like a lip-sync generator.

The portrait is NASA's public-domain picture of the astronaut Eileen Collins, which scikit-image carries (no download).
Head and background move, the mouth talks, and every pixel is known, so the sample also comes with its *truth*: what a
perfect composite would look like. All coordinates in this file without another unit are pixels of that portrait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from lipblend.errors import OutputError
from lipblend.output.synth import write_clip

Rgb = NDArray[np.uint8]
Floats = NDArray[np.float32]

SAMPLE_RATE = 48000
FRAME_RATE = Fraction(25)

_VIEW = 256  # side of the part of the portrait that is shown
_VIEW_CORNER = (95.0, 6.0)
_DETAIL = 3  # the portrait is enlarged so much, and given skin grain, before it is moved
_MOUTH = (223.7, 140.2)
_HALF_MOUTH = 21.0
_UPPER_SAG, _LOWER_SAG = 3.2, 9.2  # how far the lips' inner edges hang below the line through the corners
_CHIN_Y = 178.0
_LIP_SHUT, _LIP_OPEN = -6.1, 7.5  # travel of the lower lip from its place in the portrait (a smile with teeth)
_HEAD = (226.0, 112.0, 80.0, 88.0)  # middle and half axes
_GENERATOR_CROP = (172.0, 74.0, 278.0, 186.0)  # the square a generator would cut out; it repaints the lower half
_GENERATOR_PX = 96
_INSIDE_RGB = (46.0, 17.0, 18.0)


@dataclass(frozen=True)
class SamplePair:
    """A sample on disk.

    Attributes
    ----------
    original, synced, truth : Path
        The footage; the same after the generator; what a perfect composite of the two would show.
    frames : int
    show_frame : int
        Where the new mouth is wide open and the old one is not.
    patch_boxes : tuple of (x0, y0, x1, y1)
        The generator's box in every frame, pixels, half-open.
    """

    original: Path
    synced: Path
    truth: Path
    frames: int
    show_frame: int
    patch_boxes: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True)
class Speech:
    """How a mouth moves: ``openness`` and ``rounding``, (n,) float32 in 0..1, a value a frame."""

    openness: Floats
    rounding: Floats


def make_sample(folder: Path, *, frames: int = 75, size: int = 640, seed: int = 1) -> SamplePair:
    """Write ``sample_original.mp4``, ``sample_synced.mp4`` and ``sample_truth.mp4`` (replacing older ones).

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    frames : int
        Number of frames, at 25 a second; 1 or more.
    size : int
        Width and height of the picture in pixels, even, 64 or more. The face is 0.35 of it wide.
    seed : int
        The same seed gives the same files.

    Returns
    -------
    SamplePair

    Raises
    ------
    ValueError
        A number out of its range.
    OutputError
        The folder or a file cannot be written.
    """
    if frames < 1 or size < 64 or size % 2:
        raise ValueError(f"expected frames >= 1 and an even size >= 64, got frames={frames}, size={size}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}") from error
    scene = Scene(frames, size, seed)
    heard, new = make_speech(frames, seed), make_speech(frames, seed + 1)
    pair = SamplePair(
        original=folder / "sample_original.mp4",
        synced=folder / "sample_synced.mp4",
        truth=folder / "sample_truth.mp4",
        frames=frames,
        show_frame=int(np.argmax(new.openness - heard.openness)),
        patch_boxes=tuple(scene.patch_box(index) for index in range(frames)),
    )
    clips: tuple[tuple[Path, Callable[[int], Rgb], Speech, float], ...] = (
        (pair.original, lambda index: scene.footage(index, heard), heard, 16),
        (pair.truth, lambda index: scene.footage(index, new), new, 16),
        (pair.synced, lambda index: scene.generated(index, heard, new), new, 26),
    )
    for path, picture, speech, crf in clips:
        sound = make_sound(speech, seed)
        pictures: Iterator[Rgb] = map(picture, range(frames))
        write_clip(path, pictures, frame_rate=FRAME_RATE, crf=crf, sound=sound, sample_rate=SAMPLE_RATE)
    return pair


class Scene:
    """The moving portrait. Every picture depends on its frame number alone.

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
        self._portrait = _detailed(_portrait(), rng)
        time_s = np.arange(frames) / float(FRAME_RATE)
        phase = rng.uniform(0, 2 * np.pi, 8)
        # A column each: shift right, shift down, turn in radians, zoom.
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
        """A frame of real footage with this mouth: (size, size, 3) uint8 RGB, with film grain."""
        return _to_bytes(self._clean(index, speech) + self._grain(index))

    def generated(self, index: int, heard: Speech, new: Speech) -> Rgb:
        """The frame of `heard` after a generator has painted the mouth of `new` into it: (size, size, 3) uint8 RGB."""
        frame = self.footage(index, heard).astype(np.float32)
        x0, y0, x1, y1 = self._crop_box(index)
        crop = self._clean(index, new)[y0:y1, x0:x1]
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
        """The box that the generator repaints: x0, y0, x1, y1 in output pixels, half-open."""
        x0, y0, x1, y1 = self._crop_box(index)
        return x0, (y0 + y1) // 2, x1, y1

    def _crop_box(self, index: int) -> tuple[int, int, int, int]:
        shift = self._head[index, :2]
        corners = np.array(_GENERATOR_CROP).reshape(2, 2) + shift - _VIEW_CORNER
        x0, y0, x1, y1 = np.rint(corners.ravel() * self._scale).astype(int).clip(0, self._size).tolist()
        return x0, y0, x1, y1

    def _clean(self, index: int, speech: Speech) -> Floats:
        """Moved and speaking, without grain: (size, size, 3) float32 RGB."""
        x, y = self._unmoved(index)
        x = _unrounded(x, y, float(speech.rounding[index]))
        travel = _LIP_SHUT + (_LIP_OPEN - _LIP_SHUT) * float(speech.openness[index])
        source_y, inside = _unspoken(x, y, travel)
        picture = _sampled(self._portrait, x, source_y)
        depth = np.clip((y - _lip_edge(x, _LOWER_SAG)) / 5, 0, 1)[..., None]
        dark = np.array(_INSIDE_RGB, np.float32) * (1.25 - 0.5 * depth)
        return np.asarray(picture + inside[..., None] * (dark - picture), dtype=np.float32)

    def _unmoved(self, index: int) -> tuple[Floats, Floats]:
        """Where in the portrait each output pixel looks: head and background go their own ways, with a soft joint."""
        middle_x, middle_y, half_x, half_y = _HEAD
        head_x, head_y = _inverse(self._x, self._y, self._head[index])
        back_x, back_y = _inverse(self._x, self._y, self._camera[index])
        radius = np.hypot((head_x - middle_x) / half_x, (head_y - middle_y) / half_y)
        weight = _smooth_step((1.55 - radius) / 0.6)
        return back_x + weight * (head_x - back_x), back_y + weight * (head_y - back_y)

    def _grain(self, index: int) -> Floats:
        rng = np.random.default_rng((self._seed, index))
        grain = rng.normal(0, 2.2, (self._size, self._size)).astype(np.float32)
        return np.asarray(cv2.GaussianBlur(grain, (0, 0), 0.6), dtype=np.float32)[..., None]


def make_speech(frames: int, seed: int) -> Speech:
    """A mouth that babbles: about five syllables a second with short rests."""
    rng = np.random.default_rng((seed, 77))
    time_s = np.arange(frames) / float(FRAME_RATE)
    syllable_s = np.cumsum(rng.uniform(0.08, 0.15, frames + 8)) - 0.2
    height = rng.uniform(0.35, 1.0, syllable_s.size)
    height[1::2] = rng.uniform(0.0, 0.25, height[1::2].size)
    height[rng.random(height.size) < 0.12] = 0
    openness = _smooth_curve(time_s, syllable_s, height)
    rounding = _smooth_curve(time_s, syllable_s[::3], rng.uniform(0, 1, syllable_s[::3].size))
    return Speech(openness, rounding)


def make_sound(speech: Speech, seed: int) -> Floats:
    """A hum with vowels that follow the mouth: (n,) float32 in -1..1 at `SAMPLE_RATE`, as long as the pictures."""
    count = round(len(speech.openness) * SAMPLE_RATE / FRAME_RATE)
    time_s = np.arange(count) / SAMPLE_RATE
    frame_s = (np.arange(len(speech.openness)) + 0.5) / float(FRAME_RATE)
    openness = np.interp(time_s, frame_s, speech.openness)
    rounding = np.interp(time_s, frame_s, speech.rounding)
    pitch_hz = 190 + 25 * np.sin(2 * np.pi * 0.7 * time_s) + 20 * openness
    turns = np.cumsum(pitch_hz) / SAMPLE_RATE
    first_hz, second_hz = 320 + 480 * openness, 1900 - 900 * rounding
    sound = np.zeros(count)
    for harmonic in range(1, 16):
        tone_hz = harmonic * pitch_hz
        vowel = np.exp(-(((tone_hz - first_hz) / 160) ** 2)) + 0.4 * np.exp(-(((tone_hz - second_hz) / 250) ** 2))
        sound += (vowel + 0.05 / harmonic) * np.sin(2 * np.pi * harmonic * turns)
    breath = np.random.default_rng((seed, 78)).normal(0, 0.01, count)
    return (0.3 * np.sqrt(openness) * sound + 0.1 * breath).clip(-1, 1).astype(np.float32)


def _portrait() -> Rgb:
    return np.asarray(data.astronaut(), dtype=np.uint8)  # type: ignore[no-untyped-call]


def _detailed(portrait: Rgb, rng: np.random.Generator) -> Floats:
    """Enlarge, sharpen and add fine skin texture, so that a generator's blur shows as it does on real footage."""
    big = cv2.resize(portrait, None, fx=_DETAIL, fy=_DETAIL, interpolation=cv2.INTER_LANCZOS4).astype(np.float32)
    big += 0.6 * (big - cv2.GaussianBlur(big, (0, 0), 0.7 * _DETAIL))
    texture = cv2.GaussianBlur(rng.normal(0, 1, big.shape[:2]).astype(np.float32), (0, 0), 0.4 * _DETAIL)
    texture *= np.float32(0.014) / texture.std()
    return np.asarray(np.clip(big * (1 + texture[..., None]), 0, 255), dtype=np.float32)


def _inverse(x: Floats, y: Floats, pose: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Undo shift, turn and zoom about the neck."""
    shift_x, shift_y, turn, zoom = (np.float32(value) for value in pose)
    pivot_x, pivot_y = np.float32(_HEAD[0]), np.float32(_CHIN_Y + 20)
    dx, dy = (x - pivot_x - shift_x) / zoom, (y - pivot_y - shift_y) / zoom
    cos, sin = np.cos(turn), np.sin(turn)
    return pivot_x + cos * dx + sin * dy, pivot_y - sin * dx + cos * dy


def _lip_edge(x: Floats, sag: float) -> Floats:
    u = (x - np.float32(_MOUTH[0])) / np.float32(_HALF_MOUTH)
    return np.asarray(_MOUTH[1] + sag * np.maximum(0, 1 - u * u), dtype=np.float32)


def _unrounded(x: Floats, y: Floats, rounding: float) -> Floats:
    """Pull the corners of the mouth in by up to a tenth."""
    dx = x - np.float32(_MOUTH[0])
    weight = np.exp(-((dx / 30) ** 2) - ((y - np.float32(_MOUTH[1] + 5)) / 18) ** 2)
    return np.asarray(x + 0.14 * rounding * weight * dx, dtype=np.float32)


def _unspoken(x: Floats, y: Floats, travel: float) -> tuple[Floats, Floats]:
    """Undo a lower lip moved down by `travel`: where each pixel looks, and the share of open mouth in it (0..1)."""
    dx = x - np.float32(_MOUTH[0])
    across_lip = np.maximum(0, 1 - (dx / _HALF_MOUTH) ** 2)
    rest = _lip_edge(x, _LOWER_SAG)
    edge: Floats = np.maximum(rest + travel * across_lip, _lip_edge(x, _UPPER_SAG)).astype(np.float32)
    below = _smooth_step((y - edge) / 14)
    across = across_lip + below * (np.exp(-((dx / 30) ** 2)) - across_lip)
    fade = 1 - _smooth_step((y - (_CHIN_Y - 4)) / 26)
    moved_y = y - np.float32(travel) * across * fade
    lip = _smooth_step((y - edge) / 0.9 + 0.5)
    gap = _smooth_step((y - rest) / 0.9 + 0.5) * (1 - lip) * (across_lip > 0)
    source_y = np.where(lip > 0, np.maximum(moved_y, rest - 0.4), y)
    return source_y.astype(np.float32), gap.astype(np.float32)


def _sampled(portrait: Floats, x: Floats, y: Floats) -> Floats:
    scale, half = np.float32(_DETAIL), np.float32(0.5)
    sampled = cv2.remap(
        portrait, x * scale - half, y * scale - half, interpolation=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return sampled.astype(np.float32, copy=False)


def _smooth_step(value: NDArray[np.floating[Any]]) -> Floats:
    t = np.clip(value, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def _smooth_curve(time_s: NDArray[np.float64], knots_s: NDArray[np.float64], heights: NDArray[np.float64]) -> Floats:
    """Ease from knot to knot."""
    right = np.searchsorted(knots_s, time_s).clip(1, knots_s.size - 1)
    share = (time_s - knots_s[right - 1]) / (knots_s[right] - knots_s[right - 1])
    eased = _smooth_step(share.astype(np.float32))
    return np.asarray(heights[right - 1] + eased * (heights[right] - heights[right - 1]), dtype=np.float32)


def _to_bytes(picture: Floats) -> Rgb:
    return np.asarray(np.clip(np.rint(picture), 0, 255), dtype=np.uint8)
