"""Shadows that the synced picture lacks: departures that are the face, dimmed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipblend.stages.occlusion.shade import without_shade

PIECE = np.s_[20:40, 15:45]


def face() -> np.ndarray:
    """Skin with lips, (64, 64, 3) uint8 YCbCr."""
    look = np.full((64, 64, 3), (150, 112, 148), np.uint8)
    look[28:34, 24:40] = (95, 118, 165)
    return np.asarray(cv2.GaussianBlur(look, (0, 0), 1.0))


def pair(original: np.ndarray, synced: np.ndarray) -> np.ndarray:
    """A look of both."""
    return np.dstack([original, synced, np.zeros((64, 64, 1), np.uint8)])


def shaded(look: np.ndarray, factor: float, noise: float = 0.0) -> np.ndarray:
    """A look whose piece is dimmed."""
    light = (look.astype(np.float32) - (16, 128, 128)) * factor + (16, 128, 128)
    light += np.random.default_rng(1).normal(0, noise, look.shape) if noise else 0
    out = look.copy()
    out[PIECE] = np.rint(light)[PIECE].clip(0, 255)
    return out


def departing(where: tuple[slice, slice] = PIECE) -> np.ndarray:
    plane = np.zeros((64, 64), np.float32)
    plane[where] = 3
    return plane


@pytest.mark.parametrize("factor", [0.6, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_the_synced_face_with_less_light_is_nothing_in_front(factor: float, noise: float) -> None:
    look = pair(shaded(face(), factor, noise), face())
    assert not without_shade(departing(), look).any()


@pytest.mark.parametrize("colour", [(40, 128, 128), (90, 128, 128), (110, 128, 128), (200, 112, 148)])
def test_a_thing_of_one_colour_stays(colour: tuple[int, int, int]) -> None:
    original = face()
    original[PIECE] = colour
    plane = departing()
    assert np.array_equal(without_shade(plane, pair(original, face())), plane)


@pytest.mark.parametrize("seed", range(6))
def test_a_hand_in_the_face_s_own_skin_stays(seed: int) -> None:
    """Its shading is its own: fingers are darker along their sides."""
    original = face().astype(np.float32)
    folds = 0.8 + 0.25 * np.sin(2 * np.pi * (np.arange(30) / 8 + seed / 6))
    original[PIECE] = (np.float32([134, -16, 20]) * folds[:, None] + (16, 128, 128))[None]
    plane = departing()
    assert np.array_equal(without_shade(plane, pair(original.clip(0, 255).astype(np.uint8), face())), plane)


def test_a_small_piece_stays_whatever_its_colours() -> None:
    plane = departing(np.s_[22:26, 18:22])
    assert np.array_equal(without_shade(plane, pair(shaded(face(), 0.7), face())), plane)


def test_a_shadow_beside_a_thing_goes_and_the_thing_stays() -> None:
    original, plane = shaded(face(), 0.7), departing()
    original[46:60, 10:50], plane[46:60, 10:50] = (60, 150, 110), 3
    left = without_shade(plane, pair(original, face()))
    assert not left[PIECE].any()
    assert np.array_equal(left[46:60], plane[46:60])
