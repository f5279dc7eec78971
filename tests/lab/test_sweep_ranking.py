"""The order of a sweep, and what counts as equal: on made outcomes, without a video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sweep_material import AXES, outcomes, ranked

from lipblend.errors import SettingsError
from lipblend.lab.sweep.grid import Combination, Grid, make_grid
from lipblend.lab.sweep.outcome import Outcome, RunOutcome
from lipblend.lab.sweep.ranking import Ranking, check_rank_by, rank
from lipblend.lab.sweep.worth import values_over


@pytest.fixture
def grid() -> Grid:
    return make_grid("natural", None, AXES)


def order(ranking: Ranking) -> list[int]:
    return [each.outcome.combination.number for each in ranking.ranked]


def equal(ranking: Ranking) -> list[int]:
    return [each.outcome.combination.number for each in ranking.ranked if each.equals_best]


def test_the_highest_headline_is_the_best(grid: Grid) -> None:
    found = ranked(
        grid, [{"glow": [1.0] * 3}, {"glow": [0.2] * 3, "doubled": [0.3] * 3}, {"glow": [2.0] * 3}, "no face"]
    )
    assert order(found) == [2, 1, 3, 4]
    assert found.best.outcome.combination.values == {"mask.erosion_frac": "0.003", "alpha.gamma": "1"}
    values = [each.value for each in found.ranked]
    assert values[1:] == [pytest.approx(60.0), pytest.approx(100 / (1 + 8 / 3)), None]
    assert "higher is better" in found.text
    assert "before it is encoded" in found.text
    assert [each.outcome.passed for each in found.ranked] == [True, True, False, None]


def test_the_pass_mark_is_the_combinations_own(tmp_path: Path) -> None:
    for mark, passed in (("50", [True, False]), ("95", [False, False]), ("off", [None, None])):
        config = tmp_path / "mine.yaml"
        config.write_text(f"gate:\n  score_min: {mark}\n")
        strict = make_grid("natural", config, ["alpha.gamma=0.5,1"])
        found = ranked(strict, [{"glow": [1.0] * 3}, {"glow": [4.0] * 3}])
        assert [each.outcome.passed for each in found.ranked] == passed


def test_what_most_runs_agree_on_is_a_difference(grid: Grid) -> None:
    """All runs worse, two of three, one of three, and by less than the tolerance in all of them."""
    runs = {
        (0.8, 0.8, 0.8): False,
        (0.8, 0.8, 0.4): False,
        (0.8, 0.4, 0.4): True,
        (0.4, 0.4, 0.8): True,
        (0.42, 0.42, 0.42): True,
    }
    for seen, alike in runs.items():
        found = ranked(grid, [{"glow": [0.4] * 3}, {"glow": list(seen)}, {"glow": [5.0] * 3}, "no face"])
        assert order(found)[0] == 1
        assert (2 in equal(found)) is alike, seen
        assert not {3, 4} & set(equal(found))


def test_with_all_frames_there_is_no_chance_in_the_choice(grid: Grid) -> None:
    given = [{"glow": [0.4, 0.4, 0.4]}, {"glow": [0.8, 0.4, 0.4]}, {"glow": [0.42] * 3}, "no face"]
    assert equal(ranked(grid, given)) == [1, 3, 2]
    assert equal(ranked(grid, given, sampled=False)) == [1, 3]
    assert "bootstrap" in ranked(grid, given).noise
    assert "bootstrap" not in ranked(grid, given, sampled=False).noise


def test_too_few_runs_leave_the_tolerance(grid: Grid) -> None:
    given = [{"glow": [0.4, 0.4]}, {"glow": [0.8, 0.4]}, {"glow": [0.4, 0.42]}, "no face"]
    assert equal(ranked(grid, given)) == [1, 3]
    assert "2 runs of frames cannot show" in ranked(grid, given).noise


def test_runs_elsewhere_are_not_compared_run_by_run(grid: Grid) -> None:
    first, second, *others = outcomes(grid, [{"glow": [0.4] * 3}, {"glow": [0.8, 0.4, 0.4]}, "no face", "no face"])
    moved = tuple(RunOutcome(run.start + 1, run.frames, run.values, run.visibility) for run in second.runs)
    shifted = Outcome(second.combination, second.headline, second.values, moved)
    assert equal(rank([first, second, *others], grid.axes)) == [1, 2]
    assert equal(rank([first, shifted, *others], grid.axes)) == [1]


def test_one_may_rank_by_a_measure_in_its_own_direction(grid: Grid) -> None:
    values: list[dict[str, float] | str] = [
        {"psnr": 30.0, "doubled": 1.3}, {"psnr": 33.0, "doubled": 1.4}, {"doubled": 0.1}, "no face"
    ]  # fmt: skip
    assert order(ranked(grid, values, by="psnr")) == [2, 1, 3, 4]
    assert equal(ranked(grid, values, by="psnr")) == [2]
    assert order(ranked(grid, values, by="doubled")) == [3, 1, 2, 4]
    assert ranked(grid, values, by="psnr").text.endswith("higher is better")
    ratios = [{"sharpness": value} for value in (0.5, 1.4, 0.9, 1.105)]
    assert order(ranked(grid, ratios, by="sharpness")) == [3, 4, 2, 1]
    assert equal(ranked(grid, ratios, by="sharpness")) == [3, 4]
    with pytest.raises(SettingsError, match="no combination can be ranked by grain"):
        ranked(grid, values, by="grain")


def test_a_measures_mean_is_drawn_again_too(grid: Grid) -> None:
    def runs(combination: Combination, psnr: Sequence[float]) -> Outcome:
        values = {"psnr": float(np.mean(psnr))}
        found = tuple(RunOutcome(number, 10, {"psnr": value}, {}) for number, value in enumerate(psnr))
        return Outcome(combination, None, values, found)

    series = ((33.0, 34.0, 35.0), (32.0, 33.0, 34.0), (33.0, 34.0, 31.0), (32.9, 36.0, 33.0))
    found = rank([runs(*each) for each in zip(grid.combinations, series, strict=True)], grid.axes, by="psnr")
    assert order(found) == [1, 4, 2, 3]
    assert equal(found) == [1, 4, 3]


def test_a_short_run_counts_for_less_in_a_mean() -> None:
    runs = [RunOutcome(0, 50, {"psnr": 34.0}, {}), RunOutcome(60, 1, {"psnr": 30.0}, {})]
    assert values_over(runs, "psnr", [[0, 1], [1, 1]]) == pytest.approx([(50 * 34 + 30) / 51, 30.0])
    assert values_over(runs, "seam", [[0, 1]]) is None


def test_what_one_may_rank_by_is_checked() -> None:
    for name in ("headline", "seam_step", "old_lips", "seam"):
        check_rank_by(name, reference=False)
    check_rank_by("psnr", reference=True)
    with pytest.raises(SettingsError, match="needs a reference"):
        check_rank_by("psnr", reference=False)
    for wrong, right in (("color_step", "colour_step"), ("score", "headline")):
        with pytest.raises(SettingsError, match=f"Did you mean {right}"):
            check_rank_by(wrong, reference=False)
    with pytest.raises(SettingsError, match="cannot rank by 'lip_corr'"):
        check_rank_by("lip_corr", reference=True)


def test_the_effect_of_a_value_is_the_mean_over_its_combinations(grid: Grid) -> None:
    found = ranked(grid, [{"seam": value} for value in (1.0, 2.0, 4.0)] + ["no face"], by="seam")
    assert found.effects == {
        "mask.erosion_frac": {"0.003": 1.5, "0.009": 4.0},
        "alpha.gamma": {"0.5": 2.5, "1": 2.0},
    }
