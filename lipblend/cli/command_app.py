"""Typer apps of the commands, and options that need no settings. Imports only typer, for a quick start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

CONTEXT: dict[str, Any] = {"help_option_names": ["--help", "-h"]}


def command_app(help_text: str | None = None) -> typer.Typer:
    """The app of one command; with a help text, of a group of sub-commands."""
    return typer.Typer(
        help=help_text,
        no_args_is_help=help_text is not None,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=CONTEXT,
    )


# readable=False: paths are checked by the program, not by typer.
def path_argument(metavar: str, help_text: str) -> Any:
    """A required positional path."""
    return typer.Argument(metavar=metavar, help=help_text, show_default=False, readable=False)


def path_option(name: str, metavar: str, help_text: str) -> Any:
    """An optional path."""
    return typer.Option(name, metavar=metavar, help=help_text, readable=False)


def output_option(metavar: str, help_text: str) -> Any:
    """The required option ``-o``."""
    return typer.Option("--output", "-o", metavar=metavar, help=help_text, show_default=False, readable=False)


ModelsOption = Annotated[
    Path | None,
    path_option("--models", "PATH", "Face model bundle, or the folder that holds it and perhaps other models."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout; everything else goes to stderr.")
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite/--no-overwrite", help="Replace existing files, or stop with an error.")
]
