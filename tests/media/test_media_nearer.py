"""Two readings of one picture, each right for a part of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipblend.picture.codemap import nearer

SKIN = np.array([150, 110, 155], np.float32)


def halved(plane: np.ndarray) -> np.ndarray:
    small = cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """(120, 160, 3): skin with some texture, and dark grey below."""
    noise = np.random.default_rng(3).normal(0, 2, (120, 160, 1))
    out = np.broadcast_to(SKIN, (120, 160, 3)) + noise * [1, 0.1, 0.1]
    out[90:] = [40, 128, 128]
    return out.astype(np.float32)


def readings(right: np.ndarray, box: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
    """The picture read in one way and in the other, where a box was coded in the other one's, in 4:2:0."""
    swapped = right.copy()
    swapped[..., 1:] = 128 + (swapped[..., 1:] - 128) * [-0.9, -0.75]  # stands for another order of channels
    coded = right.copy()
    coded[box] = swapped[box]
    coded[..., 1:] = np.stack([halved(coded[..., k]) for k in (1, 2)], -1)
    back = coded.copy()
    back[..., 1:] = 128 + (back[..., 1:] - 128) / [-0.9, -0.75]
    return coded.astype(np.float32), back.astype(np.float32)


def test_each_part_is_read_in_its_way_without_a_line_between(scene: np.ndarray) -> None:
    usual, other = readings(scene, (slice(21, 101), slice(31, 121)))
    found = nearer(usual, other, scene + np.float32(3))  # the other video's picture: nearly the same
    skin = slice(0, 84)  # below, subsampling mixes skin and grey, whichever is chosen
    better = np.minimum(*(np.abs(each - scene).sum(-1) for each in (usual, other)))[skin]
    left = np.abs(found - scene).sum(-1)[skin]
    assert better.max() > 20  # at the border neither is right
    assert np.count_nonzero(left > 12) < 0.5 * np.count_nonzero(better > 12)
    assert np.median(left) < 0.5
