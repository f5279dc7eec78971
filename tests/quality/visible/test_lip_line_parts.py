"""Torn lip lines and halos against what a right result may show."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from faceviews import lip_mask, noise
from visible_faces import Sitter, sitter

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.view import FaceView
from lipblend.quality.visible.face_parts import face_parts
from lipblend.quality.visible.lip_line_parts import lip_line_parts
from lipblend.quality.visible.places import place
from lipblend.quality.visible.visible_parts import PARTS

LIMITS = {part.key: part.visible for part in PARTS if part.visible is not None}


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face, 220)


@pytest.fixture(scope="module")
def crisp(person: Sitter) -> np.ndarray:
    """What a right result shows: another mouth, as sharp as the original's."""
    made = person.picture.copy()
    made[..., 0] -= 45 * cv2.GaussianBlur(edge(person, 0.02).astype(np.float32), (0, 0), 0.8)
    return made


@pytest.fixture(scope="module")
def synced(person: Sitter, crisp: np.ndarray) -> np.ndarray:
    """What a small generator made of it."""
    return cv2.GaussianBlur(crisp, (0, 0), 0.008 * person.width)


def edge(person: Sitter, width_frac: float) -> np.ndarray:
    """A line along the outer lip contour, (h, w) bool."""
    half = 0.5 * width_frac * person.width
    return lip_mask(person.mesh, person.box, grown_px=half) & ~lip_mask(person.mesh, person.box, grown_px=-half)


def checkered(person: Sitter, picture: np.ndarray, other: np.ndarray, where: np.ndarray) -> np.ndarray:
    made = picture.copy()
    chosen = where & (np.indices(where.shape).sum(0) % 2 == 0)
    made[chosen] = other[chosen]
    return made


def etched(picture: np.ndarray, amount: float) -> np.ndarray:
    return picture + np.float32(amount) * (picture - cv2.GaussianBlur(picture, (0, 0), 1.3))


def parts(person: Sitter, result: np.ndarray, synced: np.ndarray) -> dict[str, float]:
    return lip_line_parts(person.view(result, synced))


def test_a_right_result_has_neither(person: Sitter, crisp: np.ndarray, synced: np.ndarray) -> None:
    for result in (crisp, synced, person.picture, crisp + noise(crisp.shape[1::-1], 1)):
        found = parts(person, result, synced)
        assert found["lip_ragged"] < LIMITS["lip_ragged"].unseen
        assert found["lip_halo"] < LIMITS["lip_halo"].unseen


def test_pixels_of_both_pictures_in_turn_are_seen(person: Sitter, crisp: np.ndarray, synced: np.ndarray) -> None:
    result = checkered(person, crisp, person.picture, edge(person, 0.03))
    assert parts(person, result, synced)["lip_ragged"] > 2 * LIMITS["lip_ragged"].seen


def test_one_torn_corner_is_seen(person: Sitter, crisp: np.ndarray, synced: np.ndarray) -> None:
    corner = edge(person, 0.04)
    corner[:, round(person.mesh.mouth_centre[0] - 0.1 * person.width) :] = False
    assert 0.05 < corner.sum() / edge(person, 0.04).sum() < 0.35
    result = checkered(person, crisp, person.picture, corner)
    assert parts(person, result, synced)["lip_ragged"] > LIMITS["lip_ragged"].seen


def test_a_beard_and_a_rough_synced_mouth_are_not_blamed(person: Sitter, crisp: np.ndarray, synced: np.ndarray) -> None:
    rough = noise(crisp.shape[1::-1], 12)
    smooth = parts(person, crisp + rough, synced)["lip_ragged"]
    assert smooth > LIMITS["lip_ragged"].seen
    assert parts(person, crisp + rough, synced + rough)["lip_ragged"] < LIMITS["lip_ragged"].unseen
    bearded = replace(person, picture=person.picture + noise(crisp.shape[1::-1], 12, 1))
    assert parts(bearded, crisp + rough, synced)["lip_ragged"] < LIMITS["lip_ragged"].unseen


def test_unsharp_masking_is_seen_as_a_halo(person: Sitter, crisp: np.ndarray, synced: np.ndarray) -> None:
    values = [parts(person, etched(crisp, amount), synced)["lip_halo"] for amount in (0.0, 0.75, 1.5)]
    assert values == sorted(values)
    assert values[-1] > LIMITS["lip_halo"].seen


def test_a_soft_synced_mouth_may_become_as_sharp_as_the_original(person: Sitter, crisp: np.ndarray) -> None:
    """A generator that is softer still: the same right result is no halo, and would be one of a soft original."""
    soft = cv2.GaussianBlur(crisp, (0, 0), 0.014 * person.width)
    assert parts(person, crisp, soft)["lip_halo"] < LIMITS["lip_halo"].unseen
    blurred = replace(person, picture=cv2.GaussianBlur(person.picture, (0, 0), 0.014 * person.width))
    assert parts(blurred, crisp, soft)["lip_halo"] > LIMITS["lip_halo"].unseen


def test_while_a_patch_fades_the_mouth_between_counts(person: Sitter, crisp: np.ndarray, synced: np.ndarray) -> None:
    """Roughness of the synced mouth is right at full weight, and hardly while the original's is still shown."""
    rough = noise(crisp.shape[1::-1], 12)
    whole = person.view(crisp + rough, synced + rough)
    ragged = [lip_line_parts(replace(whole, weight=weight))["lip_ragged"] for weight in (1.0, 0.05)]
    assert ragged[0] < LIMITS["lip_ragged"].unseen < LIMITS["lip_ragged"].seen < ragged[1]


def test_they_are_parts_of_a_face_and_missing_without_a_mouth(person: Sitter, synced: np.ndarray) -> None:
    view = person.view(synced, synced)
    assert {"lip_ragged", "lip_halo"} <= face_parts(view, None).keys()
    away = Landmarks(person.mesh.points + np.float32(4000))
    assert lip_line_parts(replace(view, synced_mesh=away)) == {}
    assert place(replace(view, synced_mesh=away), "lip_ragged") is None


def test_the_torn_stretch_is_outlined(person: Sitter, crisp: np.ndarray, synced: np.ndarray) -> None:
    where = edge(person, 0.04)
    middle = round(person.mesh.mouth_centre[0])
    where[:, middle:] = False
    view: FaceView = person.view(checkered(person, crisp, person.picture, where), synced)
    found = place(view, "lip_ragged")
    assert found is not None
    assert found[:, :middle].sum() > 4 * found[:, middle:].sum()
