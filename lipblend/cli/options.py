"""Options that several commands share, with the help texts of the settings they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lipblend.catalogue import setting_specs
from lipblend.presets import DEFAULT_PRESET


def command_app(help_text: str | None = None) -> typer.Typer:
    """The typer app of one command; with a help text, of a group of sub-commands."""
    return typer.Typer(
        help=help_text,
        no_args_is_help=help_text is not None,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def setting_flag(key: str, name: str, metavar: str = "") -> Any:
    """Describe a command-line flag that stands for the setting `key`."""
    spec = setting_specs()[key]
    choices = "|".join(spec.choices)
    text = f"{spec.help} Sets {key} (default {spec.default_text})."
    # A number is judged together with all other settings, so that the message names the setting and what is allowed.
    parser = _number_or_text if spec.kind in ("int", "float") else None
    shown = metavar or choices or spec.kind.upper()
    return typer.Option(name, help=text, metavar=shown, parser=parser, show_default=False)


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


OriginalArgument = Annotated[
    Path, typer.Argument(metavar="ORIGINAL", help="The real footage.", show_default=False, readable=False)
]
SyncedArgument = Annotated[
    Path, typer.Argument(metavar="SYNCED", help="The same footage after lip-sync.", show_default=False, readable=False)
]
PresetOption = Annotated[
    str, typer.Option("--preset", metavar="NAME", help="Preset to start from (`lipblend presets list`).")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="YAML file with settings, laid over the preset.", readable=False),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting, laid over preset and file; may be repeated."),
]
ModelsOption = Annotated[
    Path | None,
    typer.Option("--models", metavar="PATH", help="Face model bundle, or the folder that holds it.", readable=False),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, all else on stderr.")]

__all__ = [
    "DEFAULT_PRESET", "ConfigOption", "JsonOption", "ModelsOption", "OriginalArgument", "PresetOption", "QuietOption",
    "SetOption", "SyncedArgument", "setting_flag",
]  # fmt: skip
