"""The files of a report: its folder, report.csv, and report.json, which can be read again."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from lipblend.errors import InputError
from lipblend.quality.measures import MEASURES
from lipblend.quality.record import (
    Evaluation,
    FrameRow,
    Headline,
    InputFile,
    PartResult,
    Shot,
    Span,
    Verdict,
)
from lipblend.quality.report.advice import advice_dicts

REPORT_FILES = ("report.csv", "report.json", "report.html")
SCHEMA = 2
"""Version of report.json; increased when readers of the old layout would be misled."""

_FRAME_KEYS = tuple(key for key, measure in MEASURES.items() if measure.per == "frame")
_COLUMNS = (
    "frame", "time_s", "shot", "original", "synced", "blended", "reason", "faults", "broken", "certainty", "bridged",
    "hidden", "in_front", *_FRAME_KEYS,
)  # fmt: skip
_HINT = "Give a report.json written by `lipblend evaluate --report`."
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def csv_bytes(record: Evaluation) -> bytes:
    """report.csv as UTF-8, one row per frame. Missing values are empty; several faults are joined by ``;``."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in record.rows:
        writer.writerow(
            (
                row.index,
                f"{row.time_s:.6f}",
                row.shot,
                row.original_index,
                "" if row.synced_index < 0 else row.synced_index,
                int(row.blended),
                row.reason,
                ";".join(row.faults),
                row.broken,
                f"{row.certainty:.3f}" if row.broken else "",
                int(row.bridged) if row.broken else "",
                f"{row.hidden:.4f}" if row.in_front else "",
                ";".join(row.in_front),
                *(repr(float(row.values[key])) if key in row.values else "" for key in _FRAME_KEYS),
            )
        )
    return out.getvalue().encode("utf-8", "replace")


def json_bytes(record: Evaluation) -> bytes:
    """report.json: always the same keys in the same order, one line per frame.

    Numbers without a JSON representation are written as the strings ``inf``, ``-inf`` and ``nan``.
    """
    head = {
        "schema": SCHEMA,
        "program": "lipblend",
        "judged": record.judged,
        "passed": record.passed if record.judged else None,
        "headline": None if record.headline is None else _headline_dict(record.headline),
        "advice": advice_dicts(record),
        "matte": record.matte,
        "frames": len(record.rows),
        "width": record.width,
        "height": record.height,
        "frame_rate": record.frame_rate,
        "seconds": record.seconds,
        "fault_runs": [vars(run) for run in record.fault_runs],
        "hidden_runs": [vars(run) for run in record.hidden_runs],
        "passed_through": dict(sorted(record.passed_through.items())),
        "verdicts": [
            {**vars(verdict), "failing": [vars(span) for span in verdict.failing]} for verdict in record.verdicts
        ],
        "values": _ordered(record.values),
        "shots": [{"start": shot.start, "stop": shot.stop, "values": _ordered(shot.values)} for shot in record.shots],
        "inputs": [vars(file) for file in record.inputs],
        "notes": list(record.notes),
        "versions": dict(record.versions),
        "settings": record.settings,
    }
    text = json.dumps(_plain(head), indent=2, allow_nan=False).removesuffix("\n}")
    rows = (_row_dict(row) for row in record.rows)
    lines = ",\n".join("    " + json.dumps(_plain(row), allow_nan=False) for row in rows)
    return f'{text},\n  "rows": [\n{lines}\n  ]\n}}\n'.encode("ascii")


def _row_dict(row: FrameRow) -> dict[str, Any]:
    plain = {each.name: getattr(row, each.name) for each in fields(row)}
    return {**plain, "values": _ordered(row.values), "faults": list(row.faults), "in_front": list(row.in_front)}


def _headline_dict(found: Headline) -> dict[str, Any]:
    parts = [{**vars(part), "seen": [vars(span) for span in part.seen]} for part in found.parts]
    return {"score": found.score, "word": found.word, "parts": parts}


def load_report(path: Path) -> Evaluation:
    """Read what `json_bytes` wrote.

    Raises
    ------
    InputError
        The file is missing, damaged, not a report, or of another schema.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}", hint=_HINT) from error
    except ValueError as error:  # neither UTF-8 nor JSON; the error's text can be long
        raise InputError(f"{path} is not a report of lipblend: it is not JSON", hint=_HINT) from error
    if not isinstance(content, dict) or "schema" not in content or content.get("program") != "lipblend":
        raise InputError(f"{path} is not a report of lipblend", hint=_HINT)
    if content["schema"] != SCHEMA:
        raise InputError(
            f"{path} has schema {content['schema']!r}; this version reads {SCHEMA}",
            hint="Evaluate the clip again with this version.",
        )
    try:
        return _evaluation(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path} is not a complete report: {problem}", hint=_HINT) from error


def _ordered(values: Mapping[str, float]) -> dict[str, float]:
    """In the order of `MEASURES`, unknown keys after them by name."""
    known = [key for key in MEASURES if key in values]
    return {key: float(values[key]) for key in [*known, *sorted(set(values).difference(MEASURES))]}


def _plain(value: Any) -> Any:
    """Convert to types that JSON has."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    return value


def _evaluation(content: Mapping[str, Any]) -> Evaluation:
    for key, kind in (("settings", dict), ("versions", dict), ("notes", list), ("inputs", list), ("rows", list)):
        if not isinstance(content[key], kind):
            raise TypeError(f"{key} is not a {'mapping' if kind is dict else 'list'}")
    return Evaluation(
        rows=tuple(map(_frame_row, content["rows"])),
        shots=tuple(Shot(int(shot["start"]), int(shot["stop"]), _numbers(shot["values"])) for shot in content["shots"]),
        values=_numbers(content["values"]),
        headline=None if content["headline"] is None else _headline(content["headline"]),
        verdicts=tuple(map(_verdict, content["verdicts"])),
        matte=str(content["matte"]),
        settings=content["settings"],
        versions={str(key): str(value) for key, value in content["versions"].items()},
        inputs=tuple(
            InputFile(str(file["role"]), str(file["name"]), str(file["sha256"]), int(file["size"]))
            for file in content["inputs"]
        ),
        notes=tuple(map(str, content["notes"])),
        width=int(content["width"]),
        height=int(content["height"]),
        frame_rate=_number(content["frame_rate"]),
        seconds=_number(content["seconds"]),
    )


def _headline(content: Mapping[str, Any]) -> Headline:
    parts = tuple(
        PartResult(
            key=str(part["key"]),
            visibility=_number(part["visibility"]),
            value=_number(part["value"]),
            worst=int(part["worst"]),
            seen=tuple(map(_span, part["seen"])),
        )
        for part in content["parts"]
    )
    return Headline(_number(content["score"]), parts)


def _span(content: Mapping[str, Any]) -> Span:
    start_s, end_s, worst = (_number(content[key]) for key in ("start_s", "end_s", "worst"))
    return Span(int(content["first"]), int(content["last"]), start_s, end_s, worst)


def _frame_row(row: Mapping[str, Any]) -> FrameRow:
    return FrameRow(
        index=int(row["index"]),
        time_s=_number(row["time_s"]),
        shot=int(row["shot"]),
        original_index=int(row["original_index"]),
        synced_index=int(row["synced_index"]),
        blended=bool(row["blended"]),
        reason=str(row["reason"]),
        values=_numbers(row["values"]),
        faults=tuple(map(str, row["faults"])),
        broken=str(row.get("broken", "")),  # reports of earlier versions have none
        certainty=_number(row.get("certainty", 0.0)),
        bridged=bool(row.get("bridged", False)),
        hidden=_number(row.get("hidden", 0.0)),
        in_front=tuple(map(str, row.get("in_front", ()))),
    )


def _verdict(content: Mapping[str, Any]) -> Verdict:
    passed = content["passed"]
    if passed is not None and not isinstance(passed, bool):
        raise TypeError(f"passed is {passed!r}")
    numbers = {key: _optional(content[key]) for key in ("value", "mark", "median", "worst", "within")}
    failing = tuple(map(_span, content["failing"]))
    return Verdict(key=str(content["key"]), passed=passed, failing=failing, note=str(content["note"]), **numbers)


def _number(value: Any) -> float:
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _optional(value: Any) -> float | None:
    return None if value is None else _number(value)


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {str(key): _number(value) for key, value in values.items()}
