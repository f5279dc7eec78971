"""Grain: the missing noise by brightness, and its synthesis."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from lipblend.stages.detail import grain
from lipblend.stages.detail.grain import NO_GRAIN, Grain, grain_plane, missing_grain

SHAPE = (240, 320)
ALL = np.ones(SHAPE, bool)
RAMP = np.asarray(np.tile(np.linspace(40, 220, SHAPE[1], dtype=np.float32), (SHAPE[0], 1)), np.float32)
EVEN = Grain(np.array([0.0, 255.0]), np.array([3.0, 3.0]), 0.0)


def noise(seed: int, tap: float = 0.0) -> np.ndarray:
    white = np.random.default_rng(seed).normal(0, 1, SHAPE).astype(np.float32)
    kernel = np.array([tap, 1, tap], np.float32) / np.float32((1 + 2 * tap**2) ** 0.5)
    return np.asarray(cv2.sepFilter2D(white, cv2.CV_32F, kernel, kernel), np.float32)


def correlation(plane: np.ndarray) -> float:
    return float(np.mean(plane[:, 1:] * plane[:, :-1]) / np.mean(plane**2))


@pytest.mark.parametrize("tap", [0.0, 0.35])
def test_noise_is_measured_by_brightness_with_its_correlation(tap: float) -> None:
    sigma = 1 + 3 * (RAMP - 40) / 180
    found = missing_grain(RAMP + sigma * noise(1, tap), RAMP, ALL)
    assert len(found.levels) >= 5
    assert found.sigma == pytest.approx(1 + 3 * (found.levels - 40) / 180, rel=0.12)
    assert found.tap == pytest.approx(tap, abs=0.06)
    made = grain_plane(RAMP, found, frame=7, x0=0, y0=0)
    for x in (60, 160, 260):
        strip = np.s_[:, x - 15 : x + 15]
        assert made[strip].std() == pytest.approx(sigma[strip].mean(), rel=0.15)
    assert correlation(made) == pytest.approx(correlation(sigma * noise(2, tap)), abs=0.06)


def test_only_pixels_near_the_mask_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    where = np.zeros(SHAPE, bool)
    where[101:163, 77:181] = True
    original, synced = RAMP + 3 * noise(1), RAMP + noise(2)
    near = missing_grain(original, synced, where)
    changed = original.copy()
    changed[:60] = 0
    np.testing.assert_array_equal(missing_grain(changed, synced, where).sigma, near.sigma)
    monkeypatch.setattr(grain, "_FILTER_REACH_PX", 1000)
    whole = missing_grain(original, synced, where)
    assert near.sigma.size
    np.testing.assert_allclose(near.sigma, whole.sigma, rtol=1e-4)
    np.testing.assert_allclose(near.levels, whole.levels, rtol=1e-5)
    assert near.tap == pytest.approx(whole.tap, abs=1e-4)


def test_added_noise_is_the_missing_noise() -> None:
    original, synced = RAMP + 3 * noise(1), RAMP + 2 * noise(2)
    found = missing_grain(original, synced, ALL)
    assert found.sigma == pytest.approx(5**0.5, rel=0.15)
    total = synced + grain_plane(synced, found, frame=1, x0=0, y0=0) - RAMP
    assert total.std() == pytest.approx(3, rel=0.06)


def test_no_grain_for_equal_noisier_clean_and_too_small_pictures() -> None:
    noisy, few = RAMP + 3 * noise(1), np.zeros(SHAPE, bool)
    few[:10, :10] = True
    for found in (
        missing_grain(noisy, noisy, ALL),
        missing_grain(noisy, RAMP + 5 * noise(2), ALL),
        missing_grain(RAMP, RAMP, ALL),
        missing_grain(noisy, RAMP, few),
        missing_grain(noisy, RAMP, ~ALL),
    ):
        assert found is NO_GRAIN
        assert not grain_plane(RAMP, found, frame=0, x0=0, y0=0).any()


def test_edges_and_texture_do_not_count() -> None:
    scene = RAMP.copy()
    scene[60:100, 40:280] += 40 * (np.arange(240) % 8 < 4)
    found = missing_grain(scene + noise(1), cv2.GaussianBlur(scene, (0, 0), 1) + noise(2), ALL)
    assert found.sigma.max(initial=0) < 0.5


def test_lost_texture_does_not_count() -> None:
    scene = RAMP.copy()
    scene[:70] += 30 * (np.arange(320) % 8 < 4)
    found = missing_grain(scene + noise(1), RAMP + noise(2), ALL)
    assert found.sigma.max(initial=0) < 1


def test_specks_do_not_count() -> None:
    speckled = RAMP + 2 * noise(1)
    speckled[np.random.default_rng(7).random(SHAPE) < 0.01] += 25
    found = missing_grain(speckled, RAMP, ALL)
    assert found.sigma == pytest.approx(2, rel=0.2)  # 3.3 by the root mean square


def test_rare_brightness_is_left_out() -> None:
    scene = np.full(SHAPE, 110, np.float32)
    scene[100:118, 100:118] = 215
    found = missing_grain(scene + 2 * noise(1), scene, ALL)
    assert found.levels == pytest.approx([110], abs=2)


def test_amount_follows_brightness_and_not_noise() -> None:
    steep = Grain(np.array([100.0, 140.0]), np.array([0.0, 10.0]), 0.0)
    own = 8 * noise(3)
    made = grain_plane(np.full(SHAPE, 120, np.float32) + own, steep, frame=2, x0=0, y0=0)
    assert made.std() == pytest.approx(5, rel=0.05)
    assert abs(np.corrcoef(np.abs(made).ravel(), own.ravel())[0, 1]) < 0.05  # 0.25 pixel by pixel


def test_grain_differs_between_frames_and_not_between_threads() -> None:
    first, again, other = (grain_plane(RAMP, EVEN, frame=f, x0=5, y0=9) for f in (3, 3, 4))
    assert np.array_equal(first, again)
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.02
    with ThreadPoolExecutor(4) as pool:
        many = list(pool.map(lambda _: grain_plane(RAMP, EVEN, frame=3, x0=5, y0=9), range(8)))
    assert all(np.array_equal(first, each) for each in many)


def test_pixel_has_the_same_grain_in_every_box() -> None:
    flat = np.full(SHAPE, 120, np.float32)
    whole = grain_plane(flat, EVEN, frame=3, x0=10, y0=20)
    part = grain_plane(flat[50:150, 30:200], EVEN, frame=3, x0=40, y0=70)
    assert np.allclose(part, whole[50:150, 30:200], atol=1e-5)


def test_grain_is_white_normal_and_without_a_pattern() -> None:
    made = grain_plane(RAMP, EVEN, frame=0, x0=0, y0=0) / 3
    assert abs(made.mean()) < 0.02
    assert made.std() == pytest.approx(1, abs=0.02)
    assert abs(float(np.mean(made**4)) - 3) < 0.5
    spectrum = np.abs(np.fft.fft2(made)) ** 2 / made.size
    assert spectrum.max() < 20  # exponential: the largest of 76800 is about 11
    for shift in ((0, 1), (1, 0), (1, 1)):
        assert abs(float(np.mean(made * np.roll(made, shift, (0, 1))))) < 0.02


def test_golden_grain() -> None:
    assert grain_plane(RAMP, EVEN, frame=1, x0=0, y0=0)[100, 100:104] == pytest.approx(GOLDEN, abs=1e-3)


GOLDEN = [4.729347, -1.380239, 2.110953, -0.893095]
