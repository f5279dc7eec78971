"""Statistics of drawn heads with known answers."""

from __future__ import annotations

import numpy as np
import pytest
from heads import head, series

from lipblend.faces.landmarks import STABLE
from lipblend.facestats.face_series import DETECTED, INTERPOLATED, MISSED
from lipblend.facestats.face_summary import Gap, Spread, find_gaps, plain_numbers, summarise
from lipblend.facestats.jitter import jitter_px


def times(count: int, rate: float = 25.0) -> np.ndarray:
    return np.arange(count) / rate


@pytest.mark.parametrize("turn", [-30.0, 0.0, 12.0])
@pytest.mark.parametrize("tilt", [0.0, 20.0])
def test_pose_place_and_size_of_a_known_head(turn: float, tilt: float) -> None:
    values = series([head(turn=turn, tilt=tilt, nod=6.0, width=80.0, x=310.0, y=90.0)]).values
    assert values["yaw_deg"][0] == pytest.approx(turn, abs=0.1)
    assert values["roll_deg"][0] == pytest.approx(tilt, abs=1.0)  # the neutral eyes are not quite level
    assert values["pitch_deg"][0] == pytest.approx(6.0, abs=1.5)
    assert (values["x_px"][0], values["y_px"][0]) == pytest.approx((310.0, 90.0), abs=1e-3)
    if turn == 0:
        assert values["width_px"][0] == pytest.approx(80.0, abs=0.5)


def test_pitch_follows_a_nod() -> None:
    nods = np.array([-10.0, 0.0, 10.0])
    found = series([head(nod=nod) for nod in nods]).values["pitch_deg"]
    assert np.diff(found) == pytest.approx(np.diff(nods), rel=0.05)


def test_jitter_of_known_noise_is_its_deviation() -> None:
    rng = np.random.default_rng(1)
    points = np.array([50.0, 60.0]) + rng.normal(0, 0.3, (400, 17, 2))
    found = jitter_px(points, np.ones(400, bool), times(400))
    assert np.isnan(found[[0, 1, -2, -1]]).all()
    rms = float(np.sqrt(np.nanmean(found**2)))
    assert rms == pytest.approx(0.3 * np.sqrt(2), rel=0.03)


def test_smooth_motion_is_no_jitter() -> None:
    t = times(100)
    cubic = 100 + 40 * t - 30 * t**2 + 5 * t**3
    points = np.repeat(np.stack([cubic, -cubic], 1)[:, None], 17, axis=1)
    assert np.nanmax(jitter_px(points, np.ones(100, bool), t)) < 1e-9
    nod = np.zeros((100, 17, 2))
    nod[:, :, 1] = (10 * np.sin(2 * np.pi * 3 * t))[:, None]
    assert np.sqrt(np.nanmean(jitter_px(nod, np.ones(100, bool), t) ** 2)) < 0.05 * 10 / np.sqrt(2)


def test_jitter_needs_five_even_frames_that_were_detected() -> None:
    points = np.random.default_rng(2).normal(0, 1, (20, 17, 2))
    valid = np.ones(20, bool)
    valid[10] = False
    missing = np.flatnonzero(np.isnan(jitter_px(points, valid, times(20)))).tolist()
    assert missing == [0, 1, 8, 9, 10, 11, 12, 18, 19]
    late = times(20)
    late[10:] += 1.0  # a pause between frames 9 and 10
    assert np.flatnonzero(np.isnan(jitter_px(points, np.ones(20, bool), late))).tolist() == [0, 1, 8, 9, 10, 11, 18, 19]
    assert np.isnan(jitter_px(points[:4], np.ones(4, bool), times(4))).all()


def test_shape_jitter_ignores_how_the_head_shakes() -> None:
    rng = np.random.default_rng(3)
    shaken = [
        head(width=100 + rng.normal(0, 0.5), x=200 + rng.normal(), y=150 + rng.normal(), tilt=rng.normal())
        for _ in range(60)
    ]
    found = summarise([series(shaken)])
    assert found.jitter_px > 1
    assert found.shape_jitter_frac < 1e-4
    noise = rng.normal(0, 0.4, (60, 478, 2)).astype(np.float32)
    both = summarise([series([mesh + each for mesh, each in zip(shaken, noise, strict=True)])])
    # A similarity takes 4 of the 34 numbers along.
    expected = 0.4 * np.sqrt(2) / 100 * np.sqrt(1 - 4 / (2 * len(STABLE)))
    assert both.shape_jitter_frac == pytest.approx(expected, rel=0.1)


def test_states_and_gaps() -> None:
    mesh = head()
    shown = [None, mesh, mesh, None, None, mesh, mesh, mesh, None, mesh, None, None]
    found = series(shown, interpolated=(2, 3, 6))
    assert found.state[:3].tolist() == [MISSED, DETECTED, INTERPOLATED]
    assert find_gaps(found) == (
        Gap(3, 2, pytest.approx(3 / 25), pytest.approx(2 / 25)),
        Gap(8, 1, pytest.approx(8 / 25), pytest.approx(1 / 25)),
    )
    statistics = summarise([found])
    assert (statistics.frames, statistics.shown) == (12, 6)
    assert (statistics.detected, statistics.interpolated, statistics.missed) == pytest.approx((4 / 12, 2 / 12, 6 / 12))
    longest = statistics.longest_gap
    assert longest is not None
    assert longest.first == 3
    assert np.isnan(statistics.jitter_px)
    assert statistics.to_dict()["jitter_px"] is None


def test_a_spread_leaves_out_what_is_missing() -> None:
    assert Spread.of(np.array([np.nan, 3.0, 1.0, 2.0])) == Spread(1.0, 2.0, 3.0, pytest.approx(np.sqrt(2 / 3)))
    assert np.isnan(Spread.of(np.array([np.nan])).median)
    assert plain_numbers({"a": (1.23456789, float("inf")), "b": "x"}) == {"a": [1.234568, None], "b": "x"}
