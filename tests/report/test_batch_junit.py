"""JUnit XML of a batch."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from lipblend.quality.report import ClipRow, write_batch_junit
from lipblend.quality.report.clip_row import ClipStatus
from lipblend.quality.report.junit import batch_junit_bytes


def test_a_case_for_each_clip(tmp_path: Path) -> None:
    rows = [
        ClipRow("fine", "passed", seconds=2.5),
        ClipRow("old", "skipped", "up to date"),
        ClipRow(
            "a & <b>\x00", "gate", "headline 34", output="/o/a.mp4", report="/r/report.html", log="/l/a.log",
            score=34.2, word="visible", seconds=1,
        ),
        ClipRow("torn", "failed", "the synced video is truncated"),
    ]  # fmt: skip
    write_batch_junit(tmp_path / "batch.xml", rows)
    root = ElementTree.parse(tmp_path / "batch.xml").getroot()
    (suite,) = root
    for element in (root, suite):
        found = {name: element.get(name) for name in ("tests", "failures", "errors", "skipped", "time")}
        assert found == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1", "time": "3.500"}
    fine, old, low, torn = suite
    assert (fine.get("name"), fine.get("classname"), fine.get("time"), len(fine)) == (
        "fine",
        "lipblend.batch",
        "2.500",
        0,
    )
    assert [(each.tag, each.get("message")) for each in old] == [("skipped", "up to date")]
    assert low.get("name") == "a & <b>\ufffd"
    assert [(each.tag, each.get("message")) for each in low] == [("failure", "below the gate: headline 34")]
    assert (low[0].text or "").splitlines()[1:] == [
        "headline: visible, 34 of 100", "output: /o/a.mp4", "report: /r/report.html", "log: /l/a.log",
    ]  # fmt: skip
    assert [(each.tag, each.get("type")) for each in torn] == [("error", "failed")]


@pytest.mark.parametrize("status", ["locked", "cancelled"])
def test_a_clip_that_was_not_made_is_an_error(status: ClipStatus) -> None:
    root = ElementTree.fromstring(batch_junit_bytes([ClipRow("clip", status)]))
    assert (root.get("errors"), root.get("failures")) == ("1", "0")
