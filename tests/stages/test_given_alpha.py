"""An alpha from elsewhere in the place of the computed one."""

from __future__ import annotations

import numpy as np

from lipblend.picture.layouts import nearest_layout
from lipblend.picture.patch import Box
from lipblend.stages.alpha.given_alpha import with_given_alpha
from lipblend.stages.alpha.matte import Matte

LAYOUT = nearest_layout("yuv420p")
BOX = Box(60, 40, 140, 100)
SIZE = (200, 160)


def made() -> Matte:
    """A soft ellipse with a border in which pixels may be moved along."""
    y, x = np.mgrid[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1].astype(np.float32) + 0.5
    distance = 1 - np.hypot((x - 100) / 28, (y - 70) / 20)
    alpha = np.clip(distance * 4, 0, 1).astype(np.float32)
    mask = alpha > 0
    reach = np.maximum(np.clip((distance + 0.3) * 5, 0, 1), mask).astype(np.float32)
    return Matte(BOX, mask, alpha, 5.0, reach, mask.astype(np.float32), alpha)


def whole(matte: Matte) -> np.ndarray:
    plane = np.zeros(SIZE[::-1], np.float32)
    plane[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1] = matte.alpha
    return plane


def given(plane: np.ndarray, *, alone: bool = True, covered: np.ndarray | None = None) -> Matte:
    found = with_given_alpha(made(), plane, layout=LAYOUT, face_width_px=60, covered=covered, alone=alone)
    assert found is not None
    return found


def test_the_computed_alpha_given_back_changes_nothing() -> None:
    own = made()
    again = given(whole(own))
    assert again.box == BOX
    for name in ("mask", "alpha", "contour"):
        np.testing.assert_array_equal(getattr(again, name), getattr(own, name))
    np.testing.assert_allclose(again.reach, own.reach, atol=1e-5)
    rounded = np.rint(whole(own) * 255) / np.float32(255)
    rounded[rounded < 0.01] = 0
    np.testing.assert_allclose(given(rounded).reach, own.reach, atol=0.02)


def test_a_part_that_was_painted_black_neither_shows_nor_moves() -> None:
    plane = whole(made())
    plane[:, :100] = 0
    found = given(plane)
    left = slice(0, 100 - BOX.x0)
    assert not found.mask[:, left].any()
    assert not found.reach[:, left][made().mask[:, left]].any()
    assert found.reach[:, : 80 - BOX.x0].max() < 0.05  # also beyond the mask
    np.testing.assert_array_equal(found.alpha[:, 40:], made().alpha[:, 40:])


def test_a_larger_alpha_is_followed_around_a_single_face() -> None:
    plane = whole(made())
    plane[95:121, 90:111] = 0.5
    plane[:, 190:] = 1
    found = given(plane)
    assert found.box.y1 >= 121
    assert found.box.x1 < 190
    assert found.alpha[120 - found.box.y0, 100 - found.box.x0] == 0.5
    assert found.box == found.box.snapped(LAYOUT, *SIZE)
    shared = given(plane, alone=False)
    assert shared.box == BOX
    assert not shared.mask[~made().touched].any()


def test_nothing_is_shown_where_the_synced_picture_does_not_reach() -> None:
    found = given(
        np.ones(SIZE[::-1], np.float32), covered=np.array([[80, 0], [200, 0], [200, 160], [80, 160]], np.float32)
    )
    assert not found.mask[:, : 80 - found.box.x0].any()
    assert found.mask[:, 80 - found.box.x0 :].all()


def test_an_alpha_without_the_face_shows_none() -> None:
    black = np.zeros(SIZE[::-1], np.float32)
    assert with_given_alpha(made(), black, layout=LAYOUT, face_width_px=60, covered=None, alone=True) is None
