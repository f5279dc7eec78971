"""``lipblend config``."""

from __future__ import annotations

from typing import Annotated

import typer

from lipblend.catalogue import setting_specs, value_text
from lipblend.cli.console import Console
from lipblend.cli.guard import guarded
from lipblend.cli.options import DEFAULT_PRESET, ConfigOption, JsonOption, PresetOption, SetOption, command_app
from lipblend.cli.tables import table_text
from lipblend.presets import resolve_settings

app = command_app("Show every setting, and where its value comes from.")


@app.callback()
def config() -> None:
    """Show every setting, and where its value comes from."""


@app.command("show")
@guarded
def show_command(
    preset: PresetOption = DEFAULT_PRESET,
    config: ConfigOption = None,
    assignments: SetOption = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only settings that are not at their default.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the settings that a run with the same options would use.

    The JSON has "settings", in the form that --config reads (JSON is YAML too), and "sources".
    """
    resolved = resolve_settings(preset, config, assignments or ())
    nested = resolved.settings.model_dump(mode="json")
    rows = []
    for key, spec in setting_specs().items():
        group, name = key.split(".")
        source = resolved.sources[key]
        if not changed or source != "default":
            rows.append((key, value_text(nested[group][name]), source, spec.allowed))
        else:
            del nested[group][name]
    data = {
        "settings": {group: values for group, values in nested.items() if values},
        "sources": {key: resolved.sources[key] for key, *_ in rows},
    }
    text = table_text(("setting", "value", "from", "allowed"), rows) if rows else "Every setting is at its default."
    Console(as_json=as_json).finish(data, text)
