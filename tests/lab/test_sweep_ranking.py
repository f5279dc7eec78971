"""The score of a sweep, the order, and the files: on made outcomes, without a video."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import pytest

from lipblend.errors import OutputError, SettingsError
from lipblend.lab.sweep.grid import Grid, make_grid
from lipblend.lab.sweep.plot import sweep_svg
from lipblend.lab.sweep.score import Outcome, Ranking, check_rank_by, rank
from lipblend.lab.sweep.sweep_files import FILES, preset_text, write_sweep
from lipblend.lab.sweep.sweep_result import SweepResult
from lipblend.runtime.output_paths import check_folder_writable
from lipblend.settings import GateSettings, Settings, presets
from lipblend.settings.presets import list_presets
from lipblend.settings.resolve import resolve_settings

AXES = ["mask.erosion_frac=0.003,0.009", "alpha.gamma=0.5,1"]
PERFECT = {"seam": 0.0, "ssim_y": 1.0, "colour_step": 0.0, "alpha_flicker": 0.0, "overspill": 0.0}
AT_MARK = {"seam": 0.12, "ssim_y": 0.92, "colour_step": 1.0, "alpha_flicker": 0.08, "overspill": 0.001}


@pytest.fixture
def grid() -> Grid:
    return make_grid("natural", None, AXES)


def outcomes(grid: Grid, values: Sequence[dict[str, float] | str]) -> list[Outcome]:
    return [
        Outcome(each, failed=given) if isinstance(given, str)
        else Outcome(each, given, frames=30, blended=48, rows=50, plan_ms=1.0, render_ms=9.0 + number, memory_mb=5.5)
        for number, (each, given) in enumerate(zip(grid.combinations, values, strict=True))
    ]  # fmt: skip


def ranked(grid: Grid, values: Sequence[dict[str, float] | str], by: str = "score", **gate: object) -> Ranking:
    marks = GateSettings.model_validate(gate)
    return rank(outcomes(grid, values), grid.axes, by=by, gate=marks)


def order(ranking: Ranking) -> list[int]:
    return [each.outcome.combination.number for each in ranking.ranked]


def scores(ranking: Ranking) -> list[float | None]:
    by_number = {each.outcome.combination.number: each.value for each in ranking.ranked}
    return [by_number[number] for number in sorted(by_number)]


def test_the_score_is_0_when_perfect_and_1_at_the_marks(grid: Grid) -> None:
    half = {**PERFECT, "seam": 0.06, "ssim_y": 0.96}
    found = ranked(grid, [AT_MARK, half, PERFECT, {**PERFECT, "overspill": 0.01}])
    assert scores(found) == pytest.approx([1.0, (0.5 + 0.5) / 5, 0.0, 10 / 5])
    assert order(found) == [3, 2, 1, 4]
    assert found.best.outcome.combination.values == {"mask.erosion_frac": "0.009", "alpha.gamma": "0.5"}
    assert found.text == (
        "score: mean of seam / 0.12, (1 - ssim_y) / 0.08, colour_step / 1, alpha_flicker / 0.08, overspill / 0.001; "
        "0 is perfect, 1 is at the pass marks, lower is better"
    )


def test_marks_that_are_off_or_leave_no_room_do_not_count(grid: Grid) -> None:
    values = [{**AT_MARK, "seam": number} for number in (4.0, 3.0, 2.0, 1.0)]
    found = ranked(grid, values, seam_max="off", overspill_max=0, ring_ssim_min=1)
    assert scores(found) == [1.0] * 4
    assert "seam" not in found.text
    assert "overspill" not in found.text
    assert "ssim_y" not in found.text
    assert order(found) == [1, 2, 3, 4]
    assert scores(ranked(grid, values, seam_max=0.5))[0] == pytest.approx((8 + 4) / 5)


def test_what_one_combination_was_not_measured_by_counts_for_none(grid: Grid) -> None:
    without = {key: value for key, value in AT_MARK.items() if key != "overspill"}
    found = ranked(grid, [without, {**PERFECT, "overspill": 9.0}, AT_MARK, "no face"])
    assert scores(found) == pytest.approx([1.0, 0.0, 1.0, None])
    assert order(found) == [2, 1, 3, 4]


def test_one_may_rank_by_a_measure_in_its_own_direction(grid: Grid) -> None:
    values = [{"psnr": 30.0, "seam": 0.3}, {"psnr": 33.0, "seam": 0.4}, {"seam": 0.1}, "no face"]
    assert order(ranked(grid, values, by="psnr")) == [2, 1, 3, 4]
    assert order(ranked(grid, values, by="seam")) == [3, 1, 2, 4]
    assert ranked(grid, values, by="psnr").text.endswith("higher is better")
    ratios = [{"sharpness": value} for value in (0.5, 1.4, 0.9, 1.2)]
    assert order(ranked(grid, ratios, by="sharpness")) == [3, 4, 2, 1]
    with pytest.raises(SettingsError, match="no combination can be ranked by grain"):
        ranked(grid, values, by="grain")


def test_what_one_may_rank_by_is_checked() -> None:
    check_rank_by("score", reference=False)
    check_rank_by("psnr", reference=True)
    with pytest.raises(SettingsError, match="needs a reference"):
        check_rank_by("psnr", reference=False)
    with pytest.raises(SettingsError, match="Did you mean colour_step"):
        check_rank_by("color_step", reference=False)
    with pytest.raises(SettingsError, match="cannot rank by 'lip_corr'"):
        check_rank_by("lip_corr", reference=True)


def test_the_effect_of_a_value_is_the_mean_over_its_combinations(grid: Grid) -> None:
    found = ranked(grid, [{"seam": value} for value in (1.0, 2.0, 4.0)] + ["no face"], by="seam")
    assert found.effects == {
        "mask.erosion_frac": {"0.003": 1.5, "0.009": 4.0},
        "alpha.gamma": {"0.5": 2.5, "1": 2.0},
    }


@pytest.fixture
def result(grid: Grid) -> SweepResult:
    ranking = ranked(grid, [AT_MARK, {**PERFECT, "psnr": 40.0}, 'no <face> & "more"', {**AT_MARK, "seam": 0.24}])
    return SweepResult(ranking, grid, 30, 6, 1, 1, 12.5, ("a note",), {})


def test_the_table_has_a_row_a_combination_from_the_best(result: SweepResult, tmp_path: Path) -> None:
    write_sweep(tmp_path, result, {})
    rows = list(csv.DictReader(io.StringIO((tmp_path / "sweep.csv").read_text())))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["combination"] for row in rows] == ["2", "1", "4", "3"]
    assert [row["alpha.gamma"] for row in rows] == ["1", "0.5", "1", "0.5"]
    assert [row["score"] for row in rows] == ["0", "1", "1.2", ""]
    assert [row["psnr"] for row in rows] == ["40", "", "", ""]
    assert [row["ms_a_frame"] for row in rows] == ["11.000", "10.000", "13.000", ""]
    assert rows[0]["memory_mb"] == "5.500"
    assert rows[3]["failed"] == 'no <face> & "more"'


def test_machines_get_the_same(result: SweepResult, tmp_path: Path) -> None:
    files = write_sweep(tmp_path, result, {"original": Path("a/b.mp4")})
    assert sorted(files) == sorted(FILES) == sorted(path.name for path in tmp_path.iterdir())
    data = json.loads(files["sweep.json"].read_text())
    assert data["inputs"] == {"original": "b.mp4"}
    assert (data["rank_by"], data["rank_text"]) == ("score", result.ranking.text)
    assert data["combinations"][0]["settings"] == {"mask.erosion_frac": "0.003", "alpha.gamma": "1"}
    assert data["combinations"][0]["values"] == {**PERFECT, "psnr": 40.0}
    assert [each["value"] for each in data["combinations"]] == pytest.approx([0, 1, 1.2, None])
    assert data["effects"]["alpha.gamma"] == pytest.approx({"0.5": 1.0, "1": 0.6})
    assert data["peak_process_mb"] > 10


def test_the_plot_is_well_formed_and_shows_every_ranked_combination(result: SweepResult, tmp_path: Path) -> None:
    root = ET.fromstring(write_sweep(tmp_path, result, {})["sweep.svg"].read_text())
    kind = "{http://www.w3.org/2000/svg}"
    width, height = (float(number) for number in root.attrib["viewBox"].split()[2:])
    dots = root.findall(f"{kind}circle")
    assert len(dots) == 3 + 2 + 2
    for dot in dots:
        assert 0 < float(dot.attrib["cx"]) < width
        assert 0 < float(dot.attrib["cy"]) < height
    told = {title.text: dot for dot in dots if (title := dot.find(f"{kind}title")) is not None}
    best, worst = (next(dot for text, dot in told.items() if text.startswith(f"{rank}. ")) for rank in (1, 3))
    assert float(best.attrib["cy"]) > float(worst.attrib["cy"])  # low scores lie low
    assert float(best.attrib["cx"]) < float(worst.attrib["cx"])  # 11 ms against 13 ms
    assert {"mask.erosion_frac", "alpha.gamma"} <= {text.text for text in root.findall(f"{kind}text")}


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-9, 12345.0])
def test_equal_values_can_be_drawn(grid: Grid, value: float) -> None:
    root = ET.fromstring(sweep_svg(ranked(grid, [{"seam": value}] * 4, by="seam"), grid.axes))
    for dot in root.iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 < float(dot.attrib["cx"]) < 920
        assert 0 < float(dot.attrib["cy"]) < 800


@pytest.mark.slow
@pytest.mark.parametrize("preset", [None, *(each.name for each in list_presets())])
def test_the_winners_file_gives_the_winners_settings(preset: str | None, tmp_path: Path) -> None:
    config = tmp_path / "own.yaml"
    config.write_text(
        "blend:\n  tolerance: 1.0e-05\npair:\n  offset_s: auto\naudio:\n  source: 'ton # \"å\" 😀.wav'\n"
        "mask:\n  regions: [lips, chin]\ngate:\n  seam_max: off\nread:\n  strict: true\n"
    )
    axes = ["blend.method=alpha,multiband", "mask.shapes=lower_face_contour,mouth+box", "smooth.sigma_s=0.06,0.03"]
    grid = make_grid(preset, config, axes)
    for each in grid.combinations:
        path = tmp_path / "best.yaml"
        path.write_text(preset_text(each.settings, "Best: a # b", preset=preset, named=grid.axes), encoding="utf-8")
        for below in {preset, presets.DEFAULT_PRESET, None}:
            assert resolve_settings(below, path).settings == each.settings


def test_the_winners_file_holds_no_more_than_it_must(tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    path.write_text(preset_text(resolve_settings("natural").settings, "x", named=["alpha.gamma"]))
    assert presets.preset_values(presets.PresetInfo("best", "", path)) == {
        "mask.shapes": ["superellipse"],
        "mask.room_expansion": 1.1,
        "mask.room_pad_bottom_frac": 0.1,
        "alpha.gamma": Settings().alpha.gamma,
    }
    path.write_text(preset_text(Settings(), "x"))
    assert set(presets.preset_values(presets.PresetInfo("best", "", path))) == {
        "mask.shapes",
        "mask.room_expansion",
        "mask.room_pad_bottom_frac",
    }


def test_small_numbers_stay_numbers(tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    path.write_text(preset_text(resolve_settings(None, None, {"blend.tolerance": 2e-6}).settings, "x"))
    assert presets.preset_values(presets.PresetInfo("best", "", path))["blend.tolerance"] == 2e-6


def test_an_earlier_sweep_is_kept_where_that_is_wanted(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    check_folder_writable(folder, files=FILES, overwrite=False)
    assert list(tmp_path.iterdir()) == []
    folder.mkdir(parents=True)
    (folder / "best.yaml").write_text("")
    check_folder_writable(folder, files=FILES, overwrite=True)
    with pytest.raises(OutputError, match=r"best\.yaml already exists"):
        check_folder_writable(folder, files=FILES, overwrite=False)
    with pytest.raises(OutputError, match="is a file"):
        check_folder_writable(folder / "best.yaml")
    with pytest.raises(OutputError, match="is a file"):
        check_folder_writable(folder / "best.yaml" / "sweep")
