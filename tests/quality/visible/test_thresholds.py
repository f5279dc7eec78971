"""From which step on a difference is seen."""

from __future__ import annotations

import numpy as np

from lipblend.quality.visible.thresholds import local_mean, step_threshold, summation


def limits(background: list[float], texture: float = 0.0) -> list[float]:
    grey = np.float32([background])
    return step_threshold(grey, np.full_like(grey, texture))[0].tolist()


def test_a_step_is_seen_best_beside_middle_grey() -> None:
    dark, dim, middle, light, white = limits([0, 60, 127, 190, 255])
    assert dark > dim > middle > 0
    assert white > light > middle
    assert dark > white


def test_the_two_sides_of_middle_grey_meet() -> None:
    below, above = limits([126.99, 127.01])
    assert abs(above - below) < 0.01


def test_texture_hides_a_step_and_never_helps() -> None:
    for grey in (5.0, 127.0, 250.0):
        found = [limits([grey], texture)[0] for texture in (0, 1, 5, 20, 80)]
        assert found == sorted(found)
        assert found[-1] > 2 * found[0]


def test_two_reasons_not_to_see_count_less_than_their_sum() -> None:
    (plain,), (masked,), (twice,) = limits([127]), limits([127], 20), limits([127], 40)
    by_texture = twice - masked  # strong texture: the background adds the same to both
    assert max(plain, by_texture) < masked < 0.95 * (plain + by_texture)


def test_codes_out_of_range_have_thresholds_too() -> None:
    black, below, beyond = limits([0, -20, 300])
    assert below == black
    assert np.isfinite(beyond)


def test_a_local_mean_keeps_a_constant_and_is_not_negative() -> None:
    flat = np.full((40, 50), 7, np.float32)
    np.testing.assert_allclose(local_mean(flat, 5), flat, rtol=1e-5)
    dot = np.zeros((40, 50), np.float32)
    dot[20, 25] = 100
    mean = local_mean(dot, 3)
    assert mean.min() >= 0
    assert mean[20, 25] == mean.max() < 5
    np.testing.assert_allclose(mean.sum(), 100, rtol=0.02)


def test_a_difference_of_a_small_face_is_seen_less() -> None:
    assert [float(summation(width)) for width in (30.0, 60.0, 120.0, 300.0)] == [0.25, 0.5, 1.0, 1.0]
