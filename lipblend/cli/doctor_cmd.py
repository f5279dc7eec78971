"""``lipblend doctor``. Imports nothing that a broken installation may lack: its report is what helps then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from lipblend.cli.context import CONTEXT
from lipblend.cli.exits import guarded

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, context_settings=CONTEXT)


@app.command("doctor")
@guarded
def doctor_command(
    # The options module needs pydantic; tests hold these two to its words.
    models: Annotated[
        Path | None,
        typer.Option(
            "--models", metavar="PATH", help="Face model bundle, or the folder that holds it.", readable=False
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout, all else on stderr.")
    ] = False,
) -> None:
    """Check the installation, and say how to mend what is wrong.

    Exit code 0 without a problem (warnings do not count); otherwise that of the first problem: 1 Python, packages and
    system libraries, 6 the face model, 7 the default encoder or the sample run.
    """
    from lipblend.selfcheck.doctor import DoctorReport, diagnose
    from lipblend.selfcheck.findings import Finding

    findings: list[Finding] = []
    for finding in diagnose(models):
        findings.append(finding)
        if not as_json:
            typer.echo(f"{finding.state:7}  {finding.name}: {finding.message}")
            if finding.mend:
                typer.echo(f"{'':9}-> {finding.mend}")
    report = DoctorReport(tuple(findings))
    if as_json:
        typer.echo(json.dumps(report.to_dict()))
    else:
        count = {state: sum(finding.state == state for finding in findings) for state in ("problem", "warning")}
        typer.echo(f"{count['problem']} problems, {count['warning']} warnings in {len(findings)} checks")
    raise typer.Exit(report.exit_code)
