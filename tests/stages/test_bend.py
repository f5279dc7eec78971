"""The smooth distortion of a redrawn picture: found where nothing speaks, bent on over the mouth."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from textures import talking, texture

from lipblend.faces.landmarks import FACE_OVAL, Landmarks
from lipblend.picture.patch import Box
from lipblend.picture.similarity import Similarity
from lipblend.stages.registration import bend as module
from lipblend.stages.registration.bend import (
    KNOTS,
    LATTICE_SHAPE,
    Bend,
    bend_box,
    bend_flow,
    find_bend,
    rebased,
    unbent_points,
)

WIDTH_PX = 100.0
SIDE = 200
BOX = Box(0, 0, SIDE, SIDE)


@pytest.fixture
def small(face: Landmarks) -> Landmarks:
    points = face.points * np.float32(WIDTH_PX / face.face_width_px)
    return Landmarks(points - points.mean(0) + np.float32(SIDE / 2))


def picture(mesh: Landmarks, seed: int, mouth: int) -> np.ndarray:
    return talking(mesh, SIDE, seed, mouth)


def ripple(phase: float, size_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Offsets right and down, in waves of 1.6 face widths."""
    turn = 2 * np.pi * (np.arange(SIDE, dtype=np.float32) + 0.5) / (1.6 * WIDTH_PX)
    right = np.repeat(size_px * np.sin(turn + phase)[:, None], SIDE, 1)
    down = np.repeat(size_px * np.sin(turn + 2 * phase)[None], SIDE, 0)
    return right.astype(np.float32), down.astype(np.float32)


def rippled(plane: np.ndarray, right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """The picture that shows at ``x + offset(x)`` what the plane shows at ``x``."""
    back_right, back_down = -right, -down
    for _ in range(8):
        flags = cv2.INTER_LINEAR | cv2.WARP_RELATIVE_MAP
        back_right, back_down = (
            -cv2.remap(each, back_right, back_down, flags, borderMode=cv2.BORDER_REPLICATE) for each in (right, down)
        )
    flags = cv2.INTER_CUBIC | cv2.WARP_RELATIVE_MAP
    return np.asarray(cv2.remap(plane, back_right, back_down, flags, borderMode=cv2.BORDER_REPLICATE))


def lower_face(mesh: Landmarks) -> np.ndarray:
    oval = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(oval, [np.rint(mesh.points[list(FACE_OVAL)]).astype(np.int32)], 1)
    oval[: int(mesh.mouth_centre[1] - 0.1 * WIDTH_PX)] = 0
    return oval > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_ripple_is_found_also_where_the_mouth_speaks(small: Landmarks, seed: int) -> None:
    right, down = ripple(0.9 * seed, 1.5)
    second = cv2.GaussianBlur(rippled(picture(small, seed, 91), right, down), (0, 0), 0.7) * 0.96 + 4
    found = find_bend(picture(small, seed, 90), second, BOX, [small])
    assert found.is_certain
    flow = bend_flow(found.lattice, BOX, small)
    error = np.hypot(flow[0] - right, flow[1] - down)[lower_face(small)]
    assert np.sqrt((error**2).mean()) < 0.3  # of 1.5
    around = np.s_[60:175, 40:160]
    assert np.hypot(flow[0] - right, flow[1] - down)[around].mean() < 0.2


def test_what_the_mouth_says_bends_nothing(small: Landmarks) -> None:
    """The jaw and the cheeks beside the mouth follow the new words."""
    for seed in range(4):
        first, second = picture(small, seed, 90), picture(small, seed, 91)
        jaw = cv2.GaussianBlur(lower_face(small).astype(np.float32), (0, 0), 6)
        second = rippled(second, np.zeros_like(jaw), 3 * jaw)
        found = find_bend(first, cv2.GaussianBlur(second, (0, 0), 0.7), BOX, [small])
        assert not found.is_certain
        assert np.abs(np.stack(bend_flow(found.lattice, BOX, small))).max() < 0.8


def test_a_picture_in_its_place_has_no_bend(small: Landmarks) -> None:
    first = picture(small, 3, 90)
    found = find_bend(first, cv2.GaussianBlur(first, (0, 0), 0.8), BOX, [small])
    assert not found.lattice.any()
    assert found.evidence == found.unbent > 0.9


def test_pictures_that_show_nothing_alike_have_no_certain_bend(small: Landmarks) -> None:
    for seed in range(3):
        plain = texture((SIDE, SIDE), seed, fine_px=2.5, contrast=0.2)
        noisy = plain + texture((SIDE, SIDE), seed + 50, fine_px=2, contrast=3) - 120
        assert not find_bend(plain, noisy, BOX, [small]).is_certain
        assert not find_bend(picture(small, seed, 90), picture(small, seed + 20, 90), BOX, [small]).is_certain


def test_beside_a_displaced_head_what_stayed_says_nothing(small: Landmarks) -> None:
    first = picture(small, 5, 90)
    head = np.zeros((SIDE, SIDE), np.float32)
    cv2.fillPoly(head, [np.rint(small.points[list(FACE_OVAL)]).astype(np.int32)], (1.0,))
    head = cv2.GaussianBlur(head, (0, 0), 1)
    shift = np.full((SIDE, SIDE), 4, np.float32)
    lying = first * (1 - head) + head * rippled(picture(small, 5, 91), shift, 0 * shift)
    placed = rippled(lying, -shift, 0 * shift)
    alone, told = (find_bend(first, placed, BOX, [small], other) for other in (None, lying))
    sizes = [np.abs(np.stack(bend_flow(each.lattice, BOX, small)))[:, head > 0.9].max() for each in (alone, told)]
    assert alone.is_certain
    assert not told.is_certain
    assert 4 * sizes[1] < sizes[0]


def test_points_are_brought_back_along_the_flow(small: Landmarks) -> None:
    lattice = np.random.default_rng(1).normal(0, 0.01, LATTICE_SHAPE).astype(np.float32)
    right, down = bend_flow(lattice, BOX, small)
    places = np.array([[60, 80], [101, 120], [140, 150]])
    lie = np.array([(x + 0.5 + right[y, x], y + 0.5 + down[y, x]) for x, y in places], np.float32)
    assert unbent_points(lie, lattice, small) == pytest.approx(places + 0.5, abs=0.02)
    np.testing.assert_array_equal(unbent_points(lie, np.zeros_like(lattice), small), lie)


def test_it_may_follow_another_placement(small: Landmarks) -> None:
    """The lattice and the placement together lead where they led before."""
    lattice = np.random.default_rng(2).normal(0, 0.008, LATTICE_SHAPE).astype(np.float32)
    measured, used = Similarity(1.01, 0.02, -3.0, 1.5), Similarity(right=1.0)
    other = rebased(lattice, measured, used, small)
    grid = np.stack(np.meshgrid(np.arange(60, 140) + 0.5, np.arange(60, 140) + 0.5), 2)
    part = Box(60, 60, 140, 140)
    led = [
        by.apply((grid + np.stack(bend_flow(each, part, small), 2)).reshape(-1, 2))
        for by, each in ((measured, lattice), (used, other))
    ]
    assert np.abs(led[0] - led[1]).max() < 0.1
    assert rebased(lattice, used, used, small) is lattice


def test_a_step_solves_the_normal_equations_of_every_pixel() -> None:
    """Computed by rows and columns, it is that of the whole system."""
    rng = np.random.default_rng(3)
    weight, error, *slopes = rng.normal(size=(4, 30, 40)).astype(np.float32)
    weight = np.abs(weight)
    basis = module._basis(np.linspace(-0.6, 0.6, 30)), module._basis(np.linspace(-0.7, 0.7, 40))
    state, prior = rng.normal(size=(2, KNOTS, KNOTS)), module._prior()
    splines = np.einsum("yk,xl->yxkl", *basis).reshape(30 * 40, -1)
    terms = np.concatenate([splines * slope.ravel()[:, None] for slope in slopes], axis=1)
    both = np.kron(np.eye(2), prior)
    system = terms.T @ (terms * weight.ravel()[:, None]) + both
    wanted = -np.linalg.solve(system, terms.T @ (weight * error).ravel() + both @ state.ravel())
    found = module._step(state, weight, slopes, error, basis, prior)
    np.testing.assert_allclose(found.ravel(), wanted, atol=1e-3 * np.abs(wanted).max())


def test_it_fits_in_a_row_of_a_table() -> None:
    each = Bend(np.random.default_rng(4).normal(size=LATTICE_SHAPE).astype(np.float32), 0.75, 0.5)
    again = Bend.of_row(each.row)
    np.testing.assert_array_equal(again.lattice, each.lattice)
    assert (again.evidence, again.unbent) == (0.75, 0.5)


def test_the_box_holds_what_the_lattice_bends(small: Landmarks) -> None:
    box = bend_box(small)
    lattice = np.zeros(LATTICE_SHAPE, np.float32)
    lattice[1, :, 0] = 0.1
    right, _ = bend_flow(lattice, box, small)
    assert right[0].min() > 0.05 * WIDTH_PX
