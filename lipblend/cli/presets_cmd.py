"""``lipblend presets``."""

from __future__ import annotations

from typing import Annotated

import typer

from lipblend.cli.console import Console
from lipblend.cli.exits import guarded
from lipblend.cli.shared_options import DEFAULT_PRESET, JsonOption, command_app
from lipblend.cli.tables import table_text
from lipblend.settings.catalogue import setting_specs, value_text
from lipblend.settings.presets import find_preset, list_presets, preset_values, resolve_settings

app = command_app("List the presets, or show what one changes.")


@app.command("list")
@guarded
def list_command(as_json: JsonOption = False) -> None:
    """List the presets and what each is for."""
    presets = list_presets()
    rows = [(f"{item.name}{' (default)' * (item.name == DEFAULT_PRESET)}", item.summary) for item in presets]
    data = {"presets": [{"name": item.name, "summary": item.summary} for item in presets], "default": DEFAULT_PRESET}
    Console(as_json=as_json).finish(data, table_text(("preset", "for"), rows))


@app.command("show")
@guarded
def show_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which preset.", show_default=False)],
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print the preset's own YAML, to start a file for --config from.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a preset changes, beside the default."""
    preset = find_preset(name)
    if as_yaml:
        typer.echo(preset.path.read_text(encoding="utf-8"), nl=False)
        return
    values = preset_values(preset)
    resolve_settings(name)  # a preset with values that are not allowed is reported rather than shown
    specs = setting_specs()
    rows = [(key, value_text(value), specs[key].default_text, specs[key].help) for key, value in values.items()]
    text = f"{preset.name}: {preset.summary}\n"
    text += table_text(("setting", "value", "default", "what it does"), rows) if rows else "It keeps every default."
    data = {"name": preset.name, "summary": preset.summary, "values": values}
    Console(as_json=as_json).finish(data, text)
