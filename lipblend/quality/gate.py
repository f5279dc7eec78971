"""From the frames' values to a verdict on every measure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lipblend.quality.frame import worst_of
from lipblend.quality.measures import MEASURES, Measure
from lipblend.quality.record import FrameRow, Shot, Span, Verdict
from lipblend.settings import GateSettings

NOT_MEASURED = "not measured"


def verdicts(
    rows: Sequence[FrameRow], shots: Sequence[Shot], values: Mapping[str, float], gate: GateSettings
) -> tuple[Verdict, ...]:
    """Hold every measure against its pass mark.

    Frame by frame, ``gate.frame_share`` of the measured frames must keep the mark (all of them where the measure says
    so); of shots every one must.

    Parameters
    ----------
    rows : sequence of FrameRow
    shots : sequence of Shot
    values : mapping of str to float
        Of the whole clip.
    gate : GateSettings

    Returns
    -------
    tuple of Verdict
        In the order of `MEASURES`.
    """
    return tuple(_verdict(measure, rows, shots, values, gate) for measure in MEASURES.values())


def within(measure: Measure, value: float, mark: float) -> bool:
    """Whether a value keeps a mark."""
    return value <= mark if measure.better == "low" else value >= mark


def _verdict(
    measure: Measure, rows: Sequence[FrameRow], shots: Sequence[Shot], values: Mapping[str, float], gate: GateSettings
) -> Verdict:
    mark = _mark(measure, gate)
    if measure.per == "clip":
        return _of_clip(measure, values.get(measure.key), mark, rows)
    known = [
        (item, item.values[measure.key])
        for item in (rows if measure.per == "frame" else shots)
        if measure.key in item.values
    ]
    if not known:
        return Verdict(measure.key, None, mark, None, None, None, None, (), NOT_MEASURED)
    numbers = [value for _, value in known]
    median, worst = float(np.median(numbers)), worst_of(measure.key, numbers)
    share = 1.0 if measure.every or measure.per == "shot" else gate.frame_share
    if mark is None:
        return Verdict(measure.key, median, None, None, median, worst, None, ())
    value = kept_by(measure, numbers, share)
    kept = [within(measure, number, mark) for number in numbers]
    passed = within(measure, value, mark)
    failing = (
        ()
        if all(kept)
        else _spans(measure, [item for (item, _), fine in zip(known, kept, strict=True) if not fine], rows)
    )
    return Verdict(measure.key, value, mark, passed, median, worst, sum(kept) / len(kept), failing)


def kept_by(measure: Measure, numbers: Sequence[float], share: float) -> float:
    """The value that a share of the numbers keeps: for 0.95 of 100 frames the 95th from the best.

    Of measures that are best at 1 it is the median.
    """
    if measure.better == "one":
        return float(np.median(numbers))
    ordered = sorted(numbers, reverse=measure.better == "high")
    return ordered[max(math.ceil(share * len(ordered) - 1e-9), 1) - 1]


def _of_clip(measure: Measure, value: float | None, mark: float | None, rows: Sequence[FrameRow]) -> Verdict:
    if value is None:
        return Verdict(measure.key, None, mark, None, None, None, None, (), NOT_MEASURED)
    passed = None if mark is None else within(measure, value, mark)
    failing: tuple[Span, ...] = ()
    if passed is False:
        failing = _runs(rows, _CONCERNED.get(measure.key, lambda _: True), lambda _: value)
    return Verdict(measure.key, value, mark, passed, value, value, None, failing)


_CONCERNED: dict[str, Callable[[FrameRow], bool]] = {
    "faulty": lambda row: bool(row.faults),
    "passed_through": lambda row: not row.blended,
    "lip_corr": lambda row: row.blended,
}


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
    spans, run = [], list[FrameRow]()
    for row in rows:
        if concerned(row):
            run.append(row)
        elif run:
            spans.append(_span(run, value(run)))
            run = []
    if run:
        spans.append(_span(run, value(run)))
    return tuple(spans)


def _span(run: Sequence[FrameRow], worst: float) -> Span:
    return Span(run[0].index, run[-1].index, run[0].time_s, run[-1].time_s, worst)
