"""Reports, summary and gate of an evaluation, shared by ``evaluate`` and ``composite``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipblend.cli.command_app import path_option
from lipblend.cli.console import table_text
from lipblend.errors import GateError

if TYPE_CHECKING:
    from lipblend.quality.record import Evaluation, Headline, Verdict

ReportOption = Annotated[
    Path | None, path_option("--report", "FOLDER", "Write report.html, report.json and report.csv to this folder.")
]
GateOption = Annotated[
    bool,
    typer.Option("--gate", help="Exit with code 8 if the headline or a given pass mark is missed (gate.*)."),
]
JunitOption = Annotated[Path | None, path_option("--junit", "FILE", "Write the verdicts as JUnit XML for CI systems.")]
VideoOption = Annotated[
    bool, typer.Option("--video/--no-video", help="Embed a small video of original, synced and result in report.html.")
]


_SHOWN_VISIBILITY = 0.5

GATE_HINT = (
    "The report shows the worst moments (--report). `lipblend preview --presets all` compares presets, "
    "`lipblend sweep` values. docs/quality.md explains what is judged; gate.score_min changes the mark."
)


def parts_table(found: Headline) -> str:
    """What a viewer may notice, the most visible first; the rest on one line."""
    from lipblend.quality.measures import MEASURES
    from lipblend.quality.report.wording import quantity_text

    shown = [part for part in found.parts if part.visibility >= _SHOWN_VISIBILITY]
    rows = [
        (
            MEASURES[part.key].title,
            f"{part.visibility:.1f} x just visible",
            quantity_text(part.value, MEASURES[part.key].unit),
            str(part.worst),
        )
        for part in shown
    ]
    lines = [table_text(("visible part", "how visible", "value", "worst frame"), rows)] if rows else []
    rest = [MEASURES[part.key].title.lower() for part in found.parts[len(shown) :]]
    if rest:
        lines.append(f"{'also' if rows else ''} not seen: {', '.join(rest)}".strip())
    return "\n".join(lines)


def classic_table(record: Evaluation, *, gated: bool) -> str:
    """The classic numbers, and every other measure that is judged: value, mark and on which side of it the value is."""
    from lipblend.quality.report.wording import beside_text, measure_of, quantity_text, state_text

    def row(verdict: Verdict) -> tuple[str, ...]:
        measure = measure_of(verdict)
        limit = "at least " if measure.better == "high" else "at most "
        mark = "" if verdict.mark is None else limit + quantity_text(verdict.mark, measure.unit)
        published = "" if measure.published is None else limit + quantity_text(measure.published, measure.unit)
        value = "" if verdict.value is None else quantity_text(verdict.value, measure.unit)
        state = (state_text if gated else beside_text)(verdict)
        return measure.title, value, published, mark, state

    shown = [each for each in record.verdicts if measure_of(each).published is not None or each.mark is not None]
    return table_text(("measure", "value", "published mark", "pass mark", "verdict"), [row(each) for each in shown])


def summary(record: Evaluation, written: dict[str, str], *, gated: bool) -> str:
    """The headline, what a viewer sees and where, the classic numbers, and notes."""
    from lipblend.plan.front_log import hidden_text
    from lipblend.quality.report import gate_text
    from lipblend.quality.report.wording import MATTE_TEXT, fault_run_text

    warning = record.faults_warning
    parts = [*([warning] if warning else []), gate_text(record, gated=gated), ""]
    if record.headline is not None:
        parts += [parts_table(record.headline), ""]
    parts += [classic_table(record, gated=gated), "", MATTE_TEXT[record.matte]]
    runs = record.fault_runs
    if runs:
        parts.append("synced frames that the generator broke: " + ", ".join(map(fault_run_text, runs)))
    faulty = [row for row in record.rows if row.faults and not row.broken]
    if faulty:
        names = sorted({name for row in faulty for name in row.faults})
        which = "other frames" if runs else "frames"
        parts.append(
            f"{which} whose synced patch is itself faulty: {len(faulty)} ({', '.join(names)}); blending cannot fix them"
        )
    if hidden := record.hidden_runs:
        parts.append(f"something stays in front of the face: {hidden_text(hidden)}")
    parts += [f"note: {note}" for note in record.notes]
    parts += [f"written: {path}" for path in written.values()]
    return "\n".join(parts)


def enforce_gate(record: Evaluation, *, shown: bool) -> None:
    """Exit with code 8 if a pass mark is missed, or if nothing could be judged.

    ``shown`` says that the summary has been printed; otherwise the message on stderr holds all of it.
    """
    from lipblend.quality.report import gate_text
    from lipblend.quality.report.wording import nothing_to_judge, summary_text

    if record.judged and record.passed:
        return
    text = nothing_to_judge(record)
    if record.judged:
        text = f"{summary_text(record)}. {GATE_HINT}" if shown else f"{gate_text(record)}\n{GATE_HINT}"
    print(f"error: {text}", file=sys.stderr)
    raise typer.Exit(GateError.exit_code)
