"""``lipblend evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lipblend.cli.command_app import JsonOption, ModelsOption, QuietOption, command_app, path_argument, path_option
from lipblend.cli.console import Console
from lipblend.cli.exits import handle_errors
from lipblend.cli.outputs import check_reports
from lipblend.cli.shared_options import (
    CacheOption,
    ConfigOption,
    NoCacheOption,
    OriginalArgument,
    SetOption,
    SyncedArgument,
    cache_folder,
)
from lipblend.cli.verdict import (
    GateOption,
    JunitOption,
    ReportOption,
    VideoOption,
    enforce_gate,
    summary,
    verdict_dict,
    write_files,
)
from lipblend.errors import SettingsError
from lipblend.settings.presets import DEFAULT_PRESET
from lipblend.settings.resolve import flat_values, resolve_settings

if TYPE_CHECKING:
    from lipblend.settings import Settings

app = command_app()


@app.command("evaluate")
@handle_errors(stdout_required=True)
def evaluate_command(
    original: OriginalArgument,
    synced: SyncedArgument,
    result: Annotated[Path, path_argument("RESULT", "The composite of both videos, from lipblend or any other tool.")],
    report: ReportOption = None,
    gate: GateOption = False,
    junit: JunitOption = None,
    reference: Annotated[
        Path | None, path_option("--reference", "FILE", "Ground truth: what a perfect result shows.")
    ] = None,
    matte: Annotated[
        Literal["auto", "settings", "difference"],
        typer.Option(
            "--matte",
            help="settings: render the mattes from the settings; difference: estimate them from the pictures; auto: "
            "settings if the result matches them.",
        ),
    ] = "auto",
    settings_from: Annotated[
        Path | None, path_option("--settings-from", "FILE", "Settings of the run: a report.json of composite --report.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="NAME", help=f"Preset of the run (default {DEFAULT_PRESET}).")
    ] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
    video: VideoOption = True,
    models: ModelsOption = None,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a composite: seam, colour, flicker, original lips, lip-sync, faulty synced frames.

    RESULT may come from lipblend or any other tool, and may be SYNCED itself. docs/quality.md explains the measures.
    With --gate the exit code is 8 if a pass mark is missed.
    """
    inputs = {"original": original, "synced video": synced, "result": result}
    optional = {"reference": reference, "config file": config}
    inputs |= {role: path for role, path in optional.items() if path is not None}
    check_reports(report, junit, inputs=inputs, video=video)
    settings = _settings(settings_from, preset, config, assignments or ())

    analyses = cache_folder(cache, no_cache)

    from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate

    console = Console(quiet=quiet, as_json=as_json)
    with console.progress() as on_progress:
        evaluated = evaluate(
            original,
            synced,
            result,
            settings=settings,
            options=EvaluateOptions(matte=matte, reference=reference, models=models, cache=analyses),
            on_progress=on_progress,
        )
    written = write_files(evaluated, folder=report, junit=junit, video=video, gated=gate)
    console.finish(verdict_dict(evaluated.record, written), summary(evaluated.record, written, gated=gate))
    if gate:
        enforce_gate(evaluated.record, shown=not quiet and not as_json)


def _settings(
    settings_from: Path | None, preset: str | None, config: Path | None, assignments: list[str] | tuple[()]
) -> Settings:
    if settings_from is None:
        return resolve_settings(preset or DEFAULT_PRESET, config, assignments).settings
    if preset is not None:
        raise SettingsError("--settings-from and --preset contradict each other", hint="Remove one of them.")
    from lipblend.quality.report import load_report

    base = flat_values(load_report(settings_from).settings)
    return resolve_settings(None, config, assignments, base=(base, f"settings of {settings_from}")).settings
