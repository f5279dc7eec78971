"""The command ``lipblend``. Sub-commands are imported only when called."""

from __future__ import annotations

import gc
import importlib
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lipblend.cli.command_app import CONTEXT
from lipblend.cli.exit_codes import EXIT_INTERRUPT, EXIT_TERMINATED, EXIT_UNEXPECTED
from lipblend.cli.exits import exit_now, import_failure, unwind_on_sigterm
from lipblend.cli.streams import make_tolerant, occupy_closed_descriptors, report_lost_output
from lipblend.cli.usage_hints import USAGE_ERROR, explain, is_video_name
from lipblend.errors import OutputError
from lipblend.runtime.allocator import keep_freed_memory

COMMANDS = {
    "composite": ("lipblend.cli.composite_cmd", "Blend the mouth of a lip-synced video into the original."),
    "batch": ("lipblend.cli.batch_cmd", "Composite a whole list of pairs, and make again only what changed."),
    "evaluate": (
        "lipblend.cli.evaluate_cmd",
        "Measure a composite: seam, colour, flicker, original lips, lip-sync, faulty synced frames.",
    ),
    "crop": ("lipblend.cli.crop_cmd", "Cut a steady square crop of a face out of a video, for a generator."),
    "probe": ("lipblend.cli.probe_cmd", "Show streams, colour, frame times, damage and faces of a video."),
    "faces": ("lipblend.cli.faces_cmd", "Show size, pose, gaps and jitter of faces, and which videos differ."),
    "preview": ("lipblend.cli.preview_cmd", "Render single frames with all intermediate steps as one picture."),
    "compare": ("lipblend.cli.compare_cmd", "Show several results side by side, as a video or a GIF."),
    "demo": ("lipblend.cli.demo_cmd", "Generate a sample pair and composite it."),
    "ab": ("lipblend.cli.ab_cmd", "Build a page for blind rating of clips, or score the votes."),
    "presets": ("lipblend.cli.presets_cmd", "List the presets, or show what one changes."),
    "config": ("lipblend.cli.config_cmd", "Show all settings and where their values come from."),
    "models": ("lipblend.cli.models_cmd", "List the model files, or download them from their maker."),
    "cache": ("lipblend.cli.cache_cmd", "Show, prune or clear the cache of analyses."),
    "sweep": ("lipblend.cli.sweep_cmd", "Try a grid of settings or presets on one pair and rank them."),
    "baseline": ("lipblend.cli.baseline_cmd", "Save the measures of a set of clips, and fail if one becomes worse."),
    "doctor": ("lipblend.cli.doctor_cmd", "Check the installation and suggest fixes."),
}

_OUTPUT = ("-o", "--output")


class LazyGroup(TyperGroup):
    """A group that lists commands by name and summary, and imports a command when it is called."""

    # Any: the types belong to typer's private copy of click.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        suggestion = suggest_command(args)
        if suggestion:
            fault = "There is no command." if args[0].startswith("-") else f"No such command '{args[0]}'."
            ctx.fail(f"{fault} {suggestion}")
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            command = load_command(name)
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        words = [*ctx.args]
        try:
            return super().invoke(ctx)
        except USAGE_ERROR as error:
            explain(error, words)
            raise


def suggest_command(words: Sequence[str]) -> str:
    """Suggest what a command line without a command was meant to be; may be empty."""
    flags = [*("" for _ in words[:1]), *words[:-1]]
    files = [word for flag, word in zip(flags, words, strict=True) if not word.startswith("-") and flag not in _OUTPUT]
    if not files or files[0] in COMMANDS:
        return ""
    if files[0] in ("help", "version"):
        return f"Did you mean: lipblend {' '.join([*files[1:2], f'--{files[0]}'])} ?"
    if not (is_video_name(files[0]) or os.path.isfile(files[0])):
        return ""
    command = "composite" if len(files) > 1 else "probe"
    line = " ".join(map(shlex.quote, words))
    if command == "composite" and not any(word in _OUTPUT or word.startswith("--output=") for word in words):
        line += " -o out.mp4"
    return f"Did you mean: lipblend {command} {line} ?"


def load_command(name: str) -> Any:
    """Import a sub-command and return its click command."""
    try:
        module = importlib.import_module(COMMANDS[name][0])
    except ImportError as error:
        typer.echo(f"error: {import_failure(error)}", err=True)
        raise typer.Exit(EXIT_UNEXPECTED) from error
    command = typer.main.get_command(module.app)
    command.name = name
    return command


app = typer.Typer(
    cls=LazyGroup, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False, context_settings=CONTEXT
)


def _placeholder() -> None:
    """Stand-in for a command in the list of ``lipblend --help``."""


for _name, (_, _summary) in COMMANDS.items():
    app.command(_name, help=_summary)(_placeholder)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lipblend {version('lipblend')}")
        raise typer.Exit


@app.callback(
    no_args_is_help=True,
    epilog="Exit codes: 0 success, 1 bug, 2 wrong usage or setting, 3 input, 4 inputs do not match, "
    "5 no face, 6 model, 7 output, 8 pass mark missed, 9 jobs failed, 130 Ctrl-C, 143 SIGTERM.",
)
def lipblend(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Blend a lip-synced mouth back into the original video without a visible seam.

    Start with `lipblend demo`, or: lipblend composite original.mp4 synced.mp4 -o out.mp4
    """


def main() -> None:
    """Run the command line (called by `lipblend.cli.entry.main`)."""
    unwind_on_sigterm()
    keep_freed_memory()
    occupy_closed_descriptors()
    make_tolerant()
    os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 logs to stderr and has no option for it
    try:
        app(prog_name="lipblend")
    except ImportError as error:  # typer, or a package it needs: not even the doctor can run
        from lipblend.selfcheck.findings import REINSTALL

        print(f"error: a package cannot be loaded: {error}. {REINSTALL}", file=sys.stderr)
        sys.exit(EXIT_UNEXPECTED)
    except SystemExit as stop:
        if stop.code in (EXIT_INTERRUPT, EXIT_TERMINATED):
            exit_now(stop.code)
        if report_lost_output() and not stop.code:  # --help and --version; commands check it themselves
            sys.exit(OutputError.exit_code)
        raise
    finally:
        gc.freeze()  # skips the final garbage collection, which takes 0.1 s
