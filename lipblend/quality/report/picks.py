"""Choice of the frames that the page shows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lipblend.quality.measures import MEASURES
from lipblend.quality.record import Evaluation, FrameRow
from lipblend.quality.report.wording import measure_of

_MIN_DISTANCE_S = 0.2  # pictures of the same moment look the same


@dataclass(frozen=True)
class Pick:
    """A frame, and the measure for which it was chosen: its worst frame, or "" for a typical frame."""

    index: int
    key: str
    value: float | None
    failed: bool


def worst_frames(record: Evaluation, *, max_count: int) -> tuple[Pick, ...]:
    """The worst frames of the measures with a pass mark, failing ones first, no two of the same moment.

    Every measure contributes its worst frame before any contributes a second one. Of several candidates the one that
    misses its mark by most comes first. Without any mark, the seam measures are used.
    """
    marks = {verdict.key: verdict.mark for verdict in record.verdicts if measure_of(verdict).per == "frame"}
    keys = [key for key, mark in marks.items() if mark is not None]
    ranked = {key: _ranked(record.rows, key) for key in keys or ("seam", "ssim_y")}
    chosen: list[Pick] = []
    for turn in range(max_count):
        candidates = []
        for key, order in ranked.items():
            if sum(pick.key == key for pick in chosen) > turn or not _varies(order, key):
                continue
            row = next((row for row in order if not _near(row, chosen, record)), None)
            if row is not None:
                miss = _miss(row.values[key], marks.get(key), key)
                candidates.append((miss, Pick(row.index, key, row.values[key], miss > 0)))
        for miss, pick in sorted(candidates, key=lambda candidate: -candidate[0]):
            if miss <= 0 and any(pick.key == other.key for other in chosen):
                continue  # a second frame of a measure only if it fails
            if len(chosen) < max_count and not _near(record.rows[pick.index], chosen, record):
                chosen.append(pick)
    return tuple(sorted(chosen, key=lambda pick: not pick.failed))


def typical_frame(record: Evaluation) -> Pick | None:
    """The blended frame with the median seam value; None if no frame is blended."""
    blended = [row for row in record.rows if row.blended]
    if not blended:
        return None
    measured = [row for row in blended if math.isfinite(row.values.get("seam", math.nan))]
    if not measured:
        return Pick(blended[len(blended) // 2].index, "", None, False)
    median = statistics.median_low([row.values["seam"] for row in measured])
    row = next(row for row in measured if row.values["seam"] == median)
    return Pick(row.index, "", median, False)


def video_part(record: Evaluation, picks: Sequence[Pick], *, max_frames: int) -> range:
    """The frames for the video: all, or ``max_frames`` around the worst one."""
    count = len(record.rows)
    if count <= max_frames:
        return range(count)
    blended = next((row.index for row in record.rows if row.blended), 0)
    middle = picks[0].index if picks else blended
    start = min(max(0, middle - max_frames // 2), count - max_frames)
    return range(start, start + max_frames)


def badness(value: float, key: str) -> float:
    """A number that is larger for worse values of a measure."""
    better = MEASURES[key].better if key in MEASURES else "low"
    if math.isnan(value):
        return -math.inf
    return -value if better == "high" else abs(value - 1) if better == "one" else value


def _ranked(rows: Sequence[FrameRow], key: str) -> list[FrameRow]:
    measured = [row for row in rows if row.blended and not math.isnan(row.values.get(key, math.nan))]
    return sorted(measured, key=lambda row: -badness(row.values[key], key))


def _varies(order: Sequence[FrameRow], key: str) -> bool:
    """Whether the worst frame is worse than the median one."""
    return bool(order) and badness(order[0].values[key], key) > badness(order[len(order) // 2].values[key], key)


def _miss(value: float, mark: float | None, key: str) -> float:
    """Distance beyond the mark relative to the mark; not above 0 if the mark is met."""
    if mark is None:
        return 0.0
    return (badness(value, key) - badness(mark, key)) / max(abs(mark), 1e-3)


def _near(row: FrameRow, chosen: Sequence[Pick], record: Evaluation) -> bool:
    return any(
        pick.index == row.index or abs(record.rows[pick.index].time_s - row.time_s) < _MIN_DISTANCE_S for pick in chosen
    )
