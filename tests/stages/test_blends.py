"""The three blends: what they have in common, and what each is for."""

import cv2
import numpy as np
import pytest

from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, ChromaGrid, Patch
from lipblend.stages.alpha.feather import distance_alpha
from lipblend.stages.blends.blend_alpha import blend_alpha
from lipblend.stages.blends.blend_multiband import blend_multiband
from lipblend.stages.blends.blend_poisson import blend_poisson, ring_width_px

GRID = ChromaGrid(PixelLayout("yuv444p", 8, 0, 0, 3), Box(0, 0, 144, 128))


@pytest.fixture
def mask() -> np.ndarray:
    y, x = np.mgrid[:128, :144]
    return np.hypot((y - 64) / 40, (x - 72) / 52) <= 1


@pytest.fixture
def alpha() -> np.ndarray:
    return ramp(14)


def ramp(feather_px: float) -> np.ndarray:
    """Alpha of the same ellipse."""
    y, x = np.mgrid[:128, :144]
    field = (1 - np.hypot((y - 64) / 40, (x - 72) / 52)) * 46
    return distance_alpha(field.astype(np.float32), feather_px=feather_px, gamma=1.0)


@pytest.fixture
def difference() -> np.ndarray:
    return np.random.default_rng(3).normal(0, 20, (128, 144, 3)).astype(np.float32)


def _blends(difference: np.ndarray, alpha: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
    solved = blend_poisson(difference, mask, ring_px=8, tolerance=1e-8, max_iterations=2000)
    assert solved is not None
    return {
        "alpha": blend_alpha(Patch.of(difference, GRID), alpha).whole(),
        "multiband": blend_multiband(difference, alpha, levels=4, feather_px=14),
        "poisson": solved,
    }


def test_change_is_0_outside_the_mask_and_complete_deep_inside(
    difference: np.ndarray, alpha: np.ndarray, mask: np.ndarray
) -> None:
    for name, change in _blends(np.zeros((128, 144, 3), np.float32), alpha, mask).items():
        assert np.all(change == 0), name
    for name, change in _blends(difference, alpha, mask).items():
        assert np.all(change[~mask] == 0), name
        np.testing.assert_allclose(change[58:70, 62:82], difference[58:70, 62:82], atol=0.5, err_msg=name)


def test_blends_are_linear_in_the_difference(difference: np.ndarray, alpha: np.ndarray, mask: np.ndarray) -> None:
    single, double = _blends(difference, alpha, mask), _blends(difference * 2, alpha, mask)
    for name in single:
        np.testing.assert_allclose(double[name], single[name] * 2, atol=0.02, err_msg=name)


def test_multiband_fades_detail_over_a_narrower_band_than_a_colour_cast(alpha: np.ndarray) -> None:
    y, x = np.mgrid[:128, :144]
    fine = np.repeat((((x + y) % 2) * 2.0 - 1)[..., None], 3, 2).astype(np.float32) * 20
    cast = np.full((128, 144, 3), 20, np.float32)
    edge = slice(14, 60)  # across the outline at the left of the middle row

    def width(change: np.ndarray) -> int:
        share = np.abs(change[64, edge, 0]) / 20
        return int(np.count_nonzero((share > 0.05) & (share < 0.95)))

    narrow, wide = (width(blend_multiband(picture, alpha, levels=4, feather_px=14)) for picture in (fine, cast))
    assert narrow < wide


@pytest.mark.parametrize("feather", [5, 9, 18])
def test_multiband_stays_in_the_feather_and_is_hardly_steeper_than_a_cross_fade(feather: float) -> None:
    alpha = ramp(feather)
    cast = np.full((128, 144, 3), 20, np.float32)
    change = blend_multiband(cast, alpha, levels=4, feather_px=feather)
    np.testing.assert_allclose(change[alpha == 1], 20, atol=1e-4)
    assert np.all(change[alpha == 0] == 0)
    steepest = np.abs(np.diff(change[64, :, 0])).max()
    assert steepest <= 1.05 * np.abs(np.diff(20 * alpha[64])).max()


def test_poisson_spreads_an_even_cast_linearly_across_the_ring() -> None:
    square = np.zeros((128, 144), bool)
    square[10:118, 20:124] = True
    change = blend_poisson(
        np.full((128, 144, 3), 10, np.float32), square, ring_px=8, tolerance=1e-8, max_iterations=2000
    )
    assert change is not None
    # Unknowns lie at x = 20..27, the original at 19, the synced picture from 28 on: harmonic means linear here.
    np.testing.assert_allclose(change[64, 19:30, 0], [*np.arange(10) * 10 / 9, 10], atol=1e-3)


def test_poisson_keeps_the_generated_gradients_in_the_ring(mask: np.ndarray) -> None:
    y, x = np.mgrid[:128, :144]
    texture = np.repeat((3 * np.sin(x * 1.1) * np.sin(y * 0.9))[..., None], 3, 2).astype(np.float32)
    flat = np.full_like(texture, 12)
    both = blend_poisson(
        flat + texture * (np.hypot((y - 64) / 38, (x - 72) / 50) <= 1)[..., None],
        mask,
        ring_px=8,
        tolerance=1e-8,
        max_iterations=2000,
    )
    cast = blend_poisson(flat, mask, ring_px=8, tolerance=1e-8, max_iterations=2000)
    assert both is not None
    assert cast is not None
    middle = (slice(60, 68), slice(25, 28))
    np.testing.assert_allclose((both - cast)[middle], texture[middle], atol=0.7)


def test_poisson_returns_none_if_it_does_not_converge(difference: np.ndarray, mask: np.ndarray) -> None:
    assert blend_poisson(difference, mask, ring_px=12, tolerance=1e-8, max_iterations=2) is None


def test_ring_width_is_clamped() -> None:
    assert ring_width_px(250, frac=0.04, min_px=6, max_px=12) == 10
    assert ring_width_px(50, frac=0.04, min_px=6, max_px=12) == 6
    assert ring_width_px(900, frac=0.04, min_px=6, max_px=12) == 12


def _within(px: float, mask: np.ndarray) -> np.ndarray:
    """The part of a mask further than ``px`` from its outline."""
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > px


def test_beard_on_the_outline_does_not_smear_beyond_the_ring(alpha: np.ndarray, mask: np.ndarray) -> None:
    """Seamless cloning spreads a difference at the outline over the whole face; these blends do not."""
    clean = np.full((128, 144, 3), 2, np.float32)
    bearded = clean.copy()
    bearded[74:] += np.array([60, -8, 5], np.float32)  # the generator shaved the chin that the outline crosses
    without, with_beard = _blends(clean, alpha, mask), _blends(bearded, alpha, mask)
    above = _within(16, mask) & (np.arange(128) < 72)[:, None]
    for name in without:
        np.testing.assert_allclose(with_beard[name][above], without[name][above], atol=0.05, err_msg=name)
    whole = blend_poisson(bearded - clean, mask, ring_px=60, tolerance=1e-8, max_iterations=4000)
    assert whole is not None
    assert np.abs(whole[above]).max() > 3  # seamless cloning


def test_moving_mask_does_not_change_the_inside(difference: np.ndarray) -> None:
    """Seamless cloning places its patch by the middle of the mask's box: it moves with the mask."""
    y, x = np.mgrid[:128, :144]
    found = []
    for shift in (0, 3):
        field = ((1 - np.hypot((y - 64) / 40, (x - 72 - shift) / 52)) * 46).astype(np.float32)
        found.append(_blends(difference, distance_alpha(field, feather_px=14, gamma=1.0), field >= 0))
    for name, still in found[0].items():
        np.testing.assert_allclose(found[1][name][60:68, 66:80], still[60:68, 66:80], atol=0.3, err_msg=name)


def test_multiband_golden() -> None:
    y, x = np.mgrid[:128, :144]
    picture = np.repeat((12 + 8 * np.sin(x / 3.0) * np.cos(y / 5.0))[..., None], 3, 2).astype(np.float32)
    change = blend_multiband(picture, ramp(18), levels=4, feather_px=18)
    assert change[64, 22:42:3, 0] == pytest.approx(MULTIBAND, abs=0.02)


MULTIBAND = [1.223, 3.421, 4.886, 2.752, 1.77, 8.248, 17.19]
