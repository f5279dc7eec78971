import numpy as np
import pytest

from lipblend.stages.alpha import distance_alpha, feather_width_px, gaussian_alpha


@pytest.fixture
def disc() -> np.ndarray:
    y, x = np.mgrid[:120, :120]
    return np.hypot(y - 60, x - 60) <= 45


def test_feather_is_clamped() -> None:
    assert feather_width_px(300, ratio=0.06, floor_px=3, cap_px=48) == pytest.approx(18)
    assert feather_width_px(20, ratio=0.06, floor_px=3, cap_px=48) == 3
    assert feather_width_px(2000, ratio=0.06, floor_px=3, cap_px=48) == 48


@pytest.mark.parametrize(
    "make", [lambda m: distance_alpha(m, feather_px=12, gamma=1.0), lambda m: gaussian_alpha(m, feather_px=12)]
)
def test_alpha_is_exactly_0_outside_and_exactly_1_deep_inside(make, disc: np.ndarray) -> None:
    alpha = make(disc)
    assert alpha.dtype == np.float32
    assert np.all(alpha[~disc] == 0)
    assert np.all(alpha[50:70, 50:70] == 1)
    assert alpha.min() >= 0
    assert alpha.max() == 1


def test_distance_alpha_is_linear_across_the_feather(disc: np.ndarray) -> None:
    row = distance_alpha(disc, feather_px=20, gamma=1.0)[60, 15:41]
    assert np.all(np.diff(row) >= 0)
    # Ten pixels inside the outline of a 20 px feather, away from both ends that the small blur rounds.
    assert row[10] == pytest.approx(0.5, abs=0.04)
    assert row[15] - row[5] == pytest.approx(0.5, abs=0.03)


def test_gamma_below_1_is_fuller_and_above_1_thinner(disc: np.ndarray) -> None:
    thin, plain, full = (distance_alpha(disc, feather_px=16, gamma=g).sum() for g in (2.0, 1.0, 0.5))
    assert thin < plain < full


def test_twice_the_size_gives_the_same_alpha_twice_as_large(disc: np.ndarray) -> None:
    small = distance_alpha(disc, feather_px=12, gamma=1.0)
    large = distance_alpha(np.repeat(np.repeat(disc, 2, 0), 2, 1), feather_px=24, gamma=1.0)
    halved = large.reshape(120, 2, 120, 2).mean((1, 3))
    assert np.abs(halved - small).max() < 0.08


def test_no_feather_gives_the_hard_mask(disc: np.ndarray) -> None:
    np.testing.assert_array_equal(distance_alpha(disc, feather_px=0, gamma=1.0), disc.astype(np.float32))


def test_mask_that_fills_the_patch_fades_at_the_patchs_edge() -> None:
    alpha = distance_alpha(np.ones((60, 60), bool), feather_px=10, gamma=1.0)
    assert alpha[0].max() < 0.2
    assert alpha[30, 30] == 1


def test_gaussian_alpha_is_one_half_in_the_middle_of_the_feather(disc: np.ndarray) -> None:
    row = gaussian_alpha(disc, feather_px=16)[60, 15:40]
    assert row[8] == pytest.approx(0.5, abs=0.08)
    assert row[0] < 0.06
    assert row[16] > 0.94
