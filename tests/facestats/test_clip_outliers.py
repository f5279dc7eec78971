"""Robust scores with known answers."""

from __future__ import annotations

import numpy as np
import pytest
from heads import head, series

from lipblend.facestats.clip_outliers import STATISTICS, clip_values, find_outliers, robust_scores
from lipblend.facestats.face_summary import summarise


def test_scores_are_deviations_over_the_mad() -> None:
    scores = robust_scores(np.array([1.0, 2.0, 3.0, 4.0, 100.0]), least_deviation=0.01)
    assert scores == pytest.approx(np.array([-2, -1, 0, 1, 97]) / 1.4826)


def test_equal_clips_are_judged_by_the_least_deviation() -> None:
    values = np.array([5.0, 5.0, 5.0, 5.0, 7.0])
    assert robust_scores(values, least_deviation=1.0)[-1] == pytest.approx(2)
    assert robust_scores(values, least_deviation=0.5)[-1] == pytest.approx(4)


def test_ratios_are_alike_up_and_down_and_missing_values_stay_missing() -> None:
    scores = robust_scores(np.array([50.0, 100.0, 200.0, np.nan]), least_deviation=0.1, ratio=True)
    assert scores[0] == pytest.approx(-scores[2], rel=1e-4)
    assert np.isnan(scores[3])
    assert np.isnan(robust_scores(np.full(3, np.nan), least_deviation=1.0)).all()


def clips(*widths: float, turn: float = 0.0) -> list[dict[str, float]]:
    rng = np.random.default_rng(1)

    def shot(width: float, turn: float) -> dict[str, float]:
        meshes = [head(width=width, turn=turn) + rng.normal(0, 0.2, (478, 2)).astype(np.float32) for _ in range(12)]
        return clip_values(summarise([series(meshes)]), (400, 300))

    return [shot(width, turn if place == len(widths) - 1 else 0.0) for place, width in enumerate(widths)]


def test_the_clip_that_differs_is_named_with_what_differs() -> None:
    found = find_outliers(clips(100, 98, 103, 101, 99, 102, turn=25.0))
    (yaw,) = [each for each in found if each.key == "yaw_deg"]
    assert yaw.clip == 5
    assert yaw.score > 3.5
    assert yaw.why == "turned to the right"
    assert yaw.value == pytest.approx(25, abs=1)
    assert yaw.median == pytest.approx(0, abs=1)
    small = [each for each in find_outliers(clips(40, 98, 103, 101, 99)) if each.key == "width_px"]
    assert [(each.clip, each.why) for each in small] == [(0, "smaller face")]
    assert small[0].score < -3.5


def test_like_clips_and_few_clips_have_no_outliers() -> None:
    assert find_outliers(clips(100, 98, 103, 101, 99)) == []
    assert find_outliers(clips(100, 98, 20)) == []


def test_every_statistic_has_a_value() -> None:
    (values, *_) = clips(100)
    assert set(values) == {each.key for each in STATISTICS}
