"""A finished picture as a patch over the original."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.picture.formats import ColourTags
from lipblend.picture.layouts import nearest_layout
from lipblend.picture.patch import Box
from lipblend.picture.straight_alpha import HIGH, LOW, StraightPatch, full_chroma, raised_alpha, straight_patch
from lipblend.picture.ycbcr import change_of_encoding

SIDE = 160
WHOLE = Box(0, 0, SIDE, SIDE)
PLACE = (slice(64, 96), slice(64, 96))


def noisy(pix_fmt: str, seed: int = 1) -> list[np.ndarray]:
    layout, rng = nearest_layout(pix_fmt), np.random.default_rng(seed)
    half = SIDE >> layout.chroma_w_shift, SIDE >> layout.chroma_h_shift
    sizes = [(SIDE, SIDE), (half[1], half[0]), (half[1], half[0])][: layout.planes]
    dtype = np.uint8 if layout.depth == 8 else np.uint16
    return [rng.integers(30 * layout.code_scale, 220 * layout.code_scale, size).astype(dtype) for size in sizes]


def changed(planes: list[np.ndarray], change: int) -> list[np.ndarray]:
    """The middle is changed, by one sign per sample."""
    result, rng = [plane.copy() for plane in planes], np.random.default_rng(2)
    for plane in result:
        step = SIDE // plane.shape[0]
        middle = plane[64 // step : 96 // step, 64 // (SIDE // plane.shape[1]) : 96 // (SIDE // plane.shape[1])]
        middle += (change * rng.choice([-1, 1], middle.shape)).astype(plane.dtype)
    return result


def composed(patch: StraightPatch, below: np.ndarray) -> np.ndarray:
    alpha = (patch.alpha / np.float32(1023))[..., None]
    return np.asarray(below * (1 - alpha) + np.dstack(patch.colours) / np.float32(4) * alpha)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv444p", "gray"])
@pytest.mark.parametrize("change", [1, 25])
def test_the_patch_over_the_original_is_the_finished_picture(pix_fmt: str, change: int) -> None:
    layout = nearest_layout(pix_fmt)
    old = noisy(pix_fmt)
    new = changed(old, change * layout.code_scale)
    alpha = np.zeros((SIDE, SIDE), np.float32)
    alpha[70:90, 70:90] = 0.01  # much too little
    patch = straight_patch(old, new, layout, alpha, None)
    below, made = full_chroma(old, layout, WHOLE), full_chroma(new, layout, WHOLE)
    assert np.abs(composed(patch, below) - made).max() < 0.2
    differ = (below != made).any(axis=2)
    assert (patch.alpha[differ] > 0).all()
    assert not patch.alpha[:50].any()
    assert not patch.alpha[:, 110:].any()
    codes = np.dstack(patch.colours)
    assert codes.min() >= 4 * LOW
    assert codes.max() <= 4 * HIGH


def test_no_black_fringe_lies_around_the_patch() -> None:
    layout = nearest_layout("yuv420p")
    old = noisy("yuv420p")
    patch = straight_patch(old, changed(old, 30), layout, np.zeros((SIDE, SIDE), np.float32), None)
    clear = patch.alpha == 0
    near = np.zeros_like(clear)
    near[40:120, 40:120] = True
    exact = np.rint(np.clip(full_chroma(old, layout, WHOLE), LOW, HIGH) * 4)
    np.testing.assert_array_equal(np.dstack(patch.colours)[clear & near], exact[clear & near])
    assert patch.colours[0][clear].min() >= 120  # the darkest code of the original


def test_a_picture_without_a_change_is_clear_everywhere() -> None:
    layout = nearest_layout("yuv420p10le")
    old = noisy("yuv420p10le")
    alpha = np.ones((SIDE, SIDE), np.float32)
    patch = straight_patch(old, [plane.copy() for plane in old], layout, alpha, None)
    assert not patch.alpha.any()
    assert patch.colours[0].shape == (SIDE, SIDE)
    assert patch.colours[0].std() == 0
    assert abs(float(patch.colours[0].mean()) - float(old[0].mean())) < 1


def test_another_encoding_is_converted() -> None:
    layout = nearest_layout("yuvj420p")
    full601, limited709 = ColourTags(6, 6, 6, 2), ColourTags(1, 1, 1, 1)
    change = change_of_encoding(full601, limited709, SIDE)
    assert change is not None
    old = noisy("yuvj420p")
    new = changed(old, 20)
    patch = straight_patch(old, new, layout, np.full((SIDE, SIDE), 0.5, np.float32), change)
    below, made = (full_chroma(each, layout, WHOLE) @ change[:, :3].T + change[:, 3] for each in (old, new))
    assert np.abs(composed(patch, below) - made).max() < 0.2
    assert change_of_encoding(limited709, ColourTags(2, 2, 2, 0), 1080) is None
    assert change_of_encoding(limited709, ColourTags(2, 2, 2, 0), 480) is not None


def test_a_raised_alpha_is_smooth_and_enough() -> None:
    rng = np.random.default_rng(3)
    before = np.full((64, 64, 3), 200, np.float32)
    change = np.zeros((64, 64, 3), np.float32)
    change[16:48, 16:48] = rng.integers(-20, 20, (32, 32, 3))
    alpha = raised_alpha(before, change, np.zeros((64, 64), np.float32))
    patch = before + change / np.maximum(alpha, 1e-6)[..., None]
    assert patch.max() <= HIGH + 1e-3
    inside = alpha[20:44, 20:44]
    assert np.abs(np.diff(inside, axis=0)).max() < 0.25
    np.testing.assert_array_equal(raised_alpha(before, change, np.ones((64, 64), np.float32))[16:48, 16:48], 1)
