"""Two readings of one picture, each right for a part of it."""

from __future__ import annotations

import cv2
import numpy as np

from lipblend.picture.codemap import choose_closer

SKIN = np.array([150, 110, 155], np.float32)
OTHER_ORDER = np.array([-0.9, -0.75])  # of channels: its effect on chroma


def subsampled(plane: np.ndarray) -> np.ndarray:
    small = cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)


def test_each_part_gets_its_reading_without_a_visible_border() -> None:
    noise = np.random.default_rng(3).normal(0, 2, (120, 160, 1))
    scene = np.broadcast_to(SKIN, (120, 160, 3)) + noise * [1, 0.1, 0.1]
    scene[90:] = [40, 128, 128]
    scene = scene.astype(np.float32)
    # A box in another channel order, then 4:2:0.
    first, box = scene.copy(), np.s_[21:101, 31:121, 1:]
    first[box] = 128 + (scene[box] - 128) * OTHER_ORDER
    first[..., 1:] = np.stack([subsampled(first[..., k]) for k in (1, 2)], -1)
    second = first.copy()
    second[..., 1:] = 128 + (second[..., 1:] - 128) / OTHER_ORDER
    found = choose_closer(first, second, scene + np.float32(3))  # the reference is nearly the same picture
    skin = slice(0, 84)  # below, subsampling mixes skin and grey in both readings
    better = np.minimum(*(np.abs(each - scene).sum(-1) for each in (first, second)))[skin]
    error = np.abs(found - scene).sum(-1)[skin]
    assert better.max() > 20  # at the border neither is right
    assert np.count_nonzero(error > 12) < 0.5 * np.count_nonzero(better > 12)
    assert np.median(error) < 0.5
