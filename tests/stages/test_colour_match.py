import numpy as np
import pytest

from lipblend.media.colour import ycbcr_matrix
from lipblend.media.info import ColourTags
from lipblend.stages import colour

LIMITS = {"strength": 1.0, "gain_min": 0.5, "gain_max": 2.0, "offset_max": 100.0}


@pytest.fixture
def patch() -> np.ndarray:
    rng = np.random.default_rng(1)
    return (rng.normal(0, 12, (40, 50, 3)) + [120, 110, 140]).astype(np.float32)


def test_a_known_cast_is_undone_exactly(patch: np.ndarray) -> None:
    cast = patch * np.array([1.2, 0.9, 1.0], np.float32) + np.array([-10, 4, 6], np.float32)
    where = np.ones(patch.shape[:2], bool)
    stats = colour.measure(patch, cast, where)
    gain, shift = colour.fit(stats, **LIMITS)
    matched = colour.apply_gain_offset(cast, gain, colour.offset(stats.synced_mean, gain, shift))
    np.testing.assert_allclose(matched, patch, atol=2e-3)


def test_statistics_come_from_the_mask_alone(patch: np.ndarray) -> None:
    where = np.zeros(patch.shape[:2], bool)
    where[:, :25] = True
    other = patch.copy()
    other[:, 25:] += 90
    stats = colour.measure(patch, other, where)
    np.testing.assert_allclose(stats.original_mean, stats.synced_mean)
    assert stats.pixels == 40 * 25


def test_gain_and_shift_are_clamped_and_strength_scales_them(patch: np.ndarray) -> None:
    stats = colour.measure(patch, patch * np.float32(0.25) + np.float32(200), np.ones(patch.shape[:2], bool))
    gain, shift = colour.fit(stats, strength=1.0, gain_min=0.8, gain_max=1.25, offset_max=24)
    np.testing.assert_allclose(gain, 1.25)
    np.testing.assert_allclose(shift, -24)
    half_gain, half_shift = colour.fit(stats, strength=0.5, gain_min=0.8, gain_max=1.25, offset_max=24)
    np.testing.assert_allclose(half_gain, 1.125)
    np.testing.assert_allclose(half_shift, -12)
    none_gain, none_shift = colour.fit(stats, strength=0.0, gain_min=0.8, gain_max=1.25, offset_max=24)
    assert np.all(none_gain == 1)
    assert np.all(none_shift == 0)


def test_a_flat_channel_keeps_gain_1() -> None:
    flat = np.full((10, 10, 3), 128, np.float32)
    noisy = flat + np.float32(3) + np.tile(np.array([-1, 1], np.float32), 5)[None, :, None]
    for original, synced, want in ((flat, noisy, -3), (noisy, flat, 3)):
        gain, shift = colour.fit(colour.measure(original, synced, np.ones((10, 10), bool)), **LIMITS)
        assert np.all(gain == 1)
        np.testing.assert_allclose(shift, want)


def test_lab_there_and_back_is_the_identity_inside_the_gamut() -> None:
    matrix = ycbcr_matrix(ColourTags(1, 1, 1, 1), 1080)
    rng = np.random.default_rng(2)
    skin = (rng.normal(0, 3, (20, 20, 3)) + [140, 110, 150]).astype(np.float32)
    lab = colour.ycbcr_to_lab(skin, matrix)
    # OpenCV's float Lab is interpolated from tables; the render stage adds differences, so that this error cancels.
    np.testing.assert_allclose(colour.lab_to_ycbcr(lab, matrix), skin, atol=0.6)
    grey = colour.ycbcr_to_lab(np.array([[[235, 128, 128]]], np.float32), matrix)
    np.testing.assert_allclose(grey, [[[100, 0, 0]]], atol=0.1)
