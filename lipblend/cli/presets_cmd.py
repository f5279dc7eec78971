"""``lipblend presets``."""

from __future__ import annotations

from typing import Annotated

import typer

from lipblend.cli.command_app import JsonOption, command_app
from lipblend.cli.console import Console, table_text
from lipblend.cli.exits import handle_errors
from lipblend.settings.catalogue import setting_specs, value_text
from lipblend.settings.presets import DEFAULT_PRESET, find_preset, list_presets, preset_values
from lipblend.settings.resolve import resolve_settings

app = command_app("List the presets, or show what one changes.")


@app.command("list")
@handle_errors(stdout_required=True)
def list_command(as_json: JsonOption = False) -> None:
    """List the presets and their purposes."""
    presets = list_presets()
    rows = [(f"{item.name}{' (default)' * (item.name == DEFAULT_PRESET)}", item.summary) for item in presets]
    data = {"presets": [{"name": item.name, "summary": item.summary} for item in presets], "default": DEFAULT_PRESET}
    Console(as_json=as_json).finish(data, table_text(("preset", "for"), rows))


@app.command("show")
@handle_errors(stdout_required=True)
def show_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the preset.", show_default=False)],
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print the preset's YAML, as a starting point for a --config file.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a preset changes, and the defaults."""
    preset = find_preset(name)
    if as_yaml:
        typer.echo(preset.path.read_text(encoding="utf-8"), nl=False)
        return
    values = preset_values(preset)
    resolve_settings(name)  # reports values that are not allowed
    specs = setting_specs()
    rows = [(key, value_text(value), specs[key].default_text, specs[key].help) for key, value in values.items()]
    text = f"{preset.name}: {preset.summary}\n"
    text += table_text(("setting", "value", "default", "what it does"), rows) if rows else "It keeps all defaults."
    data = {"name": preset.name, "summary": preset.summary, "values": values}
    Console(as_json=as_json).finish(data, text)
