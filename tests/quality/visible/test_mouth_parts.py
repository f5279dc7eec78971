"""The mouth of a result: how it is mixed, where it lies, and what neither picture shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from visible_faces import Sitter, lifted, moved, sitter

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.visible import mouth_parts
from lipblend.quality.visible.face_parts import face_parts
from lipblend.quality.visible.mouth_parts import Mouth


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face)


@pytest.fixture(scope="module")
def new(person: Sitter) -> np.ndarray:
    """What the generator made."""
    return person.spoken(0)


def split(person: Sitter, result: np.ndarray, new: np.ndarray) -> Mouth:
    shown = person.scene(result, new)
    found = mouth_parts.mouth(shown.face, shown.found, shown.parts)
    assert found is not None
    return found


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 1.0])
def test_a_mixture_measures_the_share_of_the_old_mouth(person: Sitter, new: np.ndarray, share: float) -> None:
    found = split(person, new + np.float32(share) * (person.picture - new), new)
    assert found.old == pytest.approx(share, abs=0.04)
    assert found.unexplained < 0.03 * found.structure
    assert found.differs > 3


def test_a_mouth_of_neither_picture_is_unexplained(person: Sitter, new: np.ndarray) -> None:
    other = split(person, person.spoken(7), new)
    assert other.unexplained > 0.5 * other.structure
    assert face_parts(person.view(person.spoken(7), new), None)["mouth_unlike"] > 0.5
    assert face_parts(person.view(new, new), None)["mouth_unlike"] < 0.05


@pytest.mark.parametrize(("right", "down"), [(2.0, -1.0), (0.0, 3.0), (-1.5, 0.0), (0.0, 0.0)])
def test_a_displaced_mouth_measures_its_way(person: Sitter, new: np.ndarray, right: float, down: float) -> None:
    result = moved(new, right, down)
    shown = person.scene(result, new)
    found = mouth_parts.shift(shown.face, shown.found, shown.parts)
    assert found is not None
    np.testing.assert_allclose(found * person.width, (right, down), atol=0.15)


def test_brightness_and_contrast_displace_nothing(person: Sitter, new: np.ndarray) -> None:
    shown = person.scene(np.float32(0.8) * new + np.float32(20), new)
    found = mouth_parts.shift(shown.face, shown.found, shown.parts)
    assert np.abs(found * person.width).max() < 0.1


def test_the_old_mouth_is_no_foreign_one(person: Sitter, new: np.ndarray) -> None:
    found = face_parts(person.view(person.picture, new), None)
    assert "mouth_unlike" not in found
    assert found["mouth_dark"] == pytest.approx(0, abs=0.5)


def test_a_black_hole_and_a_foreign_colour_measure_their_levels(person: Sitter, new: np.ndarray) -> None:
    mouth = person.mouth_disc(0.3, 0.02)
    hole, red = (
        face_parts(person.view(lifted(new, mouth, levels), new), None) for levels in ((-40, 0, 0), (0, -12, 16))
    )
    plain = face_parts(person.view(new, new), None)
    assert hole["mouth_dark"] == pytest.approx(40, abs=3)
    assert hole["mouth_colour"] == pytest.approx(0, abs=0.5)
    assert red["mouth_colour"] == pytest.approx(20, abs=2)
    assert red["mouth_dark"] == pytest.approx(0, abs=0.5)
    assert max(plain["mouth_dark"], plain["mouth_colour"]) < 0.5


def test_a_colour_that_either_picture_shows_is_not_foreign(person: Sitter) -> None:
    mouth = person.mouth_disc(0.3, 0.02)
    red = lifted(person.picture, person.lips, (0, -12, 16))
    assert face_parts(person.view(red, red), None)["mouth_colour"] < 1
    assert face_parts(person.view(person.picture, red), None)["mouth_colour"] < 1
    light = lifted(person.picture, mouth, (30, 0, 0))
    assert face_parts(person.view(light), None)["mouth_dark"] == 0


def test_a_mouth_out_of_view_is_not_measured(person: Sitter, new: np.ndarray) -> None:
    view = person.view(new, new)
    away = Landmarks(person.mesh.points + np.float32([0, 3 * person.width]))
    found = face_parts(replace(view, original_mesh=away, synced_mesh=away), None)
    assert not {"mouth_unlike", "mouth_dark", "mouth_colour", "skin_cast"} & set(found)
