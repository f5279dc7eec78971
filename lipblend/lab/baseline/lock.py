"""A baseline lock: the numbers of a set of clips in a file, and what has become worse since.

The file is JSON with sorted keys and one number a line, so that a change shows in a diff. It keeps, for every clip and
measure, the verdict's ``value`` (what is held against the pass mark) and the ``median``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lipblend.errors import InputError, OutputError, SettingsError
from lipblend.lab.baseline.regression import Numbers, counted
from lipblend.quality.record import Evaluation
from lipblend.quality.report.report_files import REPORT_FILES
from lipblend.runtime.temporary import UnfinishedFile

SCHEMA = 1
_KIND = "lipblend baseline"
_LARGEST_FILE = 50_000_000  # bytes


def clip_numbers(record: Evaluation) -> dict[str, dict[str, float]]:
    """What a baseline keeps of one evaluation."""
    kept = {}
    for verdict in record.verdicts:
        pairs = (("value", verdict.value), ("median", verdict.median))
        numbers = {name: float(number) for name, number in pairs if number is not None and math.isfinite(number)}
        if numbers:
            kept[verdict.key] = numbers
    return kept


def clip_name(record: Evaluation) -> str:
    """The name of the result file, which a clip goes by unless it is given another name.

    Raises
    ------
    InputError
        The record names no result.
    """
    for each in record.inputs:
        if each.role == "result":
            return each.name
    raise InputError("a report names no result file", hint="Give the clip a name with --name.")


def named_clips(records: Sequence[Evaluation], names: Sequence[str] = ()) -> dict[str, dict[str, dict[str, float]]]:
    """The numbers of several clips by name.

    Raises
    ------
    SettingsError
        Not as many names as records, or one name twice.
    InputError
        A record without a name.
    """
    if names and len(names) != len(records):
        raise SettingsError(
            f"{counted(len(names), 'name')} for {counted(len(records), 'report')}",
            hint="Give --name once for each report, in the same order, or not at all.",
        )
    clips: dict[str, dict[str, dict[str, float]]] = {}
    for place, record in enumerate(records):
        name = names[place] if names else clip_name(record)
        if name in clips:
            raise SettingsError(
                f"two reports are both called {name}", hint="Give each a name of its own: --name once for each report."
            )
        clips[name] = clip_numbers(record)
    return clips


def save_baseline(
    path: Path, clips: Mapping[str, Numbers], *, overwrite: bool = True, reports: Sequence[Path] = ()
) -> None:
    """Write a baseline file; it appears under its name, and replaces what was there, only when it is complete.

    Parameters
    ----------
    path : Path
    clips : mapping of str to Numbers
    overwrite : bool
    reports : sequence of Path
        The report.json files that the numbers are from: neither these nor what was written beside them is replaced.

    Raises
    ------
    OutputError
        The file exists and must not be replaced, is one of a report's own, or cannot be written.
    """
    content = {"kind": _KIND, "schema": SCHEMA, "lipblend": version("lipblend"), "clips": clips}
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n"
    if path.is_dir():
        raise OutputError(f"{path} names a folder", hint=f"Give a file name such as {path / 'baseline.json'}.")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"the folder {folder} does not exist", hint="Create it first, or choose another file.")
    kept = {each for report in reports for each in (report, *(report.parent / name for name in REPORT_FILES))}
    if path.exists() and any(each.exists() and path.samefile(each) for each in kept):
        raise OutputError(f"{path} is an input of this run", hint="Choose another name for the baseline.")
    try:
        file = UnfinishedFile(path)
        try:
            file.path.write_text(text, encoding="utf-8")
            file.publish(overwrite=overwrite)
        finally:
            file.discard()
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write {path}: {reason}", hint="Check the folder's rights and space.") from error


def load_baseline(path: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Read the clips of a baseline file.

    Raises
    ------
    InputError
        It is missing, or no baseline of this version.
    """
    hint = "`lipblend baseline save FILE REPORT...` makes one."
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(f"{path} is too large for a baseline (more than {_LARGEST_FILE // 1_000_000} MB)")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the baseline {path}: {error.strerror or error}", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a baseline: it is not JSON text", hint=hint) from error
    if not isinstance(content, dict) or content.get("kind") != _KIND:
        raise InputError(f"{path} is not a baseline", hint=hint)
    if content.get("schema") != SCHEMA:
        raise InputError(
            f"{path} has schema {content.get('schema')!r}; this lipblend reads {SCHEMA}",
            hint="Save it anew with this version.",
        )
    return _clips(content.get("clips"), path)


def _clips(content: Any, path: Path) -> dict[str, dict[str, dict[str, float]]]:
    broken = InputError(f"{path} is damaged: it does not hold numbers by clip and measure", hint="Save it anew.")
    if not isinstance(content, dict):
        raise broken
    for measures in content.values():
        if not isinstance(measures, dict):
            raise broken
        for numbers in measures.values():
            if not isinstance(numbers, dict) or not set(numbers) <= {"value", "median"}:
                raise broken
            if not all(type(each) in (int, float) and math.isfinite(each) for each in numbers.values()):
                raise broken
    return content
