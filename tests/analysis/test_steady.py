"""Colour over a shot: held, followed, never led astray by one frame, never smoothed across a cut."""

from dataclasses import replace

import numpy as np
import pytest

from lipblend.picture.formats import ColourTags
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.plan.steady_colours import colour_maps, inliers, membranes, suppress_variations
from lipblend.settings import ColourSettings
from lipblend.stages.colour.colour_map import ColourMap
from lipblend.stages.colour.membrane import CELLS
from lipblend.stages.colour.statistics import QUANTILES, ColourStats

COUNT = 100
TIMES = np.arange(COUNT) / 25
SEEN = np.ones(COUNT, bool)
HOLD = {"sigma_s": 0.4, "band": 0.5}
METHODS = ("mean_std", "histogram", "white_balance")


def column(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float64)[:, None]


def stats_of(cast: float) -> ColourStats:
    mean, std = np.full(3, 120.0), np.full(3, 10.0)
    shape = 120 + 34.6 * (np.array(QUANTILES)[:, None] - 0.5) * np.ones(3)
    light = np.full(3, 0.2)
    return ColourStats(mean, std, mean + cast, std, shape, shape + cast, light, light * (1 + cast / 60), 500)


def luma_moves(casts: np.ndarray, **changes: object) -> np.ndarray:
    settings = ColourSettings.model_validate(changes)
    maps = colour_maps({row: stats_of(cast) for row, cast in enumerate(casts.tolist())}, TIMES[: len(casts)], settings)
    return np.array([each.curve(np.full((1, 3), 120.0))[0, 0] - 120 for each in maps])


def test_noise_on_a_steady_cast_does_not_wobble() -> None:
    noise = 0.12 * np.random.default_rng(1).standard_normal(COUNT)
    out = suppress_variations(column(5 + noise), SEEN, TIMES, **HOLD)[:, 0]
    assert np.abs(np.diff(out)).mean() < 0.05 * np.abs(np.diff(noise)).mean()  # golden: 0.03
    assert out.mean() == pytest.approx(5, abs=0.03)


@pytest.mark.parametrize("period", [2, 3, 7])
def test_a_pumping_cast_is_followed_frame_by_frame(period: int) -> None:
    cast = 3 * np.sin(2 * np.pi * (np.arange(COUNT) + 0.5) / period)
    np.testing.assert_allclose(suppress_variations(column(cast), SEEN, TIMES, **HOLD)[:, 0], cast, atol=0.02)


def test_a_lonely_change_is_followed() -> None:
    cast = np.zeros(COUNT)
    cast[40] = 2.0
    assert suppress_variations(column(cast), SEEN, TIMES, **HOLD)[40, 0] == pytest.approx(2, abs=1e-9)


def test_holding_looks_both_ways_alike() -> None:
    walk = np.cumsum(np.random.default_rng(2).normal(0, 0.3, COUNT))
    there = suppress_variations(column(walk), SEEN, TIMES, **HOLD)
    back = suppress_variations(column(walk[::-1]), SEEN, TIMES, **HOLD)[::-1]
    np.testing.assert_allclose(there, back, atol=1e-9)


def test_holding_never_leaves_the_values_by_more_than_twice_the_band() -> None:
    rng = np.random.default_rng(3)
    for scale in (0.1, 0.4, 0.7, 1.5):
        values = column(scale * rng.standard_normal(COUNT))
        assert np.abs(suppress_variations(values, SEEN, TIMES, **HOLD) - values).max() <= 2 * HOLD["band"]
    np.testing.assert_array_equal(suppress_variations(values, SEEN, TIMES, sigma_s=0.4, band=0), values)


def test_a_frame_whose_fit_jumps_is_dropped_and_pumping_is_not() -> None:
    cast = 0.3 * np.random.default_rng(4).standard_normal(COUNT)
    cast[[20, 61]] += [9, -9]
    assert np.flatnonzero(~inliers(column(cast), limit=4.0)).tolist() == [20, 61]
    cast[21] += 9  # two odd ones side by side are a minority of five
    assert np.flatnonzero(~inliers(column(cast), limit=4.0)).tolist() == [20, 21, 61]
    pumping = 6 * (-1.0) ** np.arange(COUNT)
    assert inliers(column(pumping), limit=4.0).all()
    step = np.where(np.arange(COUNT) < 50, 0.0, 20.0)
    assert inliers(column(step), limit=4.0).all()
    assert inliers(column(cast[:4]), limit=0.5).all()


def test_one_odd_channel_drops_the_frame() -> None:
    values = np.zeros((COUNT, 3))
    values[[20, 50, 70], [0, 1, 2]] = 9
    assert np.flatnonzero(~inliers(values, limit=4.0)).tolist() == [20, 50, 70]


def test_a_gain_that_trembles_is_calm_and_a_trembling_shift_is_held() -> None:
    stats = {row: replace(stats_of(2.0), synced_std=np.full(3, 10 + row % 2)) for row in range(COUNT)}
    calm, raw = (
        np.array([each.slope[0] for each in colour_maps(stats, TIMES, ColourSettings(gain_smooth_s=time_s))])
        for time_s in (0.4, 0.0)
    )
    assert np.ptp(raw) == pytest.approx(1 - 10 / 11)
    assert np.ptp(calm[10:-10]) < 0.002
    assert calm.mean() == pytest.approx(raw.mean(), abs=0.002)
    casts = 5 + 0.05 * np.random.default_rng(6).standard_normal(COUNT)
    held_moves, followed = (luma_moves(casts, hold_levels=levels) for levels in (0.25, 0.0))
    np.testing.assert_allclose(followed, -casts, atol=1e-9)
    assert np.abs(np.diff(held_moves)).mean() < 0.1 * np.abs(np.diff(followed)).mean()


@pytest.mark.parametrize("method", METHODS)
def test_a_jumping_frame_takes_its_neighbours_map(method: str) -> None:
    casts = np.full(COUNT, 4.0)
    usual = luma_moves(casts, method=method)
    casts[30] = 18.0
    np.testing.assert_allclose(luma_moves(casts, method=method), usual, atol=1e-9)
    assert np.ptp(luma_moves(casts, method=method, outlier_levels=128)) > 3


@pytest.mark.parametrize("method", METHODS)
def test_golden_move_and_exact_identity_over_a_shot(method: str) -> None:
    # White balance: a gain of light of 1 / (1 + 4 / 60), here on a value of 120.
    want = {"mean_std": -4.0, "histogram": -4.0, "white_balance": -7.5}[method]
    np.testing.assert_allclose(luma_moves(np.full(20, 4.0), method=method), want, atol=1e-6)
    maps = colour_maps({row: stats_of(0.0) for row in range(20)}, TIMES[:20], ColourSettings(method=method))
    assert all(each.is_identity for each in maps)


def test_rows_without_statistics_take_their_neighbours() -> None:
    maps = colour_maps({3: stats_of(2.0), 5: stats_of(4.0)}, TIMES[:8], ColourSettings(hold_levels=0))
    np.testing.assert_allclose([each.moves[0, 0] for each in maps], [-2, -2, -2, -2, -3, -4, -4, -4])
    assert all(each.is_identity for each in colour_maps({}, TIMES[:8], ColourSettings()))


def _cells(left: float) -> np.ndarray:
    """A sample of a face whose synced picture is `left` levels darker in the left half, in luma alone."""
    sample = np.zeros((CELLS, CELLS, 7), np.float16)
    sample[..., 0], sample[..., 1:4] = 1, 120
    sample[:, : CELLS // 2, 4] = -left
    return sample


IDENTITY = ColourMap.affine("ycbcr", np.ones(3), np.zeros(3))
MATRIX = ycbcr_matrix(ColourTags(1, 1, 1, 1), 1080)


def _membranes(lefts: list[float | None], **kwargs: object) -> np.ndarray:
    samples = {row: _cells(left) for row, left in enumerate(lefts) if left is not None}
    settings = ColourSettings.model_validate(kwargs)
    found = membranes(samples, [IDENTITY] * len(lefts), np.arange(len(lefts)) / 25, settings, MATRIX)
    return np.array([np.full((CELLS, CELLS, 3), np.nan) if cells is None else cells for cells in found])


def test_a_membrane_is_what_the_map_leaves_where_it_leaves_it() -> None:
    still = _membranes([6.0] * 20)
    np.testing.assert_allclose(still[:, 2:6, :2, 0], 5.8, atol=0.3)
    np.testing.assert_allclose(still[:, 2:6, 6:, 0], 0, atol=0.05)
    np.testing.assert_array_equal(still[..., 1:], 0)
    lifted = ColourMap.affine("ycbcr", np.ones(3), np.array([6.0, 0, 0]))
    found = membranes({0: _cells(6.0)}, [lifted], np.zeros(1), ColourSettings(), MATRIX)[0]
    assert found is not None
    np.testing.assert_allclose(found[2:6, :2, 0], 0, atol=0.1)
    np.testing.assert_allclose(found[2:6, 6:, 0], -5.8, atol=0.3)


def test_a_membrane_that_trembles_is_held_and_one_that_pumps_is_followed() -> None:
    calm = _membranes([6 + 0.2 * (-1) ** row for row in range(40)])
    assert np.ptp(calm[5:-5, 4, 0, 0]) < 0.05
    free = _membranes([6 + 0.2 * (-1) ** row for row in range(40)], hold_levels=0)
    assert np.ptp(free[5:-5, 4, 0, 0]) > 0.3
    pumping = _membranes([6 + 4 * (-1) ** row for row in range(40)])
    assert np.ptp(pumping[5:-5, 4, 0, 0]) > 7


def test_frames_without_a_sample_take_their_neighbours_membrane() -> None:
    found = _membranes([2.0, None, 6.0], gain_smooth_s=0)
    np.testing.assert_allclose(found[1], (found[0] + found[2]) / 2, atol=1e-5)


def test_no_membrane_where_none_is_known_or_wanted() -> None:
    assert np.isnan(_membranes([None] * 4)).all()
    assert np.isnan(_membranes([6.0] * 4, membrane=False)).all()


def test_shifts_that_all_stand_apart_are_all_taken() -> None:
    """Three channels that jump in turn leave no frame that is usual in all of them."""
    casts = np.zeros((COUNT, 3))
    for channel, places in enumerate(((0, 1), (2, 3), (4,))):
        casts[np.isin(np.arange(COUNT) % 5, places), channel] = 9
    assert not inliers(casts, limit=4.0)[5:-5].any()
    few = {row: stats_of(cast) for row, cast in enumerate(casts[5:-5])}
    assert len(colour_maps(few, TIMES[: len(few)], ColourSettings())) == len(few)
