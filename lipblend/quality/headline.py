"""The headline: how visible a composite is as a whole, 0 to 100, from its visible parts.

Each part is first put on one scale: 0 for what right results have too, 1 where a viewer just sees it. In time the mean
over 0.4 seconds counts, about as long as the eye adds up, and of a clip the worst such stretch. The parts are added as
the eye adds independent signs (Quick 1974, https://doi.org/10.1007/BF00271628: the fourth root of the sum of fourth
powers), and the sum ``V`` becomes ``100 / (1 + 2/3 V^2)``: 60 where the sum is just seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from lipblend.quality.frame_rates import frame_rate
from lipblend.quality.measure_entry import Visible
from lipblend.quality.record import FrameRow, Headline, PartResult, Shot, Span
from lipblend.quality.visible.visible_parts import PARTS

WINDOW_S, LASTING_S = 0.4, 2.0
_POWER = 4.0
_MAX_VISIBILITY = 8.0
_MIN_KNOWN = 0.5  # of a window
_LASTING_UNSEEN = 0.6  # single frames scatter more than stretches

Series = npt.NDArray[np.float64]


def headline(rows: Sequence[FrameRow], shots: Sequence[Shot]) -> Headline | None:
    """The headline of a clip; None if no part was measured.

    Parameters
    ----------
    rows : sequence of FrameRow
        By index.
    shots : sequence of Shot
    """
    found = []
    for part in PARTS:
        assert part.visible is not None
        results = [
            result
            for shot in shots
            if (result := _part_result(part.key, part.visible, rows[shot.start : shot.stop])) is not None
        ]
        if results:
            worst = max(results, key=lambda result: result.visibility)
            seen = tuple(span for result in results for span in result.seen)
            found.append(PartResult(part.key, worst.visibility, worst.value, worst.worst, seen))
    if not found:
        return None
    ordered = tuple(sorted(found, key=lambda result: -result.visibility))
    return Headline(score_of(result.visibility for result in ordered), ordered)


def score_of(visibilities: Iterable[float]) -> float:
    """The score of some visibilities."""
    total = float(sum(value**_POWER for value in visibilities) ** (1 / _POWER))
    return 100 / (1 + 2 / 3 * total * total)


def visibility(values: Series, scale: Visible, *, lasting: bool = False) -> Series:
    """Values of a part on the common scale, 0 to 8; nan stays."""
    unseen, seen = scale.unseen, scale.seen
    if lasting and scale.lasting is not None:
        unseen, seen = _LASTING_UNSEEN * unseen, scale.lasting
    return np.clip((values - unseen) / (seen - unseen), 0, _MAX_VISIBILITY)


def _part_result(key: str, scale: Visible, rows: Sequence[FrameRow]) -> PartResult | None:
    values = np.array([row.values.get(key, np.nan) for row in rows], np.float64)
    if not np.isfinite(values).any():
        return None
    rate = frame_rate([row.time_s for row in rows])
    stretches = _stretches(visibility(values, scale), max(1, round(WINDOW_S * rate)))
    if scale.lasting is not None:
        long = _stretches(visibility(values, scale, lasting=True), max(1, round(LASTING_S * rate)))
        stretches += long
    if not stretches:
        return None
    worst = max(stretches, key=lambda stretch: stretch[0])
    level, start, stop = worst
    inside = values[start:stop]
    place = start + int(np.nanargmax(inside))
    seen = _spans(rows, [(a, b) for value, a, b in stretches if value > 1], values)
    return PartResult(key, level, float(np.nanmean(inside)), rows[place].index, seen)


def _stretches(levels: Series, length: int) -> list[tuple[float, int, int]]:
    """Mean over every window that is known well enough, with its first frame and the one after its last."""
    length = min(length, len(levels))
    known = np.isfinite(levels)
    kernel = np.ones(length)
    counts = np.convolve(known, kernel, "valid")
    sums = np.convolve(np.where(known, levels, 0), kernel, "valid")
    enough = np.flatnonzero(counts >= max(1.0, _MIN_KNOWN * length))
    return [(float(sums[at] / counts[at]), int(at), int(at) + length) for at in enough]


def _spans(rows: Sequence[FrameRow], stretches: Sequence[tuple[int, int]], values: Series) -> tuple[Span, ...]:
    """Runs of frames covered by stretches."""
    covered = np.zeros(len(rows) + 1, np.int64)
    for start, stop in stretches:
        covered[start] += 1
        covered[stop] -= 1
    inside = np.concatenate([[0], np.cumsum(covered[:-1]) > 0, [0]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(inside))
    spans = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        worst = float(np.nanmax(values[start:stop]))
        first, last = rows[start], rows[stop - 1]
        spans.append(Span(first.index, last.index, first.time_s, last.time_s, worst))
    return tuple(spans)
