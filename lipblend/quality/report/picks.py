"""Which frames are worth looking at."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lipblend.quality.measures import MEASURES
from lipblend.quality.record import Evaluation, FrameRow
from lipblend.quality.report.wording import measure_of

_APART_S = 0.2  # two pictures of the same moment show the same


@dataclass(frozen=True)
class Pick:
    """A frame and why it was taken: the measure it is worst in, or "" for a typical one."""

    index: int
    key: str
    value: float | None
    failed: bool


def worst_frames(record: Evaluation, *, most: int) -> tuple[Pick, ...]:
    """The worst frames of the measures with a pass mark, the most serious first, and no two of the same moment.

    Every measure gives its worst frame before any gives a second one. Frames that miss their mark come first, those
    that miss it by the most before the others; without any mark the seam measures are taken.
    """
    marks = {verdict.key: verdict.mark for verdict in record.verdicts if measure_of(verdict).per == "frame"}
    keys = [key for key, mark in marks.items() if mark is not None]
    ranked = {key: _ranked(record.rows, key) for key in keys or ("seam", "ssim_y")}
    chosen: list[Pick] = []
    for turn in range(most):
        candidates = []
        for key, order in ranked.items():
            taken = sum(pick.key == key for pick in chosen)
            if taken > turn:
                continue
            row = next((row for row in order if not _near(row, chosen, record)), None) if _varies(order, key) else None
            if row is not None:
                miss = _miss(row.values[key], marks.get(key), key)
                candidates.append((miss, Pick(row.index, key, row.values[key], miss > 0)))
        for miss, pick in sorted(candidates, key=lambda each: -each[0]):
            if miss <= 0 and any(pick.key == other.key for other in chosen):
                continue  # a second frame of a measure only where it fails
            if len(chosen) < most and not _near(record.rows[pick.index], chosen, record):
                chosen.append(pick)
    return tuple(sorted(chosen, key=lambda pick: not pick.failed))


def typical_frame(record: Evaluation) -> Pick | None:
    """The blended frame whose seam value is the middle one; None where nothing is blended."""
    blended = [row for row in record.rows if row.blended]
    if not blended:
        return None
    key = "seam"
    measured = [row for row in blended if math.isfinite(row.values.get(key, math.nan))]
    if not measured:
        return Pick(blended[len(blended) // 2].index, "", None, False)
    middle = statistics.median_low([row.values[key] for row in measured])
    row = next(row for row in measured if row.values[key] == middle)
    return Pick(row.index, "", middle, False)


def shown_part(record: Evaluation, picks: Sequence[Pick], *, most: int) -> range:
    """The frames for the video: all of them, or as many as asked for about the worst one."""
    count = len(record.rows)
    if count <= most:
        return range(count)
    blended = next((row.index for row in record.rows if row.blended), 0)
    middle = picks[0].index if picks else blended
    start = min(max(0, middle - most // 2), count - most)
    return range(start, start + most)


def badness(value: float, key: str) -> float:
    """Larger is worse, by the measure's own direction."""
    better = MEASURES[key].better if key in MEASURES else "low"
    if math.isnan(value):
        return -math.inf
    return -value if better == "high" else abs(value - 1) if better == "one" else value


def _ranked(rows: Sequence[FrameRow], key: str) -> list[FrameRow]:
    measured = [row for row in rows if row.blended and not math.isnan(row.values.get(key, math.nan))]
    return sorted(measured, key=lambda row: -badness(row.values[key], key))


def _varies(order: Sequence[FrameRow], key: str) -> bool:
    """The worst frame is worse than the middle one."""
    return bool(order) and badness(order[0].values[key], key) > badness(order[len(order) // 2].values[key], key)


def _miss(value: float, mark: float | None, key: str) -> float:
    """How far beyond the mark, in marks; not above 0 where it is kept."""
    if mark is None:
        return 0.0
    return (badness(value, key) - badness(mark, key)) / max(abs(mark), 1e-3)


def _near(row: FrameRow, chosen: Sequence[Pick], record: Evaluation) -> bool:
    return any(
        pick.index == row.index or abs(record.rows[pick.index].time_s - row.time_s) < _APART_S for pick in chosen
    )
