"""Dense flow, and patches warped by it."""

from __future__ import annotations

import cv2
import numpy as np

from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, ChromaGrid, Patch
from lipblend.stages.registration.flow import Flow, dense_flow, warped_patch


def texture(height: int, width: int, sigma: float = 2.5) -> np.ndarray:
    white = np.random.default_rng(3).normal(0, 1, (height, width)).astype(np.float32)
    return np.asarray(128 + 200 * cv2.GaussianBlur(white, (0, 0), sigma), np.float32)


def test_flow_is_computed_where_needed_and_0_far_from_there() -> None:
    moving = texture(120, 160)
    fixed = np.roll(moving, (0, -2), axis=(0, 1))  # what is at x in one is at x + 2 in the other
    where = np.zeros((120, 160), bool)
    where[30:90, 60:130] = True
    flow = dense_flow(fixed, moving, where)
    assert flow.shape == (120, 160, 2)
    inner = flow[40:80, 70:120]
    assert np.abs(inner[..., 0] - 2).max() < 0.3
    assert np.abs(inner[..., 1]).max() < 0.3
    flow[22:98, 52:138] = 0
    assert not flow.any()
    assert not dense_flow(fixed, moving, np.zeros_like(where)).any()
    # Pixels far outside that part have no influence.
    changed = moving.copy()
    changed[:15] = 0
    np.testing.assert_array_equal(dense_flow(fixed, changed, where), dense_flow(fixed, moving, where))


def test_patch_is_warped_with_its_chroma_in_samples() -> None:
    grid = ChromaGrid(PixelLayout("yuv420p", 8, 1, 1, 3), Box(0, 0, 60, 40))
    patch = Patch(texture(40, 60), np.dstack([texture(20, 30), -texture(20, 30)]).astype(np.float32), grid)
    full, half = np.zeros((40, 60), np.float32), np.zeros((20, 30), np.float32)
    moved = warped_patch(patch, Flow(full + 4, full - 2, half + 2, half - 1))
    np.testing.assert_array_equal(moved.luma[4:, :50], patch.luma[2:-2, 4:54])
    np.testing.assert_array_equal(moved.chroma[2:, :25], patch.chroma[1:-1, 2:27])
    np.testing.assert_array_equal(moved.luma[0], moved.luma[2])  # the last row is repeated
