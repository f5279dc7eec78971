"""Verdicts as JUnit XML, which CI systems show as test results.

Uses the elements that the readers of Jenkins, GitLab and GitHub share (``testsuites``, ``testsuite``, ``testcase``,
``failure``, ``skipped``); https://github.com/testmoapp/junitxml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from lipblend.quality.measures import MEASURES
from lipblend.quality.record import Evaluation, Verdict
from lipblend.quality.report.wording import (
    NOTHING_TO_JUDGE,
    failure_text,
    measure_of,
    place_lines,
    seen_lines,
    sentence_text,
    unmeasured_text,
    visible_parts,
)
from lipblend.runtime.files import write_atomically

_MAX_SPANS = 50
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, records: Sequence[tuple[str, Evaluation]]) -> None:
    """Write one suite per clip, with one case for every measure that can have a pass mark.

    A measure without a value, or whose mark is off, is a skipped case. A clip without any verdict has a failed case
    that says so, so that CI does not pass it.

    Parameters
    ----------
    path : Path
        Replaced atomically if it exists.
    records : sequence of (name, Evaluation)

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    write_atomically(path, junit_bytes(records))


def junit_bytes(records: Sequence[tuple[str, Evaluation]]) -> bytes:
    """Content of the XML file."""
    root = ElementTree.Element("testsuites", name="lipblend")
    counts = [_add_suite(root, name, record) for name, record in records]
    for number, word in enumerate(("tests", "failures", "skipped")):
        root.set(word, str(sum(count[number] for count in counts)))
    root.set("errors", "0")
    root.set("time", f"{sum(record.seconds for _, record in records):.3f}")
    ElementTree.indent(root)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _add_suite(root: ElementTree.Element, name: str, record: Evaluation) -> tuple[int, int, int]:
    """Add a clip; returns its numbers of cases, failures and skipped cases."""
    marked = [verdict for verdict in record.verdicts if verdict.mark is not None or _can_have_mark(verdict)]
    failed = sum(verdict.passed is False for verdict in marked)
    skipped = sum(verdict.passed is None for verdict in marked)
    suite = ElementTree.SubElement(root, "testsuite", name=_clean(name), errors="0")
    nothing = not record.judged
    counts = len(marked) + nothing, failed + nothing, skipped
    for word, number in zip(("tests", "failures", "skipped"), counts, strict=True):
        suite.set(word, str(number))
    suite.set("time", f"{record.seconds:.3f}")
    for verdict in marked:
        title = measure_of(verdict).title
        case = ElementTree.SubElement(suite, "testcase", name=title, classname=_clean(name), time="0")
        if verdict.passed is False:
            text = _clean(failure_text(verdict))
            failure = ElementTree.SubElement(case, "failure", type=verdict.key, message=text)
            failure.text = _clean("\n".join([text, *_places(verdict, record)]))
        elif verdict.passed is None:
            reason = unmeasured_text(verdict) if verdict.value is None else "the pass mark is off"
            ElementTree.SubElement(case, "skipped", message=_clean(reason))
    if nothing:
        case = ElementTree.SubElement(suite, "testcase", name="Anything judged", classname=_clean(name), time="0")
        failure = ElementTree.SubElement(case, "failure", type="gate", message=NOTHING_TO_JUDGE)
        failure.text = NOTHING_TO_JUDGE
    return counts


def _places(verdict: Verdict, record: Evaluation) -> list[str]:
    """Where a measure fails; for the headline what a viewer sees, and where."""
    if verdict.key != "score" or record.headline is None:
        return place_lines(verdict, max_count=_MAX_SPANS)
    lines = []
    for part in visible_parts(record.headline):
        lines += [sentence_text(part), *seen_lines(part, max_count=_MAX_SPANS)]
    return lines


def _can_have_mark(verdict: Verdict) -> bool:
    return verdict.key in MEASURES and bool(MEASURES[verdict.key].mark)


def _clean(text: str) -> str:
    """Replace the characters that XML 1.0 does not allow."""
    return _NOT_XML.sub("\ufffd", text)
