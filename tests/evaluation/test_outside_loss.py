"""How much a result differs from the original outside the mattes."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.picture.formats import RANGE_FULL, RANGE_LIMITED, ColourTags, PixelLayout
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.quality.evaluation.outside_loss import outside_loss

HEIGHT, WIDTH = 420, 90  # several strips, and sides that are no multiples of the blocks
EIGHT, TEN = PixelLayout("gray", 8, 0, 0, 1), PixelLayout("gray10le", 10, 0, 0, 1)


def grey(luma: np.ndarray, layout: PixelLayout = EIGHT, tags: int = RANGE_LIMITED) -> Picture:
    codes = luma.astype(np.uint8 if layout.depth == 8 else np.uint16)
    return Picture([codes], layout, ColourTags(matrix=1, primaries=1, transfer=1, range=tags), HEIGHT)


@pytest.fixture
def luma() -> np.ndarray:
    return np.random.default_rng(5).integers(30, 200, (HEIGHT, WIDTH))


@pytest.mark.parametrize("box", [Box(10, 20, 60, 100), Box(10, 100, 60, 300), Box(0, 380, 90, 420)])
def test_what_lies_outside_a_box_counts_in_every_strip(luma: np.ndarray, box: Box) -> None:
    change = np.random.default_rng(6).integers(-3, 4, luma.shape)
    outside = np.ones(luma.shape, bool)
    outside[box.y0 : box.y1, box.x0 : box.x1] = False
    loss = outside_loss(grey(luma), grey(luma + change), [box])
    assert loss is not None
    assert loss[0] == pytest.approx(np.abs(change[outside]).mean())
    assert outside_loss(grey(luma), grey(luma + 9 * ~outside), [box]) == (0, 0)


def test_the_worst_block_is_a_mean(luma: np.ndarray) -> None:
    changed = luma.copy()
    changed[160:176, 32:48] += 8
    changed[168:176, 32:48] -= 4
    loss = outside_loss(grey(luma), grey(changed), [])
    assert loss is not None
    assert loss[1] == pytest.approx(6)


def test_a_block_that_the_border_cuts_counts_by_its_size(luma: np.ndarray) -> None:
    changed = luma.copy()
    changed[416:, 80:] += 8  # 4 x 10 of 16 x 16 pixels
    loss = outside_loss(grey(luma), grey(changed), [])
    assert loss is not None
    assert loss[1] == pytest.approx(8 * 40 / 256)


def test_depth_and_range_do_not_count(luma: np.ndarray) -> None:
    assert outside_loss(grey(luma), grey(4 * luma, TEN), []) == (0, 0)
    full = np.rint((luma - 16) * 255 / 219)
    loss = outside_loss(grey(full, tags=RANGE_FULL), grey(luma), [])
    assert loss is not None
    assert loss[0] < 0.5
    assert outside_loss(grey(4 * luma, TEN), grey(4 * luma + 2, TEN), []) == (0.5, 0.5)


def test_nothing_is_said_where_everything_is_inside(luma: np.ndarray) -> None:
    whole = Box(0, 0, WIDTH, HEIGHT)
    assert outside_loss(grey(luma), grey(luma), [whole]) is None
