"""``lipblend baseline``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipblend.cli.command_app import JsonOption, OverwriteOption, QuietOption, command_app, path_argument
from lipblend.cli.console import Console, table_text
from lipblend.cli.exits import handle_errors
from lipblend.errors import GateError

if TYPE_CHECKING:
    from lipblend.lab.baseline.regression import Comparison
    from lipblend.quality.record import Evaluation

app = command_app("Save the measures of a set of clips, and fail if one becomes worse.")

FileArgument = Annotated[Path, path_argument("FILE", "Baseline file (JSON).")]
ReportsArgument = Annotated[
    list[Path], path_argument("REPORT...", "A report.json of evaluate --report or composite --report, or its folder.")
]
NameOption = Annotated[
    list[str] | None,
    typer.Option(
        "--name", metavar="NAME", help="Name of a clip, once per report, in order. Default: the result's file name."
    ),
]


@app.command("save")
@handle_errors(stdout_required=False)
def save_command(
    file: FileArgument,
    reports: ReportsArgument,
    names: NameOption = None,
    overwrite: OverwriteOption = True,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Save the measures of some clips: for each measure the judged value and the median."""
    from lipblend.lab.baseline.lock import named_clips, save_baseline

    clips = named_clips(load_reports(reports), names or ())
    save_baseline(file, clips, overwrite=overwrite, reports=[_report_file(path) for path in reports])
    data = {"baseline": str(file), "clips": clips}
    Console(quiet=quiet, as_json=as_json).finish(data, f"{file}: {_clips(len(clips))}: {', '.join(clips)}")


@app.command("check")
@handle_errors(stdout_required=True)
def check_command(
    file: FileArgument,
    reports: ReportsArgument,
    names: NameOption = None,
    tolerances: Annotated[
        list[str] | None,
        typer.Option(
            "--tolerance",
            metavar="KEY=VALUE",
            help="How much worse a measure may become: 0.01 in its unit, 10% of the baseline, or off. May be repeated.",
        ),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Accept clips of the baseline that have no report.")
    ] = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare clips with their baseline.

    Exit code 8 if a value is worse than its tolerance allows, can no longer be measured, or if a clip of the baseline
    is missing. Improvements and new clips are only reported.
    """
    from lipblend.lab.baseline.lock import load_baseline, named_clips
    from lipblend.lab.baseline.regression import compare, parse_tolerances

    allowed = parse_tolerances(tolerances or ())
    baseline = load_baseline(file)
    found = compare(baseline, named_clips(load_reports(reports), names or ()), allowed)
    console = Console(quiet=quiet, as_json=as_json)
    console.say(check_text(found))
    data = {**asdict(found), "baseline": str(file), "passed": True}
    try:
        found.raise_for_failure(allow_missing=allow_missing)
    except GateError as error:
        if not as_json:
            raise
        # With --json the only object on stdout is the comparison, even if a value is worse.
        print(f"error: {error}", file=sys.stderr)
        console.finish({**data, "passed": False}, "")
        raise typer.Exit(GateError.exit_code) from error
    console.finish(data, f"no measure is worse than {file} allows")


def check_text(found: Comparison) -> str:
    """A table of the values that changed, and the clips that are not in both."""
    lines = [f"compared {found.numbers} values of {_clips(found.clips)}"]
    rows = [
        (
            change.clip,
            change.key,
            change.which,
            "-" if change.was is None else f"{change.was:.5g}",
            "-" if change.now is None else f"{change.now:.5g}",
            f"{change.allowed:.3g}",
            verdict,
        )
        for verdict, changes in (("worse", found.regressions), ("better", found.improvements))
        for change in changes
    ]
    if rows:
        lines.append(table_text(("clip", "measure", "of", "was", "is", "allowed", ""), rows))
    for label, clips in (("missing", found.missing), ("new", found.new), ("new measure", found.new_measures)):
        lines += [f"{label}: {clip}" for clip in clips]
    lines += [
        f"note: {each}: not compared, because this version has no such measure" for each in found.unknown_measures
    ]
    return "\n".join(lines)


def load_reports(reports: list[Path]) -> list[Evaluation]:
    """Read reports, each given as a file or its folder."""
    from lipblend.quality.report import load_report

    return [load_report(_report_file(path)) for path in reports]


def _report_file(path: Path) -> Path:
    return path / "report.json" if path.is_dir() else path


def _clips(number: int) -> str:
    return f"{number} clip{'' if number == 1 else 's'}"
