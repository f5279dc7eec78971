"""What ``evaluate`` prints and how it ends, with evaluations that are given."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from report_stand_ins import FAILING, changed, evaluation
from typer.testing import CliRunner, Result

from lipblend.cli import evaluate_cmd
from lipblend.cli.app import app
from lipblend.cli.verdict import GATE_HINT
from lipblend.quality.evaluation import evaluate as room
from lipblend.quality.evaluation.evaluate import Evaluated
from lipblend.quality.evaluation.result_settings import JudgedSettings
from lipblend.quality.record import Evaluation
from lipblend.settings import Settings

Patch = pytest.MonkeyPatch


def evaluate(record: Evaluation, monkeypatch: Patch, tmp_path: Path, *words: str) -> Result:
    monkeypatch.setattr(evaluate_cmd, "_settings", lambda *_: JudgedSettings(Settings(), ()))
    monkeypatch.setattr(room, "evaluate", lambda *_, **__: Evaluated(record, None))  # type: ignore[arg-type]
    files = [str(tmp_path / name) for name in ("original.mp4", "synced.mp4", "result.mp4")]
    return CliRunner().invoke(app, ["evaluate", *files, *words])


def passing() -> Evaluation:
    return changed(changed(evaluation(), "seam", passed=True), "score", passed=True)


def unmarked() -> Evaluation:
    record = evaluation()
    off = tuple(dataclasses.replace(each, mark=None, passed=None, failing=()) for each in record.verdicts)
    return dataclasses.replace(record, verdicts=off)


def unblended() -> Evaluation:
    record = passing()
    rows = tuple(dataclasses.replace(row, blended=False, reason="no face") for row in record.rows)
    return dataclasses.replace(record, rows=rows)


def test_json_holds_the_headline_with_its_word_and_parts(monkeypatch: Patch, tmp_path: Path) -> None:
    done = evaluate(evaluation(), monkeypatch, tmp_path, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["judged"], found["passed"]) == (True, False)
    assert (found["headline"]["word"], found["headline"]["score"]) == ("visible", 34.2)
    first = found["headline"]["parts"][0]
    assert (first["key"], first["visibility"], first["seen"][0]["first"]) == ("seam_step", 1.7, FAILING.start)
    assert {each["key"]: each["passed"] for each in found["verdicts"]}["score"] is False


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (unmarked, "no measure has both a value and a pass mark. Set a mark, for example --set gate.score_min=60."),
        (unblended, "no frame was blended: no face (120). `lipblend probe ORIGINAL SYNCED` shows which faces"),
    ],
)
def test_what_was_not_judged_has_neither_passed_nor_failed(
    made: object, said: str, monkeypatch: Patch, tmp_path: Path
) -> None:
    record, message = made(), f"error: the gate has nothing to judge: {said}"  # type: ignore[operator]
    for words, code in (((), 0), (("--gate",), 8)):
        done = evaluate(record, monkeypatch, tmp_path, "--json", *words)
        found = json.loads(done.stdout)
        assert (found["judged"], found["passed"]) == (False, None)
        assert done.exit_code == code
        assert (message in done.stderr) == bool(words)


def test_a_result_without_a_headline_is_null(monkeypatch: Patch, tmp_path: Path) -> None:
    bare = dataclasses.replace(unmarked(), headline=None)
    found = json.loads(evaluate(bare, monkeypatch, tmp_path, "--json").stdout)
    assert found["headline"] is None
    shown = evaluate(bare, monkeypatch, tmp_path)
    assert "Measured: no part of the picture could be judged" in shown.stdout


def test_a_missed_headline_ends_with_exit_code_8(monkeypatch: Patch, tmp_path: Path) -> None:
    record = changed(evaluation(), "seam", mark=None, passed=None, failing=())
    done = evaluate(record, monkeypatch, tmp_path, "--gate")
    assert done.exit_code == 8
    assert "Failed: visible, 34 of 100, 1 of 7 pass marks missed" in done.stdout
    assert done.stderr.splitlines()[-1].endswith(GATE_HINT)
    assert evaluate(record, monkeypatch, tmp_path).exit_code == 0


def test_a_met_headline_passes(monkeypatch: Patch, tmp_path: Path) -> None:
    done = evaluate(passing(), monkeypatch, tmp_path, "--gate", "--json")
    assert (done.exit_code, json.loads(done.stdout)["passed"]) == (0, True)
