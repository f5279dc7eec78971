"""What stands in front of a face: the matte and the change behind it."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.picture.patch import Box, ChromaGrid, Patch
from lipblend.stages.alpha.in_front import behind, change_behind, in_front_of
from lipblend.stages.alpha.matte import Matte
from tests.renders import EIGHT

BOX = Box(8, 4, 24, 16)
SHAPE = (BOX.height, BOX.width)
RNG = np.random.default_rng(2)


def matte() -> Matte:
    planes = {name: RNG.uniform(0.1, 1, SHAPE).astype(np.float32) for name in ("alpha", "reach", "painted", "contour")}
    return Matte(BOX, np.ones(SHAPE, bool), feather_px=3.0, **planes)


def in_front() -> np.ndarray:
    plane = np.zeros(SHAPE, np.float32)
    plane[:, 5:9], plane[:, 9:11] = 1, 0.75
    return plane


def test_nothing_in_front_is_none() -> None:
    keep = np.zeros((40, 40), np.float32)
    assert in_front_of(None, BOX) is None
    assert in_front_of(keep, BOX) is None
    keep[3, 8] = keep[15, 7] = keep[16, 8] = keep[15, 24] = 1  # one pixel beside the box, on every side
    assert in_front_of(keep, BOX) is None
    keep[15, 23] = 0.5
    found = in_front_of(keep, BOX)
    assert found is not None
    assert found.shape == SHAPE
    assert found[-1, -1] == 0.5


@pytest.mark.parametrize("name", ["alpha", "reach", "painted", "contour"])
def test_all_that_lets_something_through_is_weighted(name: str) -> None:
    whole, plane = matte(), in_front()
    np.testing.assert_array_equal(getattr(behind(whole, plane), name), getattr(whole, name) * (1 - plane))


def test_only_what_is_all_in_front_leaves_the_mask_and_cannot_be_touched() -> None:
    found, plane = behind(matte(), in_front()), in_front()
    np.testing.assert_array_equal(found.mask, plane < 1)
    np.testing.assert_array_equal(found.touched, plane < 1)


def test_the_change_is_weighted_and_exactly_0_where_all_is_in_front() -> None:
    grid, plane = ChromaGrid(EIGHT, BOX), in_front()
    change = Patch(RNG.normal(0, 9, SHAPE).astype(np.float32), RNG.normal(0, 9, (6, 8, 2)).astype(np.float32), grid)
    found = change_behind(change, plane)
    np.testing.assert_array_equal(found.luma, change.luma * (1 - plane))
    assert not found.chroma[:, 3].any()  # columns 6 and 7
    np.testing.assert_allclose(found.chroma[:, 2], change.chroma[:, 2] * 0.5, rtol=1e-6)  # 4 and 5
    np.testing.assert_allclose(found.chroma[:, 4], change.chroma[:, 4] * (0 + 0.25) / 2, rtol=1e-6)  # 8 and 9
    np.testing.assert_array_equal(found.chroma[:, 6:], change.chroma[:, 6:])
