"""Measuring an output that is up to date without rendering it again, and what results and logs say of the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_runs import Series, files_in

MARK = {"settings": {"gate.score_min": 100}}
MEASURES, RENDERS = "measure: started", "render: started"


def log_of(series: Series, name: str) -> list[str]:
    return (series.folder / "jobs.logs" / f"{name}.log").read_text(encoding="utf-8").splitlines()


def last(series: Series) -> tuple[str, str]:
    """Status and reason in the last line of the results."""
    line = series.results()[-1]
    return line["status"], line["reason"]


@pytest.mark.slow(12)
def test_what_is_only_not_measured_is_measured_and_not_rendered(series: Series) -> None:
    series.write({"a": {}})
    assert series.run().code == 0
    rendered = log_of(series, "a")
    assert rendered[0].startswith("lipblend composite ")
    assert rendered[1] == "why: no output"
    assert RENDERS in rendered
    assert any(line.startswith("render: 10 done in ") for line in rendered)
    assert any(line.startswith("  blended         10 frames") for line in rendered)
    before = files_in(series.folder / "out")["a.mp4"]

    series.write({"a": {"report": "reports/a"}})
    plan = series.run("--dry-run")
    assert (plan.data["make"], plan.data["measure"]) == (0, 1)
    done = series.run()
    assert done.ends == {"a": "passed"}
    assert "why: only the report is missing" in done.stderr
    assert last(series) == ("passed", "only the report is missing")
    found = log_of(series, "a")
    assert (RENDERS in found, MEASURES in found) == (False, True)
    assert (series.folder / "reports" / "a" / "report.html").is_file()
    measured = series.results()[-1]["headline"]

    series.write({"a": {"report": "reports/a", "gate": True, **MARK}})
    done = series.run()
    assert (done.code, done.ends) == (8, {"a": "gate"})
    assert log_of(series, "a")[1] == "why: only the pass marks differ: setting gate.score_min: 100, was 60"
    assert RENDERS not in log_of(series, "a")
    assert (series.run().code, series.run().ends) == (8, {"a": "gate"})  # judged once
    assert files_in(series.folder / "out")["a.mp4"] == before

    assert series.run("--force").ends == {"a": "gate"}
    assert log_of(series, "a")[1] == "why: --force"
    assert RENDERS in log_of(series, "a")
    assert series.results()[-1]["headline"] == measured  # as if it had been measured after rendering


@pytest.mark.slow(5)
def test_without_a_record_the_output_has_to_decode_before_it_is_measured(series: Series) -> None:
    series.write({"a": {}})
    assert series.run().code == 0
    output, record = series.output("a"), series.folder / "out" / ".a.mp4.lipblend-job.json"
    record.unlink()
    before = files_in(series.folder / "out")["a.mp4"]
    assert series.run("--gate", "--dry-run").data["jobs"][0]["reason"] == "only the verdict is missing"
    assert series.run("--gate").code in (0, 8)
    assert record.is_file()
    assert files_in(series.folder / "out")["a.mp4"] == before
    record.unlink()
    spoiled = bytearray(before[1])
    start = spoiled.index(b"mdat") + 400
    spoiled[start : start + 2000] = bytes(2000)
    output.write_bytes(spoiled)
    assert series.run("--gate").code in (0, 8)
    assert log_of(series, "a")[1].startswith("why: the output is damaged: ")
    assert Path(output).read_bytes() == before[1]
