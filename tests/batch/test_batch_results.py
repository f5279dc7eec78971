"""One line for each job, whatever happened to the line before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lipblend.batch.job_spec import JobOutcome
from lipblend.batch.results import ResultsFile, last_outcomes
from lipblend.errors import OutputError


def outcome(name: str, status: str = "passed") -> JobOutcome:
    return JobOutcome(name, f"{name}.mp4", status, details={"frames": 3})  # type: ignore[arg-type]


def test_lines_come_back_and_the_last_of_each_job_counts(tmp_path: Path) -> None:
    results = ResultsFile(tmp_path / "sub" / "r.jsonl")
    for each in (outcome("a", "failed"), outcome("b"), outcome("a")):
        results.add(each)
    assert last_outcomes(results.path) == {"a": outcome("a"), "b": outcome("b")}
    assert [json.loads(line)["name"] for line in results.path.read_text().splitlines()] == ["a", "b", "a"]


def test_a_line_that_a_crash_cut_short_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    ResultsFile(path).add(outcome("a"))
    with path.open("ab") as file:
        file.write(b'{"name":"b","out')
    ResultsFile(path).add(outcome("c"))
    assert list(last_outcomes(path)) == ["a", "c"]


def test_lines_of_later_versions_and_of_nobody_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps({**outcome("a").to_dict(), "colour": "blue"}) + "\n[1]\nnull\n{}\n")
    assert last_outcomes(path) == {"a": outcome("a")}
    assert last_outcomes(tmp_path / "none.jsonl") == {}


def test_a_file_that_cannot_be_written_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write the results"):
        ResultsFile(tmp_path)
