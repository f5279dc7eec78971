"""How a person looks over a shot, and what in front of the face was painted over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from faceviews import FULL, noise, view_of
from visible_faces import Sitter, lifted, sitter

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.visible.canonical import SIDE, canonical_mask
from lipblend.quality.visible.face_parts import face_parts
from lipblend.quality.visible.person_look import PersonLook, departing, learn_look, painted_over, synced_broken
from lipblend.quality.visible.scene import scene
from lipblend.quality.visible.work_face import WorkFace, work_face

LOWER_FACE = 0.35  # of the square of the face's width


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face)


def grainy(person: Sitter, seed: int) -> np.ndarray:
    return person.picture + noise(person.contour.shape[::-1], 2.0, seed)


def faces(person: Sitter, count: int) -> list[WorkFace]:
    views = (person.view(person.picture, grainy(person, seed)) for seed in range(count))
    return [work_face(view) for view in views]


@pytest.fixture(scope="module")
def look(person: Sitter) -> PersonLook:
    found = learn_look(faces(person, 5))
    assert found is not None
    return found


def hand(person: Sitter) -> np.ndarray:
    """(h, w) float32: 1 on a square before the cheek, a fourth of the face's width wide."""
    x, y = np.rint(person.mesh.mouth_centre).astype(int)
    reach, middle = round(0.12 * person.width), x - round(0.28 * person.width)
    where = np.zeros(person.contour.shape, np.float32)
    where[y - reach : y + reach, middle - reach : middle + reach] = 1
    return where


def lost(person: Sitter, look: PersonLook, original: np.ndarray, result: np.ndarray, synced: np.ndarray) -> float:
    view = view_of(person.mesh, original, result, person.contour, synced=synced, matrix=FULL)
    shown = scene(view)
    share = painted_over(shown.face, shown.found, shown.parts, look)
    assert face_parts(view, look)["painted_over"] == share
    return share


def test_what_was_in_front_and_is_painted_over_counts_by_its_area(person: Sitter, look: PersonLook) -> None:
    covered = lifted(person.picture, hand(person), (-60, 10, 0))
    area = float(hand(person).sum()) / person.width**2 / LOWER_FACE
    assert 0.6 * area < lost(person, look, covered, person.picture, person.picture) < 1.2 * area


def test_what_stays_in_front_is_not_lost(person: Sitter, look: PersonLook) -> None:
    covered = lifted(person.picture, hand(person), (-60, 10, 0))
    assert lost(person, look, covered, covered, person.picture) == 0
    assert lost(person, look, covered, covered, covered) == 0


def test_equal_pictures_lose_nothing(person: Sitter, look: PersonLook) -> None:
    assert lost(person, look, person.picture, person.picture, person.picture) == 0
    spoken = person.spoken(0)
    assert lost(person, look, person.picture, spoken, spoken) == pytest.approx(0, abs=0.003)


def test_what_always_lies_before_the_face_is_its_look(person: Sitter) -> None:
    covered = lifted(person.picture, hand(person), (-60, 10, 0))
    views = (
        view_of(person.mesh, covered, covered, person.contour, synced=covered + np.float32([n, 0, 0]), matrix=FULL)
        for n in range(3)
    )
    own = learn_look(work_face(view) for view in views)
    assert own is not None
    assert lost(person, own, covered, person.picture, person.picture) == pytest.approx(0, abs=0.01)


def test_half_of_the_time_the_synced_pictures_show_the_face(person: Sitter, look: PersonLook) -> None:
    covered = lifted(person.picture, hand(person), (-60, 10, 0))
    originals = [covered if n % 2 else person.picture for n in range(6)]
    views = (
        view_of(person.mesh, each, each, person.contour, synced=person.picture + np.float32([0, 0, 7]), matrix=FULL)
        for each in originals
    )
    own = learn_look(work_face(view) for view in views)
    assert own is not None
    np.testing.assert_allclose(own.median, look.median, atol=2.5)


def test_too_few_faces_teach_nothing(person: Sitter) -> None:
    assert learn_look(faces(person, 2)) is None
    found = learn_look(faces(person, 3))
    assert found is not None
    assert found.median.shape == found.spread.shape == (SIDE, SIDE, 3)


def test_what_departs_from_the_look_is_marked_in_either_picture(person: Sitter, look: PersonLook) -> None:
    plain = work_face(person.view(person.picture))
    inside = canonical_mask(hand(person) > 0, plain.placed.matrix)
    assert inside.any()
    assert not departing(plain, look)[inside].any()
    covered = lifted(person.picture, hand(person), (-60, 10, 0))
    in_original = view_of(person.mesh, covered, covered, person.contour, synced=person.picture, matrix=FULL)
    in_synced = person.view(person.picture, covered)
    for view in (in_original, in_synced):
        assert departing(work_face(view), look)[inside].mean() > 0.95


def test_the_canonical_face_does_not_depend_on_its_size(
    portrait: np.ndarray, face: Landmarks, look: PersonLook
) -> None:
    small = learn_look(faces(sitter(portrait, face, 110.0), 3))
    assert small is not None
    middle = np.s_[20:52, 20:52]
    assert np.abs(small.median - look.median)[middle].mean() < 2


def broken(person: Sitter, look: PersonLook, synced: np.ndarray) -> bool:
    shown = person.scene(person.picture, synced)
    return synced_broken(shown.face, shown.parts, look)


def test_a_synced_mouth_that_the_person_never_has_is_broken(person: Sitter) -> None:
    own = learn_look(work_face(person.view(person.picture, person.spoken(seed, 12))) for seed in range(8))
    assert own is not None
    everywhere, lips = np.ones(person.contour.shape, np.float32), person.mouth_disc(0.3)
    assert not broken(person, own, person.spoken(99, 12))
    assert not broken(person, own, lifted(person.picture, everywhere, (-20, 6, -6)))  # a cast breaks no mouth
    assert not broken(person, own, lifted(person.picture, person.mouth_disc(0.06), (-90, 0, 0)))  # nor does a gap
    for levels in ((-60, 0, 0), (0, 25, -25), (60, 0, 0)):
        assert broken(person, own, lifted(person.picture, lips, levels))
    half = np.where(everywhere.cumsum(1) % 6 < 3, np.float32(80), np.float32(-80)) * lips  # torn into stripes
    assert broken(person, own, lifted(person.picture, half, (1, 0, 0)))


def test_without_a_mouth_in_view_none_is_broken(person: Sitter, look: PersonLook) -> None:
    shown = person.scene(person.picture, lifted(person.picture, person.mouth_disc(0.3), (-60, 0, 0)))
    assert synced_broken(shown.face, shown.parts, look)
    nowhere = replace(shown.parts, mouth=np.zeros(shown.face.shape, bool))
    assert not synced_broken(shown.face, nowhere, look)
