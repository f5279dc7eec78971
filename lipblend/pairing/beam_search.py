"""Beam search through a cost matrix too large to hold: finds the same path as `lipblend.pairing.viterbi`.

A hypothesis that costs as much as a jump to the same column is no better than the jump and can be dropped. Each row
then leaves only the few columns that fit about as well as the best one, wherever they lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lipblend.pairing.viterbi import JUMP_COST, START_COST, TURN_COST, Steps

Indices = npt.NDArray[np.int64]
Costs = npt.NDArray[np.float32]

MAX_HYPOTHESES = 800
"""Beam width: hypotheses kept per row and direction of play. Beyond that the cheapest ones are kept."""

_TURNED_LIMIT = 2 * JUMP_COST + TURN_COST
"""How much more than the best hypothesis one that plays backward may cost. A jump and a turn take two rows, so what
they cost there counts too; a jump more allows for it. Without, 2 of 11,000 random matrices had a path that was not the
cheapest; with it, none of 10,000."""

_JUMPED = -1
_Candidates = tuple[Indices, npt.NDArray[np.float64], npt.NDArray[np.integer[Any]]]
"""Columns that can be reached, the cost so far, and the hypothesis each comes from."""


@dataclass(frozen=True)
class CostRows:
    """Some consecutive rows of a cost matrix.

    Attributes
    ----------
    columns : (m,) int64
        Columns these rows may use, rising.
    costs : (n, m) float32
        Cost of each, in nats, >= 0; infinite where the path may not pass.
    """

    columns: Indices
    costs: Costs


@dataclass(frozen=True)
class FramePath:
    """A path: one column per row.

    Attributes
    ----------
    frames : (n,) int64
        The columns.
    breaks : (n,) bool
        The row was reached by a jump or a turn.
    backward : (n,) bool
        Backward play.
    """

    frames: Indices
    breaks: npt.NDArray[np.bool_]
    backward: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Beam:
    """The hypotheses of one row and direction of play: columns, cost so far, and predecessor in the row before."""

    columns: Indices
    costs: npt.NDArray[np.float64]
    came_from: npt.NDArray[np.int32]  # index into the row before, forward hypotheses first; `_JUMPED` for a jump

    def pruned(self, limit: float) -> _Beam:
        """Hypotheses below a cost limit, at most `MAX_HYPOTHESES`."""
        kept = np.flatnonzero(self.costs < limit)
        if len(kept) > MAX_HYPOTHESES:
            kept = np.sort(kept[np.argpartition(self.costs[kept], MAX_HYPOTHESES)[:MAX_HYPOTHESES]])
        return _Beam(self.columns[kept], self.costs[kept], self.came_from[kept])

    def with_row(self, columns: Indices, costs: Costs) -> _Beam:
        """Add the costs of a row; drop hypotheses in columns that the row may not use."""
        at = np.searchsorted(columns, self.columns)
        valid = np.flatnonzero(columns[np.minimum(at, len(columns) - 1)] == self.columns)
        return _Beam(self.columns[valid], self.costs[valid] + costs[at[valid]], self.came_from[valid])

    def min_cost(self) -> float:
        return float(self.costs.min(initial=np.inf))


@dataclass(frozen=True)
class _History:
    """What backtracking needs of one row: forward hypotheses first, then backward ones."""

    columns: npt.NDArray[np.int32]
    came_from: npt.NDArray[np.int32]
    forward_count: int
    cheapest: int

    @classmethod
    def of(cls, forward: _Beam, backward: _Beam) -> _History:
        return cls(
            np.concatenate([forward.columns, backward.columns]).astype(np.int32),
            np.concatenate([forward.came_from, backward.came_from]),
            len(forward.columns),
            int(np.concatenate([forward.costs, backward.costs]).argmin()),
        )


def beam_search(blocks: Iterable[CostRows], steps: Steps, *, start_near: float) -> FramePath:
    """Find the path of least cost through the rows of a matrix, read one block at a time.

    Starting is free within one column of ``start_near``.
    """
    moves = np.array(steps.forward())
    move_costs = np.array([steps.cost(step) for step in moves.tolist()])
    history: list[_History] = []
    for columns, costs in _rows(blocks):
        if not history:
            forward, backward = _first_row(columns, costs, start_near)
        else:
            forward, backward = _next_row(forward, backward, (moves, move_costs), columns, costs)
        history.append(_History.of(forward, backward))
    return _backtrack(history)


def _rows(blocks: Iterable[CostRows]) -> Iterator[tuple[Indices, Costs]]:
    for block in blocks:
        for costs in block.costs:
            yield block.columns, costs


def _first_row(columns: Indices, costs: Costs, start_near: float) -> tuple[_Beam, _Beam]:
    start = np.where(np.abs(columns - start_near) <= 1, 0.0, START_COST)
    forward = _Beam(columns, costs.astype(np.float64) + start, np.full(len(columns), _JUMPED, np.int32))
    backward = _Beam(columns, forward.costs + TURN_COST, forward.came_from)
    least = float(forward.costs.min())
    return forward.pruned(least + JUMP_COST), backward.pruned(least + _TURNED_LIMIT)


def _next_row(
    forward: _Beam,
    backward: _Beam,
    moves: tuple[Indices, npt.NDArray[np.float64]],
    columns: Indices,
    costs: Costs,
) -> tuple[_Beam, _Beam]:
    """The beams of the next row. `moves` holds the forward steps and their costs."""
    steps, step_costs = moves
    count = len(forward.columns)
    least = min(forward.costs.min(initial=np.inf), backward.costs.min(initial=np.inf))
    jump_cost = least + JUMP_COST
    to_forward = _cheapest_per_column(
        _continued(forward, steps, step_costs, jump_cost, 0), _turned(backward, (0, 1), jump_cost, count)
    ).with_row(columns, costs)
    turn_limit = least + _TURNED_LIMIT
    to_backward = _cheapest_per_column(
        _continued(backward, -steps, step_costs, turn_limit, count), _turned(forward, (0, -1), turn_limit, 0)
    ).with_row(columns, costs)
    least = min(to_forward.min_cost(), to_backward.min_cost(), jump_cost + float(costs.min()))
    new = np.flatnonzero(jump_cost + costs < least + JUMP_COST)
    jumped = columns[new], jump_cost + costs[new].astype(np.float64), np.full(len(new), _JUMPED, np.int32)
    moved = to_forward.columns, to_forward.costs, to_forward.came_from
    return (
        _cheapest_per_column(moved, jumped).pruned(least + JUMP_COST),
        to_backward.pruned(least + _TURNED_LIMIT),
    )


def _continued(
    beam: _Beam, steps: Indices, step_costs: npt.NDArray[np.float64], limit: float, offset: int
) -> _Candidates:
    """Continue in the same direction, below a cost limit."""
    costs = beam.costs[None, :] + step_costs[:, None]
    step, source = np.nonzero(costs < limit)
    return beam.columns[source] + steps[step], costs[step, source], source + offset


def _turned(beam: _Beam, steps: tuple[int, int], limit: float, offset: int) -> _Candidates:
    """Turn round, below a cost limit."""
    source = np.flatnonzero(beam.costs < limit - TURN_COST)
    columns, costs = beam.columns[source], beam.costs[source] + TURN_COST
    return (
        np.concatenate([columns + step for step in steps]),
        np.concatenate([costs, costs]),
        np.concatenate([source, source]) + offset,
    )


def _cheapest_per_column(first: _Candidates, second: _Candidates) -> _Beam:
    columns, costs, came_from = (np.concatenate(pair) for pair in zip(first, second, strict=True))
    order = np.lexsort((costs, columns))
    columns = columns[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = columns[1:] != columns[:-1]
    taken = order[is_first]
    return _Beam(columns[is_first], costs[taken], came_from[taken].astype(np.int32))


def _backtrack(history: list[_History]) -> FramePath:
    count = len(history)
    frames, breaks, backward = np.zeros(count, np.int64), np.zeros(count, bool), np.zeros(count, bool)
    at = history[-1].cheapest if count else 0
    for row in range(count - 1, -1, -1):
        here = history[row]
        frames[row], backward[row] = here.columns[at], at >= here.forward_count
        if row == 0:
            break
        came, previous = int(here.came_from[at]), history[row - 1]
        breaks[row] = came == _JUMPED or (came >= previous.forward_count) != backward[row]
        at = previous.cheapest if came == _JUMPED else came
    return FramePath(frames, breaks, backward)
