"""The headline: how visible a composite is as a whole, 0 to 100, from its visible parts.

Each part is first put on one scale: 0 for what right results have too, 1 where a viewer just sees it. Of a clip the
worst stretch counts (`lipblend.quality.pooling`). The parts are added as the eye adds independent signs (Quick 1974,
https://doi.org/10.1007/BF00271628), here as the cube root of the sum of cubes, and the sum ``V`` becomes
``100 / (1 + 2/3 V^2)``: 60 where the sum is just seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from lipblend.quality.measure_entry import Visible
from lipblend.quality.pooling import Series, stretches, values_of
from lipblend.quality.record import FrameRow, Headline, PartResult, Shot, Span
from lipblend.quality.visible.visible_parts import PARTS

_POWER = 3.0


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
    return Headline(min(_worst_scores(rows, shots)), ordered)


def _worst_scores(rows: Sequence[FrameRow], shots: Sequence[Shot]) -> Iterator[float]:
    """The lowest score of every shot: only parts that are seen in one frame add up."""
    for shot in shots:
        inside = rows[shot.start : shot.stop]
        levels = np.zeros((len(PARTS), len(inside)))
        for row, part in zip(levels, PARTS, strict=True):
            assert part.visible is not None
            for level, start, stop in stretches(part.key, part.visible, inside):
                np.maximum(row[start:stop], level, out=row[start:stop])
        totals = (levels**_POWER).sum(0) ** (1 / _POWER)
        yield score_of([float(totals.max(initial=0.0))])


def score_of(visibilities: Iterable[float]) -> float:
    """The score of some visibilities."""
    total = float(sum(value**_POWER for value in visibilities) ** (1 / _POWER))
    return 100 / (1 + 2 / 3 * total * total)


def _part_result(key: str, scale: Visible, rows: Sequence[FrameRow]) -> PartResult | None:
    found = stretches(key, scale, rows)
    if not found:
        return None
    level, start, stop = max(found, key=lambda stretch: stretch[0])
    values = values_of(key, rows)
    inside = values[start:stop]
    place = start + int(np.nanargmax(inside))
    # A long stretch says that something shows, a short one where.
    seen = [(a, b) for value, a, b in found if value > 1]
    shortest = min((b - a for a, b in seen), default=0)
    covering = [(a, b) for a, b in seen if b - a == shortest]
    spans = _spans(rows, covering, values, scale.unseen)
    return PartResult(key, level, float(np.nanmean(inside)), rows[place].index, spans)


def _spans(
    rows: Sequence[FrameRow], covering: Sequence[tuple[int, int]], values: Series, unseen: float
) -> tuple[Span, ...]:
    """Runs of frames that stretches cover, from the first to the last that has more than right results have."""
    covered = np.zeros(len(rows) + 1, np.int64)
    for start, stop in covering:
        covered[start] += 1
        covered[stop] -= 1
    inside = np.concatenate([[0], np.cumsum(covered[:-1]) > 0, [0]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(inside))
    spans = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        worst = float(np.nanmax(values[start:stop]))
        above = start + np.flatnonzero(np.nan_to_num(values[start:stop], nan=-np.inf) > min(unseen, worst - 1e-9))
        start, stop = int(above[0]), int(above[-1]) + 1
        first, last = rows[start], rows[stop - 1]
        spans.append(Span(first.index, last.index, first.time_s, last.time_s, worst))
    return tuple(spans)
