"""Where a mouth lies over time: a synced patch that trembles is no displacement, a mouth off its place is one."""

from __future__ import annotations

import numpy as np
import pytest
from visible_faces import Sitter, moved, sitter
from visible_shots import LAG, Pictures, followed, series, spoken

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.visible.person_look import learn_look
from lipblend.quality.visible.work_face import work_face

COUNT = 20  # five times the frames over which shifts are averaged


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face, 110.0)


@pytest.fixture(scope="module")
def new(person: Sitter) -> list[np.ndarray]:
    return spoken(person, COUNT, 100)


def still(person: Sitter) -> list[np.ndarray]:
    return [person.picture] * COUNT


def trembling(pictures: Pictures, distance: float) -> list[np.ndarray]:
    """Moved to one side and the other in turn."""
    return [moved(each, distance if n % 2 else -distance, 0) for n, each in enumerate(pictures)]


@pytest.mark.parametrize(("right", "down"), [(2.0, -1.0), (0.0, 3.0), (-1.5, 0.0), (0.0, 0.0)])
def test_a_constant_shift_measures_its_length(person: Sitter, new: Pictures, right: float, down: float) -> None:
    found = series(person, still(person), new, [moved(each, right, down) for each in new])["displaced"]
    np.testing.assert_allclose(found * person.width, np.hypot(right, down), atol=0.15)


def test_a_synced_patch_that_trembles_about_its_place_is_not_displaced(person: Sitter, new: Pictures) -> None:
    distance = 2.0
    found = series(person, still(person), trembling(new, distance), new)
    # An odd number of frames at the ends of the shot, where 3 or more are averaged, leaves at most a third.
    assert (found["displaced"] * person.width).max() < 0.4 * distance
    assert (found["displaced"] * person.width)[3:-3].max() < 0.1 * distance
    np.testing.assert_allclose(found["out_of_step"][LAG:], 0, atol=0.1)  # nor are its lips out of step


def test_the_old_mouth_in_its_place_is_not_displaced(person: Sitter, new: Pictures) -> None:
    assert np.isnan(series(person, still(person), new, still(person))["displaced"]).all()


def test_a_broken_new_mouth_has_no_place(person: Sitter) -> None:
    new = spoken(person, COUNT, 100, levels=12)  # as moderate as lips are
    look = learn_look([work_face(person.view(person.picture, each)) for each in new])
    assert look is not None
    half = COUNT // 2
    broken = [*new[:half], *(each + person.lips[..., None] * np.float32([-90, 30, 40]) for each in new[half:])]
    seen = followed(person, still(person), broken, [moved(each, 2, 0) for each in broken], look=look)
    found = seen.values()
    np.testing.assert_allclose(found["displaced"][: half - 1] * person.width, 2, atol=0.15)
    assert np.isnan(found["displaced"][half - 1 :]).all()  # nor beside the first broken one
    assert np.isnan(found["old_lips"][half:]).all()
    assert np.isfinite(found["old_lips"][LAG : half - 1]).all()
