"""Files of an evaluation, and what ``--json`` says of it: for commands and series of jobs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipblend.quality.report import write_junit, write_report
from lipblend.quality.report.advice import advice_dicts

if TYPE_CHECKING:
    from lipblend.quality.evaluation.evaluate import Evaluated
    from lipblend.quality.record import Evaluation


def write_files(
    evaluated: Evaluated, *, folder: Path | None, junit: Path | None, video: bool, gated: bool
) -> dict[str, str]:
    """Write the requested report and JUnit file; returns their paths by name."""
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
    return {
        "judged": record.judged,
        "passed": record.passed if record.judged else None,
        "headline": None if record.headline is None else {"word": record.headline.word, **asdict(record.headline)},
        "advice": advice_dicts(record),
        "matte": record.matte,
        "frames": len(record.rows),
        "passed_through": dict(record.passed_through),
        "faulty_frames": [row.index for row in record.rows if row.is_faulty],
        "fault_runs": [asdict(run) for run in record.fault_runs],
        "hidden_runs": [asdict(run) for run in record.hidden_runs],
        "verdicts": [asdict(verdict) for verdict in record.verdicts],
        "shots": [asdict(shot) for shot in record.shots],
        "inputs": [asdict(file) for file in record.inputs],
        "notes": list(record.notes),
        "seconds": record.seconds,
        "written": written,
    }
