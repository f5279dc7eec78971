"""Options that several commands share, with the help texts of the settings they stand for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from lipblend.cli.context import CONTEXT
from lipblend.errors import SettingsError
from lipblend.runtime.folders import user_cache_folder
from lipblend.settings.catalogue import setting_specs
from lipblend.settings.presets import DEFAULT_PRESET

CACHE_VARIABLE = "LIPBLEND_CACHE"
"""Environment variable that names the folder of analyses; ``off`` for none."""


def command_app(help_text: str | None = None) -> typer.Typer:
    """The typer app of one command; with a help text, of a group of sub-commands."""
    return typer.Typer(
        help=help_text,
        no_args_is_help=help_text is not None,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=CONTEXT,
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


def chosen_cache(folder: Path | None, no_cache: bool) -> Path | None:
    """Where analyses are kept: as asked for, else as `CACHE_VARIABLE` says, else in the user's cache folder.

    None for nowhere: ``--no-cache``, or ``off`` in the variable.

    Raises
    ------
    SettingsError
        A folder and ``--no-cache`` are both given, or the folder is a file.
    """
    if folder is not None and no_cache:
        raise SettingsError("--cache names a folder, and --no-cache wants none", hint="Leave one of them out.")
    if no_cache:
        return None
    named = os.environ.get(CACHE_VARIABLE, "")
    if folder is None and named.lower() == "off":
        return None
    chosen = folder if folder is not None else Path(named) if named else None
    if chosen is None:
        return user_cache_folder() / "analysis"
    if chosen.exists() and not chosen.is_dir():
        raise SettingsError(f"the cache {chosen} is a file", hint="Name a folder.")
    return chosen


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
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="FOLDER",
        help="Folder in which analyses are kept, so that a second run on the same pair starts at once "
        "(`lipblend cache` shows the usual one).",
        readable=False,
    ),
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Neither use nor keep an analysis.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, all else on stderr.")]

__all__ = [
    "CACHE_VARIABLE", "DEFAULT_PRESET", "CacheOption", "ConfigOption", "JsonOption", "ModelsOption", "NoCacheOption",
    "OriginalArgument", "PresetOption", "QuietOption", "SetOption", "SyncedArgument", "chosen_cache", "setting_flag",
]  # fmt: skip
