"""Statistics, fits and maps of colour on single pictures."""

from collections.abc import Callable

import numpy as np
import pytest

from lipblend.picture.formats import ColourTags
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.settings import ColourSettings
from lipblend.stages.colour import statistics as colour
from lipblend.stages.colour.colour_map import ColourMap
from lipblend.stages.colour.fit import colour_map, fit

MATRIX = ycbcr_matrix(ColourTags(1, 1, 1, 1), 1080)
Convert = Callable[[np.ndarray, np.ndarray], np.ndarray]
METHODS = ("mean_std", "histogram", "white_balance")
WIDE: dict[str, object] = {"gain_min": 0.5, "gain_max": 2.0, "offset_max": 100.0}


@pytest.fixture
def patch() -> np.ndarray:
    rng = np.random.default_rng(1)
    return (rng.normal(0, 12, (40, 50, 3)) + [120, 110, 140]).astype(np.float32)


def stats_of(original: np.ndarray, synced: np.ndarray, *, lab: bool = False) -> colour.ColourStats:
    return colour.measure(original, synced, np.ones(original.shape[:2], bool), MATRIX, lab=lab)


def map_of(original: np.ndarray, synced: np.ndarray, **changes: object) -> ColourMap:
    settings = ColourSettings.model_validate({**WIDE, **changes})
    return colour_map(fit(stats_of(original, synced, lab=settings.space == "lab"), settings), settings)


def test_mean_std_undoes_a_known_cast(patch: np.ndarray) -> None:
    cast = patch * np.array([1.2, 0.9, 1.0], np.float32) + np.array([-10, 4, 6], np.float32)
    np.testing.assert_allclose(map_of(patch, cast).apply(cast, MATRIX), patch, atol=2e-3)


def test_histogram_undoes_a_curve_that_mean_and_deviation_cannot(patch: np.ndarray) -> None:
    bent = patch.copy()
    bent[..., 0] = np.where(patch[..., 0] < 120, 120 + 0.7 * (patch[..., 0] - 120), 120 + 1.3 * (patch[..., 0] - 120))
    inside = np.abs(patch[..., 0] - 120) < 20
    left = {
        method: np.abs(map_of(patch, bent, method=method).apply(bent, MATRIX) - patch)[inside].mean()
        for method in ("mean_std", "histogram")
    }
    assert left["histogram"] < 0.25
    assert left["mean_std"] > 3 * left["histogram"]


def test_white_balance_undoes_gains_of_light(patch: np.ndarray) -> None:
    patch = 130 + 0.25 * (patch - 130)  # inside sRGB throughout
    warm = np.array([1.25, 1.0, 0.8], np.float32)
    cast = colour.from_light(colour.to_light(patch, MATRIX) * warm, MATRIX)
    matched = map_of(patch, cast, method="white_balance")
    assert matched.space == "light"
    np.testing.assert_allclose(matched.slope, 1 / warm, rtol=1e-3)
    np.testing.assert_allclose(matched.apply(cast, MATRIX), patch, atol=0.05)


@pytest.mark.parametrize("space", ["ycbcr", "lab"])
@pytest.mark.parametrize("method", METHODS)
def test_equal_pictures_give_exactly_the_identity(patch: np.ndarray, method: str, space: str) -> None:
    matched = map_of(patch, patch.copy(), method=method, space=space)
    assert matched.is_identity
    assert matched.apply(patch, MATRIX) is patch


@pytest.mark.parametrize("space", ["ycbcr", "lab"])
@pytest.mark.parametrize("method", METHODS)
def test_golden_mean_after_a_match(patch: np.ndarray, method: str, space: str) -> None:
    cast = patch * np.float32(1.1) + np.array([-8, 2, -5], np.float32)
    matched = map_of(patch, cast, method=method, space=space).apply(cast, MATRIX)
    # Mean remaining distance, of 8.7 levels. The cast is not linear in Lab; white balance has no gain of contrast.
    want = {"mean_std": (0.0, 0.71), "histogram": (0.06, 0.64), "white_balance": (1.15, 1.15)}[method]
    assert np.abs(matched - patch).mean() == pytest.approx(want[space == "lab"], abs=0.08)


@pytest.mark.parametrize("seed", range(8))
def test_histogram_match_never_falls_and_keeps_its_limits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (30, 30, 3)
    original = (rng.gamma(2, 12, shape) + 60).astype(np.float32)
    synced = (rng.normal(0, rng.uniform(1, 30), shape) + rng.uniform(90, 160, 3)).astype(np.float32)
    limits = ColourSettings(method="histogram", gain_min=0.8, gain_max=1.25, offset_max=15)
    matched = colour_map(fit(stats_of(original, synced), limits), limits)
    levels = np.repeat(np.linspace(-50, 300, 4001)[:, None], 3, axis=1)
    out = matched.curve(levels)
    slopes = np.diff(out, axis=0) / np.diff(levels, axis=0)
    assert slopes.min() >= 0.8 - 1e-6
    assert slopes.max() <= 1.25 + 1e-6
    assert np.abs(out - levels).max() <= 15 + 1e-9
    for end in (0, -1):  # the shift is constant beyond the outer quantiles
        np.testing.assert_allclose(out[end] - levels[end], matched.moves[end])


def test_quantiles_of_few_levels_do_not_jump() -> None:
    rng = np.random.default_rng(3)
    chroma = rng.normal(0, 1.2, (60, 60, 3)) + 120.4
    codes, moved = (np.rint(each).astype(np.float32) for each in (chroma, chroma + 0.3))
    matched = map_of(moved, codes, method="histogram")
    assert np.abs(matched.moves[1:-1] - 0.3).max() < 0.2


def test_quantile_is_in_the_middle_of_its_code_golden() -> None:
    rows = np.repeat(np.array([119, 120, 121], np.float32), 300).reshape(30, 30)
    picture = np.dstack([rows, rows + 10, rows - 20])
    stats = stats_of(picture, picture)
    np.testing.assert_allclose(stats.original_quantiles[4], [120, 130, 100], atol=1e-9)
    np.testing.assert_allclose(stats.original_quantiles[[0, -1], 0], [118.56, 121.44], atol=1e-6)


def test_srgb_curve_golden() -> None:
    codes = np.array([0.0, 0.02, 0.04045, 0.5, 1.0])
    light = np.array([0.0, 0.001548, 0.0031308, 0.2140411, 1.0])  # IEC 61966-2-1
    np.testing.assert_allclose(colour.srgb_to_linear(codes), light, atol=1e-6)
    np.testing.assert_allclose(colour.linear_to_srgb(light), codes, atol=1e-4)


@pytest.mark.parametrize("space", ["lab", "light"])
def test_colours_outside_the_gamut_are_kept(space: str) -> None:
    vivid = np.tile(np.array([200, 40, 235], np.float32), (4, 4, 1))
    hardly = ColourMap.affine(space, np.ones(3), np.full(3, 1e-5))
    assert not hardly.is_identity
    np.testing.assert_allclose(hardly.apply(vivid, MATRIX), vivid, atol=0.05)


def test_half_the_strength_gives_half_of_a_histogram_match(patch: np.ndarray) -> None:
    bent = (120 + 1.4 * (patch - 120) + 6).astype(np.float32)
    whole, half = (map_of(patch, bent, method="histogram", strength=strength).moves for strength in (1.0, 0.5))
    assert np.ptp(whole) > 5
    np.testing.assert_allclose(half, whole / 2, atol=1e-9)
    far = map_of(patch, patch + 60, method="histogram", strength=0.5, offset_max=24.0)
    np.testing.assert_allclose(far.moves, -12.0, atol=1e-4)  # clamped before the strength is applied


def test_statistics_use_only_the_mask(patch: np.ndarray) -> None:
    where = np.zeros(patch.shape[:2], bool)
    where[:, :25] = True
    other = patch.copy()
    other[:, 25:] += 90
    stats = colour.measure(patch, other, where, MATRIX)
    np.testing.assert_array_equal(stats.original_mean, stats.synced_mean)
    np.testing.assert_array_equal(stats.original_quantiles, stats.synced_quantiles)
    np.testing.assert_array_equal(stats.original_light, stats.synced_light)
    assert stats.pixels == 40 * 25


def test_gain_and_shift_are_clamped_and_strength_scales_them(patch: np.ndarray) -> None:
    other = patch * np.float32(0.25) + np.float32(200)
    limits = {"gain_min": 0.8, "gain_max": 1.25, "offset_max": 24}
    for strength in (1.0, 0.5, 0.0):
        matched = map_of(patch, other, strength=strength, **limits)
        np.testing.assert_allclose(matched.slope, 1 + 0.25 * strength)
        np.testing.assert_allclose(matched.moves, np.full((1, 3), -24 * strength))
        light = map_of(patch, patch * np.float32(0.5), method="white_balance", strength=strength, **limits)
        assert light.slope.max() <= 1.25
        assert (light.slope.max() > 1.2) == (strength == 1)  # clamped before the strength is applied
        assert light.is_identity == (strength == 0)


@pytest.mark.parametrize("method", ["mean_std", "histogram"])
def test_flat_channel_is_only_shifted(method: str) -> None:
    flat = np.full((10, 10, 3), 128, np.float32)
    noisy = flat + np.float32(3) + np.tile(np.array([-1, 1], np.float32), 5)[None, :, None]
    for original, synced, want in ((flat, noisy, -3), (noisy, flat, 3)):
        matched = map_of(original, synced, method=method)
        assert np.all(matched.slope == 1)
        np.testing.assert_allclose(matched.moves, np.full_like(matched.moves, want), atol=1e-9)


def test_line_of_a_curve_is_the_closest_one() -> None:
    knots = np.array([[100.0] * 3, [110.0] * 3, [130.0] * 3])
    gain, offset = ColourMap("ycbcr", knots, 0.1 * (knots - 100) + 2, np.ones(3)).line()
    np.testing.assert_allclose(gain, 1.1)
    np.testing.assert_allclose(offset, -8)


@pytest.mark.parametrize(
    ("forward", "back", "white", "error"),
    [
        # OpenCV's float Lab is interpolated from tables; the map adds differences, so that this error cancels.
        (colour.ycbcr_to_lab, colour.lab_to_ycbcr, (100, 0, 0), 0.6),
        (colour.to_light, colour.from_light, (1, 1, 1), 2e-3),
    ],
)
def test_conversions_have_an_inverse_inside_the_gamut(
    forward: Convert, back: Convert, white: tuple[float, ...], error: float
) -> None:
    rng = np.random.default_rng(2)
    skin = (rng.normal(0, 3, (20, 20, 3)) + [140, 110, 150]).astype(np.float32)
    np.testing.assert_allclose(back(forward(skin, MATRIX), MATRIX), skin, atol=error)
    found = forward(np.array([[[235, 128, 128]]], np.float32), MATRIX)
    np.testing.assert_allclose(found, [[white]], atol=1e-3 * max(white))
