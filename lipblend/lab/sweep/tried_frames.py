"""Choose the frames of a clip that a sweep tries: runs of consecutive frames, spread over the shots."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.quality.pooling import WINDOW_S

RUNS = 3
_MIN_RUN_FRAMES = 5


@dataclass(frozen=True)
class Run:
    """Rows ``start`` to ``stop - 1`` of a shot, which are judged as a shot of their own: a sample of it, or all."""

    shot: int
    start: int
    stop: int


@dataclass(frozen=True)
class Block:
    """Consecutive rows of a run, ``start`` to ``stop - 1``, rendered and measured together.

    With ``lead_in`` the first row belongs to the previous block, and only serves measures that compare with it.
    """

    run: int
    start: int
    stop: int
    lead_in: bool = False

    @property
    def measured(self) -> int:
        """Number of rows that are measured."""
        return self.stop - self.start - self.lead_in


def run_length(frame_rate: float) -> int:
    """Rows of a sampled run: 0.4 seconds, which the headline looks at as one."""
    return max(_MIN_RUN_FRAMES, round(WINDOW_S * frame_rate))


def sampled_runs(
    usable: npt.NDArray[np.bool_], shot_starts: Sequence[int], *, runs: int, length: int
) -> tuple[Run, ...]:
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
    chosen: list[Run] = []
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
                chosen.append(Run(number, first, end))
                last = end
    return tuple(chosen)


def whole_shots(usable: npt.NDArray[np.bool_], shot_starts: Sequence[int]) -> tuple[Run, ...]:
    """Every shot with usable rows as one run."""
    return tuple(
        Run(number, start, stop)
        for number, (start, stop) in enumerate(_shots(len(usable), shot_starts))
        if usable[start:stop].any()
    )


def blocks_of(runs: Sequence[Run], usable: npt.NDArray[np.bool_], *, length: int) -> tuple[Block, ...]:
    """Split the usable rows of runs into blocks of up to ``length`` rows, with a lead-in if the row before is usable.

    The first row of a run has no row before.
    """
    blocks = []
    for number, run in enumerate(runs):
        row = run.start
        while row < run.stop:
            if not usable[row]:
                row += 1
                continue
            end = row
            while end < run.stop and end - row < length and usable[end]:
                end += 1
            lead_in = row > run.start and bool(usable[row - 1])
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
