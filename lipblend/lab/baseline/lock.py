"""The baseline file: the numbers of a set of clips.

JSON with sorted keys and one number per line, so that changes are visible in a diff. For every clip and measure it
keeps the verdict's ``value`` (compared with the pass mark) and ``median``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from lipblend.errors import InputError, SettingsError
from lipblend.lab.baseline.regression import Numbers, counted
from lipblend.quality.record import Evaluation
from lipblend.quality.report.report_files import REPORT_FILES
from lipblend.runtime.files import write_atomically
from lipblend.runtime.output_paths import check_file_writable

SCHEMA = 1
_KIND = "lipblend baseline"
_MAX_BYTES = 50_000_000

Clips = dict[str, dict[str, dict[str, float]]]
"""Numbers by clip and measure."""


def clip_numbers(record: Evaluation) -> dict[str, dict[str, float]]:
    """The numbers of one evaluation by measure, without those that were not measured or are not finite."""
    numbers = {}
    for verdict in record.verdicts:
        pairs = (("value", verdict.value), ("median", verdict.median))
        finite = {name: float(number) for name, number in pairs if number is not None and math.isfinite(number)}
        if finite:
            numbers[verdict.key] = finite
    return numbers


def named_clips(records: Sequence[Evaluation], names: Sequence[str] = ()) -> Clips:
    """The numbers of several clips by name; the default name is the result's file name.

    Raises
    ------
    SettingsError
        The numbers of names and records differ, or a name occurs twice.
    InputError
        A record without a name.
    """
    if names and len(names) != len(records):
        raise SettingsError(
            f"{counted(len(names), 'name')} for {counted(len(records), 'report')}",
            hint="Give --name once for each report, in the same order, or not at all.",
        )
    clips: Clips = {}
    for place, record in enumerate(records):
        name = names[place] if names else _result_name(record)
        if name in clips:
            raise SettingsError(f"two reports are both called {name}", hint="Give --name once for each report.")
        clips[name] = clip_numbers(record)
    return clips


def save_baseline(
    path: Path, clips: Mapping[str, Numbers], *, overwrite: bool = True, reports: Sequence[Path] = ()
) -> None:
    """Write a baseline file; it replaces an existing one only when it is complete.

    Parameters
    ----------
    path : Path
    clips : mapping of str to Numbers
    overwrite : bool
    reports : sequence of Path
        The report.json files of the numbers: they and the files written with them are never replaced.

    Raises
    ------
    OutputError
        The file exists and must not be replaced, belongs to a report, or cannot be written.
    """
    content = {"kind": _KIND, "schema": SCHEMA, "lipblend": version("lipblend"), "clips": clips}
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n"
    inputs = {file for report in reports for file in (report, *(report.parent / name for name in REPORT_FILES))}
    check_file_writable(path, inputs=inputs, example="baseline.json")
    write_atomically(path, text.encode("utf-8"), overwrite=overwrite)


def load_baseline(path: Path) -> Clips:
    """Read the clips of a baseline file.

    Raises
    ------
    InputError
        The file is missing, damaged, not a baseline, or of another schema.
    """
    hint = "Create one with `lipblend baseline save FILE REPORT...`."
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is too large for a baseline (more than {_MAX_BYTES // 1_000_000} MB)")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the baseline {path}: {error.strerror or error}", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a baseline: it is not JSON text", hint=hint) from error
    if not isinstance(content, dict) or content.get("kind") != _KIND:
        raise InputError(f"{path} is not a baseline", hint=hint)
    if content.get("schema") != SCHEMA:
        raise InputError(
            f"{path} has schema {content.get('schema')!r}; this version reads {SCHEMA}",
            hint="Save the baseline again with this version.",
        )
    clips: Any = content.get("clips")
    if not _is_clips(clips):
        raise InputError(
            f"{path} is damaged: it does not contain numbers by clip and measure", hint="Save the baseline again."
        )
    return cast(Clips, clips)


def _result_name(record: Evaluation) -> str:
    for file in record.inputs:
        if file.role == "result":
            return file.name
    raise InputError("a report names no result file", hint="Give the clip a name with --name.")


def _is_clips(clips: Any) -> bool:
    return (
        isinstance(clips, dict)
        and all(isinstance(measures, dict) for measures in clips.values())
        and all(_is_numbers(numbers) for measures in clips.values() for numbers in measures.values())
    )


def _is_numbers(numbers: Any) -> bool:
    return (
        isinstance(numbers, dict)
        and set(numbers) <= {"value", "median"}
        and all(type(number) in (int, float) and math.isfinite(number) for number in numbers.values())
    )
