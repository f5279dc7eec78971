"""Downsampling and low-passes, and patches with subsampled chroma."""

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
def test_wide_low_pass_is_close_to_the_gaussian(sigma: float) -> None:
    plane = noise(201, 187)
    want = cv2.GaussianBlur(plane, (0, 0), sigma)
    made, want = (low[30:-30, 30:-30] for low in (low_pass(plane, sigma), want))
    assert made.std() == pytest.approx(want.std(), rel=0.08)
    assert (made - want).std() < 0.3 * want.std()  # white noise: the worst case of aliasing


@pytest.mark.parametrize("sigma", [0.4, 0.9, 2.0, 5.0])
def test_short_gaussian_is_close_to_opencvs(sigma: float) -> None:
    plane = noise(101, 97)
    want = cv2.GaussianBlur(plane, (0, 0), sigma)
    made = gaussian(plane, sigma)
    assert (made - want).std() < 0.025 * want.std()
    np.testing.assert_allclose(gaussian(np.full((30, 30), 7, np.float32), sigma), 7, rtol=1e-6)


def test_step_follows_sigma_and_a_ramp_survives_downsampling() -> None:
    assert [downsampling_step(sigma) for sigma in (0.5, 1.9, 2.0, 4.0, 100.0)] == [1, 1, 2, 4, 8]
    ramp = np.tile(np.arange(61, dtype=np.float32), (43, 1))
    for step in (2, 3, 4):
        back = upsample(downsample(ramp, step), ramp.shape, step)
        assert back.shape == ramp.shape
        np.testing.assert_allclose(back[:, 8:-8], ramp[:, 8:-8], atol=1e-4)


@pytest.mark.parametrize("shift", [(0.3, -0.6), (-1.25, 2.0), (3.4, 0.0)])
def test_shift_equals_the_cubic_warp(shift: tuple[float, float]) -> None:
    plane = cv2.GaussianBlur(noise(60, 70), (0, 0), 1.5)
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    want = cv2.warpAffine(plane, matrix, (70, 60), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(shifted(plane, np.array(shift)) - want)[6:-6, 6:-6].max() < 0.15  # OpenCV's resolution is 1/32 px


def test_patch_survives_full_chroma_and_has_parts() -> None:
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


def test_patches_are_added_and_subtracted_in_place() -> None:
    box, inner = Box(4, 2, 40, 30), Box(10, 8, 30, 20)
    grid = ChromaGrid(LAYOUT, box)
    rng = np.random.default_rng(5)
    first, second = (Patch.of(rng.normal(0, 9, (box.height, box.width, 3)).astype(np.float32), grid) for _ in range(2))
    total, less = first + second, first - second
    made = Patch(first.luma.copy(), first.chroma.copy(), grid)
    made.part(inner).add_in_place(second.part(inner))
    rows, columns = inner.within(box)
    np.testing.assert_array_equal(made.luma[rows, columns], total.luma[rows, columns])
    np.testing.assert_array_equal(made.part(inner).chroma, total.part(inner).chroma)
    np.testing.assert_array_equal(made.luma[: rows.start], first.luma[: rows.start])
    made = Patch(first.luma.copy(), first.chroma.copy(), grid)
    made.subtract_in_place(second)
    np.testing.assert_array_equal(made.luma, less.luma)
    np.testing.assert_array_equal(made.chroma, less.chroma)
