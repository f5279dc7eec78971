"""report.json: an evaluation as a file, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lipblend.errors import InputError
from lipblend.quality.measures import MEASURES
from lipblend.quality.record import Evaluation, FrameRow, InputFile, Shot, Span, Verdict

SCHEMA = 1
"""Number of the file's layout; it rises when a reader of the old one would be misled."""

_HINT = "Give a report.json that `lipblend evaluate --report` wrote."
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def json_bytes(record: Evaluation) -> bytes:
    """The file's content: always the same keys in the same order, one line a frame.

    Numbers that JSON does not have are written as the words ``inf``, ``-inf`` and ``nan``.
    """
    head = {
        "schema": SCHEMA,
        "program": "lipblend",
        "passed": record.passed,
        "matte": record.matte,
        "frames": len(record.rows),
        "width": record.width,
        "height": record.height,
        "frame_rate": record.frame_rate,
        "seconds": record.seconds,
        "passed_through": dict(sorted(record.passed_through.items())),
        "verdicts": [_verdict(verdict) for verdict in record.verdicts],
        "values": _ordered(record.values),
        "shots": [{"start": shot.start, "stop": shot.stop, "values": _ordered(shot.values)} for shot in record.shots],
        "inputs": [vars(each) for each in record.inputs],
        "notes": list(record.notes),
        "versions": dict(record.versions),
        "settings": record.settings,
    }
    text = json.dumps(_plain(head), indent=2, allow_nan=False).removesuffix("\n}")
    rows = ",\n".join("    " + json.dumps(_plain(_row(row)), allow_nan=False) for row in record.rows)
    return f'{text},\n  "rows": [\n{rows}\n  ]\n}}\n'.encode("ascii")


def load_report(path: Path) -> Evaluation:
    """Read what `json_bytes` wrote.

    Raises
    ------
    InputError
        The file is missing, not such a report, or one of another layout.
    """
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}", hint=_HINT) from error
    except ValueError as error:  # neither UTF-8 nor JSON; its own text can be long
        raise InputError(f"{path} is not a report of lipblend: it is not JSON", hint=_HINT) from error
    if not isinstance(found, dict) or "schema" not in found or found.get("program") != "lipblend":
        raise InputError(f"{path} is not a report of lipblend", hint=_HINT)
    if found["schema"] != SCHEMA:
        raise InputError(
            f"{path} has the layout {found['schema']!r}, and this version reads {SCHEMA}",
            hint="Evaluate the clip again with this version.",
        )
    try:
        return _evaluation(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path} is not a whole report: {what}", hint=_HINT) from error


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {**vars(verdict), "failing": [vars(span) for span in verdict.failing]}


def _row(row: FrameRow) -> dict[str, Any]:
    return {**vars(row), "values": _ordered(row.values), "faults": list(row.faults)}


def _ordered(values: Mapping[str, float]) -> dict[str, float]:
    """In the order of `MEASURES`, the others after them by name."""
    known = [key for key in MEASURES if key in values]
    return {key: float(values[key]) for key in [*known, *sorted(set(values).difference(MEASURES))]}


def _plain(value: Any) -> Any:
    """Made of what JSON has."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    return value


def _evaluation(found: Mapping[str, Any]) -> Evaluation:
    for key, kind in (("settings", dict), ("versions", dict), ("notes", list), ("inputs", list), ("rows", list)):
        if not isinstance(found[key], kind):
            raise TypeError(f"{key} is not a {'mapping' if kind is dict else 'list'}")
    return Evaluation(
        rows=tuple(
            FrameRow(
                index=int(row["index"]),
                time_s=_number(row["time_s"]),
                shot=int(row["shot"]),
                original_index=int(row["original_index"]),
                synced_index=int(row["synced_index"]),
                blended=bool(row["blended"]),
                reason=str(row["reason"]),
                values=_numbers(row["values"]),
                faults=tuple(map(str, row["faults"])),
            )
            for row in found["rows"]
        ),
        shots=tuple(Shot(int(shot["start"]), int(shot["stop"]), _numbers(shot["values"])) for shot in found["shots"]),
        values=_numbers(found["values"]),
        verdicts=tuple(map(_read_verdict, found["verdicts"])),
        matte=str(found["matte"]),
        settings=found["settings"],
        versions={str(key): str(value) for key, value in found["versions"].items()},
        inputs=tuple(
            InputFile(str(each["role"]), str(each["name"]), str(each["sha256"]), int(each["size"]))
            for each in found["inputs"]
        ),
        notes=tuple(map(str, found["notes"])),
        width=int(found["width"]),
        height=int(found["height"]),
        frame_rate=_number(found["frame_rate"]),
        seconds=_number(found["seconds"]),
    )


def _read_verdict(found: Mapping[str, Any]) -> Verdict:
    passed = found["passed"]
    if passed is not None and not isinstance(passed, bool):
        raise TypeError(f"passed is {passed!r}")
    return Verdict(
        key=str(found["key"]),
        value=_maybe(found["value"]),
        mark=_maybe(found["mark"]),
        passed=passed,
        median=_maybe(found["median"]),
        worst=_maybe(found["worst"]),
        within=_maybe(found["within"]),
        failing=tuple(
            Span(
                int(span["first"]),
                int(span["last"]),
                _number(span["start_s"]),
                _number(span["end_s"]),
                _number(span["worst"]),
            )
            for span in found["failing"]
        ),
        note=str(found["note"]),
    )


def _number(value: Any) -> float:
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _maybe(value: Any) -> float | None:
    return None if value is None else _number(value)


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {str(key): _number(value) for key, value in values.items()}
