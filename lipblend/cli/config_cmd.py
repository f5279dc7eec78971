"""``lipblend config``."""

from __future__ import annotations

from typing import Annotated

import typer

from lipblend.cli.console import Console
from lipblend.cli.exits import guarded
from lipblend.cli.shared_options import DEFAULT_PRESET, ConfigOption, JsonOption, PresetOption, SetOption, command_app
from lipblend.cli.tables import table_text
from lipblend.settings.catalogue import setting_specs, value_text
from lipblend.settings.presets import named_settings, resolve_settings

_NOTHING = {False: "Every setting is at its default.", True: "Every setting named is at its default."}

app = command_app("Show every setting, and where its value comes from.")


@app.callback()
def config() -> None:
    """Show every setting, and where its value comes from."""


@app.command("show")
@guarded
def show_command(
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY]...", help="Settings (mask.expansion), or groups of them (mask); all when none is named."
        ),
    ] = None,
    preset: PresetOption = DEFAULT_PRESET,
    config: ConfigOption = None,
    assignments: SetOption = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only settings that are not at their default.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the settings that a run with the same options would use.

    The JSON has "settings", in the form that --config reads (JSON is YAML too), and "sources".
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
    text = table_text(("setting", "value", "from", "allowed"), rows) if rows else _NOTHING[bool(keys)]
    if keys and len(rows) == 1:
        text += f"\n\n{setting_specs()[rows[0][0]].help}"
    Console(as_json=as_json).finish(data, text)
