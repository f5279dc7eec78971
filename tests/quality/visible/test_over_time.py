"""Flicker, old lips that shine through, and lips out of step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from faceviews import FULL, view_of
from visible_faces import Sitter, lifted, sitter

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.visible.over_time import OverTime
from lipblend.quality.visible.person_look import PersonLook, learn_look
from lipblend.quality.visible.work_face import work_face

COUNT, RATE = 9, 25.0
LAG = 4  # frames over which motion is looked at
Pictures = Sequence[np.ndarray]


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face, 110.0)


@pytest.fixture(scope="module")
def old(person: Sitter) -> list[np.ndarray]:
    """The original speaks."""
    return [person.spoken(n) for n in range(COUNT)]


@pytest.fixture(scope="module")
def new(person: Sitter) -> list[np.ndarray]:
    """The synced video speaks otherwise."""
    return [person.spoken(100 + n) for n in range(COUNT)]


def series(
    person: Sitter,
    original: Pictures,
    synced: Pictures,
    result: Pictures,
    places: Sequence[int] = range(COUNT),
    look: PersonLook | None = None,
) -> dict[str, np.ndarray]:
    followed = OverTime(max(places) + 1, RATE, look)
    for place, *pictures in zip(places, original, synced, result, strict=True):
        first, second, shown = pictures
        followed.add(place, view_of(person.mesh, first, shown, person.contour, synced=second, matrix=FULL))
    return followed.values()


def mixed(old: Pictures, new: Pictures, share: float) -> list[np.ndarray]:
    return [b + np.float32(share) * (a - b) for a, b in zip(old, new, strict=True)]


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_share_of_the_old_mouths_motion_is_measured(
    person: Sitter, old: Pictures, new: Pictures, share: float
) -> None:
    found = series(person, old, new, mixed(old, new, share))["old_lips"]
    assert np.isnan(found[:LAG]).all()
    np.testing.assert_allclose(found[LAG:], share, atol=0.04)


def test_lips_that_follow_are_in_step_and_frozen_ones_are_not(person: Sitter, old: Pictures, new: Pictures) -> None:
    np.testing.assert_allclose(series(person, old, new, new)["out_of_step"][LAG:], 0, atol=0.1)
    still = [old[0]] * COUNT
    frozen = series(person, still, new, [new[0]] * COUNT)
    np.testing.assert_allclose(frozen["out_of_step"][LAG:], 1, atol=0.1)


def test_a_mouth_that_rests_says_nothing(person: Sitter) -> None:
    still = [person.picture] * COUNT
    found = series(person, still, still, still)
    assert np.isnan(found["out_of_step"]).all()
    assert np.nanmax(found["old_lips"], initial=0) == 0
    np.testing.assert_array_equal(found["flicker"][1:], 0)


@pytest.mark.parametrize(("levels", "swing"), [((1.0, 0.0, 0.0), 2.0), ((0.0, 1.5, -2.0), 5.0)])
def test_flicker_measures_the_change_between_frames(
    person: Sitter, old: Pictures, new: Pictures, levels: tuple[float, float, float], swing: float
) -> None:
    patch = person.mouth_disc(0.5, 0.05)
    pumping = [lifted(each, patch if n % 2 else -patch, levels) for n, each in enumerate(new)]
    found = series(person, old, new, pumping)["flicker"]
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1:], swing, rtol=0.15)


def test_a_steady_cast_and_changing_light_do_not_flicker(person: Sitter) -> None:
    patch, everywhere = person.mouth_disc(0.5, 0.05), np.ones(person.contour.shape, np.float32)
    light = [lifted(person.picture, everywhere, (3 if n % 2 else -3, 0, 0)) for n in range(4)]
    steady = [lifted(each, patch, (5, 0, 0)) for each in light]
    for result in (light, steady):
        assert np.nanmax(series(person, light, light, result, range(4))["flicker"]) < 0.15


def test_frames_apart_are_not_compared(person: Sitter, old: Pictures, new: Pictures) -> None:
    places = [0, 1, 2, 3, 8, 9, 10, 11]
    found = series(person, old[:8], new[:8], new[:8], places)
    assert np.flatnonzero(np.isfinite(found["flicker"])).tolist() == [1, 2, 3, 9, 10, 11]
    assert np.isnan(found["old_lips"]).all()
    assert np.isnan(found["out_of_step"]).all()


def test_what_passes_before_the_mouth_is_not_compared(person: Sitter, old: Pictures, new: Pictures) -> None:
    look = learn_look([work_face(person.view(person.picture)) for _ in range(3)])
    assert look is not None
    cover = person.mouth_disc(0.4)
    covered = [lifted(each, cover, (-90, 20, 0)) for each in old]
    assert np.isnan(series(person, covered, new, covered, look=look)["out_of_step"]).all()
    assert np.isfinite(series(person, covered, new, covered)["out_of_step"][LAG:]).all()
