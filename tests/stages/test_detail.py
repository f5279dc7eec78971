"""Sharpness that is measured, and made up for."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipblend.stages.detail import sharpened, unsharp_amount

ALL = np.ones((80, 80), bool)


def texture() -> np.ndarray:
    rng = np.random.default_rng(3)
    return (128 + 60 * cv2.GaussianBlur(rng.normal(0, 1, (80, 80)).astype(np.float32), (0, 0), 1.0)).astype(np.float32)


def detail(luma: np.ndarray) -> float:
    return float((luma - cv2.GaussianBlur(luma, (0, 0), 1.5)).std())


def test_the_amount_is_the_lack_of_detail() -> None:
    sharp = texture()
    soft = sharp.mean() + 0.5 * (sharp - sharp.mean())
    assert unsharp_amount(sharp, soft, ALL, strength=1.0, most=4.0) == pytest.approx(1.0, abs=1e-3)
    assert unsharp_amount(sharp, soft, ALL, strength=0.5, most=4.0) == pytest.approx(0.5, abs=1e-3)
    assert unsharp_amount(sharp, soft, ALL, strength=1.0, most=0.3) == pytest.approx(0.3)


def test_a_patch_that_is_sharp_enough_is_left_alone() -> None:
    sharp = texture()
    assert unsharp_amount(sharp, sharp, ALL, strength=1.0, most=4.0) == 0
    assert unsharp_amount(cv2.GaussianBlur(sharp, (0, 0), 1), sharp, ALL, strength=1.0, most=4.0) == 0


def test_too_little_to_judge_by_means_no_sharpening() -> None:
    few = np.zeros((80, 80), bool)
    few[:10, :10] = True
    sharp = texture()
    assert unsharp_amount(sharp, cv2.GaussianBlur(sharp, (0, 0), 2), few, strength=1.0, most=4.0) == 0


def test_sharpening_brings_the_detail_back_and_leaves_chroma() -> None:
    sharp = texture()
    soft = cv2.GaussianBlur(sharp, (0, 0), 0.8)
    patch = np.dstack([soft, soft * 0.5, soft * 0.2]).astype(np.float32)
    amount = unsharp_amount(sharp, soft, ALL, strength=1.0, most=4.0)
    out = sharpened(patch, amount)
    assert detail(out[..., 0]) > 0.5 * (detail(soft) + detail(sharp))
    assert np.array_equal(out[..., 1:], patch[..., 1:])
    assert np.array_equal(sharpened(patch, 0.0), patch)
    assert sharpened(patch, 0.0) is not patch
