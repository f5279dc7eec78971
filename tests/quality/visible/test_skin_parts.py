"""Colour, glow, sharpness and texture of the skin around a new mouth."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from faceviews import noise
from visible_faces import Sitter, lifted, sitter

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.visible import skin_parts
from lipblend.quality.visible.face_parts import face_parts

GRAIN = 4.0


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face)


@pytest.fixture(scope="module")
def smooth(person: Sitter) -> np.ndarray:
    """The portrait without fine detail."""
    return cv2.GaussianBlur(person.picture, (0, 0), 2)


@pytest.fixture(scope="module")
def grainy(person: Sitter, smooth: np.ndarray) -> Sitter:
    """The same with grain as its only detail."""
    return replace(person, picture=smooth + grain(person))


def grain(person: Sitter) -> np.ndarray:
    return noise(person.contour.shape[::-1], GRAIN, seed=3)


def parts_of(person: Sitter, result: np.ndarray) -> dict[str, float]:
    return face_parts(person.view(result, result), None)


@pytest.mark.parametrize("levels", [(5.0, 0.0, 0.0), (0.0, 3.0, -4.0), (-12.0, 5.0, 0.0)])
def test_an_even_cast_measures_its_levels(person: Sitter, levels: tuple[float, float, float]) -> None:
    cast = lifted(person.picture, np.ones(person.contour.shape, np.float32), levels)
    shown = person.scene(cast)
    skin = shown.parts.skin
    length = float(np.linalg.norm(levels))
    plane = skin_parts.cast(shown.face, shown.found, shown.parts)
    np.testing.assert_allclose(plane[skin], length, rtol=0.1)
    assert not plane[~skin].any()
    found = parts_of(person, cast)
    assert found["skin_cast"] == pytest.approx(length, rel=0.1)
    assert found["glow"] == pytest.approx(length, rel=0.1)


def test_the_cast_of_a_small_face_counts_by_its_size(portrait: np.ndarray, face: Landmarks) -> None:
    person = sitter(portrait, face, 60)
    cast = lifted(person.picture, np.ones(person.contour.shape, np.float32), (6, 0, 0))
    assert parts_of(person, cast)["skin_cast"] == pytest.approx(3, rel=0.1)


def test_a_stain_on_a_part_of_the_skin_glows_but_is_no_cast(person: Sitter) -> None:
    x, y = person.mesh.mouth_centre
    rows, columns = np.ogrid[: person.contour.shape[0], : person.contour.shape[1]]
    width = person.width
    spot = np.exp(-((columns - x + 0.22 * width) ** 2 + (rows - y) ** 2) / (2 * (0.07 * width) ** 2))
    found = face_parts(person.view(lifted(person.picture, spot.astype(np.float32), (20, 0, 0))), None)
    assert found["glow"] > 6
    assert found["skin_cast"] < 1


@pytest.mark.parametrize("share", [0.5, 1.5])
def test_detail_measures_its_share(grainy: Sitter, smooth: np.ndarray, share: float) -> None:
    view = grainy.view(smooth + share * grain(grainy))
    shown = grainy.scene(view.result)
    original, result = skin_parts.detail(shown.face, view)
    ratio = skin_parts.detail_ratio(shown.face, shown.found, shown.parts, original, result)
    assert np.median(ratio[shown.parts.skin]) == pytest.approx(share, rel=0.08)


def test_halved_detail_is_soft_and_more_of_it_is_foreign(grainy: Sitter, smooth: np.ndarray) -> None:
    own, half, twice = (face_parts(grainy.view(smooth + share * grain(grainy)), None) for share in (1.0, 0.5, 2.0))
    assert own["softness"] == pytest.approx(0, abs=1e-6)
    assert own["lip_softness"] == pytest.approx(0, abs=1e-6)
    assert own["foreign_texture"] == pytest.approx(1, abs=1e-5)
    assert half["softness"] == pytest.approx(0.5, abs=0.08)
    assert 0.25 < half["lip_softness"] < 0.55
    assert (twice["softness"], twice["lip_softness"]) == (0, 0)
    assert twice["foreign_texture"] == pytest.approx(2, abs=0.15)


def test_soft_lips_alone_are_no_soft_skin(grainy: Sitter, smooth: np.ndarray) -> None:
    lips = cv2.GaussianBlur(grainy.lips, (0, 0), 1)[..., None]
    found = face_parts(grainy.view(grainy.picture + lips * (smooth - grainy.picture)), None)
    assert found["lip_softness"] > 0.4
    assert found["softness"] < 0.1


def test_a_view_of_a_larger_face_has_the_same_detail(portrait: np.ndarray, face: Landmarks) -> None:
    large = sitter(portrait, face, 320.0)
    base = cv2.GaussianBlur(large.picture, (0, 0), 3)
    rough = noise(large.contour.shape[::-1], GRAIN, seed=4)
    view = replace(large, picture=base + rough).view(base + np.float32(0.5) * rough)
    assert face_parts(view, None)["softness"] == pytest.approx(0.5, abs=0.1)
