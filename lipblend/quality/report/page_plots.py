"""Contents of the page's plots over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lipblend.quality.measure_entry import Measure
from lipblend.quality.record import Evaluation, PartResult, Verdict
from lipblend.quality.report.page_measures import worst_text
from lipblend.quality.report.svg import bands, series_path, shot_lines, step_path, value_range
from lipblend.quality.report.wording import beside_text, measure_of, number_text, state_text, visibility_text

_TIME_LABELS = 5
_MIN_LABEL_DISTANCE = 14  # hundredths of the plot's height
_WORDS = {"pass": "pass", "fail": "fails", "within": "within the mark", "beyond": "beyond the mark"}


@dataclass(frozen=True)
class Plot:
    """A measure over time: SVG shapes, and labels of the value axis as (position in per cent, text, is a line's).

    ``mark_y`` is the line of the pass mark, or from where on a part is seen; ``lasting_y`` from where on it is seen if
    it lasts.
    """

    measure: Measure
    state: str
    word: str
    description: str
    bands: str
    mark_y: float | None
    lasting_y: float | None
    line: str
    labels: tuple[tuple[float, str, bool], ...]


def plots(record: Evaluation, keys: Sequence[str], *, gated: bool) -> dict[str, Any]:
    """Values of the plots' template: shapes behind and above every line, plots of the visible parts, and others."""
    count, last = len(record.rows), len(record.rows) - 1
    verdicts = {verdict.key: verdict for verdict in record.verdicts if verdict.key in keys} if count else {}
    parts = record.headline.parts if record.headline is not None else ()
    judged = {part.key for part in parts}
    passed = [(at, at) for at, row in enumerate(record.rows) if not row.blended]
    faulty = [(at, at) for at, row in enumerate(record.rows) if row.is_faulty]
    return {
        "behind": bands(passed, count, "band-passed") + shot_lines([shot.start for shot in record.shots], count),
        "faulty": bands(faulty, count, "band-faulty", top=94, height=6),
        "last": last,
        "times": [record.rows[round(last * step / (_TIME_LABELS - 1))].time_s for step in range(_TIME_LABELS) if count],
        "parts": [part_plot(record, part, verdicts[part.key]) for part in parts if part.key in verdicts],
        "others": [plot(record, each, gated=gated) for key, each in verdicts.items() if key not in judged],
    }


def plot(record: Evaluation, verdict: Verdict, *, gated: bool) -> Plot:
    """The plot of one measure, with its pass mark."""
    measure = measure_of(verdict)
    state = state_text(verdict) if gated else beside_text(verdict)
    worst = f", worst {worst_text(verdict)}" if verdict.worst is not None else ""
    drawn = _drawn(record, measure, [] if verdict.mark is None else [verdict.mark])
    return replace(
        drawn,
        state=state,
        word=_WORDS.get(state, ""),
        description=f"{measure.title} over {len(record.rows)} frames: {state}{worst}",
        bands=bands([(span.first, span.last) for span in verdict.failing], len(record.rows), "band-fail"),
    )


def part_plot(record: Evaluation, part: PartResult, verdict: Verdict) -> Plot:
    """The plot of a visible part, with the values from which on it is seen."""
    measure = measure_of(verdict)
    scale = measure.visible
    marks = [] if scale is None else [scale.seen, *([scale.lasting] if scale.lasting is not None else [])]
    return replace(
        _drawn(record, measure, marks),
        state="seen" if part.visibility > 1 else "unseen",
        word=visibility_text(part.visibility),
        description=f"{measure.title} over {len(record.rows)} frames: {visibility_text(part.visibility)}",
        bands=bands([(span.first, span.last) for span in part.seen], len(record.rows), "band-fail"),
    )


def _drawn(record: Evaluation, measure: Measure, marks: Sequence[float]) -> Plot:
    """Lines and labels; the first mark is the one that is labelled."""
    key, count = measure.key, len(record.rows)
    series = [row.values.get(key) for row in record.rows]
    steps = [(shot.start, shot.stop, shot.values[key]) for shot in record.shots if key in shot.values]
    values = [value for value in series if value is not None] + [value for _, _, value in steps]
    scale = value_range(values, mark=max(marks, default=None), from_zero=measure.better == "low")
    heights = [scale.y(mark) for mark in marks]
    marked = [(y, number_text(mark, measure.unit), True) for y, mark in zip(heights, marks, strict=True)]
    ends = [
        (scale.y(value), number_text(value, measure.unit), False)
        for value in (scale.high, scale.low)
        if all(abs(scale.y(value) - y) > _MIN_LABEL_DISTANCE for y in heights)
    ]
    return Plot(
        measure=measure,
        state="",
        word="",
        description="",
        bands="",
        mark_y=heights[0] if heights else None,
        lasting_y=heights[1] if len(heights) > 1 else None,
        line=step_path(steps, count, scale) if measure.per == "shot" else series_path(series, scale),
        labels=(*ends, *marked),
    )
