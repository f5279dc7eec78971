"""Contents of the lower part of the page: broken synced frames, frames without a patch, and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lipblend.plan.frame_plan import HiddenRun
from lipblend.plan.front_log import joined_runs
from lipblend.quality.faults import FAULTS
from lipblend.quality.record import Evaluation, FrameRow
from lipblend.quality.report.wording import MATTE_TEXT, number_text, time_text
from lipblend.settings.catalogue import setting_specs, value_text

_MAX_SPANS = 60


@dataclass(frozen=True)
class FrameGroup:
    """Frames with something in common, as spans of (first, last, time of the first in seconds)."""

    name: str
    text: str
    count: int
    spans: tuple[tuple[int, int, float], ...]
    left_out: int


def fault_names(row: FrameRow) -> tuple[str, ...]:
    """What is wrong with a frame's synced patch: what the plan found, and what was measured."""
    return tuple(dict.fromkeys([*([row.broken] if row.broken else []), *row.faults]))


def faults(record: Evaluation) -> list[FrameGroup]:
    """Faulty synced frames by what was measured, broken before blending or not."""
    names = dict.fromkeys([*FAULTS, *(name for row in record.rows for name in row.faults)])
    groups = ((name, [row for row in record.rows if name in row.faults]) for name in names)
    return [_group(record, name, FAULTS.get(name, ""), rows) for name, rows in groups if rows]


def in_front(record: Evaluation) -> list[tuple[HiddenRun, str, str]]:
    """Spans with something in front of a face: the span, how it was found, and how much it hides at most."""
    spans = joined_runs(record.hidden_runs)[:_MAX_SPANS]
    return [(span, ", ".join(span.ways), f"{100 * span.share:.0f} %" if span.share else "thin lines") for span in spans]


def passed_through(record: Evaluation) -> list[FrameGroup]:
    """Frames without a patch by reason, the most frequent first."""
    reasons = sorted(record.passed_through.items(), key=lambda item: -item[1])
    unblended = [row for row in record.rows if not row.blended]
    return [
        _group(record, reason or "no reason given", "", [row for row in unblended if row.reason == reason])
        for reason, _ in reasons
    ]


def clip_facts(record: Evaluation) -> str:
    """Length, size and rate of the result, and where the mask comes from."""
    last_s = record.rows[-1].time_s if record.rows else 0.0
    rate = number_text(record.frame_rate, digits=5)
    size = f"{record.width} \N{MULTIPLICATION SIGN} {record.height}"
    facts = f"{count_text(len(record.rows))}, {size}, {rate} frames a second, last frame at {time_text(last_s)}."
    return f"{facts} {MATTE_TEXT.get(record.matte, record.matte)}"


def settings_rows(record: Evaluation) -> dict[str, list[tuple[str, ...]]]:
    """Settings that differ from their defaults, and the others: key, value, default, help."""
    specs = setting_specs()
    rows: dict[str, list[tuple[str, ...]]] = {"changed": [], "default": []}
    for key, value in _flattened(record.settings):
        if record.matte == "difference" and not key.startswith("gate."):
            continue  # the others were not used
        spec, text = specs.get(key), value_text(value)
        row = (key, text, spec.default_text if spec else "not known", spec.help if spec else "")
        rows["default" if spec and text == spec.default_text else "changed"].append(row)
    return rows


def size_text(size: int) -> str:
    """A file size in MB or kB."""
    return f"{size / 1e6:.3g} MB" if size >= 1e6 else f"{size / 1e3:.3g} kB"


def count_text(count: int) -> str:
    """``1 frame``, ``2 frames``."""
    return "1 frame" if count == 1 else f"{count} frames"


def _flattened(groups: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in groups.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _group(record: Evaluation, name: str, text: str, rows: Sequence[FrameRow]) -> FrameGroup:
    spans: list[tuple[int, int]] = []
    for row in rows:
        if spans and row.index == spans[-1][1] + 1:
            spans[-1] = spans[-1][0], row.index
        else:
            spans.append((row.index, row.index))
    shown = tuple((first, last, record.rows[first].time_s) for first, last in spans[:_MAX_SPANS])
    return FrameGroup(name, text, len(rows), shown, len(spans) - len(shown))
