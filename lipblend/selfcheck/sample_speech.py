"""Mouth movement and sound of the sample clips."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from lipblend.picture.smoothstep import smoothstep

Floats = NDArray[np.float32]

FRAME_RATE = Fraction(25)
SAMPLE_RATE = 48000


@dataclass(frozen=True)
class Speech:
    """Mouth movement: ``openness`` and ``rounding``, (n,) float32 in 0..1, one value per frame."""

    openness: Floats
    rounding: Floats


def make_speech(frames: int, seed: int) -> Speech:
    """Random babble: about five syllables per second, with short pauses."""
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
    """A hum with vowels that follow the mouth: (n,) float32 in -1..1 at `SAMPLE_RATE`, as long as the clip."""
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


def _smooth_curve(time_s: NDArray[np.float64], knots_s: NDArray[np.float64], heights: NDArray[np.float64]) -> Floats:
    """Interpolate smoothly between knots."""
    right = np.searchsorted(knots_s, time_s).clip(1, knots_s.size - 1)
    share = (time_s - knots_s[right - 1]) / (knots_s[right] - knots_s[right - 1])
    eased = smoothstep(share.astype(np.float32))
    return np.asarray(heights[right - 1] + eased * (heights[right] - heights[right - 1]), dtype=np.float32)
