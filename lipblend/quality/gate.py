"""Verdicts: every measure against its pass mark."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from lipblend.plan.frame_plan import OUTSIDE_RANGES
from lipblend.quality.face_scores import worst_of
from lipblend.quality.measure_entry import Measure
from lipblend.quality.measures import MEASURES
from lipblend.quality.record import FrameRow, Headline, Shot, Span, Verdict
from lipblend.settings import GateSettings

NOT_MEASURED = "not measured"


def verdicts(
    rows: Sequence[FrameRow],
    shots: Sequence[Shot],
    values: Mapping[str, float],
    gate: GateSettings,
    found: Headline | None = None,
) -> tuple[Verdict, ...]:
    """Compare every measure with its pass mark.

    Of the measured frames ``gate.frame_share`` must meet the mark (all of them if the measure demands it), of the
    measured shots all.

    Parameters
    ----------
    rows : sequence of FrameRow
    shots : sequence of Shot
    values : mapping of str to float
        Of the whole clip.
    gate : GateSettings
    found : Headline, optional
        Says where a missed headline's parts are visible.

    Returns
    -------
    tuple of Verdict
        In the order of `MEASURES`.
    """
    judged = [_verdict(measure, rows, shots, values, gate) for measure in MEASURES.values()]
    return tuple(
        replace(verdict, failing=_seen(found))
        if verdict.key == "score" and verdict.passed is False and found
        else verdict
        for verdict in judged
    )


def meets(measure: Measure, value: float, mark: float) -> bool:
    """Whether a value meets a mark."""
    return value <= mark if measure.better == "low" else value >= mark


def value_met_by(measure: Measure, numbers: Sequence[float], share: float) -> float:
    """The value that a share of the numbers meets: for 0.95 of 100 frames the 95th from the best.

    For measures that are best at 1, the median.
    """
    if measure.better == "one":
        return float(np.median(numbers))
    ordered = sorted(numbers, reverse=measure.better == "high")
    return ordered[max(math.ceil(share * len(ordered) - 1e-9), 1) - 1]


def _verdict(
    measure: Measure, rows: Sequence[FrameRow], shots: Sequence[Shot], values: Mapping[str, float], gate: GateSettings
) -> Verdict:
    mark = _mark(measure, gate)
    if measure.per == "clip":
        return _clip_verdict(measure, values.get(measure.key), mark, rows)
    known = [
        (item, item.values[measure.key])
        for item in (rows if measure.per == "frame" else shots)
        if measure.key in item.values
    ]
    if not known:
        return Verdict(measure.key, None, mark, None, None, None, None, (), NOT_MEASURED)
    numbers = [value for _, value in known]
    median, worst = float(np.median(numbers)), worst_of(measure.key, numbers)
    if mark is None:
        return Verdict(measure.key, median, None, None, median, worst, None, ())
    share = 1.0 if measure.all_frames or measure.per == "shot" else gate.frame_share
    value = value_met_by(measure, numbers, share)
    failing = [item for item, number in known if not meets(measure, number, mark)]
    spans = _spans(measure, failing, rows) if failing else ()
    within = (len(known) - len(failing)) / len(known)
    return Verdict(measure.key, value, mark, meets(measure, value, mark), median, worst, within, spans)


def _clip_verdict(measure: Measure, value: float | None, mark: float | None, rows: Sequence[FrameRow]) -> Verdict:
    if value is None:
        return Verdict(measure.key, None, mark, None, None, None, None, (), NOT_MEASURED)
    passed = None if mark is None else meets(measure, value, mark)
    failing: tuple[Span, ...] = ()
    if passed is False:
        failing = _runs(rows, _CONCERNED.get(measure.key, lambda _: True), lambda _: value)
    return Verdict(measure.key, value, mark, passed, value, value, None, failing)


_CONCERNED: dict[str, Callable[[FrameRow], bool]] = {
    "faulty": lambda row: row.is_faulty,
    "passed_through": lambda row: not row.blended and row.reason != OUTSIDE_RANGES,
    "lip_corr": lambda row: row.blended,
}
"""Frames that a measure of the clip describes; all by default."""


def _seen(found: Headline) -> tuple[Span, ...]:
    """Where the most visible part is visible."""
    return next((part.seen for part in found.parts if part.seen), ())


def _mark(measure: Measure, gate: GateSettings) -> float | None:
    mark = getattr(gate, measure.mark) if measure.mark else "off"
    return None if mark == "off" else float(mark)


def _spans(measure: Measure, failing: Sequence[FrameRow | Shot], rows: Sequence[FrameRow]) -> tuple[Span, ...]:
    """Where a measure fails: runs of frames, or whole shots."""
    if measure.per == "shot":
        return tuple(
            _span(rows[shot.start : shot.stop], shot.values[measure.key]) for shot in failing if isinstance(shot, Shot)
        )
    bad = {row.index for row in failing if isinstance(row, FrameRow)}
    return _runs(
        rows,
        lambda row: row.index in bad,
        lambda run: worst_of(measure.key, [row.values[measure.key] for row in run]),
    )


def _runs(
    rows: Sequence[FrameRow], concerned: Callable[[FrameRow], bool], value: Callable[[Sequence[FrameRow]], float]
) -> tuple[Span, ...]:
    runs = [list(run) for hit, run in itertools.groupby(rows, concerned) if hit]
    return tuple(_span(run, value(run)) for run in runs)


def _span(run: Sequence[FrameRow], worst: float) -> Span:
    return Span(run[0].index, run[-1].index, run[0].time_s, run[-1].time_s, worst)
