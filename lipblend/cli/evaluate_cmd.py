"""``lipblend evaluate``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipblend.cli.command_app import JsonOption, ModelsOption, QuietOption, command_app, path_argument, path_option
from lipblend.cli.console import Console
from lipblend.cli.exits import handle_errors
from lipblend.cli.given_inputs import RateOption, takes_sequences
from lipblend.cli.outputs import check_reports
from lipblend.cli.shared_options import (
    CacheOption,
    ConfigOption,
    CropOption,
    FaceOption,
    KeepOption,
    NoCacheOption,
    OriginalArgument,
    RangesOption,
    SetOption,
    SettingsFromOption,
    SyncedArgument,
    cache_folder,
    face_flags,
    values_of_run,
)
from lipblend.cli.verdict import (
    GateOption,
    JunitOption,
    ReportOption,
    VideoOption,
    enforce_gate,
    summary,
)
from lipblend.errors import SettingsError
from lipblend.settings.presets import DEFAULT_PRESET
from lipblend.settings.resolve import resolve_settings

if TYPE_CHECKING:
    from lipblend.quality.evaluation.evaluate import MatteSource
    from lipblend.quality.evaluation.result_settings import JudgedSettings

app = command_app()

_SOURCES: dict[str, MatteSource] = {"auto": "auto", "settings": "settings", "difference": "difference"}


def _matte_value(text: str) -> str:
    """A value of ``--matte``; a bare word that is no path is taken for a slip of the keys."""
    path = Path(text)
    if text not in _SOURCES and path.name == text and not path.suffix and not path.exists():
        raise typer.BadParameter(f"'{text}' is not one of {', '.join(map(repr, _SOURCES))}, nor a file or folder.")
    return text


@app.command("evaluate")
@handle_errors(stdout_required=True)
@takes_sequences("original", "synced", "result", "reference")
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
        str,
        typer.Option(
            "--matte",
            metavar="auto|settings|difference|MATTE",
            callback=_matte_value,
            help="settings: render the mattes from the settings; difference: estimate them from the pictures; auto: "
            "settings if the result matches them. MATTE: as auto, with the alpha that RESULT was made with (composite "
            "--matte).",
        ),
    ] = "auto",
    settings_from: SettingsFromOption = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="NAME",
            help=f"Preset of the run. Default: the settings that RESULT records, else {DEFAULT_PRESET}.",
        ),
    ] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
    face: FaceOption = None,
    ranges: RangesOption = None,
    keep: KeepOption = None,
    crop: CropOption = None,
    video: VideoOption = True,
    rate: RateOption = None,
    models: ModelsOption = None,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a composite: seam, colour, flicker, original lips, lip-sync, faulty synced frames.

    RESULT may come from lipblend or any other tool, and may be SYNCED itself. It is judged with the settings that
    lipblend recorded in it; options win over them, and a note says what was used. docs/quality.md explains the
    measures.
    With --gate the exit code is 8 if a pass mark is missed.
    """
    inputs = {"original": original, "synced video": synced, "result": result}
    source = _SOURCES.get(matte, "auto")
    given = None if matte in _SOURCES else Path(matte)
    optional = {"reference": reference, "config file": config, "matte": keep, "crop record": crop}
    optional |= {"matte of the mouth": given}
    inputs |= {role: path for role, path in optional.items() if path is not None}
    check_reports(report, junit, inputs=inputs, video=video)
    analyses = cache_folder(cache, no_cache)
    judged = _settings(result, settings_from, preset, config, assignments or (), face_flags(face, ranges))

    from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate

    console = Console(quiet=quiet, as_json=as_json)
    with console.progress() as on_progress:
        evaluated = evaluate(
            original,
            synced,
            result,
            settings=judged.settings,
            options=EvaluateOptions(
                matte=source,
                reference=reference,
                models=models,
                cache=analyses,
                keep=keep,
                given_matte=given,
                crop=crop,
                notes=judged.notes,
            ),
            on_progress=on_progress,
        )
    from lipblend.quality.report.verdict_files import verdict_dict, write_files

    written = write_files(evaluated, folder=report, junit=junit, video=video, gated=gate)
    console.finish(verdict_dict(evaluated.record, written), summary(evaluated.record, written, gated=gate))
    if gate:
        enforce_gate(evaluated.record, shown=not quiet and not as_json)


def _settings(
    result: Path,
    settings_from: Path | None,
    preset: str | None,
    config: Path | None,
    assignments: list[str] | tuple[()],
    flags: dict[str, object],
) -> JudgedSettings:
    """What to judge with, and notes that say where it comes from."""
    from lipblend.quality.evaluation.result_settings import settings_for
    from lipblend.video.probe import probe

    claimed = None
    if settings_from is not None:
        if preset is not None:
            raise SettingsError("--settings-from and --preset contradict each other", hint="Remove one of them.")
        base, doubts = values_of_run(settings_from)
        claimed = resolve_settings(
            None, config, assignments, flags=flags, base=(base, f"settings of {settings_from}")
        ).settings
    elif preset is not None:
        claimed, doubts = resolve_settings(preset, config, assignments, flags=flags).settings, []
    else:
        resolve_settings(None, config, assignments, flags=flags)  # a wrong option is reported before a wrong file
        doubts = []
    found = settings_for(
        probe(result), claimed=claimed, config=config, overrides=assignments, flags=flags, assumed=DEFAULT_PRESET
    )
    return replace(found, notes=(*doubts, *found.notes))
