"""The verdict for a terminal."""

from __future__ import annotations

from lipblend.quality.record import Evaluation
from lipblend.quality.report.advice import advice_lines
from lipblend.quality.report.wording import (
    failure_text,
    measure_of,
    measured_text,
    place_lines,
    seen_lines,
    sentence_text,
    summary_text,
    unmeasured_text,
    visible_parts,
)


def gate_text(record: Evaluation, *, gated: bool = True) -> str:
    """The verdict for a terminal: a summary, what a viewer sees and where, each missed pass mark, what is worth trying.

    Without ``gated`` nothing is judged.
    """
    lines = [summary_text(record) if gated else measured_text(record)]
    if record.headline is not None:
        for part in visible_parts(record.headline):
            lines += [f"  {sentence_text(part)}", *(f"    {line}" for line in seen_lines(part))]
    for verdict in record.verdicts:
        if verdict.passed is False and verdict.key != "score":
            lines += [f"  {measure_of(verdict).title}: {failure_text(verdict)}", *place_lines(verdict, indent="    ")]
    for verdict in record.verdicts:
        if verdict.mark is not None and verdict.value is None:
            lines.append(f"  {measure_of(verdict).title}: {unmeasured_text(verdict)}")
    if gated and (sentences := advice_lines(record)):
        lines += ["What to do:", *(f"  {sentence}" for sentence in sentences)]
    return "\n".join(lines)
