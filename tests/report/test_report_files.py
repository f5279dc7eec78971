"""CSV, JSON, JUnit XML and the text for a terminal."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import typer
from report_stand_ins import FAILING, PASSED, PortraitWalk, StandIn, changed, evaluation

import lipblend.quality.report
from lipblend.errors import InputError, OutputError
from lipblend.faces.landmarks import Landmarks
from lipblend.quality.measures import MEASURES
from lipblend.quality.record import Evaluation, Headline, PartResult
from lipblend.quality.report import load_report, write_junit, write_report
from lipblend.quality.report.page_measures import table_row
from lipblend.quality.report.page_plots import plot
from lipblend.quality.report.picks import Pick
from lipblend.quality.report.report_files import csv_bytes, json_bytes
from lipblend.quality.report.report_page import missed_text, page_bytes


def saved(tmp_path: Path, record: Evaluation) -> Path:
    path = tmp_path / "report.json"
    path.write_bytes(json_bytes(record))
    return path


def test_json_keeps_a_whole_evaluation(tmp_path: Path) -> None:
    record = evaluation(notes=("naïve ☃ </script>", "\udcff"))
    assert load_report(saved(tmp_path, record)) == record


def test_json_keeps_the_headline_and_says_its_word(tmp_path: Path) -> None:
    record = evaluation()
    written = json.loads(json_bytes(record))
    assert list(written["headline"]) == ["score", "word", "parts"]
    assert (written["headline"]["score"], written["headline"]["word"]) == (34.2, "visible")
    assert [part["key"] for part in written["headline"]["parts"]] == ["seam_step", "softness", "glow"]
    assert written["headline"]["parts"][0]["seen"][0]["first"] == FAILING.start
    assert load_report(saved(tmp_path, record)).headline == record.headline
    bare = dataclasses.replace(record, headline=None)
    assert load_report(saved(tmp_path, bare)) == bare
    odd = Headline(0.0, (PartResult("of_the_future", 8.0, math.inf, 3, ()),))
    assert load_report(saved(tmp_path, dataclasses.replace(record, headline=odd))).headline == odd


def test_json_passes_nothing_that_was_not_judged() -> None:
    record = evaluation()
    fine = changed(changed(record, "seam", passed=True), "score", passed=True)
    off = tuple(dataclasses.replace(each, mark=None, passed=None) for each in record.verdicts)
    bare = tuple(dataclasses.replace(row, blended=False) for row in record.rows)
    for made, judged, passed in (
        (record, True, False),
        (fine, True, True),
        (dataclasses.replace(fine, verdicts=off), False, None),
        (dataclasses.replace(fine, rows=bare), False, None),
    ):
        found = json.loads(json_bytes(made))
        assert (found["judged"], found["passed"]) == (judged, passed)


def test_json_keeps_infinity_and_nan(tmp_path: Path) -> None:
    record = changed(evaluation(), "psnr", value=math.inf, worst=-math.inf, median=math.nan, within=0.1)
    path = saved(tmp_path, record)
    json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    found = {each.key: each for each in load_report(path).verdicts}["psnr"]
    assert (found.value, found.worst) == (math.inf, -math.inf)
    assert math.isnan(found.median)


def test_json_has_a_fixed_order_of_keys() -> None:
    record = evaluation()
    turned = dataclasses.replace(record, values=dict(reversed(record.values.items())))
    assert list(turned.values) != list(record.values)
    assert json_bytes(turned) == json_bytes(record)
    found = json.loads(json_bytes(record))
    assert next(iter(found)) == "schema"
    assert found["passed"] is False
    assert found["passed_through"] == {"no face": len(PASSED)}
    assert list(found)[-1] == "rows"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[]", "not a report of lipblend"),
        (b'{"schema": 1}', "not a report of lipblend"),
        (b'{"schema": 99, "program": "lipblend"}', "schema 99"),
        (b'{"schema": 1, "program": "lipblend"}', "schema 1; this version reads 2"),
        (b'{"schema": 2, "program": "lipblend"}', "'settings' is missing"),
        (None, "cannot read"),
    ],
)
def test_a_file_that_is_no_report_is_an_input_error(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        load_report(path)
    assert caught.value.hint


@pytest.mark.parametrize(
    "damage",
    [
        lambda found: found["rows"][3].pop("values"),
        lambda found: found["rows"][3].update(values={"seam": "high"}),
        lambda found: found["verdicts"][0].update(passed=1),
        lambda found: found.update(rows=5),
        lambda found: found.update(rows=[7]),
        lambda found: found.update(shots=[None]),
        lambda found: found.update(width="wide"),
        lambda found: found.update(versions=[]),
        lambda found: found["verdicts"][0].update(mark=True),
        lambda found: found.pop("headline"),
        lambda found: found["headline"].update(score="good"),
        lambda found: found["headline"]["parts"][0].pop("seen"),
        lambda found: found["headline"].update(parts=[7]),
    ],
)
def test_a_damaged_report_is_an_input_error(tmp_path: Path, damage: object) -> None:
    found = json.loads(json_bytes(evaluation()))
    damage(found)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(found))
    with pytest.raises(InputError, match="not a complete report"):
        load_report(path)


def test_csv_has_a_row_per_frame() -> None:
    record = evaluation()
    rows = list(csv.DictReader(csv_bytes(record).decode().splitlines()))
    assert len(rows) == len(record.rows)
    assert list(rows[0])[:8] == ["frame", "time_s", "shot", "original", "synced", "blended", "reason", "faults"]
    assert list(rows[0])[8:13] == ["broken", "certainty", "bridged", "hidden", "in_front"]
    assert list(rows[0])[13:] == [key for key, measure in MEASURES.items() if measure.per == "frame"]
    at = rows[FAILING.start]
    assert (at["frame"], at["time_s"], at["blended"]) == (str(FAILING.start), "1.600000", "1")
    assert float(at["seam"]) == record.rows[FAILING.start].values["seam"]
    assert at["psnr"] == ""
    out = rows[PASSED.start]
    assert (out["synced"], out["blended"], out["reason"], out["seam"]) == ("", "0", "no face", "")
    assert rows[20]["faults"] == "blurred"


def test_a_near_miss_on_the_page_has_enough_digits() -> None:
    record = changed(evaluation(), "ssim_y", worst=0.919996, failing=())
    (verdict,) = (each for each in record.verdicts if each.key == "ssim_y")
    assert table_row(verdict, plotted=False, gated=True).worst == "0.919996"
    assert plot(record, verdict, gated=True).description.endswith("worst 0.919996")
    picked = Pick(3, "ssim_y", 0.919996)
    assert missed_text(record, picked, gated=True) == "0:00.120, ring SSIM, luma 0.919996, misses its mark"
    assert missed_text(record, picked, gated=False).endswith("0.919996, beyond its mark")
    met = dataclasses.replace(verdict, worst=0.92004)
    assert table_row(met, plotted=False, gated=True).worst == "0.92"


def test_the_page_judges_only_with_a_gate(tmp_path: Path, portrait: np.ndarray, face: Landmarks) -> None:
    evaluated = StandIn(evaluation(60), PortraitWalk(portrait, face))
    page = write_report(tmp_path, evaluated, video=False)["report.html"].read_text(encoding="utf-8")
    body = page.partition("</style>")[2].partition("<script")[0]
    assert "<title>Visible, 34 of 100: result.mp4</title>" in page
    judging = ("Failed", "Passed:", "fails", "misses", ">pass<", 'class="missed"', 'class="gate"')
    assert not [word for word in judging if word in body]
    assert body.count('class="state beyond">beyond<') == 1
    assert body.count('class="state within">within<') == 6
    gated = write_report(tmp_path, evaluated, video=False, gated=True)["report.html"].read_text(encoding="utf-8")
    assert "<title>Failed: Visible, 34 of 100: result.mp4</title>" in gated
    assert '<span class="state fail">Failed: visible, 34 of 100, 2 of 8 pass marks missed</span>' in gated
    assert "<li>An edge shows around the new mouth, 0:01.6 to 0:02.0: try --preset high-motion, it follows" in gated
    assert 'class="advice"' not in body


def test_the_terminal_judges_only_with_a_gate() -> None:
    from lipblend.cli.verdict import summary

    measured, judged = summary(evaluation(), {}, gated=False), summary(evaluation(), {}, gated=True)
    assert "Measured: visible, 34 of 100" in measured
    assert "beyond" in measured
    assert not any(word in measured for word in ("Failed", " fail ", " pass  "))
    assert "Failed: visible, 34 of 100, 2 of 8 pass marks missed" in judged
    for text in (measured, judged):
        lines = [" ".join(line.split()) for line in text.splitlines()]
        assert "Edge around the mouth 1.7 x just visible 0.96 JND 51" in lines
        assert any(line.startswith("Soft skin 0.6 x just visible 10 %") for line in lines)
        assert "also not seen: glow or stain" in lines
        assert any(line.startswith("Seam discontinuity 0.36 at most 0.12 at most 0.12") for line in lines)


def test_the_gates_hint_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    from lipblend.cli.verdict import GATE_HINT, enforce_gate

    with pytest.raises(typer.Exit):
        enforce_gate(evaluation(), shown=False)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "error: Failed: visible, 34 of 100, 2 of 8 pass marks missed"
    assert lines[-1] == GATE_HINT


@pytest.mark.slow
def test_three_files_and_nothing_else_are_written(tmp_path: Path, portrait: np.ndarray, face: Landmarks) -> None:
    folder = tmp_path / "made" / "here"
    evaluated = StandIn(evaluation(60), PortraitWalk(portrait, face))
    paths = write_report(folder, evaluated, video=False)
    assert sorted(paths) == sorted(os.listdir(folder)) == ["report.csv", "report.html", "report.json"]
    assert load_report(paths["report.json"]) == evaluated.record
    before = {name: path.read_bytes() for name, path in paths.items()}
    write_report(folder, evaluated, video=False)
    assert {name: path.read_bytes() for name, path in paths.items()} == before


def test_the_numbers_are_kept_when_the_page_fails(
    tmp_path: Path, portrait: np.ndarray, face: Landmarks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> bytes:
        raise OutputError("no encoder")

    monkeypatch.setattr(lipblend.quality.report, "page_bytes", broken)
    (tmp_path / "report.html").write_text("of an older run")
    with pytest.raises(OutputError, match="no encoder"):
        write_report(tmp_path, StandIn(evaluation(60), PortraitWalk(portrait, face)))
    assert sorted(os.listdir(tmp_path)) == ["report.csv", "report.json"]


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path, portrait: np.ndarray, face: Landmarks) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot create the folder"):
        write_report(tmp_path / "file" / "report", StandIn(evaluation(60), PortraitWalk(portrait, face)))


def test_a_name_that_is_a_folder_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*junit\.xml"):
        write_junit(tmp_path / "junit.xml", [])
    with pytest.raises(OutputError, match="cannot write"):
        write_junit(tmp_path / "missing" / "junit.xml", [])
    assert os.listdir(tmp_path) == ["junit.xml"]


def test_what_stays_in_front_is_in_every_file_of_a_report(
    portrait: np.ndarray, face: Landmarks, tmp_path: Path
) -> None:
    record = evaluation()
    rows = tuple(
        dataclasses.replace(row, hidden=0.25, in_front=("departures", "hands")) if 10 <= row.index < 15 else row
        for row in record.rows
    )
    record = dataclasses.replace(record, rows=rows)
    path = saved(tmp_path, record)
    assert load_report(path) == record
    (run,) = json.loads(path.read_text())["hidden_runs"]
    assert (run["first"], run["last"], run["share"]) == (10, 14, 0.25)
    table = list(csv.DictReader(csv_bytes(record).decode().splitlines()))
    assert (table[12]["hidden"], table[12]["in_front"]) == ("0.2500", "departures;hands")
    assert (table[9]["hidden"], table[9]["in_front"]) == ("", "")
    page = page_bytes(StandIn(record, PortraitWalk(portrait, face)), video=False).decode()
    assert "In 5 frames (" in page
    assert "departures, hands</td>" in page
    plain = page_bytes(StandIn(evaluation(), PortraitWalk(portrait, face)), video=False).decode()
    assert 'id="in-front"' not in plain
    assert "what stays in front" not in plain
    content = json.loads(path.read_text())
    for row in content["rows"]:  # as earlier versions wrote it
        del row["hidden"], row["in_front"]
    path.write_text(json.dumps(content))
    assert load_report(path).hidden_runs == ()
