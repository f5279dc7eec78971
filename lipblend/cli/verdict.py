"""Reports, summary and gate of an evaluation, shared by ``evaluate`` and ``composite``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lipblend.cli.command_app import path_option
from lipblend.cli.console import table_text
from lipblend.errors import GateError

if TYPE_CHECKING:
    from lipblend.quality.evaluation.evaluate import Evaluated
    from lipblend.quality.record import Evaluation, Verdict

ReportOption = Annotated[
    Path | None, path_option("--report", "FOLDER", "Write report.html, report.json and report.csv to this folder.")
]
GateOption = Annotated[
    bool, typer.Option("--gate", help="Exit with code 8 if a measure misses its pass mark (gate.*).")
]
JunitOption = Annotated[Path | None, path_option("--junit", "FILE", "Write the verdicts as JUnit XML for CI systems.")]
VideoOption = Annotated[
    bool, typer.Option("--video/--no-video", help="Embed a small video of original, synced and result in report.html.")
]


def write_files(
    evaluated: Evaluated, *, folder: Path | None, junit: Path | None, video: bool, gated: bool
) -> dict[str, str]:
    """Write the requested report and JUnit file; returns their paths by name."""
    from lipblend.quality.report import write_junit, write_report

    written: dict[str, Path] = {}
    if folder is not None:
        written |= write_report(folder, evaluated, video=video, gated=gated)
    if junit is not None:
        names = {file.role: file.name for file in evaluated.record.inputs}
        write_junit(junit, [(names["result"], evaluated.record)])
        written["junit"] = junit
    return {name: str(path) for name, path in written.items()}


def verdict_dict(record: Evaluation, written: dict[str, str]) -> dict[str, Any]:
    """Summary of an evaluation for ``--json``; the values per frame are in report.json."""
    from dataclasses import asdict

    return {
        "passed": record.passed,
        "matte": record.matte,
        "frames": len(record.rows),
        "passed_through": dict(record.passed_through),
        "faulty_frames": [row.index for row in record.rows if row.faults],
        "verdicts": [asdict(verdict) for verdict in record.verdicts],
        "shots": [asdict(shot) for shot in record.shots],
        "inputs": [asdict(file) for file in record.inputs],
        "notes": list(record.notes),
        "seconds": record.seconds,
        "written": written,
    }


GATE_HINT = (
    "Another preset may do better (`lipblend preview --presets all` compares them). docs/quality.md explains each "
    "mark and where real footage misses it too. The gate.* settings change the marks."
)


def verdict_table(record: Evaluation, *, gated: bool) -> str:
    """One line per measure: value, mark, and verdict (without a gate: the side of the mark on which the value lies)."""
    from lipblend.quality.report.wording import beside_text, measure_of, quantity_text, state_text

    def row(verdict: Verdict) -> tuple[str, ...]:
        measure = measure_of(verdict)
        limit = "at least " if measure.better == "high" else "at most "
        mark = "" if verdict.mark is None else limit + quantity_text(verdict.mark, measure.unit)
        value = "" if verdict.value is None else quantity_text(verdict.value, measure.unit)
        within = "" if verdict.within is None else f"{verdict.within:.1%}"
        return measure.title, value, mark, (state_text if gated else beside_text)(verdict), within

    shown = [verdict for verdict in record.verdicts if verdict.value is not None or verdict.mark is not None]
    head = ("measure", "value", "pass mark", "verdict" if gated else "compared", "frames or shots within")
    return table_text(head, [row(verdict) for verdict in shown])


def summary(record: Evaluation, written: dict[str, str], *, gated: bool) -> str:
    """The table of values, what misses its mark and where, and notes."""
    from lipblend.quality.report import gate_text
    from lipblend.quality.report.wording import MATTE_TEXT

    parts = [verdict_table(record, gated=gated), "", gate_text(record, gated=gated), MATTE_TEXT[record.matte]]
    faulty = sum(bool(row.faults) for row in record.rows)
    if faulty:
        names = sorted({name for row in record.rows for name in row.faults})
        parts.append(
            f"frames whose synced patch is itself faulty: {faulty} ({', '.join(names)}); blending cannot fix them"
        )
    parts += [f"note: {note}" for note in record.notes]
    parts += [f"written: {path}" for path in written.values()]
    return "\n".join(parts)


def enforce_gate(record: Evaluation, *, shown: bool) -> None:
    """Exit with code 8 if a pass mark is missed, or if nothing could be judged.

    ``shown`` says that the summary has been printed; otherwise the message on stderr holds all of it.
    """
    from lipblend.quality.report import gate_text
    from lipblend.quality.report.wording import NOTHING_TO_JUDGE, summary_text

    if record.judged and record.passed:
        return
    text = NOTHING_TO_JUDGE
    if record.judged:
        text = f"{summary_text(record)}. {GATE_HINT}" if shown else f"{gate_text(record)}\n{GATE_HINT}"
    print(f"error: {text}", file=sys.stderr)
    raise typer.Exit(GateError.exit_code)
