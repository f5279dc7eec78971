"""What may be named as a report, checked before any work; and what is shown where there is nowhere to show it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lipblend.cli.console import Console
from lipblend.cli.outputs import check_reports
from lipblend.cli.tables import table_text
from lipblend.errors import OutputError
from lipblend.progress import Progress


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    for name in ("original.mp4", "synced.mp4"):
        (tmp_path / name).write_bytes(b"video")
    return {"original": tmp_path / "original.mp4", "synced video": tmp_path / "synced.mp4"}


def test_a_report_may_not_cost_an_input_or_the_output(tmp_path: Path, inputs: dict[str, Path]) -> None:
    with pytest.raises(OutputError, match="is the original of this run"):
        check_reports(None, tmp_path / "original.mp4", inputs=inputs)
    (tmp_path / "link.xml").symlink_to(tmp_path / "synced.mp4")
    with pytest.raises(OutputError, match="is the synced video of this run"):
        check_reports(None, tmp_path / "link.xml", inputs=inputs)
    with pytest.raises(OutputError, match="is the output of this run"):
        check_reports(None, tmp_path / "out.mp4", inputs=inputs, outputs=(tmp_path / "out.mp4",))
    with pytest.raises(OutputError, match="is the original of this run"):
        check_reports(tmp_path, None, inputs={"original": tmp_path / "report.json"})


def test_places_that_cannot_be_written_are_refused_at_once(tmp_path: Path, inputs: dict[str, Path]) -> None:
    with pytest.raises(OutputError, match="is a file"):
        check_reports(tmp_path / "original.mp4", None, inputs=inputs)
    with pytest.raises(OutputError, match="is a file"):
        check_reports(tmp_path / "original.mp4" / "below", None, inputs=inputs)
    with pytest.raises(OutputError, match="is a folder") as caught:
        check_reports(None, tmp_path, inputs=inputs)
    assert "report.xml" in caught.value.hint
    with pytest.raises(OutputError, match="does not exist"):
        check_reports(None, tmp_path / "nowhere" / "x.xml", inputs=inputs)


def test_places_that_will_be_made_are_fine(tmp_path: Path, inputs: dict[str, Path]) -> None:
    check_reports(tmp_path / "new" / "report", tmp_path / "x.xml", inputs=inputs)
    check_reports(tmp_path / "new", tmp_path / "new" / "x.xml", inputs=inputs)
    check_reports(None, None, inputs=inputs)


def test_without_streams_nothing_is_shown_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with Console(quiet=False, as_json=False).progress() as show:
        show(Progress("analyse", 1, 2))
    monkeypatch.setattr(sys, "stdout", None)
    assert table_text(("one",), [("two",)]).split() == ["one", "two"]
