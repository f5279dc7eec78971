"""``lipblend baseline``: output and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import lipblend.quality.report
from lipblend.cli.app import app
from lipblend.errors import InputError
from lipblend.quality.record import Evaluation, InputFile, Verdict


@pytest.fixture(autouse=True)
def reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a report contains its seam value: ``a=0.1``."""

    def load(path: Path) -> Evaluation:
        name, _, seam = path.name.partition("=")
        if not seam:
            raise InputError(f"{path} is no report")
        verdict = Verdict("seam", float(seam), 0.12, True, float(seam) / 2, None, None, ())
        return Evaluation(
            rows=(), shots=(), values={}, headline=None, verdicts=(verdict,), matte="settings", settings={},
            versions={}, inputs=(InputFile("result", f"{name}.mp4", "00", 1),), notes=(), width=2, height=2,
            frame_rate=25.0, seconds=0.0,
        )  # fmt: skip

    monkeypatch.setattr(lipblend.quality.report, "load_report", load, raising=False)


def baseline(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["baseline", *map(str, words)])


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "baseline.json"
    done = baseline("save", path, "a=0.1", "b=0.2")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"{path}: 2 clips: a.mp4, b.mp4\n"
    return path


def test_equal_or_better_numbers_pass(kept: Path) -> None:
    done = baseline("check", kept, "a=0.1", "b=0.15", "c=0.3")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "compared 4 values of 2 clips"
    assert lines[2].split() == ["b.mp4", "seam", "value", "0.2", "0.15", "0.005", "better"]
    assert "new: c.mp4" in lines
    assert lines[-1] == f"no measure is worse than {kept} allows"


def test_a_regression_ends_with_exit_code_8_and_names_everything(kept: Path) -> None:
    done = baseline("check", kept, "a=0.1", "b=0.207")
    assert done.exit_code == 8
    assert "1 number of 1 clip became worse" in done.stderr
    assert "b.mp4: seam (value) was 0.2, is 0.207, allowed 0.005" in done.stderr
    assert "no measure is worse" not in done.stdout
    assert baseline("check", kept, "a=0.1", "b=0.207", "--tolerance", "seam=4%").exit_code == 0
    assert baseline("check", kept, "a=0.1", "b=0.207", "--tolerance", "seam=3%").exit_code == 8


def test_json_is_one_object_in_any_case(kept: Path) -> None:
    fine = json.loads(baseline("check", kept, "a=0.1", "b=0.15", "--json").stdout)
    assert fine["passed"] is True
    assert [(each["clip"], each["which"], each["now"]) for each in fine["improvements"]] == [
        ("b.mp4", "value", 0.15), ("b.mp4", "median", 0.075),
    ]  # fmt: skip
    done = baseline("check", kept, "b=0.9", "--json")
    assert done.exit_code == 8
    assert "error: 2 numbers of 1 clip became worse and 1 clip of the baseline missing" in done.stderr
    worse = json.loads(done.stdout)
    assert worse["passed"] is False
    assert worse["missing"] == ["a.mp4"]
    assert worse["regressions"][0] == {
        "clip": "b.mp4", "key": "seam", "which": "value", "was": 0.2, "now": 0.9, "allowed": 0.005,
    }  # fmt: skip
    assert json.loads(baseline("check", kept, "c=0.1", "--json").stdout)["passed"] is False
    broken = json.loads(baseline("check", kept, "nothing", "--json").stdout)
    assert broken["error"]["exit_code"] == 3


def test_an_unknown_measure_of_the_baseline_is_named(kept: Path) -> None:
    content = json.loads(kept.read_text())
    content["clips"]["a.mp4"]["beauty"] = {"value": 1.0}
    kept.write_text(json.dumps(content))
    done = baseline("check", kept, "a=0.1", "b=0.2")
    assert done.exit_code == 0
    assert "note: a.mp4: beauty: not compared, because this version has no such measure" in done.stdout
    data = json.loads(baseline("check", kept, "a=0.1", "b=0.2", "--json").stdout)
    assert data["unknown_measures"] == ["a.mp4: beauty"]


def test_a_missing_clip_is_an_error_unless_allowed(kept: Path) -> None:
    done = baseline("check", kept, "a=0.1")
    assert done.exit_code == 8
    assert "b.mp4: not among the reports" in done.stderr


def test_saving_replaces_unless_that_is_forbidden(kept: Path) -> None:
    assert baseline("save", kept, "a=0.3", "--no-overwrite").exit_code == 7
    assert baseline("check", kept, "a=0.1", "b=0.2").exit_code == 0
    assert baseline("save", kept, "a=0.3").exit_code == 0
    assert baseline("check", kept, "a=0.4").exit_code == 8


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["x=0.1", "y=0.2", "--name", "a.mp4", "--name", "b.mp4"], 0),
        (["x=0.1", "y=0.2", "--name", "a.mp4"], 2),
        (["a=0.1", "b=0.2", "--tolerance", "beauty=1"], 2),
        ([], 2),
        (["nothing"], 3),
        (["a=0.1", "--allow-missing"], 0),
        (["c=0.1", "--allow-missing"], 8),
    ],
)
def test_exit_codes_of_a_check(kept: Path, words: list[str], code: int) -> None:
    assert baseline("check", kept, *words).exit_code == code
    assert baseline("check", kept.with_name("none.json"), "a=0.1").exit_code == 3


def test_a_baseline_replaces_no_report(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    report = folder / "a=0.1"
    files = [report, folder / "report.json", folder / "report.html", folder / "report.csv"]
    for each in files:
        each.write_bytes(b"mine")
    for each in (*files, folder / ".." / "run" / "report.json"):
        done = baseline("save", each, report)
        assert done.exit_code == 7
        assert "is an input of this run" in done.stderr
        assert each.read_bytes() == b"mine"
    assert baseline("save", folder / "baseline.json", report).exit_code == 0


def test_a_baseline_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = baseline("save", tmp_path / "nodir" / "b.json", "a=0.1")
    assert done.exit_code == 7
    assert f"the folder {tmp_path / 'nodir'} does not exist. Create it first" in done.stderr
