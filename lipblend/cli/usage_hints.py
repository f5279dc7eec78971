"""Wrong command lines: typer's messages in plain words, with what was probably meant."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import Any

import typer

# typer's own copy of click has the class, but no public name for it.
USAGE_ERROR: Any = typer.BadParameter.__base__

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mxf", ".mpg", ".gif")
"""Suffixes by which a word is taken for a file rather than a mistyped command or option."""

_PYDANTIC = "Value error, "
_BEYOND = ("greater_than_equal", "less_than_equal")
_NO_NUMBER = ("int_parsing", "int_from_float", "int_parsing_size", "float_parsing")
"""Kinds of pydantic's errors, by which typer checks numbers."""
_NO_OUTPUT = "Missing option '--output'"
_NO_OPTION = "No such option"


def explain(error: Any, words: Sequence[str]) -> None:
    """Improve the message of a `USAGE_ERROR`, given the words of the command line after the command."""
    text = _number(error) or error.format_message().replace(_PYDANTIC, "")
    hint = _dashed_file(text, words) or _setting(error)
    if not hint and text.startswith(_NO_OUTPUT):
        hint = _positional_output(error, words)
    shown = f"{text.rstrip('.')}. {hint}" if hint else text
    error.format_message = lambda: shown


def is_video_name(word: str) -> bool:
    """Whether a word has the suffix of a video."""
    return os.path.splitext(word)[1].lower() in VIDEO_SUFFIXES


def _number(error: Any) -> str:
    """What is wrong with the number of an option, and what it may be; empty if something else is wrong."""
    option: Any = getattr(error, "param", None)
    cause = error.__cause__
    faults = cause.errors() if option is not None and hasattr(cause, "errors") else []
    if not faults or faults[0]["type"] not in (*_BEYOND, *_NO_NUMBER):
        return ""
    noun = "whole number" if cause.title.endswith("int") else "number"
    low, high = getattr(option, "min", None), getattr(option, "max", None)
    allowed = "" if low is None else f" of {low:g} or more" if high is None else f" from {low:g} to {high:g}"
    said = "is out of range" if faults[0]["type"] in _BEYOND else f"is not a {noun}"
    return f"{option.opts[0]} {faults[0]['input']} {said}. Give a {noun}{allowed}"


def _dashed_file(text: str, words: Sequence[str]) -> str:
    """A hint on a file name that begins with a dash, if there is one."""
    for word in words:
        if word.startswith("-") and (os.path.isfile(word) or (text.startswith(_NO_OPTION) and is_video_name(word))):
            return f"Write the file name that begins with a dash as {shlex.quote(f'./{word}')}"
    return ""


def _setting(error: Any) -> str:
    """A hint on the flag of a setting that only another command has, if this one takes ``--set``."""
    name, context = getattr(error, "option_name", None), error.ctx
    if name is None or context is None or not any("--set" in each.opts for each in context.command.params):
        return ""
    from lipblend.settings.catalogue import setting_specs  # slow to load, and nearly no command line is wrong

    spec = next((spec for spec in setting_specs().values() if spec.flag == name), None)
    if spec is None:
        return ""
    return f"This command sets it with --set {spec.key}={'true' if spec.kind == 'bool' else '...'}"


def _positional_output(error: Any, words: Sequence[str]) -> str:
    """A hint on an output that was given without ``-o``."""
    context = error.ctx
    _, left, _ = context.command.make_parser(context).parse_args(list(words))
    return f"Did you mean: -o {shlex.quote(left[0])} ?" if len(left) == 1 else ""
