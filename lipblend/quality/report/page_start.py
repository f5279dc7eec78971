"""The upper part of the page: verdict, table of measures, plots."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lipblend.quality.record import Evaluation, Span, Verdict
from lipblend.quality.report.svg import Range, bands, drawing, series_path, shot_lines, step_path, value_range
from lipblend.quality.report.wording import (
    MATTE_TEXT,
    beside_mark_text,
    beside_text,
    excess_text,
    failure_text,
    measure_of,
    measured_text,
    number_text,
    pair_text,
    shown_unit,
    span_text,
    state_text,
    summary_text,
    time_text,
    why_text,
    worst_spans,
)

_LINKS = 4
_TIMES = 5
_NONE = "&ndash;"
_LABELS_APART = 14  # hundredths of the height
_LIMITS = {"low": "≤", "high": "≥", "one": "≈"}


_NOT_JUDGED = (
    "<p>Nothing is judged without --gate. A value beyond its mark is a place to look at, not a fault by itself: real "
    "footage goes beyond some of them too. See the pictures and the video first.</p>"
)


def header(record: Evaluation, *, gated: bool) -> str:
    """The verdict in words (where it was asked for), the files, and where the mask came from."""
    names = {each.role: f"<bdi>{escape(each.name)}</bdi>" for each in record.inputs}
    sources = [f"{role} {names[role]}" for role in ("original", "synced") if role in names]
    origin = f"<span>made from {' and '.join(sources)}</span>" if sources else ""
    length = time_text(record.rows[-1].time_s) if record.rows else time_text(0)
    rate = number_text(record.frame_rate, digits=5)
    judged = gated and record.judged
    state = ("pass" if record.passed else "fail") if judged else "open"
    headline, _, rest = (summary_text(record) if gated else measured_text(record)).partition(": ")
    missed = [verdict for verdict in record.verdicts if gated and verdict.passed is False]
    items = "".join(
        f'<li><a href="#plot-{escape(verdict.key)}"{_frame_of(verdict)}>{escape(measure_of(verdict).title)}</a> '
        f"{escape(failure_text(verdict))}</li>"
        for verdict in missed
    )
    failures = f'<ul class="missed">{items}</ul>' if items else ""
    return (
        f'<header class="top {state}"><p class="kind">lipblend report</p>'
        f"<h1><strong>{escape(headline)}</strong> <span>{escape(rest)}</span></h1>"
        f'<p class="files"><span class="result">{names.get("result", "the result")}</span> '
        f"{origin}</p>"
        f"<p>{len(record.rows)} frames, {record.width} &times; {record.height}, {rate} frames a second, last frame at "
        f"{length}. {escape(MATTE_TEXT.get(record.matte, record.matte))}</p>"
        f"{failures}{'' if gated else _NOT_JUDGED}</header>"
    )


def measures_section(record: Evaluation, plotted: Sequence[str], *, gated: bool) -> str:
    """The table of verdicts: those with a pass mark, then the others.

    Where nothing is judged, it says on which side of its mark a value lies.
    """
    marked = [verdict for verdict in record.verdicts if verdict.mark is not None]
    shown = [verdict for verdict in record.verdicts if verdict.mark is None and verdict.value is not None]
    missing = [verdict for verdict in record.verdicts if verdict.mark is None and verdict.value is None]
    parts = [
        '<section id="measures"><h2>Measures</h2>',
        _table("Measures with a pass mark", marked, plotted, gated) if marked else "<p>No measure has a pass mark.</p>",
    ]
    if shown:
        parts.append(f"<details><summary>Measures that are only shown ({len(shown)})</summary>")
        parts.append(_table("Measures that are only shown", shown, plotted, gated) + "</details>")
    if missing:
        names = "; ".join(
            f"{escape(measure_of(each).title)}{f' ({escape(why_text(each))})' if why_text(each) else ''}"
            for each in missing
        )
        parts.append(f'<p class="quiet">Not measured: {names}.</p>')
    return "".join(parts) + "</section>"


_STATE = {True: "Verdict", False: "Beside the mark"}
_WHERE = {True: "Where it fails", False: "Where beyond"}


def _table(caption: str, verdicts: Sequence[Verdict], plotted: Sequence[str], gated: bool) -> str:
    heads = "".join(
        f'<th scope="col" role="columnheader">{word}</th>'
        for word in ("Measure", _STATE[gated], "Value", "Mark", "Median", "Worst", "Within", _WHERE[gated])
    )
    rows = "".join(_table_row(verdict, verdict.key in plotted, gated) for verdict in verdicts)
    return (
        f'<table role="table"><caption>{caption}</caption><thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table>'
    )


def _table_row(verdict: Verdict, plotted: bool, gated: bool = True) -> str:
    measure = measure_of(verdict)
    state = state_text(verdict) if gated else beside_text(verdict)
    unit = f' <span class="unit">{escape(measure.unit)}</span>' if shown_unit(measure.unit) else ""
    title = escape(measure.title)
    if plotted:
        title = f'<a href="#plot-{escape(verdict.key)}">{title}</a>'
    value, mark = _or_dash(verdict.value, measure.unit), _or_dash(verdict.mark, measure.unit)
    if verdict.value is not None and verdict.mark is not None:
        value, mark = pair_text(verdict.value, verdict.mark, measure.unit)
        mark = f"{_LIMITS[measure.better]} {mark}"
    said = {"fail": "fails", "no mark": "shown"}.get(state, state)
    why = excess_text(verdict) if verdict.passed is False else why_text(verdict) if verdict.value is None else ""
    cells = [
        (_STATE[gated], f'<span class="state {state.replace(" ", "-")}">{said}</span>', "word"),
        ("Value", value, "number"),
        ("Mark", mark, "number"),
        ("Median", _or_dash(verdict.median, measure.unit), "number"),
        ("Worst", _NONE if verdict.worst is None else escape(_worst(verdict)), "number"),
        ("Within", _or_dash(verdict.within, "share"), "number"),
        (_WHERE[gated], _where(verdict, why, plotted), "where"),
    ]
    body = "".join(
        f'<td role="cell" data-label="{label}" class="{css}{" none" if text == _NONE else ""}">{text}</td>'
        for label, text, css in cells
    )
    source = f" {escape(measure.source)}" if measure.source else ""
    return (
        f'<tr role="row"><th scope="row" role="rowheader">{title}{unit}'
        f'<small title="{escape(measure.text)}.{source}">{escape(measure.text)}</small></th>{body}</tr>'
    )


def _where(verdict: Verdict, why: str, plotted: bool) -> str:
    spans, left_out = worst_spans(verdict, _LINKS)
    links = [span_link(span, verdict.key) if plotted else escape(span_text(span)) for span in spans]
    if left_out:
        links.append(f"and {left_out} more")
    lines = ([escape(why)] if why else []) + links
    return "<br>".join(lines) if lines else _NONE


def span_link(span: Span, key: str) -> str:
    """A link that jumps to the middle of a span in a measure's plot."""
    frame = (span.first + span.last) // 2
    return f'<a href="#plot-{escape(key)}" data-frame="{frame}">{escape(span_text(span))}</a>'


def _frame_of(verdict: Verdict) -> str:
    spans, _ = worst_spans(verdict, 1)
    return f' data-frame="{(spans[0].first + spans[0].last) // 2}"' if spans else ""


def _worst(verdict: Verdict) -> str:
    assert verdict.worst is not None
    return beside_mark_text(verdict.worst, verdict.mark, measure_of(verdict))


def _or_dash(value: float | None, unit: str) -> str:
    return _NONE if value is None else escape(number_text(value, unit))


def plotted_keys(record: Evaluation) -> tuple[str, ...]:
    """Measures that have values along the clip."""
    found = {key for row in record.rows for key in row.values} | {key for shot in record.shots for key in shot.values}
    return tuple(
        verdict.key
        for verdict in record.verdicts
        if verdict.key in found and measure_of(verdict).per in ("frame", "shot")
    )


def plots_section(record: Evaluation, keys: Sequence[str], *, gated: bool) -> str:
    """One plot a measure: those with a pass mark, then the others behind a fold."""
    if not record.rows or not keys:
        return '<section id="plots"><h2>Over time</h2><p>No frame has a value to plot.</p></section>'
    verdicts = {verdict.key: verdict for verdict in record.verdicts}
    marked = [key for key in keys if verdicts[key].mark is not None]
    rest = [key for key in keys if verdicts[key].mark is None]
    shared = _shared_shapes(record)
    parts = [
        '<section id="plots"><h2>Over time</h2>',
        '<p class="legend"><span class="key line">value</span><span class="key mark">pass mark</span>'
        '<span class="key fail">beyond the mark</span><span class="key passed">passed through, no patch</span>'
        '<span class="key faulty">synced frame broken</span><span class="key shots">new shot</span></p>',
        '<p class="quiet">Point at a plot, or touch it, to read a frame; arrow keys go frame by frame. Choosing a '
        "frame also moves the video below.</p>",
        f'<svg class="shared" aria-hidden="true"><g id="behind">{shared[0]}</g><g id="faulty">{shared[1]}</g></svg>',
        *(_plot(record, verdicts[key], gated) for key in marked),
    ]
    if rest:
        parts.append(
            f"<details{'' if marked else ' open'}><summary>Plots of the other measures ({len(rest)})</summary>"
        )
        parts += [*(_plot(record, verdicts[key], gated) for key in rest), "</details>"]
    return "".join(parts) + "</section>"


def _shared_shapes(record: Evaluation) -> tuple[str, str]:
    """What every plot has behind and above its line: passed-through frames and shots; faulty frames."""
    count = len(record.rows)
    passed = [(at, at) for at, row in enumerate(record.rows) if not row.blended]
    faulty = [(at, at) for at, row in enumerate(record.rows) if row.faults]
    behind = bands(passed, count, "band-passed") + shot_lines([shot.start for shot in record.shots], count)
    return behind, bands(faulty, count, "band-faulty", top=94, height=6)


def _plot(record: Evaluation, verdict: Verdict, gated: bool = True) -> str:
    measure, count = measure_of(verdict), len(record.rows)
    series = [row.values.get(verdict.key) for row in record.rows]
    steps = [(shot.start, shot.stop, shot.values[verdict.key]) for shot in record.shots if verdict.key in shot.values]
    values = [value for value in series if value is not None] + [value for _, _, value in steps]
    scale = value_range(values, mark=verdict.mark, from_zero=measure.better == "low")
    failing = bands([(span.first, span.last) for span in verdict.failing], count, "band-fail")
    line = step_path(steps, count, scale) if measure.per == "shot" else series_path(series, scale)
    mark = "" if verdict.mark is None else f'<path class="mark-line" d="M0 {scale.y(verdict.mark):g}H1000"/>'
    state = state_text(verdict) if gated else beside_text(verdict)
    worst = "" if verdict.worst is None else f", worst {_worst(verdict)}"
    label = escape(f"{measure.title} over {count} frames: {state}{worst}")
    shapes = f'<use href="#behind"/>{failing}{mark}<path class="value-line" d="{line}"/><use href="#faulty"/>'
    word = {"pass": "pass", "fail": "fails", "within": "within the mark", "beyond": "beyond the mark"}.get(state)
    said = f' <span class="state {state}">{word}</span>' if word else ""
    unit = f' <span class="unit">{escape(measure.unit)}</span>' if shown_unit(measure.unit) else ""
    return (
        f'<figure class="plot" id="plot-{escape(verdict.key)}" data-key="{escape(verdict.key)}">'
        f"<figcaption><strong>{escape(measure.title)}</strong>{unit}{said}"
        f'<output class="readout"></output></figcaption>'
        f'<div class="chart" tabindex="0" role="slider" aria-label="Frame, {escape(measure.title)}" '
        f'aria-valuemin="0" aria-valuemax="{count - 1}" aria-valuenow="0">'
        f"{drawing(shapes, label=label)}{_labels(scale, verdict.mark, measure.unit)}"
        f'<div class="cursor" hidden></div></div>{_times(record)}</figure>'
    )


def _labels(scale: Range, mark: float | None, unit: str) -> str:
    parts = [
        f'<span class="y" style="top:{scale.y(value):g}%">{escape(number_text(value, unit))}</span>'
        for value in (scale.high, scale.low)
        if mark is None or abs(scale.y(value) - scale.y(mark)) > _LABELS_APART
    ]
    if mark is not None:
        text = escape(number_text(mark, unit))
        parts.append(f'<span class="y at-mark" style="top:{scale.y(mark):g}%">{text}</span>')
    return "".join(parts)


def _times(record: Evaluation) -> str:
    last = len(record.rows) - 1
    places = [round(last * step / (_TIMES - 1)) for step in range(_TIMES)]
    return (
        '<div class="times" aria-hidden="true">'
        + "".join(f"<span>{time_text(record.rows[place].time_s)}</span>" for place in places)
        + "</div>"
    )
