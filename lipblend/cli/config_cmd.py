"""``lipblend config``."""

from __future__ import annotations

from typing import Annotated

import typer

from lipblend.cli.command_app import JsonOption, command_app
from lipblend.cli.console import Console, table_text
from lipblend.cli.exits import handle_errors
from lipblend.cli.shared_options import ConfigOption, PresetOption, SetOption
from lipblend.settings.catalogue import named_settings, setting_specs, value_text
from lipblend.settings.presets import DEFAULT_PRESET
from lipblend.settings.resolve import resolve_settings

app = command_app("Show all settings and where their values come from.")


@app.callback()
def config() -> None:
    """Show all settings and where their values come from."""


@app.command("show")
@handle_errors(stdout_required=True)
def show_command(
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY]...", help="Settings (mask.expansion) or groups (mask). Default: all."),
    ] = None,
    preset: PresetOption = DEFAULT_PRESET,
    config: ConfigOption = None,
    assignments: SetOption = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Show only settings that differ from their default.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the settings that a run with the same options would use.

    The JSON object has "settings", in the format of --config (JSON is valid YAML), and "sources".
    """
    wanted = named_settings(keys or ())
    resolved = resolve_settings(preset, config, assignments or ())
    nested = resolved.settings.model_dump(mode="json")
    rows = []
    for key, spec in setting_specs().items():
        group, name = key.split(".")
        source = resolved.sources[key]
        if key in wanted and (not changed or source != "default"):
            rows.append((key, value_text(nested[group][name]), source, spec.allowed))
        else:
            del nested[group][name]
    data = {
        "settings": {group: values for group, values in nested.items() if values},
        "sources": {key: resolved.sources[key] for key, *_ in rows},
    }
    text = table_text(("setting", "value", "from", "allowed"), rows) if rows else "all at their defaults"
    if keys and len(rows) == 1:
        text += f"\n\n{setting_specs()[rows[0][0]].help}"
    Console(as_json=as_json).finish(data, text)
