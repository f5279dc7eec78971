"""Smooth things worked out small, and patches with coarse chroma."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, ChromaGrid, Patch
from lipblend.picture.planes import cut, extract_patch
from lipblend.stages.detail.scale import downsample, downsampling_step, gaussian, low_pass, upsample
from lipblend.stages.registration.flow import shifted

LAYOUT = PixelLayout("yuv420p", 8, 1, 1, 3)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(4).normal(0, 20, (height, width)).astype(np.float32)


@pytest.mark.parametrize("sigma", [0.9, 2.5, 5.0, 12.0])
def test_a_wide_low_pass_is_close_to_the_gaussian(sigma: float) -> None:
    plane = noise(201, 187)
    want = cv2.GaussianBlur(plane, (0, 0), sigma)
    made, want = (low[30:-30, 30:-30] for low in (low_pass(plane, sigma), want))
    assert made.std() == pytest.approx(want.std(), rel=0.08)
    assert (made - want).std() < 0.3 * want.std()  # white noise: the blocks' aliases are the worst there is


@pytest.mark.parametrize("sigma", [0.4, 0.9, 2.0, 5.0])
def test_the_short_gaussian_is_the_long_one_but_for_its_tails(sigma: float) -> None:
    plane = noise(101, 97)
    want = cv2.GaussianBlur(plane, (0, 0), sigma)
    made = gaussian(plane, sigma)
    assert (made - want).std() < 0.025 * want.std()
    np.testing.assert_allclose(gaussian(np.full((30, 30), 7, np.float32), sigma), 7, rtol=1e-6)


def test_steps_go_with_sigma_and_a_ramp_survives_the_way_there_and_back() -> None:
    assert [downsampling_step(sigma) for sigma in (0.5, 1.9, 2.0, 4.0, 100.0)] == [1, 1, 2, 4, 8]
    ramp = np.tile(np.arange(61, dtype=np.float32), (43, 1))
    for step in (2, 3, 4):
        back = upsample(downsample(ramp, step), ramp.shape, step)
        assert back.shape == ramp.shape
        np.testing.assert_allclose(back[:, 8:-8], ramp[:, 8:-8], atol=1e-4)


@pytest.mark.parametrize("shift", [(0.3, -0.6), (-1.25, 2.0), (3.4, 0.0)])
def test_a_shift_by_two_filters_is_the_cubic_warp(shift: tuple[float, float]) -> None:
    plane = cv2.GaussianBlur(noise(60, 70), (0, 0), 1.5)
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    want = cv2.warpAffine(plane, matrix, (70, 60), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(shifted(plane, np.array(shift)) - want)[6:-6, 6:-6].max() < 0.15  # OpenCV's places are 1/32 px


def test_a_patch_comes_back_from_full_chroma_and_its_parts_are_cut_alike() -> None:
    rng = np.random.default_rng(2)
    planes = [rng.integers(0, 256, size).astype(np.uint8) for size in ((40, 50), (20, 25), (20, 25))]
    box, inner = Box(4, 2, 40, 30), Box(10, 8, 30, 20)
    patch = cut(planes, LAYOUT, box)
    np.testing.assert_array_equal(patch.whole(), extract_patch(planes, LAYOUT, box))
    again = Patch.of(patch.whole(), ChromaGrid(LAYOUT, box))
    np.testing.assert_array_equal(again.luma, patch.luma)
    np.testing.assert_array_equal(again.chroma, patch.chroma)
    part, straight = patch.part(inner), cut(planes, LAYOUT, inner)
    np.testing.assert_array_equal(part.luma, straight.luma)
    np.testing.assert_array_equal(part.chroma, straight.chroma)
    assert part.grid.matches(straight.grid)


def test_patches_are_added_and_subtracted_in_place_also_in_part() -> None:
    box, inner = Box(4, 2, 40, 30), Box(10, 8, 30, 20)
    grid = ChromaGrid(LAYOUT, box)
    rng = np.random.default_rng(5)
    one, other = (Patch.of(rng.normal(0, 9, (box.height, box.width, 3)).astype(np.float32), grid) for _ in range(2))
    total, less = one + other, one - other
    made = Patch(one.luma.copy(), one.chroma.copy(), grid)
    made.part(inner).add_in_place(other.part(inner))
    rows, columns = grid.within(inner)
    np.testing.assert_array_equal(made.luma[rows, columns], total.luma[rows, columns])
    np.testing.assert_array_equal(made.part(inner).chroma, total.part(inner).chroma)
    np.testing.assert_array_equal(made.luma[: rows.start], one.luma[: rows.start])
    made = Patch(one.luma.copy(), one.chroma.copy(), grid)
    made.subtract_in_place(other)
    np.testing.assert_array_equal(made.luma, less.luma)
    np.testing.assert_array_equal(made.chroma, less.chroma)
