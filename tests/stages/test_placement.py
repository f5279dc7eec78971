"""Where a painted part lies: found by the picture, to a tenth of a pixel, with a speaking mouth on top."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from textures import talking, texture

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.picture.similarity import NOWHERE, Similarity
from lipblend.stages.registration.placement import Placement, find_placement, placement_of, placement_row, undone

WIDTH_PX = 100.0
SIDE = 200


@pytest.fixture
def small(face: Landmarks) -> Landmarks:
    scale = np.float32(WIDTH_PX / face.face_width_px)
    points = face.points * scale
    return Landmarks(points - points.mean(0) + np.float32(SIDE / 2))


def picture(mesh: Landmarks, seed: int, mouth: int) -> np.ndarray:
    return talking(mesh, SIDE, seed, mouth)


def moved(plane: np.ndarray, by: Similarity) -> np.ndarray:
    matrix = by.inverse().matrix  # of the moved picture's pixels back to the picture's
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def about(mesh: Landmarks, right: float, down: float, scale: float = 1.0, turn_deg: float = 0.0) -> Similarity:
    x, y = mesh.mouth_centre
    turn = np.radians(turn_deg)
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    return Similarity(cosine, sine, x + right - (cosine * x - sine * y), y + down - (sine * x + cosine * y))


def found_in(first: np.ndarray, second: np.ndarray, mesh: Landmarks, partner: Landmarks | None = None) -> Placement:
    meshes = [mesh] if partner is None else [mesh, partner]
    found = find_placement(first, second, Box(0, 0, SIDE, SIDE), meshes)
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("change", [(2.4, -1.1, 1.0, 0.0), (-3.3, 2.2, 1.02, 1.5), (1.2, 0.4, 0.98, -2.0)])
def test_a_redrawn_head_is_found(small: Landmarks, seed: int, change: tuple[float, float, float, float]) -> None:
    """Softer, of other brightness and contrast, and saying something else."""
    by = about(small, *change)
    second = cv2.GaussianBlur(moved(picture(small, seed, 91), by), (0, 0), 0.8) * 0.95 + 6
    found = found_in(picture(small, seed, 90), second, small, Landmarks(by.apply(small.points)))
    error = np.hypot(*(found.similarity.apply(small.mouth_centre) - by.apply(small.mouth_centre)))
    assert error < 0.1
    assert undone(found, small) == found.similarity
    if change[2] != 1:
        assert found.similarity.scale == pytest.approx(by.scale, abs=0.004)
        assert np.degrees(found.similarity.turn_rad) == pytest.approx(change[3], abs=0.3)


@pytest.mark.parametrize("seed", range(4))
def test_a_displaced_patch_in_a_face_that_stayed_is_found(small: Landmarks, seed: int) -> None:
    by = about(small, 1.5, -1.2)
    rows = np.arange(SIDE)[:, None] + 0.5 - small.mouth_centre[1]
    columns = np.arange(SIDE)[None] + 0.5 - small.mouth_centre[0]
    patch = (np.abs(rows) < 0.34 * WIDTH_PX) & (np.abs(columns) < 0.42 * WIDTH_PX)
    patch = cv2.GaussianBlur(patch.astype(np.float32), (0, 0), 1.5)
    synced = picture(small, seed, 91)
    synced = synced * (1 - patch) + moved(synced, by) * patch
    found = found_in(picture(small, seed, 90), synced, small, small)
    assert np.hypot(*(found.similarity.apply(small.mouth_centre) - by.apply(small.mouth_centre))) < 0.2


def test_a_face_in_its_place_is_not_moved(small: Landmarks) -> None:
    for seed in range(4):
        soft = cv2.GaussianBlur(picture(small, seed, 91), (0, 0), 1.2) + 4
        found = found_in(picture(small, seed, 90), soft, small, small)
        assert found.similarity.offset_px(small.mouth_centre[None]) < 0.1
        assert undone(found, small) == NOWHERE


def test_another_picture_is_not_taken_for_a_displaced_one(small: Landmarks) -> None:
    found = found_in(picture(small, 1, 90), picture(small, 2, 91), small, small)
    assert undone(found, small) == NOWHERE


def test_nothing_is_found_without_a_face(small: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    away = transformed(small, shift=(900.0, 0.0))
    plane = texture((SIDE, SIDE), 1)
    assert find_placement(plane, plane, Box(0, 0, SIDE, SIDE), [away]) is None


def test_it_fits_in_a_row_of_a_table() -> None:
    each = Placement(Similarity(1.01, 0.02, 3, -4), 0.9, 0.4)
    assert placement_of(placement_row(each)) == each
