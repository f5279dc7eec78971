"""The files of a sweep, its table and its command line: on made outcomes, without a video."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest
from sweep_material import AXES, ranked
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.cli.sweep_cmd import sweep_text
from lipblend.errors import OutputError
from lipblend.lab.sweep.grid import Grid, make_grid
from lipblend.lab.sweep.plot import sweep_svg
from lipblend.lab.sweep.sweep_files import FILES, preset_text, write_sweep
from lipblend.lab.sweep.sweep_result import SweepResult
from lipblend.quality.headline import score_of
from lipblend.runtime.output_paths import check_folder_writable
from lipblend.settings import Settings, presets
from lipblend.settings.presets import list_presets
from lipblend.settings.resolve import resolve_settings

PICTURE = np.full((40, 60, 3), (10, 120, 250), np.uint8)


@pytest.fixture
def grid() -> Grid:
    return make_grid("natural", None, AXES)


@pytest.fixture
def result(grid: Grid) -> SweepResult:
    best = {"glow": [0.5] * 3, "doubled": [0.2] * 3, "psnr": 40.0, "seam": 0.01}
    ranking = ranked(grid, [{"glow": [1.0] * 3}, best, 'no <face> & "more"', {"glow": [0.5, 0.7, 0.5]}])
    return SweepResult(ranking, grid, 30, 3, 1, 1, 12.5, ("a note",), {"sweep.csv": Path("out/sweep.csv")})


def test_the_table_has_a_row_a_combination_from_the_best(result: SweepResult, tmp_path: Path) -> None:
    write_sweep(tmp_path, result, {}, PICTURE)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "sweep.csv").read_text())))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["equals_best"] for row in rows] == ["yes", "yes", "no", "no"]
    assert [row["combination"] for row in rows] == ["2", "4", "1", "3"]
    assert [row["alpha.gamma"] for row in rows] == ["1", "1", "0.5", "0.5"]
    assert [row["headline"][:5] for row in rows] == ["85.20", "75.37", "60", ""]
    assert [row["word"] for row in rows] == ["invisible", "faint", "faint", ""]
    assert [row["passed"] for row in rows] == ["yes", "yes", "yes", ""]
    assert [row["worst_part"] for row in rows] == ["glow", "glow", "glow", ""]
    assert [row["psnr"] for row in rows] == ["40", "", "", ""]
    names = list(rows[0])
    assert names.index("psnr") < names.index("headline") < names.index("seam")
    assert [row["ms_a_frame"] for row in rows] == ["11.000", "13.000", "10.000", ""]
    assert rows[0]["memory_mb"] == "5.500"
    assert rows[3]["failed"] == 'no <face> & "more"'


def test_the_terminal_shows_the_same(result: SweepResult) -> None:
    lines = sweep_text(result).splitlines()
    assert lines[0].split() == [
        "rank", "mask.erosion_frac", "alpha.gamma", "psnr", "headline", "word", "verdict", "most", "visible", "blended",
        "ms/frame", "MB",
    ]  # fmt: skip
    assert lines[1].split()[:7] == ["1", "0.003", "1", "40", "85", "invisible", "pass"]
    assert lines[2].split()[:4] == ["2", "=", "0.009", "1"]
    assert lines[3].split()[:2] == ["3", "0.003"]
    assert "glow or stain 0.5 x" in lines[1]
    assert "pass: a headline of at least 60 (gate.score_min)" in lines
    assert any(line.startswith("= no clear difference from the best") for line in lines)


def test_machines_get_the_same(result: SweepResult, tmp_path: Path) -> None:
    files = write_sweep(tmp_path, result, {"original": Path("a/b.mp4")}, PICTURE)
    assert sorted(files) == sorted(FILES) == sorted(path.name for path in tmp_path.iterdir())
    assert (cv2.imread(str(files["mouths.png"]))[..., ::-1] == PICTURE).all()
    data = json.loads(files["sweep.json"].read_text())
    assert data["inputs"] == {"original": "b.mp4"}
    assert (data["rank_by"], data["rank_text"]) == ("headline", result.ranking.text)
    assert data["noise_text"] == result.ranking.noise
    best, second, third, failed = data["combinations"]
    assert best["settings"] == {"mask.erosion_frac": "0.003", "alpha.gamma": "1"}
    assert best["values"] == {"psnr": 40.0, "seam": 0.01}
    assert best["value"] == best["headline"]["score"] == pytest.approx(score_of((0.5, 0.2)))
    assert best["headline"]["parts"][0] == {"key": "glow", "visibility": 0.5, "value": 0.5, "worst": 3}
    assert (best["headline"]["word"], best["headline"]["passed"]) == ("invisible", True)
    assert [run["visibility"]["glow"] for run in second["runs"]] == [0.5, 0.7, 0.5]
    assert [each["equals_best"] for each in (best, second, third, failed)] == [True, True, False, False]
    assert (failed["headline"], failed["value"]) == (None, None)
    assert data["effects"]["alpha.gamma"] == pytest.approx({"0.5": 60.0, "1": (best["value"] + second["value"]) / 2})
    assert data["peak_process_mb"] > 10


def test_the_plot_is_well_formed_and_shows_every_ranked_combination(result: SweepResult, tmp_path: Path) -> None:
    root = ET.fromstring(write_sweep(tmp_path, result, {}, PICTURE)["sweep.svg"].read_text())
    kind = "{http://www.w3.org/2000/svg}"
    width, height = (float(number) for number in root.attrib["viewBox"].split()[2:])
    dots = root.findall(f"{kind}circle")
    assert len(dots) == 3 + 2 + 2
    for dot in dots:
        assert 0 < float(dot.attrib["cx"]) < width
        assert 0 < float(dot.attrib["cy"]) < height
    told = {title.text or "": dot for dot in dots if (title := dot.find(f"{kind}title")) is not None}
    best, second, worst = (next(told[text] for text in told if text.startswith(f"{rank}. ")) for rank in (1, 2, 3))
    assert float(best.attrib["cy"]) < float(worst.attrib["cy"])  # high headlines lie high
    assert float(best.attrib["cx"]) > float(worst.attrib["cx"])  # 11 ms against 10 ms
    assert len({dot.attrib["fill"] for dot in (best, second, worst)}) == 3
    assert any(": psnr 40 dB, headline 85, invisible, pass, 11.0 ms" in text for text in told)
    assert any("faint, pass, no clear difference from the best" in text for text in told)
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


def test_the_winner_of_a_sweep_of_presets_can_be_used_over_any(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(f"smooth:\n  sigma_s: {Settings().smooth.sigma_s}\n")  # high-motion has another
    grid = make_grid("natural", config, ["preset=max-concealment,high-motion", "alpha.gamma=0.5,1"])
    ranking = ranked(grid, [{"glow": [number / 2] * 3} for number in (3, 2, 1, 4)])
    result = SweepResult(ranking, grid, 30, 3, 1, 1, 12.5, (), {})
    best = write_sweep(tmp_path, result, {}, PICTURE)["best.yaml"]
    assert ranking.best.outcome.combination.values == {"preset": "high-motion", "alpha.gamma": "0.5"}
    assert "preset=high-motion" in best.read_text()
    for below in ("natural", "high-motion", None):
        assert resolve_settings(below, best).settings == ranking.best.outcome.combination.settings


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


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--set", "encode.crf=10,20"], "encode.crf cannot be swept"),
        (["--set", "alpha.gamma=1"], "single value"),
        (["--set", "alpha.gamma=0.5,1", "--frames", "some"], "--frames some is not allowed"),
        ([], "needs a setting with several values"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(words: list[str], part: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["sweep", "a.mp4", "b.mp4", "-o", str(tmp_path / "out"), *words])
    assert done.exit_code == 2
    assert part in done.stderr
    assert not (tmp_path / "out").exists()
