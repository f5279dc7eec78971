"""``lipblend baseline``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipblend.cli.console import Console
from lipblend.cli.exits import guarded, guarded_maker
from lipblend.cli.shared_options import JsonOption, QuietOption, command_app
from lipblend.cli.tables import table_text
from lipblend.errors import GateError

if TYPE_CHECKING:
    from lipblend.lab.baseline.regression import Comparison
    from lipblend.quality.record import Evaluation

app = command_app("Keep the numbers of a set of clips in a file, and fail where one becomes worse.")

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="The baseline, a JSON file.", show_default=False, readable=False)
]
ReportsArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="REPORT...",
        help="A report.json, or the folder that it lies in, as evaluate and composite --report write it.",
        show_default=False,
        readable=False,
    ),
]
NameOption = Annotated[
    list[str] | None,
    typer.Option(
        "--name", metavar="NAME", help="What to call a clip; once for each report, in order. Else the result's name."
    ),
]


@app.command("save")
@guarded_maker
def save_command(
    file: FileArgument,
    reports: ReportsArgument,
    names: NameOption = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite/--no-overwrite", help="Replace FILE if it exists, or stop with an error.")
    ] = True,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Keep the numbers of some clips: for every measure what is held against its pass mark, and the median."""
    from lipblend.lab.baseline.lock import named_clips, save_baseline

    clips = named_clips(load_reports(reports), names or ())
    save_baseline(file, clips, overwrite=overwrite, reports=[_report_file(path) for path in reports])
    data = {"baseline": str(file), "clips": clips}
    Console(quiet=quiet, as_json=as_json).finish(data, f"{file}: {_clips(len(clips))}: {', '.join(clips)}")


@app.command("check")
@guarded
def check_command(
    file: FileArgument,
    reports: ReportsArgument,
    names: NameOption = None,
    tolerances: Annotated[
        list[str] | None,
        typer.Option(
            "--tolerance",
            metavar="KEY=VALUE",
            help="How much worse a measure may become: 0.01 in its unit, 10% of the kept number, or off. "
            "May be repeated.",
        ),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Clips of the baseline may be missing among the reports.")
    ] = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare some clips with their baseline.

    Exit code 8 where a number became worse than its tolerance allows, where one can no longer be measured, and where a
    clip of the baseline is missing. What became better, and new clips, are only reported.
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
        # With --json the one object is what was found, also where something became worse.
        print(f"error: {error}", file=sys.stderr)
        console.finish({**data, "passed": False}, "")
        raise typer.Exit(GateError.exit_code) from error
    console.finish(data, f"nothing became worse than {file} allows")


def check_text(found: Comparison) -> str:
    """Write what a check compared: a table of the numbers that changed, and the clips that are not in both."""
    lines = [f"compared {found.numbers} numbers of {_clips(found.clips)}"]
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
    lines += [f"note: {each}: not compared, this version has no such measure" for each in found.unknown_measures]
    return "\n".join(lines)


def load_reports(reports: list[Path]) -> list[Evaluation]:
    """Read reports, each given as its file or the folder it lies in."""
    from lipblend.quality.report import load_report

    return [load_report(_report_file(path)) for path in reports]


def _report_file(path: Path) -> Path:
    return path / "report.json" if path.is_dir() else path


def _clips(number: int) -> str:
    return f"{number} clip{'' if number == 1 else 's'}"
