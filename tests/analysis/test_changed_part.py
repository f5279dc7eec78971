"""Where two pictures differ in one compact part."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.analysis.changed_part import (
    FAINT,
    SURE,
    lively_share,
    main_part,
    mean_change,
    signed_change,
    size_of_change,
)

HEIGHT, WIDTH = 90, 160


def scene(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(40, 200, (HEIGHT, WIDTH, 3)).astype(np.float32)


def painted(picture: np.ndarray, left: int, top: int, levels: float, side: int = 24) -> np.ndarray:
    out = picture.copy()
    out[top : top + side, left : left + side, 0] += levels
    return out


@pytest.mark.parametrize("common", [0.0, 12.0])
def test_a_changed_part_is_found_whatever_all_of_the_picture_differs_by(common: float) -> None:
    first = scene()
    part = main_part(size_of_change(signed_change(first, painted(first, 100, 40, 20) + np.float32(common))), SURE)
    assert part is not None
    assert part.centre == pytest.approx((112, 52), abs=0.5)
    assert part.size == pytest.approx((24, 24), abs=7)
    assert part.share == pytest.approx(1)


def test_the_stronger_part_is_the_main_one_and_its_share_tells_of_the_other() -> None:
    first = scene()
    both = painted(painted(first, 20, 20, 10), 110, 50, 30)
    part = main_part(size_of_change(signed_change(first, both)), SURE)
    assert part is not None
    assert part.centre == pytest.approx((122, 62), abs=0.5)
    assert 0.6 < part.share < 0.85


def test_a_strong_single_pixel_is_a_part_of_its_own() -> None:
    change = np.zeros((HEIGHT, WIDTH), np.float32)
    change[40:60, 30:50] = 20
    change[10, 100] = 2500
    part = main_part(change, SURE)
    assert part is not None
    assert part.centre == pytest.approx((40, 50), abs=1e-6)
    assert part.share == pytest.approx(8000 / 10500, abs=1e-3)


def test_noise_all_over_is_no_part() -> None:
    first = scene()
    noise = np.random.default_rng(2).normal(0, 3, first.shape).astype(np.float32)
    assert main_part(size_of_change(signed_change(first, first + noise)), SURE) is None
    assert main_part(size_of_change(signed_change(first, first)), FAINT) is None


def test_the_mean_shows_a_part_that_moves_at_its_full_size() -> None:
    first, corners = scene(), [(30, 20), (60, 30), (100, 50)]
    changes = [size_of_change(signed_change(first, painted(first, *corner, 20))) for corner in corners]
    mean = mean_change(changes, [(x + 12.0, y + 12.0) for x, y in corners])
    part = main_part(mean, FAINT)
    assert part is not None
    assert part.size == pytest.approx((24, 24), abs=8)
    assert part.centre == pytest.approx((WIDTH / 2, HEIGHT / 2), abs=0.6)


def test_a_watermark_stays_the_same_and_a_mouth_does_not() -> None:
    first = scene()
    centres = [(72.0, 52.0)] * 6
    logo = [signed_change(scene(seed), painted(scene(seed), 60, 40, 40)) for seed in range(6)]
    assert lively_share(logo, centres) < 0.02
    mouth = [signed_change(first, painted(painted(first, 60, 40, 9), 66, 46, sign * 30, 12)) for sign in (1, -1) * 3]
    assert lively_share(mouth, centres) > 0.6


def test_a_part_at_the_border_is_as_wide_as_it_is_seen() -> None:
    first = scene()
    changes, centres = [], []
    for left in (0, 0, 2, 4):
        change = size_of_change(signed_change(first, painted(first, left, 40, 20)))
        part = main_part(change, SURE)
        assert part is not None
        changes.append(change)
        centres.append(part.centre)
    whole = main_part(mean_change(changes, centres), FAINT)
    assert whole is not None
    assert whole.size[0] == pytest.approx(24, abs=8)
