import numpy as np
import pytest

from lipblend.plan.smoothing import ema, fill_gaps, ramp, reject_outliers, without_brief_runs, zero_phase

TIMES = np.arange(100) / 25
ALL = np.ones(100, bool)


def test_zero_phase_does_not_lag_and_ema_does() -> None:
    wave = np.sin(2 * np.pi * 1.0 * TIMES)[:, None]

    def lag(smoothed: np.ndarray) -> int:
        shifts = range(-5, 6)
        inner = slice(10, 90)
        return min(shifts, key=lambda s: float(np.abs(np.roll(smoothed, -s, 0)[inner] - wave[inner]).sum()))

    assert lag(zero_phase(wave, ALL, TIMES, sigma_s=0.08, order=2)) == 0
    assert lag(ema(wave, ALL, weight=0.3)) > 0


def test_zero_phase_keeps_parabolas_exactly_even_at_uneven_times() -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.06, 60))
    parabola = np.stack([times**2 - times, 3 * times], 1)
    np.testing.assert_allclose(
        zero_phase(parabola, np.ones(60, bool), times, sigma_s=0.1, order=2), parabola, atol=1e-8
    )


def test_zero_phase_calms_noise_and_keeps_the_mean() -> None:
    noise = np.random.default_rng(1).normal(0, 1, (100, 3))
    smoothed = zero_phase(noise, ALL, TIMES, sigma_s=0.12, order=0)
    assert smoothed.std() < 0.5 * noise.std()
    np.testing.assert_allclose(zero_phase(np.full((100, 1), 7.0), ALL, TIMES, sigma_s=0.12, order=2), 7.0)


def test_zero_phase_ignores_rows_that_are_not_valid() -> None:
    values = np.zeros((100, 1))
    valid = ALL.copy()
    values[50], valid[50] = 1e6, False
    assert np.abs(zero_phase(values, valid, TIMES, sigma_s=0.1, order=2)).max() < 1e-6


def test_a_single_valid_row_is_returned_as_it_is() -> None:
    values, valid = np.arange(5.0)[:, None], np.array([False, False, True, False, False])
    smoothed = zero_phase(values, valid, TIMES[:5], sigma_s=0.02, order=2)
    assert smoothed[2] == pytest.approx(2.0)


def test_ema_is_the_classic_recursion_and_starts_afresh_after_a_gap() -> None:
    values = np.array([[0.0], [1.0], [9.0], [5.0], [6.0]])
    valid = np.array([True, True, False, True, True])
    np.testing.assert_allclose(ema(values, valid, weight=0.5).ravel(), [0, 0.5, 9, 5, 5.5])


def test_gaps_up_to_the_limit_are_filled_linearly_and_longer_ones_are_not() -> None:
    valid = ALL.copy()
    valid[10:15] = valid[40:80] = valid[:2] = False
    values = np.where(valid, np.arange(100.0), -1)[:, None]
    filled, ok = fill_gaps(values, valid, TIMES, max_gap_s=0.25)
    np.testing.assert_allclose(filled[8:17].ravel(), np.arange(8.0, 17.0))
    assert ok[10:15].all()
    assert not ok[40:80].any()
    assert not ok[:2].any()
    assert filled[50] == -1
    _, none = fill_gaps(values, valid, TIMES, max_gap_s=0.19)
    assert not none[10:15].any()


def test_a_jump_of_one_frame_is_dropped_and_a_fast_move_is_not() -> None:
    walk = np.linspace(0, 400, 100)[:, None] * np.ones((1, 4))
    walk[60:] += 300  # a lasting move
    walk[30] += 80
    ok = reject_outliers(walk, ALL, np.full(100, 100.0), limit=0.3)
    assert not ok[30]
    assert ok.sum() == 99


def test_ramp_fades_beside_missing_rows_only() -> None:
    present = ALL.copy()
    present[50:60] = False
    weight = ramp(present, TIMES, ramp_s=0.16)
    assert np.all(weight[50:60] == 0)
    assert weight[0] == weight[-1] == 1
    np.testing.assert_allclose(weight[60:64], [0.2, 0.4, 0.6, 0.8], atol=1e-9)
    np.testing.assert_allclose(weight[46:50], [0.8, 0.6, 0.4, 0.2], atol=1e-9)
    assert np.all(ramp(ALL, TIMES, ramp_s=0.16) == 1)
    assert np.all(weight[[*range(46), *range(64, 100)]] == 1)  # exactly


def present_in(*runs: tuple[int, int]) -> np.ndarray:
    present = np.zeros(100, bool)
    for start, stop in runs:
        present[start:stop] = True
    return present


def test_short_runs_between_long_gaps_are_cleared() -> None:
    kept = without_brief_runs(present_in((0, 5), (40, 52), (70, 83), (96, 100)), TIMES, min_s=0.5)
    # 12 frames last 0.48 s, 13 last 0.52 s; those at the ends begin or end with a cut.
    np.testing.assert_array_equal(kept, present_in((0, 5), (70, 83), (96, 100)))


def test_a_run_that_lasts_as_long_as_asked_for_stays() -> None:
    present = present_in((40, 45))
    assert without_brief_runs(present, TIMES, min_s=0.2).any()
    assert not without_brief_runs(present, TIMES, min_s=0.21).any()
    assert without_brief_runs(present, TIMES, min_s=0).any()


def test_a_short_run_beside_a_short_gap_belongs_to_the_run_beyond() -> None:
    present = present_in((10, 40), (42, 50), (80, 100))
    np.testing.assert_array_equal(without_brief_runs(present, TIMES, min_s=0.5), present)


def test_runs_that_flicker_all_go() -> None:
    flickering = present_in((20, 26), (42, 48), (64, 70))
    assert not without_brief_runs(flickering, TIMES, min_s=0.5).any()


def test_runs_last_in_time_and_not_in_frames() -> None:
    present = present_in((40, 60))
    assert without_brief_runs(present, TIMES, min_s=0.5).any()
    assert not without_brief_runs(present, TIMES / 2, min_s=0.5).any()


def test_no_rows_missing_and_all_rows_missing() -> None:
    assert without_brief_runs(ALL[:5], TIMES[:5], min_s=0.5).all()
    assert not without_brief_runs(~ALL, TIMES, min_s=0.5).any()
