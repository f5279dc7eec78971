"""Choice of the moments and frames that the page shows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.quality.measures import MEASURES
from lipblend.quality.pooling import WINDOW_S, Series, visibility_over_time
from lipblend.quality.record import Evaluation, PartResult
from lipblend.quality.report.wording import measure_of

_MIN_DISTANCE_S = 0.2  # pictures of the same moment look the same
_AGAIN_S = 1.0  # the same fault again
_TOLERANCE_S = 1e-6


@dataclass(frozen=True)
class Moment:
    """A frame that shows a visible part.

    Attributes
    ----------
    index : int
    key : str
        Of the part.
    visibility : float
        Of the part there, over the stretch around the frame; 1 is just visible.
    others : tuple of PartResult
        Visible parts that are worst at the same moment.
    """

    index: int
    key: str
    visibility: float
    others: tuple[PartResult, ...] = ()


@dataclass(frozen=True)
class Pick:
    """The worst frame of a measure that misses its mark."""

    index: int
    key: str
    value: float


def worst_moments(record: Evaluation, *, max_count: int) -> tuple[Moment, ...]:
    """The worst moments of a clip, no two of the same moment.

    First the worst moment of every visible part, the most visible first; if no part is visible, of every part. If these
    are too few, other moments: of parts that have none, then of others at least a second away, as long as they are
    visible, and at last of parts that are not visible.
    """
    if record.headline is None:
        return ()
    chosen: list[Moment] = []
    for moment in _candidates(record, chosen):
        if len(chosen) == max_count:
            break
        if not _same_moment(record, moment.index, chosen):
            chosen.append(moment)
    shown = {moment.key for moment in chosen}
    beside = [part for part in record.headline.parts if part.visibility > 1 and part.key not in shown]
    return tuple(
        Moment(
            moment.index,
            moment.key,
            moment.visibility,
            tuple(part for part in beside if _same_moment(record, part.worst, (moment,))),
        )
        for moment in sorted(chosen, key=lambda moment: -moment.visibility)
    )


def missed_frames(record: Evaluation, *, max_count: int) -> tuple[Pick, ...]:
    """The worst frames of the measures of frames that miss their marks, no two of the same moment."""
    chosen: list[Pick] = []
    for verdict in record.verdicts:
        measure = measure_of(verdict)
        if verdict.passed is not False or measure.per != "frame":
            continue
        ranked = sorted(
            (row for row in record.rows if math.isfinite(row.values.get(verdict.key, math.nan))),
            key=lambda row: -badness(row.values[verdict.key], verdict.key),
        )
        row = next((row for row in ranked if not _same_moment(record, row.index, chosen)), None)
        if row is not None and len(chosen) < max_count:
            chosen.append(Pick(row.index, verdict.key, row.values[verdict.key]))
    return tuple(chosen)


def video_part(record: Evaluation, worst: int | None, *, max_frames: int) -> range:
    """The frames for the video: all, or ``max_frames`` around the worst one, or the first one with a patch."""
    count = len(record.rows)
    if count <= max_frames:
        return range(count)
    middle = worst if worst is not None else next((row.index for row in record.rows if row.blended), 0)
    start = min(max(0, middle - max_frames // 2), count - max_frames)
    return range(start, start + max_frames)


def badness(value: float, key: str) -> float:
    """A number that is larger for worse values of a measure."""
    better = MEASURES[key].better if key in MEASURES else "low"
    if math.isnan(value):
        return -math.inf
    return -value if better == "high" else abs(value - 1) if better == "one" else value


def _candidates(record: Evaluation, chosen: Sequence[Moment]) -> Iterator[Moment]:
    """Moments in the order of `worst_moments`; ``chosen`` is looked at anew for each."""
    parts = record.headline.parts if record.headline is not None else ()
    least = 1.0 if any(part.visibility > 1 for part in parts) else 0.0
    for part in parts:
        if part.visibility > least:
            yield Moment(part.worst, part.key, part.visibility)
    for least, repeated in ((1.0, False), (1.0, True), (-np.inf, False)):
        for part in parts:
            if repeated or not any(moment.key == part.key for moment in chosen):
                moment = _elsewhere(record, part, chosen)
                if moment is not None and moment.visibility > least:
                    yield moment


def _elsewhere(record: Evaluation, part: PartResult, chosen: Sequence[Moment]) -> Moment | None:
    """The worst moment of a part that is none of the chosen ones."""
    levels = _levels(record, part.key)
    own = [moment for moment in chosen if moment.key == part.key]
    for row in record.rows:
        if _same_moment(record, row.index, chosen) or _same_moment(record, row.index, own, _AGAIN_S):
            levels[row.index] = np.nan
    if not np.isfinite(levels).any():
        return None
    index = _worst_around(record, part.key, int(np.nanargmax(levels)), np.isfinite(levels))
    return Moment(index, part.key, float(levels[index]))


def _worst_around(record: Evaluation, key: str, index: int, allowed: npt.NDArray[np.bool_]) -> int:
    """The worst frame of the stretch around a frame, in its shot."""
    side = max(1, round(WINDOW_S * record.frame_rate)) // 2
    around = record.rows[max(0, index - side) : index + side + 1]
    rows = [row for row in around if allowed[row.index] and row.shot == record.rows[index].shot]
    return max(rows, key=lambda row: row.values[key]).index


def _levels(record: Evaluation, key: str) -> Series:
    """How visible a part is in every frame; nan where that is not known."""
    scale = MEASURES[key].visible if key in MEASURES else None
    if scale is None:
        return np.full(len(record.rows), np.nan)
    return visibility_over_time(key, scale, record.rows, record.shots)


def _same_moment(
    record: Evaluation, index: int, chosen: Sequence[Moment | Pick], distance_s: float = _MIN_DISTANCE_S
) -> bool:
    """Whether a frame lies so close to chosen ones that its picture looks the same."""
    time_s = record.rows[index].time_s
    return any(
        other.index == index or abs(record.rows[other.index].time_s - time_s) < distance_s - _TOLERANCE_S
        for other in chosen
    )
