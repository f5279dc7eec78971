"""Sharpening: the measured gains of each band, denoising, and cross-fades that keep their detail."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipblend.stages.detail.sharpen import band_gains, band_sigmas, crossfade, denoised, layers, sharpened

ALL = np.ones((160, 160), bool)
WIDTH = 240.0


def texture(seed: int = 3) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, ALL.shape).astype(np.float32)
    noise[:, 100:] = 0  # more than a quarter is flat, as in a face
    return np.asarray(128 + 60 * cv2.GaussianBlur(noise, (0, 0), 1.0), np.float32)


def patch_of(luma: np.ndarray) -> np.ndarray:
    return np.dstack([luma, luma * 0.5, luma * 0.2]).astype(np.float32)


def gains_of(sharp: np.ndarray, soft: np.ndarray, where: np.ndarray = ALL, **chosen: float) -> tuple[float, ...]:
    return band_gains(
        layers(sharp, WIDTH),
        layers(soft, WIDTH),
        where,
        face_width_px=WIDTH,
        **{"strength": 1.0, "max_gain": 3.0, **chosen},
    )


def raised(luma: np.ndarray, gains: tuple[float, ...]) -> np.ndarray:
    return sharpened(layers(luma, WIDTH), gains, face_width_px=WIDTH)


def faded(first: np.ndarray, second: np.ndarray, share: np.ndarray, keep: float = 1.0) -> np.ndarray:
    return crossfade(first, second, layers(second, WIDTH).middle, share, face_width_px=WIDTH, keep=keep)


def deviations(luma: np.ndarray) -> list[float]:
    return [float(band[20:-20, 20:-20].std()) for band in layers(luma, WIDTH).bands()]


def test_bands_are_octaves_in_face_widths_and_add_up() -> None:
    assert band_sigmas(WIDTH) == pytest.approx((0.75, 1.5, 3.0))
    assert band_sigmas(2 * WIDTH) == pytest.approx((1.5, 3.0, 6.0))
    assert band_sigmas(20.0) == (0.3,) * 3  # narrower than that is no blur
    luma = texture()
    rest = sum(layers(luma, WIDTH).bands()) - (luma - cv2.GaussianBlur(luma, (0, 0), 3.0))
    assert np.abs(rest)[8:-8, 8:-8].max() < 0.5
    assert rest[8:-8, 8:-8].std() < 0.02 * luma.std()


def test_gains_restore_lost_contrast_by_strength() -> None:
    sharp = texture()
    soft = sharp.mean() + 0.8 * (sharp - sharp.mean())
    whole = gains_of(sharp, soft)
    # The unshared fifth in the flattest quarter counts as noise: slightly less than 1 / 0.8.
    assert all(1.2 < gain <= 1.251 for gain in whole)
    assert [g - 1 for g in gains_of(sharp, soft, strength=0.5)] == pytest.approx([(g - 1) / 2 for g in whole], abs=1e-6)
    assert gains_of(sharp, soft, max_gain=0.1) == pytest.approx((1.1,) * 3)
    assert gains_of(sharp, soft, strength=0.0) == (1.0,) * 3


@pytest.mark.parametrize("blur_px", [0.6, 0.9])
def test_energy_of_a_known_blur_is_restored(blur_px: float) -> None:
    sharp = texture()
    soft = cv2.GaussianBlur(sharp, (0, 0), blur_px)
    out = raised(soft, gains_of(sharp, soft))
    for blurred, found, wanted in zip(deviations(soft), deviations(out), deviations(sharp), strict=True):
        assert blurred < found
        assert abs(found - wanted) < 0.6 * abs(blurred - wanted) + 0.02 * wanted
        assert found < 1.25 * wanted


def test_golden_gains() -> None:
    sharp = texture()
    assert gains_of(sharp, cv2.GaussianBlur(sharp, (0, 0), 0.9)) == pytest.approx(GOLDEN, rel=0.03)


GOLDEN = (2.335, 1.661, 1.244)


def test_gains_are_1_for_equal_and_sharper_pictures_and_too_few_pixels() -> None:
    sharp, few = texture(), np.zeros_like(ALL)
    few[:10, :10] = True
    assert gains_of(sharp, sharp) == (1.0,) * 3
    assert gains_of(cv2.GaussianBlur(sharp, (0, 0), 1), sharp) == (1.0,) * 3
    assert gains_of(sharp, cv2.GaussianBlur(sharp, (0, 0), 2), few) == (1.0,) * 3
    assert gains_of(np.full_like(sharp, 90), np.full_like(sharp, 90)) == (1.0,) * 3
    assert np.array_equal(raised(sharp, (1.0,) * 3), sharp)


def test_unshared_noise_of_flat_pictures_gives_no_gain() -> None:
    flat = np.full(ALL.shape, 120, np.float32)
    noise = np.random.default_rng(5).normal(0, 2, ALL.shape).astype(np.float32)
    other = np.random.default_rng(6).normal(0, 1.9, ALL.shape).astype(np.float32)
    assert gains_of(flat + noise, flat + other) == pytest.approx(
        (1.0,) * 3, abs=0.01
    )  # 1.57 to 1.59 without the noise term


@pytest.mark.parametrize("sigma", [2.0, 4.0])
def test_noise_of_the_original_does_not_change_the_gains(sigma: float) -> None:
    sharp = texture()
    soft = cv2.GaussianBlur(sharp, (0, 0), 0.6)
    clean = gains_of(sharp, soft, max_gain=9.0)
    noise = np.random.default_rng(5).normal(0, sigma, ALL.shape).astype(np.float32)
    assert clean == pytest.approx((1.47, 1.26, 1.10), abs=0.02)
    # 1.71 (sigma 2) and 2.43 (sigma 4) for the finest band if noise counted as detail.
    assert gains_of(sharp + noise, soft, max_gain=9.0) == pytest.approx(clean, abs=0.06)


def test_edge_does_not_ring() -> None:
    step = np.where(np.arange(160) < 80, 60.0, 180.0).astype(np.float32)
    soft = cv2.GaussianBlur(np.tile(step, (160, 1)), (0, 0), 2.0)
    out = raised(soft, (3.0, 3.0, 3.0))
    assert out.max() <= 180 + 0.1 * 120 + 0.6
    assert out.min() >= 60 - 0.1 * 120 - 0.6
    assert np.abs(np.diff(out[80])).max() > 1.3 * np.abs(np.diff(soft[80])).max()
    assert np.abs(out[:, :65] - 60).max() < 0.6


def test_gains_are_steady_under_new_noise() -> None:
    sharp = texture()
    soft = cv2.GaussianBlur(sharp, (0, 0), 0.8)
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        noisy = [z + rng.normal(0, 0.7, ALL.shape).astype(np.float32) for z in (sharp, soft)]
        found.append(gains_of(*noisy, strength=0.7, max_gain=1.0))
    assert np.std(found, axis=0).max() < 0.05


def test_denoising_reduces_noise_and_keeps_edges() -> None:
    step = np.tile(np.where(np.arange(160) < 80, 60.0, 180.0).astype(np.float32), (160, 1))
    noisy = step + np.random.default_rng(1).normal(0, 2, ALL.shape).astype(np.float32)
    calm, half = denoised(patch_of(noisy), 1.0)[..., 0], denoised(patch_of(noisy), 0.5)[..., 0]
    assert (calm - step)[:, :70].std() < 0.6 * (noisy - step)[:, :70].std()
    assert (calm - step)[:, :70].std() < (half - step)[:, :70].std()
    assert np.diff(calm, axis=1)[:, 79].mean() > 110
    assert np.array_equal(denoised(patch_of(noisy), 0.0), patch_of(noisy))


def test_golden_denoising() -> None:
    wave = (120 + 6 * np.sin(np.arange(160) / 2)).astype(np.float32)
    calm = denoised(patch_of(np.tile(wave, (160, 1))), 1.0)[80, 80:84, 0]
    assert calm == pytest.approx(DENOISED, abs=0.01)


DENOISED = [124.115, 121.887, 119.100, 116.585]


def test_crossfade_of_misaligned_pictures_keeps_detail() -> None:
    first, second = texture(1), texture(2)
    half = np.full(ALL.shape, 0.5, np.float32)
    plain, kept = (faded(first, second, half, k) for k in (0.0, 1.0))
    fine = [float((z - cv2.GaussianBlur(z, (0, 0), 1.5)).std()) for z in (first, plain, kept)]
    assert fine[1] < 0.8 * fine[0]
    assert 0.9 * fine[0] < fine[2] < 1.05 * fine[0]


def test_crossfade_is_exact_at_its_ends_and_between_equal_pictures() -> None:
    first, second = texture(1), texture(2)
    none, whole = np.zeros(ALL.shape, np.float32), np.ones(ALL.shape, np.float32)
    half = np.full(ALL.shape, 0.5, np.float32)
    assert np.array_equal(faded(first, second, none), first)
    assert faded(first, second, whole) == pytest.approx(second, abs=1e-4)
    assert np.array_equal(faded(first, first, half), first)


def test_band_of_noise_is_raised_to_half_more_than_the_originals_deviation() -> None:
    sharp = texture()
    own = cv2.GaussianBlur(np.random.default_rng(9).normal(0, 1, ALL.shape).astype(np.float32), (0, 0), 1.0)
    own[:, 100:] = 0
    soft = 128 + 0.15 * (sharp - 128) + 18 * own
    found = gains_of(sharp, soft, max_gain=99.0)
    for gain, original, synced in zip(found, deviations(sharp), deviations(soft), strict=True):
        assert gain == pytest.approx(1.5 * original / synced, rel=0.06)  # 6 by the shared part alone


def test_gains_ignore_pixels_outside_the_mask() -> None:
    sharp = texture()
    soft = cv2.GaussianBlur(sharp, (0, 0), 0.9)
    where = np.zeros_like(ALL)
    where[90:, 40:] = True
    wrong, other = sharp.copy(), soft.copy()
    wrong[:70] = 128 + 4 * (sharp[:70] - 128)
    other[:70] = texture(8)[:70]
    assert gains_of(wrong, other, where) == pytest.approx(gains_of(sharp, soft, where), abs=0.01)


def test_overshoot_is_a_fiftieth_of_the_local_range_and_half_a_level_golden() -> None:
    luma = texture()
    out = raised(luma, (9.0, 9.0, 9.0))
    square = np.ones((5, 5), np.uint8)  # two pixels to each side: the middle band's sigma is 1.5
    low, high = cv2.erode(luma, square), cv2.dilate(luma, square)
    margin = 0.02 * (high - low) + 0.5
    assert (out - high - margin).max() == pytest.approx(0, abs=1e-3)
    assert (low - margin - out).max() == pytest.approx(0, abs=1e-3)
    rough = high - low > 20  # there the limits are reached
    assert ((out - high) / margin)[rough].max() == pytest.approx(1, abs=1e-3)
    assert ((low - out) / margin)[rough].max() == pytest.approx(1, abs=1e-3)


def test_crossfade_restores_the_lost_share_up_to_half_as_much_again() -> None:
    first, half = texture(1), np.full(ALL.shape, 0.5, np.float32)
    against = (128 - 0.6 * (first - 128)).astype(np.float32)  # mostly cancels
    plain, some, whole = (faded(first, against, half, k) for k in (0.0, 0.5, 1.0))
    assert some - plain == pytest.approx((whole - plain) / 2, abs=1e-3)

    def fine(luma: np.ndarray) -> float:
        return float((luma - cv2.GaussianBlur(luma, (0, 0), 1.5))[20:-20, 20:80].std())

    added = whole - plain
    assert float(added[20:-20, 20:80].std()) == pytest.approx(0.5 * fine(plain), rel=0.02)
    # A quarter of a fainter picture: sqrt((3/4 + 0.16/4) / (9/16 + 0.16/16)) = 1.17, times (3/4)^(1/4).
    faint = (128 + 0.4 * (texture(2) - 128)).astype(np.float32)
    plain, whole = (faded(first, faint, half / 2, k) for k in (0.0, 1.0))
    assert float((whole - plain)[20:-20, 20:80].std()) == pytest.approx(0.163 * fine(plain), rel=0.15)


def test_crossfade_does_not_change_pixels_without_trust() -> None:
    first, second = texture(1), texture(2)
    trust = np.clip((np.arange(160, dtype=np.float32) - 60) / 20, 0, 1) * np.ones((160, 1), np.float32)
    out = faded(first, second, trust)
    assert np.array_equal(out[:, :56], first[:, :56])
    assert out[:, 85:] == pytest.approx(second[:, 85:], abs=1e-4)
    assert np.abs(out - (first + trust * (second - first)))[:, 62:78].max() > 1


def test_tiny_face_has_only_one_band() -> None:
    luma = np.random.default_rng(3).uniform(0, 255, (30, 40)).astype(np.float32)
    assert len(set(band_sigmas(20.0))) == 1
    finest, *others = layers(luma, 20.0).bands()
    assert finest.any()
    assert not np.any(others)
