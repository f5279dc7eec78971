"""Contents of the page's tables of the classic numbers and the other measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lipblend.quality.measure_entry import Measure
from lipblend.quality.record import Evaluation, Verdict
from lipblend.quality.report.wording import (
    beside_text,
    excess_text,
    measure_of,
    number_text,
    pair_text,
    precise_text,
    reason_text,
    span_text,
    state_text,
    worst_spans,
)

_MAX_LINKS = 4
_LIMITS = {"low": "≤", "high": "≥", "one": "≈"}
_TABLE_WORDS = {"fail": "fails", "no mark": "shown"}


@dataclass(frozen=True)
class Place:
    """A line about where a measure fails, and the frame that it links to."""

    text: str
    frame: int | None = None


@dataclass(frozen=True)
class TableRow:
    """A row of the table of measures; numbers as text, empty where there is none."""

    measure: Measure
    plotted: bool
    state: str
    word: str
    value: str
    published: str
    mark: str
    median: str
    worst: str
    within: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Tables:
    """Rows of the classic numbers and of the judged marks, whether any of them has a mark, and all other measures."""

    classic: tuple[TableRow, ...]
    marked: bool
    others: tuple[TableRow, ...]
    missing: tuple[str, ...]


def plotted_keys(record: Evaluation) -> tuple[str, ...]:
    """Measures with values along the clip."""
    found = {key for row in record.rows for key in row.values} | {key for shot in record.shots for key in shot.values}
    return tuple(
        verdict.key
        for verdict in record.verdicts
        if verdict.key in found and measure_of(verdict).per in ("frame", "shot")
    )


def table_row(verdict: Verdict, *, plotted: bool, gated: bool) -> TableRow:
    """Texts of one verdict."""
    measure = measure_of(verdict)
    state = state_text(verdict) if gated else beside_text(verdict)
    value, mark = _number(verdict.value, measure.unit), _limit(verdict.mark, measure)
    if verdict.value is not None and verdict.mark is not None:
        value, mark = pair_text(verdict.value, verdict.mark, measure.unit)
        mark = f"{_LIMITS[measure.better]} {mark}"
    reason = excess_text(verdict) if verdict.passed is False else reason_text(verdict) if verdict.value is None else ""
    return TableRow(
        measure=measure,
        plotted=plotted,
        state=state.replace(" ", "-"),
        word=_TABLE_WORDS.get(state, state),
        value=value,
        published=_limit(measure.published, measure),
        mark=mark,
        median=_number(verdict.median, measure.unit),
        worst=worst_text(verdict),
        within=_number(verdict.within, "share"),
        places=((Place(reason),) if reason else ()) + places(verdict, _MAX_LINKS),
    )


def tables(record: Evaluation, plotted: Sequence[str], *, gated: bool) -> Tables:
    """The measures that are not visible parts."""
    verdicts = [each for each in record.verdicts if measure_of(each).visible is None and each.key != "score"]
    rows = [(each, table_row(each, plotted=each.key in plotted, gated=gated)) for each in verdicts]
    classic = [(each, row) for each, row in rows if each.mark is not None or row.measure.published is not None]
    others = [(each, row) for each, row in rows if each.mark is None and row.measure.published is None]
    return Tables(
        classic=tuple(row for _, row in classic),
        marked=any(each.mark is not None for each, _ in classic),
        others=tuple(row for each, row in others if each.value is not None),
        missing=tuple(
            row.measure.title + (f" ({reason_text(each)})" if reason_text(each) else "")
            for each, row in others
            if each.value is None
        ),
    )


def places(verdict: Verdict, max_count: int) -> tuple[Place, ...]:
    """The worst spans, each with its middle frame, and how many more there are."""
    spans, left_out = worst_spans(verdict, max_count)
    found = tuple(Place(span_text(span), (span.first + span.last) // 2) for span in spans)
    return (*found, Place(f"and {left_out} more")) if left_out else found


def worst_text(verdict: Verdict) -> str:
    """The worst value, with as many digits as needed to distinguish it from a mark that it misses."""
    return "" if verdict.worst is None else precise_text(verdict.worst, verdict.mark, measure_of(verdict))


def _limit(mark: float | None, measure: Measure) -> str:
    return "" if mark is None else f"{_LIMITS[measure.better]} {number_text(mark, measure.unit)}"


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else number_text(value, unit)
