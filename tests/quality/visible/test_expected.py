"""What a right result would show: a smooth motion and the new mouth are explained, a pasted edge is not."""

from __future__ import annotations

import numpy as np
import pytest
from visible_faces import Sitter, lifted, moved, sitter

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.visible.expected import squared_length
from lipblend.quality.visible.scene import Scene
from lipblend.quality.visible.steps import step_heights


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face)


def size(planes: tuple[np.ndarray, ...], where: np.ndarray) -> float:
    return float(np.sqrt(squared_length(planes))[where].mean())


def test_an_untouched_picture_leaves_exactly_nothing(person: Sitter) -> None:
    for synced in (person.picture, person.spoken(0), lifted(person.picture, person.contour, (30, 9, -9))):
        found = person.scene(person.picture, synced).found
        assert not any(plane.any() for plane in (*found.departure, found.right, found.down))
        assert max(float(np.abs(plane).max()) for plane in found.residual) < 1e-6


def test_a_jaw_that_moves_smoothly_is_explained(person: Sitter) -> None:
    opening = 0.02 * person.width
    bump = person.mouth_disc(0.3, 0.12)
    result = moved(person.picture, 0, opening * bump)
    shown = person.scene(result, result)
    near = shown.parts.near
    changed = float(np.abs(result - person.picture)[..., 0][near].mean())
    assert size(shown.found.residual, near) < 0.25 * changed
    chin = near & (bump > 0.8)
    assert np.median(-shown.found.down[chin]) == pytest.approx(opening, rel=0.25)


def test_a_chin_that_drops_far_over_the_neck_is_explained(person: Sitter) -> None:
    opening = 0.1 * person.width
    bump = person.mouth_disc(0.3, 0.12)
    result = moved(person.picture, 0, opening * bump)
    shown = person.scene(result, result)
    chin = shown.parts.near & (bump > 0.3)
    changed = float(np.abs(result - person.picture)[..., 0][chin].mean())
    assert changed > 10
    assert size(shown.found.departure, chin) < 0.12 * changed
    assert size(shown.found.residual, chin) < 0.03 * changed
    lowest = shown.parts.near & (bump > 0.8)
    assert np.median(-shown.found.down[lowest]) == pytest.approx(opening * np.median(bump[lowest]), rel=0.1)


def test_a_torn_picture_is_explained_by_no_smooth_motion(person: Sitter) -> None:
    below = np.zeros(person.contour.shape, np.float32)
    below[round(person.mesh.mouth_centre[1] + 0.2 * person.width) :] = 1
    found = person.scene(moved(person.picture, 4 * below, 0)).found
    assert np.abs(found.right).max() > 3
    assert np.abs(np.diff(found.right, axis=0)).max() < 0.6  # pixels a row, where the content jumps by 4


@pytest.mark.parametrize("raw", [False, True], ids=["smooth in the synced picture", "as the generator pasted it"])
def test_the_edge_of_a_pasted_box_is_not_explained(person: Sitter, raw: bool) -> None:
    height, reach = 10.0, round(0.32 * person.width)
    x, y = np.rint(person.mesh.mouth_centre).astype(int)
    box = np.zeros(person.contour.shape, np.float32)
    box[y - reach : y + reach, x - reach : x + reach] = 1
    result = lifted(person.picture, box, (height, 0, 0))
    shown = person.scene(result, result if raw else person.picture)
    heights = step_heights(shown.found.residual, 0.028 * person.width)
    edge = np.median(heights[y + reach - 1 : y + reach + 1, x - reach + 9 : x + reach - 9])
    assert edge > (0.4 if raw else 0.85) * height
    assert np.median(heights[y - reach + 9 : y + reach - 9, x + reach + 9 : x + reach + 20]) < 0.15 * height


def inside_lips(shown: Scene) -> tuple[float, float]:
    return size(shown.found.residual, shown.parts.lips), size(shown.found.departure, shown.parts.lips)


def test_the_new_mouth_is_explained_and_its_smooth_cast_is_not_expected(person: Sitter) -> None:
    new = person.spoken(0)
    for cast in ((0, 0, 0), (-12, 5, 3)):
        synced = lifted(new, np.ones(person.contour.shape, np.float32), cast)
        rest, departure = inside_lips(person.scene(new, synced))
        assert departure > 10
        assert rest < 0.05 * departure
        found = person.scene(synced, synced).found  # the cast was taken over
        skin = person.scene(synced, synced).parts.skin
        assert size(found.residual, skin) == pytest.approx(float(np.linalg.norm(cast)), rel=0.1, abs=0.2)


def test_a_mouth_that_neither_picture_shows_is_not_explained(person: Sitter) -> None:
    rest, departure = inside_lips(person.scene(person.spoken(1), person.spoken(0)))
    assert rest > 0.7 * departure


def test_far_from_speech_the_synced_picture_explains_nothing(person: Sitter) -> None:
    x, y = np.rint(person.mesh.mouth_centre).astype(int)
    spot = np.zeros(person.contour.shape, np.float32)
    reach = round(0.03 * person.width)
    up = y - round(0.55 * person.width)
    spot[up - reach : up + reach, x - reach : x + reach] = 1
    changed = lifted(person.picture, spot, (25, 0, 0))
    shown = person.scene(changed, changed)
    assert size(shown.found.residual, spot > 0) > 0.8 * 25


def test_squared_lengths_add_up() -> None:
    three, four = np.full((2, 2), 3, np.float32), np.full((2, 2), 4, np.float32)
    np.testing.assert_allclose(squared_length([three, four]), 25)
    assert (three == 3).all()
