"""Flicker, old lips that shine through, and lips out of step."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from visible_faces import Sitter, lifted, sitter
from visible_shots import LAG, RATE, Pictures, followed, mixed, series, spoken

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.visible.over_time import OverTime
from lipblend.quality.visible.person_look import learn_look
from lipblend.quality.visible.thresholds import summation
from lipblend.quality.visible.work_face import work_face

COUNT = 9


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face, 110.0)


@pytest.fixture(scope="module")
def old(person: Sitter) -> list[np.ndarray]:
    """The original speaks."""
    return spoken(person, COUNT, 0)


@pytest.fixture(scope="module")
def new(person: Sitter) -> list[np.ndarray]:
    """The synced video speaks otherwise."""
    return spoken(person, COUNT, 100)


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


def test_lips_that_are_merely_sharper_than_the_new_ones_are_no_old_lips(
    person: Sitter, old: Pictures, new: Pictures
) -> None:
    alike = mixed(old, new, 0.4)  # both say nearly the same: what the new mouth explains, the old one would too
    soft = [cv2.GaussianBlur(each, (0, 0), 0.015 * person.width) for each in alike]
    found = series(person, old, soft, alike)
    assert np.abs(soft[0] - alike[0])[person.lips > 0.5].mean() > 2
    np.testing.assert_allclose(found["old_lips"][LAG:], 0, atol=0.04)
    np.testing.assert_allclose(found["out_of_step"][LAG:], 0, atol=0.1)


def test_a_mouth_that_rests_is_right(person: Sitter) -> None:
    still = [person.picture] * COUNT
    found = series(person, still, still, still)
    for key in ("old_lips", "out_of_step"):
        np.testing.assert_array_equal(found[key], [np.nan] * LAG + [0] * (COUNT - LAG))
    np.testing.assert_array_equal(found["flicker"][1:], 0)


def pumping(person: Sitter, pictures: Pictures, levels: tuple[float, float, float]) -> list[np.ndarray]:
    """A patch that is lighter in every other frame."""
    patch = person.mouth_disc(0.5, 0.05)
    return [lifted(each, patch if n % 2 else -patch, levels) for n, each in enumerate(pictures)]


@pytest.mark.parametrize(("levels", "swing"), [((3.0, 0.0, 0.0), 6.0), ((0.0, 1.5, -2.0), 5.0)])
def test_flicker_measures_the_change_between_frames(
    person: Sitter, old: Pictures, new: Pictures, levels: tuple[float, float, float], swing: float
) -> None:
    found = series(person, old, new, pumping(person, new, levels))["flicker"]
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1:], swing * summation(person.width), rtol=0.15)


def test_a_motion_explains_little_of_a_faint_flicker(person: Sitter, old: Pictures, new: Pictures) -> None:
    """The flow takes some of a faint change of luma for skin that moves: a 20th at rest, up to a fifth in speech."""
    still = [person.picture] * COUNT
    faint = (1.0, 0.0, 0.0)
    at_rest = series(person, still, still, pumping(person, still, faint))["flicker"][1:]
    seen = summation(person.width)
    np.testing.assert_allclose(at_rest, 2 * seen, rtol=0.08)
    speaking = series(person, old, new, pumping(person, new, faint))["flicker"][1:]
    assert 1.55 * seen < speaking.min() <= speaking.max() < 2.1 * seen


def test_a_steady_cast_and_changing_light_do_not_flicker(person: Sitter) -> None:
    patch, everywhere = person.mouth_disc(0.5, 0.05), np.ones(person.contour.shape, np.float32)
    light = [lifted(person.picture, everywhere, (3 if n % 2 else -3, 0, 0)) for n in range(4)]
    steady = [lifted(each, patch, (5, 0, 0)) for each in light]
    for result in (light, steady):
        assert np.nanmax(series(person, light, light, result, range(4))["flicker"]) < 0.15


def test_a_steady_cast_does_not_flicker_as_the_face_comes_nearer(portrait: np.ndarray, face: Landmarks) -> None:
    seen = OverTime(4, RATE, None)
    for place, width in enumerate((60.0, 68.0, 76.0, 84.0)):
        near = sitter(portrait, face, width)
        cast = lifted(near.picture, np.ones(near.contour.shape, np.float32), (8, 0, 0))
        seen.add(place, near.view(cast))
    assert np.nanmax(seen.values()["flicker"]) < 0.15


def test_frames_apart_are_not_compared(person: Sitter, old: Pictures, new: Pictures) -> None:
    places = [0, 1, 2, 3, 8, 9, 10, 11]
    found = series(person, old[:8], new[:8], new[:8], places)
    assert np.flatnonzero(np.isfinite(found["flicker"])).tolist() == [1, 2, 3, 9, 10, 11]
    assert np.isnan(found["old_lips"]).all()
    assert np.isnan(found["out_of_step"]).all()


def test_what_passes_before_the_mouth_is_not_compared(person: Sitter) -> None:
    old, new = (spoken(person, COUNT, seed, levels=12) for seed in (0, 100))  # as moderate as lips are
    look = learn_look([work_face(person.view(a, b)) for a, b in zip(old, new, strict=True)])
    assert look is not None
    covered = [lifted(each, person.mouth_disc(0.25), (-90, 20, 0)) for each in old]
    shown = mixed(covered, new, 0.5)  # not kept
    seen = followed(person, covered, new, shown, look=look)
    assert np.isnan(seen.values()["out_of_step"]).all()
    assert np.isfinite(series(person, covered, new, shown)["out_of_step"][LAG:]).all()
    assert np.isfinite(series(person, old, new, new, look=look)["out_of_step"][LAG:]).all()
