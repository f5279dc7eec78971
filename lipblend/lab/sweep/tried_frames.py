"""Which frames of a clip are tried: runs of consecutive frames, spread over the shots."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RUN_FRAMES = 5
RUNS = 6


@dataclass(frozen=True)
class Block:
    """Consecutive rows of the plan, rendered and measured together.

    Attributes
    ----------
    shot : int
        Number of their shot.
    start, stop : int
        Rows ``start`` to ``stop - 1``.
    lead_in : bool
        The first row has been measured with the block before; it is only there for measures that look back.
    """

    shot: int
    start: int
    stop: int
    lead_in: bool = False

    @property
    def measured(self) -> int:
        """Rows that are measured."""
        return self.stop - self.start - self.lead_in


def sampled_blocks(
    usable: npt.NDArray[np.bool_], shot_starts: Sequence[int], *, runs: int, length: int = RUN_FRAMES
) -> tuple[Block, ...]:
    """Choose runs of consecutive usable rows.

    Every shot with usable rows gets a run, the longest shots first, and further ones in proportion to its usable
    rows. Within a shot they stand in the middles of equal parts of these rows. A run is shorter than ``length`` only
    where no more rows hang together; runs do not overlap, so short clips get fewer.

    Parameters
    ----------
    usable : (n,) bool
    shot_starts : sequence of int
        First row of every shot.
    runs, length : int
        How many runs at most, and rows of each.

    Returns
    -------
    tuple of Block
        In the order of the clip.
    """
    shots = _shots(len(usable), shot_starts)
    counts = [int(np.count_nonzero(usable[start:stop])) for start, stop in shots]
    blocks: list[Block] = []
    for number, share in enumerate(_shared_out(counts, runs)):
        start, stop = shots[number]
        rows = np.flatnonzero(usable[start:stop]) + start
        last = -1
        for part in range(share):
            middle = int(rows[(2 * part + 1) * len(rows) // (2 * share)])
            low, high = _stretch(usable, middle, start, stop)
            low = max(low, last)
            first = min(max(middle - length // 2, low), max(high - length, low))
            end = min(first + length, high)
            if end > first:
                blocks.append(Block(number, first, end))
                last = end
    return tuple(blocks)


def all_blocks(usable: npt.NDArray[np.bool_], shot_starts: Sequence[int], *, length: int) -> tuple[Block, ...]:
    """Cut all usable rows into blocks of up to ``length`` rows, and a lead-in where the row before is usable too."""
    blocks = []
    for number, (start, stop) in enumerate(_shots(len(usable), shot_starts)):
        row = start
        while row < stop:
            if not usable[row]:
                row += 1
                continue
            end = row
            while end < stop and end - row < length and usable[end]:
                end += 1
            lead_in = row > start and bool(usable[row - 1])
            blocks.append(Block(number, row - lead_in, end, lead_in))
            row = end
    return tuple(blocks)


def _shots(count: int, starts: Sequence[int]) -> list[tuple[int, int]]:
    edges = [*(int(start) for start in starts if start < count), count]
    return list(itertools.pairwise(edges))


def _shared_out(counts: Sequence[int], runs: int) -> list[int]:
    """How many runs each shot gets: one each, the largest first; then those with most rows a run (d'Hondt)."""
    given = [0] * len(counts)
    for _ in range(runs):
        without = [number for number, count in enumerate(counts) if count and not given[number]]
        waiting = without or [number for number, count in enumerate(counts) if count]
        if not waiting:
            break
        best = max(waiting, key=lambda number: (counts[number] / (given[number] + 1), -number))
        given[best] += 1
    return given


def _stretch(usable: npt.NDArray[np.bool_], row: int, start: int, stop: int) -> tuple[int, int]:
    """The usable rows about a usable row, within [start, stop)."""
    low = high = row
    while low > start and usable[low - 1]:
        low -= 1
    while high < stop and usable[high]:
        high += 1
    return low, high
