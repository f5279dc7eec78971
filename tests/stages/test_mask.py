"""Signed distance fields of polygons, and operations on them."""

import numpy as np
import pytest

from lipblend.picture.patch import Box
from lipblend.stages.masks.mask import (
    Grid,
    adjust_outline,
    combine,
    cover,
    grid_distances,
    grid_step_px,
    signed_distance,
)

SQUARE = np.array([[10, 10], [30, 10], [30, 20], [10, 20]], np.float32)
BOX = Box(0, 0, 60, 40)


def circle(x: float, y: float, radius: float) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    return np.stack([x + radius * np.cos(t), y + radius * np.sin(t)], 1).astype(np.float32)


@pytest.mark.parametrize("step", [1, 2, 4])
def test_distance_to_a_circle_is_the_radius_less_the_distance_to_its_middle(step: int) -> None:
    field = signed_distance([(circle(31.3, 28.6, 20), True)], Box(0, 0, 64, 60), step_px=step)
    y, x = np.mgrid[:60, :64] + 0.5  # a pixel's centre lies at +0.5
    want = 20 - np.hypot(x - 31.3, y - 28.6)
    band = np.abs(want) < 12
    assert np.abs(field - want)[band].max() < (0.02 if step == 1 else 0.4)


def test_distance_outside_a_square_counts_from_edges_and_corners() -> None:
    field = signed_distance([(SQUARE, True)], BOX, step_px=1)
    assert field[14, 40] == pytest.approx(-10.5)
    assert field[14, 20] == pytest.approx(4.5)
    assert field[23, 33] == pytest.approx(-np.hypot(3.5, 3.5), abs=1e-4)


def test_the_box_only_chooses_the_part() -> None:
    whole = signed_distance([(SQUARE, True)], BOX, step_px=1)
    part = signed_distance([(SQUARE, True)], Box(8, 6, 41, 31), step_px=1)
    np.testing.assert_allclose(part, whole[6:31, 8:41], atol=1e-5)


def test_holes_are_cut_out() -> None:
    hole = np.array([[15, 12], [25, 12], [25, 18], [15, 18]], np.float32)
    field = signed_distance([(SQUARE, True), (hole, False)], BOX, step_px=1)
    assert field[15, 20] < 0
    assert field[11, 12] > 0


def test_shapes_computed_together_equal_those_computed_alone() -> None:
    hole = np.array([[15, 12], [25, 12], [25, 18], [15, 18]], np.float32)
    shapes = [[(SQUARE, True), (hole, False)], [], [(circle(40, 25, 9), True)], [(hole, True), (circle(8, 8, 5), True)]]
    grid = Grid(BOX, 2)
    for together, shape in zip(grid_distances(shapes, grid), shapes, strict=True):
        np.testing.assert_array_equal(together, grid_distances([shape], grid)[0])
    assert [int((field > 0).any()) for field in grid_distances(shapes, grid)] == [1, 0, 1, 1]
    assert grid_distances([], grid) == []


def test_repeated_corner_changes_nothing() -> None:
    doubled = np.repeat(SQUARE, [1, 2, 1, 3], axis=0)
    np.testing.assert_allclose(
        signed_distance([(doubled, True)], BOX, step_px=1), signed_distance([(SQUARE, True)], BOX, step_px=1), atol=1e-5
    )


def test_field_moves_with_fractions_of_a_pixel() -> None:
    first = signed_distance([(circle(30, 20, 12), True)], BOX, step_px=1)
    second = signed_distance([(circle(30.1, 20, 12), True)], BOX, step_px=1)
    assert np.abs(second - first).max() < 0.11
    assert np.abs(second - first)[20, 41] == pytest.approx(0.1, abs=0.01)


def test_combine_union_and_minimum() -> None:
    a, b = np.array([[-1.0, 1.0, 0.5]], np.float32), np.array([[1.0, -1.0, 0.25]], np.float32)
    np.testing.assert_array_equal(combine([a, b], "union"), [[1, 1, 0.5]])
    np.testing.assert_array_equal(combine([a, b], "minimum"), [[-1, -1, 0.25]])
    np.testing.assert_array_equal(combine([a, b, b + 3], "union"), [[4, 2, 3.25]])
    np.testing.assert_array_equal(combine([a, b, b - 3], "minimum"), [[-2, -4, -2.75]])


def test_erosion_and_dilation_move_the_outline_by_fractions() -> None:
    field = signed_distance([(circle(30, 20, 12), True)], BOX, step_px=1)
    small = signed_distance([(circle(30, 20, 10.3), True)], BOX, step_px=1)
    band = np.abs(small) < 5
    moved = adjust_outline(field, erosion_px=2.5, dilation_px=0.8, blur_px=0)
    np.testing.assert_allclose(moved[band], small[band], atol=0.02)


def test_blur_rounds_corners_and_leaves_straight_outlines() -> None:
    big = np.array([[10, 10], [50, 10], [50, 30], [10, 30]], np.float32)
    rounded = adjust_outline(signed_distance([(big, True)], BOX, step_px=1), erosion_px=0, dilation_px=0, blur_px=2)
    assert rounded[10, 10] < 0
    assert rounded[10, 30] > 0


def test_cover_puts_the_core_a_margin_inside() -> None:
    far = np.full((40, 60), -100, np.float32)
    core = signed_distance([(circle(30, 20, 5), True)], BOX, step_px=1)
    grown = cover(far, core, 4)
    assert grown[20, 30 + 4] >= 4
    assert grown[20, 30 + 9] < 0
    np.testing.assert_array_equal(cover(-far, core, 4), -far)


def test_grid_is_coarse_for_large_faces_only() -> None:
    assert [grid_step_px(width) for width in (50, 119, 121, 300, 2000)] == [1, 3, 3, 8, 16]
