from collections.abc import Callable

import numpy as np
import pytest

from lipblend.stages.alpha.feather import distance_alpha, feather_width_px, gaussian_alpha

Profile = Callable[[np.ndarray], np.ndarray]


@pytest.fixture
def field() -> np.ndarray:
    """Signed distance to a circle of radius 45."""
    y, x = np.mgrid[:120, :120]
    return (45 - np.hypot(y - 60, x - 60)).astype(np.float32)


def test_feather_is_clamped() -> None:
    assert feather_width_px(300, ratio=0.06, floor_px=3, cap_px=48) == pytest.approx(18)
    assert feather_width_px(20, ratio=0.06, floor_px=3, cap_px=48) == 3
    assert feather_width_px(2000, ratio=0.06, floor_px=3, cap_px=48) == 48


@pytest.mark.parametrize(
    "profile", [lambda d: distance_alpha(d, feather_px=12, gamma=1.0), lambda d: gaussian_alpha(d, feather_px=12)]
)
def test_alpha_is_exactly_0_outside_and_exactly_1_a_feather_inside(profile: Profile, field: np.ndarray) -> None:
    alpha = profile(field)
    assert alpha.dtype == np.float32
    assert np.all(alpha[field <= 0] == 0)
    assert np.all(alpha[field >= 12] == 1)
    between = alpha[(field > 0.5) & (field < 11.5)]
    assert between.min() > 0
    assert between.max() < 1


def test_distance_alpha_is_linear_across_the_feather(field: np.ndarray) -> None:
    row = distance_alpha(field, feather_px=20, gamma=1.0)[60, 15:36]
    np.testing.assert_allclose(row, np.arange(21) / 20, atol=1e-6)


def test_gamma_is_the_power_of_the_linear_profile(field: np.ndarray) -> None:
    plain = distance_alpha(field, feather_px=16, gamma=1.0)
    for gamma in (0.5, 2.0):
        np.testing.assert_allclose(distance_alpha(field, feather_px=16, gamma=gamma), plain**gamma, atol=1e-5)


def test_gaussian_alpha_is_one_half_in_the_middle_and_flat_at_the_ends(field: np.ndarray) -> None:
    row = gaussian_alpha(field, feather_px=16)[60, 15:32]
    assert row[8] == pytest.approx(0.5, abs=1e-6)
    steps = np.diff(row)
    assert steps[0] < 0.4 * steps[8]
    assert steps[-1] < 0.4 * steps[8]


@pytest.mark.parametrize("feather", [0.0, -1.0])
def test_no_feather_gives_the_hard_mask(feather: float, field: np.ndarray) -> None:
    np.testing.assert_array_equal(distance_alpha(field, feather_px=feather, gamma=1.0), field > 0)
    np.testing.assert_array_equal(gaussian_alpha(field, feather_px=feather), field > 0)
