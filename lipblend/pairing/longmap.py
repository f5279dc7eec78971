"""The map of frames of clips that are too long for one table of all frames against all.

First it is asked whether the two keep step: by the clock, or by the clock and an offset that most frames vote for. A
few synced frames are held against all of the original for that, and if none of them finds a much better place than the
one that the clock gives it, nothing is to be found far away. Otherwise all synced frames are held against all of the
original, some at a time, and the cheapest way is followed through what is never held as a whole
(`lipblend.pairing.beam`). For both, neighbouring pixels are taken together.

Then the whole small pictures are matched near the path, every frame. What two videos differ by is learnt here from the
frames around: where clips follow each other, the mouth of one lies where another one has its background, and over the
whole film neither would weigh little. What a way round is worth is asked last (`lipblend.pairing.detours`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lipblend.pairing.beam import Block, Way, cheapest_way
from lipblend.pairing.cost_table import AROUND, Table
from lipblend.pairing.detours import in_step_unless_worth_it, without_detours
from lipblend.pairing.expected import REACH, Expected, usual_steps
from lipblend.pairing.thumb_rows import Rows
from lipblend.pairing.viterbi import Steps
from lipblend.pairing.weighing import Indices, Thumbs, evidence, usual_left, weighing_of

_MOST_JUDGES = 2000
_COARSE_PIXELS = 432  # of a picture that is held against all others
_ELSEWHERE = 15.0  # nats that another place must be better by
_ROUNDS = 2
_SETTLED_SHARE = 0.01
_NEAR = 12  # frames around the path that are searched at full size
_FORBIDDEN = np.float32(1e4)  # nats: what comes again within a part must not be jumped to


def find_in_long(original: Rows, synced: Rows, expected: Expected) -> Indices:
    """Find the original frame that each synced frame was made from; see `lipblend.pairing.framemap.find_source`."""
    table = Table.of(_coarse(original), _coarse(synced), expected)
    path, sure = _by_the_clock(table)
    found = path if sure and path is not None else _searched(table, path)
    steps = usual_steps(found[expected.counting()])
    way = _near(original, synced, expected, found, steps)
    path = without_detours(original, synced, way, steps)
    return in_step_unless_worth_it(original, synced, path, expected.clock())


def spread(rows: Indices) -> Indices:
    """At most 2000 of some rows, evenly spread."""
    return rows[:: -(-len(rows) // _MOST_JUDGES)]


def _coarse(thumbs: Rows) -> Thumbs:
    """Groups of neighbouring pixels as one, (n, at most about 432) uint8."""
    count, pixels = thumbs.shape
    group = -(-pixels // _COARSE_PIXELS)
    out = np.empty((count, pixels // group), np.uint8)
    for start in range(0, count, 1000):
        part = thumbs[start : start + 1000][:, : out.shape[1] * group]
        out[start : start + 1000] = np.rint(part.reshape(len(part), -1, group).mean(2, dtype=np.float32))
    return out


def _by_the_clock(table: Table) -> tuple[Indices | None, bool]:
    """The path by the clock, or by the clock and the offset that most frames vote for; and whether it is sure.

    It is sure where no frame asked finds a much better place than it has there. None where most of them do.
    """
    clock = table.expected.clock()
    offsets = (table.alike - clock[table.asked])[table.inside]
    values, votes = np.unique(offsets, return_counts=True)
    voted = np.clip(clock + values[votes.argmax()], 0, len(table.original) - 1)
    better = np.zeros(0, np.float32)
    for path in (clock, voted):
        better = table.better_places(path)
        if better.max() <= _ELSEWHERE:
            return path, True
    return (voted if np.median(better) <= _ELSEWHERE else None), False


def _searched(table: Table, path: Indices | None) -> Indices:
    """The cheapest way of all."""
    expected, rows = table.expected, table.expected.counting()
    for _ in range(_ROUNDS):
        before = path
        steps = usual_steps(expected.source if before is None else before[rows])
        path = cheapest_way(table.blocks(before), steps, start_near=float(expected.source[0])).path
        if before is not None and np.count_nonzero(path != before) <= _SETTLED_SHARE * len(path):
            break
    assert path is not None  # there is at least one round
    return path


def _near(original: Rows, synced: Rows, expected: Expected, path: Indices, steps: Steps) -> Way:
    """The cheapest way near a path, by the whole small pictures."""
    blocks = _blocks_near(original, synced, expected, path)
    return cheapest_way(blocks, steps, start_near=float(path[0]))


def _blocks_near(original: Rows, synced: Rows, expected: Expected, path: Indices) -> Iterator[Block]:
    counting = expected.counting()
    for start in range(0, len(synced), AROUND):
        rows = np.arange(start, min(start + AROUND, len(synced)))
        around = _frames_around(start, counting, len(synced))
        weighing = weighing_of(original[path[around]], synced[around])
        columns = _columns_near(path[max(0, start - AROUND) : start + 2 * AROUND], _NEAR + REACH, len(original))
        costs = weighing.distances(original[columns], synced[rows])
        costs = evidence(costs, usual_left(costs.min(1), original.shape[1]))
        costs[~_within_reach(path, rows, columns)] += _FORBIDDEN
        yield Block(columns, expected.add_pull(costs, columns, start))


def _within_reach(path: Indices, rows: Indices, columns: Indices) -> npt.NDArray[np.bool_]:
    """Which columns lie near the path at some row, or at those just before or after it, where a jump may belong."""
    near = np.zeros((len(rows), len(columns)), bool)
    for beside in (-_NEAR, 0, _NEAR):
        at = path[np.clip(rows + beside, 0, len(path) - 1)]
        near |= np.abs(columns - at[:, None]) <= _NEAR + REACH
    return near


def _frames_around(start: int, counting: Indices, count: int) -> Indices:
    """Frames that count, from `AROUND` before a part of as many to `AROUND` after it; all of them where none counts."""
    low, high = max(0, start - AROUND), min(start + 2 * AROUND, count)
    known = counting[(counting >= low) & (counting < high)]
    return known if len(known) else np.arange(low, high)


def _columns_near(path: Indices, margin: int, count: int) -> Indices:
    """Original frames within ``margin`` of a path, rising."""
    near: npt.NDArray[np.bool_] = np.zeros(count, bool)
    for index in np.unique(path):
        near[max(0, index - margin) : index + margin + 1] = True
    return np.flatnonzero(near)
