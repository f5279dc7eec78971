"""The matte of a drawn occluder: at its own edges, and the picture behind it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.occlusion.face_look import CELL_FRAC, CELLS, LEFT_FRAC, TOP_FRAC
from lipblend.stages.occlusion.front_matte import (
    CELLS_BAND,
    cells_in_box,
    front_matte,
    uncovered,
    without_alike,
)
from tests.textures import texture

SIDE, CELL = 200, 5.0
NOWHERE = np.zeros((SIDE, SIDE), np.float32)
SQUARE = np.s_[60:140, 50:130]
CUP = (215.0, 126.0, 124.0)


@dataclass(frozen=True)
class Drawn:
    """A square with a soft edge before a face, and what lies behind it."""

    original: np.ndarray
    behind: np.ndarray
    alpha: np.ndarray
    synced: np.ndarray


def drawn(soft_px: float = 2.0) -> Drawn:
    luma = texture((SIDE, SIDE), 3, fine_px=3, contrast=12)
    face = np.dstack([luma, np.full_like(luma, 112), np.full_like(luma, 150)])
    cup = np.float32(CUP) + np.dstack([texture((SIDE, SIDE), 5, fine_px=4, contrast=5) - 120] + [NOWHERE] * 2)
    alpha = NOWHERE.copy()
    alpha[SQUARE] = 1
    alpha = cv2.GaussianBlur(alpha, (0, 0), soft_px)
    noise = np.random.default_rng(2).normal(0, 1, face.shape)
    original = alpha[..., None] * cup + (1 - alpha[..., None]) * face
    return Drawn(original, face, alpha, (face + noise).astype(np.float32))


def coarse_of(alpha: np.ndarray, off: tuple[float, float] = (0, 0)) -> np.ndarray:
    """As by cells, and moved by so many of them."""
    count = round(SIDE / CELL)
    cells = cv2.resize(alpha, (count, count), interpolation=cv2.INTER_AREA)
    move = np.float32([[1, 0, off[0] * CELL], [0, 1, off[1] * CELL]])
    return np.asarray(cv2.warpAffine(cv2.resize(cells, (SIDE, SIDE)), move, (SIDE, SIDE)), np.float32)


def well_within(cells: float) -> tuple[np.ndarray, np.ndarray]:
    """Pixels so far inside the square, and so far outside."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[SQUARE] = 1
    inside, outside = (cv2.distanceTransform(each, cv2.DIST_L2, 5) for each in (mask, 1 - mask))
    return inside > cells * CELL, outside > cells * CELL


@pytest.mark.parametrize("off", [(0, 0), (1, 0), (-1, 0), (0, 1), (0.7, -0.7)])
@pytest.mark.parametrize("soft_px", [1.0, 3.0])
def test_cells_that_are_off_become_the_true_matte(soft_px: float, off: tuple[float, float]) -> None:
    scene = drawn(soft_px)
    coarse = coarse_of(scene.alpha, off)
    matte = front_matte(coarse, scene.original, scene.synced, NOWHERE, CELL, CELLS_BAND)
    assert (matte.shape, matte.dtype) == ((SIDE, SIDE), np.float32)
    assert matte.min() >= 0
    assert matte.max() <= 1
    band = ~np.logical_or(*well_within(2))
    error = np.abs(matte - scene.alpha)[band].mean()
    assert error < 0.1
    if off != (0, 0):
        assert error < 0.5 * np.abs(coarse - scene.alpha)[band].mean()
    inside, outside = well_within(4)
    assert matte[inside].min() == 1
    assert matte[outside].max() == 0


def test_in_the_mouth_the_edge_is_the_originals() -> None:
    """The pictures differ in all of the mouth, whose difference says nothing."""
    scene = drawn()
    synced = scene.synced + np.float32((-60, 0, 0))
    coarse = coarse_of(scene.alpha, (1, 0))
    mouth, beside = (
        front_matte(coarse, scene.original, synced, where, CELL, CELLS_BAND) for where in (NOWHERE + 1, NOWHERE)
    )
    band = ~np.logical_or(*well_within(2))
    errors = [float(np.abs(matte - scene.alpha)[band].mean()) for matte in (mouth, beside)]
    assert errors[0] < 0.15
    assert errors[0] < 0.7 * errors[1]


def test_well_inside_it_may_look_like_the_face() -> None:
    scene = drawn()
    spot = np.s_[90:110, 80:100]
    synced = scene.synced.copy()
    synced[spot] = scene.original[spot]
    matte = front_matte(coarse_of(scene.alpha), scene.original, synced, NOWHERE, CELL, CELLS_BAND)
    assert matte[spot].min() == 1


def test_nothing_in_front_gives_an_empty_matte() -> None:
    scene = drawn()
    assert front_matte(NOWHERE, scene.original, scene.synced, NOWHERE, CELL, CELLS_BAND).max() == 0


def test_what_is_behind_comes_back() -> None:
    scene = drawn(3.0)
    found = uncovered(scene.original, scene.synced, scene.alpha, CELL)
    assert (found.shape, found.dtype) == (scene.original.shape, np.float32)
    for low, high in ((0.02, 0.4), (0.4, 0.98), (0.98, 2)):
        there = (scene.alpha > low) & (scene.alpha < high)
        before, after = (np.abs(each - scene.behind)[there][:, 0].mean() for each in (scene.original, found))
        assert after < 4
        assert after < 0.4 * before
    far = well_within(8)[1]
    np.testing.assert_array_equal(found[far], scene.original[far])


def test_at_faint_edges_it_is_the_original_that_comes_back_and_not_the_synced_picture() -> None:
    scene = drawn(3.0)
    found = uncovered(scene.original, scene.synced + np.float32((30, 0, 0)), scene.alpha, CELL)
    faint = (scene.alpha > 0.02) & (scene.alpha < 0.15)
    assert np.abs(found - scene.behind)[faint][:, 0].mean() < 5
    inside = well_within(3)[0]
    np.testing.assert_allclose(found[inside][:, 0], scene.synced[inside][:, 0] + 30, atol=0.5)


def test_without_a_solid_part_nothing_is_solved_for() -> None:
    scene = drawn()
    np.testing.assert_array_equal(uncovered(scene.original, scene.synced, 0.4 * scene.alpha, CELL), scene.original)


def test_pieces_in_which_the_pictures_are_alike_are_dropped() -> None:
    scene = drawn()
    coarse = coarse_of(scene.alpha)
    other = np.s_[20:45, 150:190]
    coarse[other] = 1
    found = without_alike(coarse, scene.original, scene.synced, NOWHERE, CELL)
    assert found[other].max() == 0
    np.testing.assert_array_equal(found[SQUARE], coarse[SQUARE])
    both = without_alike(coarse, scene.original, scene.synced - np.float32((40, 0, 0)), NOWHERE, CELL)
    np.testing.assert_array_equal(both, coarse)


def test_what_differs_in_the_mouth_alone_is_alike() -> None:
    scene = drawn()
    mouth = NOWHERE.copy()
    mouth[:, :100] = 1
    synced = scene.original.copy()
    synced[:, :100] -= 60
    coarse = coarse_of(scene.alpha)
    assert without_alike(coarse, scene.original, synced, mouth, CELL)[SQUARE].max() == 0
    np.testing.assert_array_equal(without_alike(coarse, scene.original, synced, NOWHERE, CELL), coarse)


def test_cells_lie_where_the_head_has_them(face: Landmarks) -> None:
    cells = np.zeros((CELLS, CELLS), np.float32)
    cells[20:30, 40:44] = 1
    box = Box(200, 250, 620, 700)
    plane = cells_in_box(cells, box, face)
    assert (plane.shape, plane.dtype) == ((box.height, box.width), np.float32)
    local = np.array([(42, 25), (42, 21.5), (42, 17), (30, 25), (42, 33)]) * CELL_FRAC + (LEFT_FRAC, TOP_FRAC)
    places = np.floor(head_frame(face).to_pixels(local) - (box.x0, box.y0)).astype(int)
    assert [float(plane[y, x]) for x, y in places] == pytest.approx([1, 1, 0, 0, 0], abs=0.01)
    area = 40 * (CELL_FRAC * face.face_width_px) ** 2
    assert plane.sum() == pytest.approx(area, rel=0.02)
    rows, columns = np.nonzero(plane > 0.5)
    middle = np.array([columns.mean(), rows.mean()]) + 0.5 + (box.x0, box.y0)
    np.testing.assert_allclose(head_frame(face).to_local(middle[None])[0], local[0], atol=CELL_FRAC / 10)
