"""The colours of what lies in front, and those of the face."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.stages.occlusion.own_colours import likeness, without_face_colours

SIZE = (80, 100)
SKIN, LIPS, MICROPHONE = (150.0, 110.0, 150.0), (95.0, 118.0, 160.0), (40.0, 128.0, 128.0)
CELL_PX = 4.0
BESIDE, OVER, OLD_LIPS = np.s_[50:80, 30:60], np.s_[20:50, 30:60], np.s_[24:44, 62:76]


def picture(noise: int = 1) -> np.ndarray:
    rng = np.random.default_rng(noise)
    return (np.full((*SIZE, 3), SKIN) + rng.normal(0, 3, (*SIZE, 3))).astype(np.float32)


def painted(plane: np.ndarray, where: tuple[slice, slice], colour: tuple[float, float, float]) -> np.ndarray:
    plane[where] = plane[where] - SKIN + np.float32(colour)
    return plane


@pytest.fixture
def original() -> np.ndarray:
    """A microphone that reaches from the chin over the mouth, and the old lips beside it."""
    plane = picture()
    for where in (BESIDE, OVER):
        painted(plane, where, MICROPHONE)
    return painted(plane, OLD_LIPS, LIPS)


def plane(*places: tuple[slice, slice]) -> np.ndarray:
    made = np.zeros(SIZE, np.float32)
    for where in places:
        made[where] = 1
    return made


def test_colours_of_one_only_are_certain_and_others_tell_nothing() -> None:
    front = plane(BESIDE) > 0
    seen = painted(picture(), BESIDE, MICROPHONE)
    seen[:4] = (235, 128, 128)  # white, which is nowhere else
    found = likeness(seen, front, picture(2), np.ones(SIZE, bool))
    assert (found.shape, found.dtype) == (SIZE, np.float32)
    assert found[BESIDE].min() > 0.95
    assert found[10:40].max() < 0.05
    np.testing.assert_allclose(found[:4], 0.5, atol=0.01)


def test_what_lies_in_front_on_a_face_of_its_own_colour_is_not_taken() -> None:
    front = plane(BESIDE) > 0
    found = likeness(picture(), front, picture(2), ~front)
    assert abs(np.median(found) - 0.5) < 0.1


def test_old_lips_beside_a_microphone_are_taken_out_of_its_matte(original: np.ndarray) -> None:
    matte, mouth = plane(BESIDE, OVER, OLD_LIPS), plane(np.s_[15:49, 20:90])
    synced = painted(picture(2), np.s_[26:40, 30:70], LIPS)
    found = without_face_colours(matte, original, synced, mouth, mouth, CELL_PX)
    assert found[OVER].min() > 0.9
    assert found[BESIDE].min() > 0.9
    assert found[26:42, 65:75].max() < 0.1
    assert (found <= matte).all()


def test_a_hole_in_what_is_in_front_is_its_inside(original: np.ndarray) -> None:
    matte, mouth = plane(BESIDE, OVER, OLD_LIPS), plane(np.s_[15:49, 20:90])
    inside = np.s_[28:38, 38:52]
    original[inside] = LIPS
    found = without_face_colours(matte, original, painted(picture(2), np.s_[26:40, 30:70], LIPS), mouth, mouth, CELL_PX)
    assert found[inside].min() > 0.9
    assert found[26:42, 65:75].max() < 0.1


def test_nothing_is_taken_where_the_face_keeps_still(original: np.ndarray) -> None:
    matte, mouth = plane(BESIDE, OVER, OLD_LIPS), plane(np.s_[15:49, 20:90])
    synced = painted(picture(2), np.s_[26:40, 30:70], LIPS)
    still = np.zeros(SIZE, np.float32)
    np.testing.assert_array_equal(without_face_colours(matte, original, synced, mouth, still, CELL_PX), matte)


def test_a_matte_that_is_all_over_the_mouth_says_nothing_of_colours(original: np.ndarray) -> None:
    matte, mouth = plane(OVER, OLD_LIPS), plane(np.s_[10:60, 10:95])
    assert without_face_colours(matte, original, picture(2), mouth, mouth, CELL_PX) is matte
