"""``lipblend doctor``. Imports nothing that a broken installation may lack."""

from __future__ import annotations

import json

import typer

from lipblend.cli.command_app import JsonOption, ModelsOption, command_app
from lipblend.cli.exits import handle_errors

app = command_app()


@app.command("doctor")
@handle_errors(stdout_required=True)
def doctor_command(models: ModelsOption = None, as_json: JsonOption = False) -> None:
    """Check the installation and suggest fixes.

    Exit code 0 if there is no problem (warnings do not count), otherwise that of the first problem: 1 for Python,
    packages and system libraries, 6 for the face model, 7 for the default encoder or the sample run.
    """
    from lipblend.selfcheck.doctor import DoctorReport, diagnose
    from lipblend.selfcheck.findings import Finding

    findings: list[Finding] = []
    for finding in diagnose(models):
        findings.append(finding)
        if not as_json:
            typer.echo(f"{finding.state:7}  {finding.name}: {finding.message}")
            if finding.fix:
                typer.echo(f"{'':9}-> {finding.fix}")
    report = DoctorReport(tuple(findings))
    if as_json:
        typer.echo(json.dumps(report.to_dict()))
    else:
        count = {state: sum(finding.state == state for finding in findings) for state in ("problem", "warning")}
        typer.echo(f"{count['problem']} problems, {count['warning']} warnings in {len(findings)} checks")
    raise typer.Exit(report.exit_code)
