"""Verdicts of clips, and results of series, as JUnit XML, which CI systems show as test results.

Uses the elements that the readers of Jenkins, GitLab and GitHub share (``testsuites``, ``testsuite``, ``testcase``,
``failure``, ``error``, ``skipped``); https://github.com/testmoapp/junitxml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from lipblend.quality.record import Evaluation, Verdict
from lipblend.quality.report.advice import advice
from lipblend.quality.report.clip_row import GOOD, STATUS_WORDS, ClipRow
from lipblend.quality.report.sentences import viewer_sentence
from lipblend.quality.report.wording import (
    failure_text,
    measure_of,
    nothing_to_judge,
    place_lines,
    seen_lines,
    sentence_text,
    unmeasured_text,
)
from lipblend.quality.visible.visible_parts import PARTS
from lipblend.runtime.files import write_atomically

_MAX_SPANS = 50
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, records: Sequence[tuple[str, Evaluation]]) -> None:
    """Write one suite per clip: a case for the headline, one for every visible part, and one for every other mark.

    The case of a part fails if the part is visible and the headline misses its mark. A measure without a value, and
    every part if the headline has no mark, is a skipped case. A clip without any verdict has a failed case that says
    so, so that CI does not pass it.

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
    return _file_content(root)


def write_batch_junit(path: Path, rows: Sequence[ClipRow]) -> None:
    """Write one suite for a series, with a case for each clip.

    A clip below the gate is a failure, one that failed, was not run or is being written by another run an error, and
    one that is up to date is skipped.

    Parameters
    ----------
    path : Path
        Replaced atomically if it exists.
    rows : sequence of ClipRow
        The cases keep their order.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    write_atomically(path, batch_junit_bytes(rows))


def batch_junit_bytes(rows: Sequence[ClipRow]) -> bytes:
    """Content of the XML file of a series."""
    root = ElementTree.Element("testsuites", name="lipblend")
    suite = ElementTree.SubElement(root, "testsuite", name="lipblend batch")
    kinds = [_add_clip(suite, row) for row in rows]
    counts = {"failures": kinds.count("failure"), "errors": kinds.count("error"), "skipped": kinds.count("skipped")}
    for element in (root, suite):
        for word, number in {"tests": len(rows), **counts}.items():
            element.set(word, str(number))
        element.set("time", f"{sum(row.seconds for row in rows):.3f}")
    return _file_content(root)


def _add_clip(suite: ElementTree.Element, row: ClipRow) -> str:
    """Add the case of a clip; returns the element that says how it ended, empty if it passed."""
    case = ElementTree.SubElement(suite, "testcase", name=_clean(row.name), classname="lipblend.batch")
    case.set("time", f"{row.seconds:.3f}")
    if row.status == "passed":
        return ""
    kind = "skipped" if row.status in GOOD else "failure" if row.status == "gate" else "error"
    word = STATUS_WORDS[row.status]
    message = _clean(f"{word}: {row.reason}" if row.reason and row.reason != word else word)
    element = ElementTree.SubElement(case, kind, message=message)
    if kind != "skipped":
        headline = "" if row.score is None else f"{row.word}, {row.score:.0f} of 100"
        facts = {"headline": headline, "output": row.output, "report": row.report, "log": row.log}
        element.set("type", row.status)
        element.text = "\n".join([message, *(_clean(f"{name}: {text}") for name, text in facts.items() if text)])
    return kind


def _file_content(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


@dataclass(frozen=True)
class _Case:
    """One case: why it fails, with lines of detail, or why it is skipped; passed if neither is said."""

    key: str
    title: str
    failure: str = ""
    details: tuple[str, ...] = ()
    skipped: str = ""


def _add_suite(root: ElementTree.Element, name: str, record: Evaluation) -> tuple[int, int, int]:
    """Add a clip; returns its numbers of cases, failures and skipped cases."""
    cases = list(_cases(record))
    counts = len(cases), sum(bool(case.failure) for case in cases), sum(bool(case.skipped) for case in cases)
    suite = ElementTree.SubElement(root, "testsuite", name=_clean(name), errors="0")
    for word, number in zip(("tests", "failures", "skipped"), counts, strict=True):
        suite.set(word, str(number))
    suite.set("time", f"{record.seconds:.3f}")
    for case in cases:
        element = ElementTree.SubElement(suite, "testcase", name=case.title, classname=_clean(name), time="0")
        if case.failure:
            text = _clean(case.failure)
            failure = ElementTree.SubElement(element, "failure", type=case.key, message=text)
            failure.text = "\n".join([text, *map(_clean, case.details)])
        elif case.skipped:
            ElementTree.SubElement(element, "skipped", message=_clean(case.skipped))
    return counts


def _cases(record: Evaluation) -> Iterator[_Case]:
    for verdict in record.verdicts:
        if verdict.key == "score":
            yield _of_headline(record, verdict)
            yield from _of_parts(record, verdict)
        elif verdict.mark is not None:
            yield _of_verdict(verdict, place_lines(verdict, max_count=_MAX_SPANS))
    if not record.judged:
        yield _Case("gate", "Anything judged", nothing_to_judge(record))


def _of_verdict(verdict: Verdict, details: Sequence[str]) -> _Case:
    title = measure_of(verdict).title
    if verdict.passed is False:
        return _Case(verdict.key, title, failure_text(verdict), tuple(details))
    if verdict.passed is None:
        reason = unmeasured_text(verdict) if verdict.value is None else "the pass mark is off"
        return _Case(verdict.key, title, skipped=reason)
    return _Case(verdict.key, title)


def _of_headline(record: Evaluation, verdict: Verdict) -> _Case:
    """The headline; what is worth trying is named in the message and explained below it."""
    case = _of_verdict(verdict, (viewer_sentence(record),))
    found = advice(record)
    if not case.failure or not found:
        return case
    options = ", ".join(each.option for each in found if each.option)
    worth = f"; worth trying: {options}" if options else ""
    return replace(case, failure=f"{case.failure}{worth}", details=(*case.details, *(each.text for each in found)))


def _of_parts(record: Evaluation, score: Verdict) -> Iterator[_Case]:
    """The visible parts, which the headline judges together."""
    measured = {part.key: part for part in record.headline.parts} if record.headline is not None else {}
    for measure in PARTS:
        part = measured.get(measure.key)
        if part is None:
            yield _Case(measure.key, measure.title, skipped="not measured")
        elif score.passed is None:
            yield _Case(measure.key, measure.title, skipped="the headline's pass mark is off")
        elif score.passed is False and part.visibility > 1:
            places = seen_lines(part, max_count=_MAX_SPANS)
            yield _Case(measure.key, measure.title, sentence_text(part), tuple(places))
        else:
            yield _Case(measure.key, measure.title)


def _clean(text: str) -> str:
    """Replace the characters that XML 1.0 does not allow."""
    return _NOT_XML.sub("\ufffd", text)
