"""Contents of the page's header, of its table of measures, and of its plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lipblend.quality.measure_entry import Measure
from lipblend.quality.record import Evaluation, Verdict
from lipblend.quality.report.svg import bands, series_path, shot_lines, step_path, value_range
from lipblend.quality.report.wording import (
    MATTE_TEXT,
    beside_text,
    excess_text,
    failure_text,
    measure_of,
    measured_text,
    number_text,
    pair_text,
    precise_text,
    reason_text,
    span_text,
    state_text,
    summary_text,
    worst_spans,
)

_MAX_LINKS = 4
_TIME_LABELS = 5
_MIN_LABEL_DISTANCE = 14  # hundredths of the plot's height
_LIMITS = {"low": "≤", "high": "≥", "one": "≈"}
_TABLE_WORDS = {"fail": "fails", "no mark": "shown"}
_PLOT_WORDS = {"pass": "pass", "fail": "fails", "within": "within the mark", "beyond": "beyond the mark"}


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
    mark: str
    median: str
    worst: str
    within: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Plot:
    """A measure over time: SVG shapes, and labels of the value axis as (position in per cent, text, is the mark)."""

    measure: Measure
    state: str
    word: str
    description: str
    bands: str
    mark_y: float | None
    line: str
    labels: tuple[tuple[float, str, bool], ...]


def header(record: Evaluation, *, gated: bool) -> dict[str, Any]:
    """Values of the header's template: the verdict, the files, and the source of the mask."""
    headline, _, rest = (summary_text(record) if gated else measured_text(record)).partition(": ")
    names = {file.role: file.name for file in record.inputs}
    missed = [verdict for verdict in record.verdicts if gated and verdict.passed is False]
    return {
        "state": ("pass" if record.passed else "fail") if gated and record.judged else "open",
        "headline": headline,
        "rest": rest,
        "names": names,
        "sources": [role for role in ("original", "synced") if role in names],
        "rate": number_text(record.frame_rate, digits=5),
        "last_s": record.rows[-1].time_s if record.rows else 0.0,
        "matte": MATTE_TEXT.get(record.matte, record.matte),
        "missed": [(measure_of(verdict), failure_text(verdict), _places(verdict, 1)) for verdict in missed],
    }


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
    value, mark = _number(verdict.value, measure.unit), _number(verdict.mark, measure.unit)
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
        mark=mark,
        median=_number(verdict.median, measure.unit),
        worst=_worst(verdict),
        within=_number(verdict.within, "share"),
        places=((Place(reason),) if reason else ()) + _places(verdict, _MAX_LINKS),
    )


def tables(record: Evaluation, plotted: Sequence[str], *, gated: bool) -> dict[str, Any]:
    """Values of the table's template: rows with a mark, rows without, and measures without a value."""
    rows = [(each, table_row(each, plotted=each.key in plotted, gated=gated)) for each in record.verdicts]
    return {
        "marked": [row for verdict, row in rows if verdict.mark is not None],
        "shown": [row for verdict, row in rows if verdict.mark is None and verdict.value is not None],
        "missing": [
            row.measure.title + (f" ({reason_text(verdict)})" if reason_text(verdict) else "")
            for verdict, row in rows
            if verdict.mark is None and verdict.value is None
        ],
    }


def plots(record: Evaluation, keys: Sequence[str], *, gated: bool) -> dict[str, Any]:
    """Values of the plots' template: shapes behind and above every line, plots with a mark, and plots without."""
    count, last = len(record.rows), len(record.rows) - 1
    verdicts = [verdict for verdict in record.verdicts if verdict.key in keys]
    passed = [(at, at) for at, row in enumerate(record.rows) if not row.blended]
    faulty = [(at, at) for at, row in enumerate(record.rows) if row.faults]
    if not count:
        verdicts = []
    return {
        "behind": bands(passed, count, "band-passed") + shot_lines([shot.start for shot in record.shots], count),
        "faulty": bands(faulty, count, "band-faulty", top=94, height=6),
        "last": last,
        "times": [record.rows[round(last * step / (_TIME_LABELS - 1))].time_s for step in range(_TIME_LABELS) if count],
        "marked": [plot(record, verdict, gated=gated) for verdict in verdicts if verdict.mark is not None],
        "unmarked": [plot(record, verdict, gated=gated) for verdict in verdicts if verdict.mark is None],
    }


def plot(record: Evaluation, verdict: Verdict, *, gated: bool) -> Plot:
    """The plot of one measure."""
    measure, count = measure_of(verdict), len(record.rows)
    series = [row.values.get(verdict.key) for row in record.rows]
    steps = [(shot.start, shot.stop, shot.values[verdict.key]) for shot in record.shots if verdict.key in shot.values]
    values = [value for value in series if value is not None] + [value for _, _, value in steps]
    scale = value_range(values, mark=verdict.mark, from_zero=measure.better == "low")
    mark_y = None if verdict.mark is None else scale.y(verdict.mark)
    labels = [
        (scale.y(value), number_text(value, measure.unit), False)
        for value in (scale.high, scale.low)
        if mark_y is None or abs(scale.y(value) - mark_y) > _MIN_LABEL_DISTANCE
    ]
    if verdict.mark is not None and mark_y is not None:
        labels.append((mark_y, number_text(verdict.mark, measure.unit), True))
    state = state_text(verdict) if gated else beside_text(verdict)
    worst = f", worst {_worst(verdict)}" if verdict.worst is not None else ""
    return Plot(
        measure=measure,
        state=state,
        word=_PLOT_WORDS.get(state, ""),
        description=f"{measure.title} over {count} frames: {state}{worst}",
        bands=bands([(span.first, span.last) for span in verdict.failing], count, "band-fail"),
        mark_y=mark_y,
        line=step_path(steps, count, scale) if measure.per == "shot" else series_path(series, scale),
        labels=tuple(labels),
    )


def _places(verdict: Verdict, max_count: int) -> tuple[Place, ...]:
    """The worst spans, each with its middle frame, and how many more there are."""
    spans, left_out = worst_spans(verdict, max_count)
    places = tuple(Place(span_text(span), (span.first + span.last) // 2) for span in spans)
    return (*places, Place(f"and {left_out} more")) if left_out else places


def _worst(verdict: Verdict) -> str:
    return "" if verdict.worst is None else precise_text(verdict.worst, verdict.mark, measure_of(verdict))


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else number_text(value, unit)
