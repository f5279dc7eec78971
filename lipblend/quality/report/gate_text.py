"""The gate's verdict for a terminal."""

from __future__ import annotations

from lipblend.quality.record import Evaluation, Verdict
from lipblend.quality.report.wording import (
    beside_mark_text,
    failure_text,
    measure_of,
    measured_text,
    number_text,
    shown_unit,
    span_text,
    summary_text,
    unmeasured_text,
    worst_spans,
)

_SPANS = 5


def gate_text(record: Evaluation, *, gated: bool = True) -> str:
    """What failed, where and by how much: one line for the whole, then some for each failed measure.

    Where nothing is judged, the first line counts instead of judging.
    Measures with a pass mark that could not be measured are named after them.
    """
    lines = [summary_text(record) if gated else measured_text(record)]
    for verdict in record.verdicts:
        if verdict.passed is False:
            lines += [f"  {measure_of(verdict).title}: {failure_text(verdict)}", *where_lines(verdict, indent="    ")]
    for verdict in record.verdicts:
        if verdict.mark is not None and verdict.value is None:
            lines.append(f"  {measure_of(verdict).title}: {unmeasured_text(verdict)}")
    return "\n".join(lines)


def where_lines(verdict: Verdict, *, indent: str = "", most: int = _SPANS) -> list[str]:
    """Where a measure fails, a line a span, the worst ones where there are many."""
    measure = measure_of(verdict)
    lines = []
    if verdict.within is not None and verdict.within < 1:
        what = "frames" if measure.per == "frame" else "shots"
        lines.append(f"{indent}{number_text(verdict.within, 'share')} of the measured {what} keep the mark")
    spans, left_out = worst_spans(verdict, most)
    unit = f" {measure.unit}" if shown_unit(measure.unit) else ""
    worst = [beside_mark_text(span.worst, verdict.mark, measure) + unit for span in spans]
    lines += [f"{indent}{span_text(span)}: worst {text}" for span, text in zip(spans, worst, strict=True)]
    if left_out:
        lines.append(f"{indent}and {left_out} more")
    return lines
