"""JUnit XML: the headline, its visible parts, and judged marks."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from xml.etree import ElementTree

from report_stand_ins import MARKS, changed, evaluation

from lipblend.quality.measures import MEASURES
from lipblend.quality.report import write_junit
from lipblend.quality.report.junit import junit_bytes
from lipblend.quality.report.wording import summary_text
from lipblend.quality.visible.visible_parts import PARTS


def test_junit_has_a_case_per_mark(tmp_path: Path) -> None:
    silent = changed(evaluation(), "lip_corr", value=None, passed=None, note="no mesh")
    fine = changed(changed(silent, "seam", passed=True), "score", passed=True)
    write_junit(tmp_path / "junit.xml", [("a & <b>\x00.mp4", silent), ("good", fine)])
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    cases, unmeasured = len(MARKS) + len(PARTS), len(PARTS) - len(silent.headline.parts) + 1
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == (
        str(2 * cases),
        "3",
        str(2 * unmeasured),
    )
    bad, good = root
    assert bad.get("name") == "a & <b>\ufffd.mp4"
    assert (bad.get("tests"), bad.get("failures"), bad.get("skipped")) == (str(cases), "3", str(unmeasured))
    assert good.get("failures") == "0"
    found = {case.get("name"): case for case in bad}
    failure = found["Seam discontinuity"].find("failure")
    assert failure.get("message") == "0.36 instead of at most 0.12: 0.24 above the mark (200 %)"
    assert "frames 40 to 51, 0:01.600 to 0:02.040: worst 0.42" in failure.text
    score = found["Headline"].find("failure")
    assert score.get("message") == (
        "34.2 instead of at least 60: 25.8 below the mark (43 %); worth trying: --preset high-motion"
    )
    assert score.text.splitlines()[1] == "A viewer would notice: an edge shows around the new mouth, 0:01.6 to 0:02.0."
    edge = found["Edge around the mouth"].find("failure")
    assert edge.get("message") == "An edge shows around the new mouth (1.7 x just visible)"
    assert edge.text.splitlines()[1:] == ["frames 40 to 51, 0:01.600 to 0:02.040"]
    assert len(found["Soft skin"]) == 0  # measured, and not visible
    assert found["Flicker"].find("skipped").get("message") == "not measured"
    assert not any(name in found for name in ("Colour cast inside", "Grain of the patch"))  # neither has a mark
    assert found["Lip-sync kept"].find("skipped").get("message") == "not measured, no mesh"
    assert len(found["Ring SSIM, luma"]) == 0
    assert all(case.get("classname") == bad.get("name") for case in bad)


def test_junit_fails_where_nothing_could_be_judged() -> None:
    record = evaluation()
    bare = tuple(dataclasses.replace(each, value=None, passed=None, failing=()) for each in record.verdicts)
    off = tuple(dataclasses.replace(each, mark=None, passed=None, failing=()) for each in record.verdicts)
    through = tuple(dataclasses.replace(row, blended=False) for row in record.rows)
    for change in ({"verdicts": bare}, {"verdicts": off}, {"verdicts": ()}):
        root = ElementTree.fromstring(junit_bytes([("clip", dataclasses.replace(record, **change))]))
        (suite,) = root
        assert (root.get("failures"), suite.get("failures")) == ("1", "1")
        assert int(suite.get("tests")) == len(suite) == int(suite.get("skipped")) + 1
        (failure,) = suite.iter("failure")
        assert "the gate has nothing to judge" in failure.get("message")
    nothing = dataclasses.replace(record, rows=through)
    assert summary_text(nothing).startswith("Not judged: no frame was blended")
    assert b"the gate has nothing to judge: no frame was blended" in junit_bytes([("clip", nothing)])


def test_visible_parts_fail_only_with_the_headline() -> None:
    record = evaluation()
    for changes, failures, word in (
        ({"passed": True}, 0, None),
        ({"passed": None, "mark": None}, 0, "skipped"),
        ({"passed": False}, 1, "failure"),
    ):
        (suite,) = ElementTree.fromstring(junit_bytes([("clip", changed(record, "score", **changes))]))
        cases = {case.get("name"): case for case in suite}
        titles = [MEASURES[part.key].title for part in record.headline.parts]
        assert sum(len(cases[title].findall("failure")) for title in titles) == failures
        assert [child.tag for child in cases["Edge around the mouth"]] == ([word] if word else [])
