"""Choose the frames of a clip that a sweep tries: runs of consecutive frames, spread over the shots."""

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
    """Consecutive rows of a shot, ``start`` to ``stop - 1``, rendered and measured together.

    With ``lead_in`` the first row belongs to the previous block, and only serves measures that compare with it.
    """

    shot: int
    start: int
    stop: int
    lead_in: bool = False

    @property
    def measured(self) -> int:
        """Number of rows that are measured."""
        return self.stop - self.start - self.lead_in


def sampled_blocks(
    usable: npt.NDArray[np.bool_], shot_starts: Sequence[int], *, runs: int, length: int = RUN_FRAMES
) -> tuple[Block, ...]:
    """Choose runs of consecutive usable rows.

    Every shot with usable rows gets a run, the longest shots first, and more in proportion to its usable rows. Within a
    shot the runs are centred in equal parts of these rows. A run is shorter than ``length`` only if there are not
    enough consecutive rows. Runs do not overlap, so short clips get fewer.

    Parameters
    ----------
    usable : (n,) bool
    shot_starts : sequence of int
        First row of every shot.
    runs, length : int
        Maximum number of runs, and rows of each.
    """
    shots = _shots(len(usable), shot_starts)
    counts = [int(np.count_nonzero(usable[start:stop])) for start, stop in shots]
    blocks: list[Block] = []
    for number, share in enumerate(_runs_per_shot(counts, runs)):
        start, stop = shots[number]
        rows = np.flatnonzero(usable[start:stop]) + start
        last = -1
        for part in range(share):
            middle = int(rows[(2 * part + 1) * len(rows) // (2 * share)])
            low, high = _usable_range(usable, middle, start, stop)
            low = max(low, last)
            first = min(max(middle - length // 2, low), max(high - length, low))
            end = min(first + length, high)
            if end > first:
                blocks.append(Block(number, first, end))
                last = end
    return tuple(blocks)


def all_blocks(usable: npt.NDArray[np.bool_], shot_starts: Sequence[int], *, length: int) -> tuple[Block, ...]:
    """Split all usable rows into blocks of up to ``length`` rows, with a lead-in if the previous row is usable too."""
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


def _runs_per_shot(counts: Sequence[int], runs: int) -> list[int]:
    """Number of runs for each shot: one each, the largest first; then to those with most rows per run (d'Hondt)."""
    runs_per_shot = [0] * len(counts)
    for _ in range(runs):
        without = [number for number, count in enumerate(counts) if count and not runs_per_shot[number]]
        waiting = without or [number for number, count in enumerate(counts) if count]
        if not waiting:
            break
        best = max(waiting, key=lambda number: (counts[number] / (runs_per_shot[number] + 1), -number))
        runs_per_shot[best] += 1
    return runs_per_shot


def _usable_range(usable: npt.NDArray[np.bool_], row: int, start: int, stop: int) -> tuple[int, int]:
    """The range of consecutive usable rows around a usable row, within [start, stop)."""
    low = high = row
    while low > start and usable[low - 1]:
        low -= 1
    while high < stop and usable[high]:
        high += 1
    return low, high
