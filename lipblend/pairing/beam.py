"""The cheapest way through a table that is too large to be held: the same as `lipblend.pairing.viterbi` finds.

A place that costs as much as a jump to it would is no better than the jump, so it need not be held. What is left of a
row are the few places that fit about as well as the best one, wherever they lie: the memory is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lipblend.pairing.viterbi import JUMP, START_AWAY, TURN, Steps

Indices = npt.NDArray[np.int64]
Costs = npt.NDArray[np.float32]

MOST_PLACES = 800
"""Places that are held of a row, for each direction of play; beyond that the cheapest ones."""

_JUMPED = -1
_Offers = tuple[Indices, npt.NDArray[np.float64], npt.NDArray[np.integer[Any]]]
"""Columns that may be reached, what the way there costs, and places that it comes from."""


@dataclass(frozen=True)
class Block:
    """Some rows of a table of costs.

    Attributes
    ----------
    columns : (m,) int64
        Columns that these rows may pass, rising.
    costs : (n, m) float32
        Cost of each, in nats, >= 0; infinite where a row may not pass.
    """

    columns: Indices
    costs: Costs


@dataclass(frozen=True)
class Way:
    """A path: one column a row.

    Attributes
    ----------
    path : (n,) int64
    breaks : (n,) bool
        The row was reached by a jump or by turning round.
    backward : (n,) bool
        Played backward there.
    """

    path: Indices
    breaks: npt.NDArray[np.bool_]
    backward: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Places:
    """Places of one row that are held: columns, what the way there costs, and where it came from in the row before."""

    columns: Indices
    costs: npt.NDArray[np.float64]
    came_from: npt.NDArray[np.int32]  # place in the row before, forward ones first; `_JUMPED` for a jump

    def cheapest(self, limit: float) -> _Places:
        """Those below a limit, and no more than are held."""
        kept = np.flatnonzero(self.costs < limit)
        if len(kept) > MOST_PLACES:
            kept = np.sort(kept[np.argpartition(self.costs[kept], MOST_PLACES)[:MOST_PLACES]])
        return _Places(self.columns[kept], self.costs[kept], self.came_from[kept])


_NOTHING = _Places(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int32))


def cheapest_way(blocks: Iterable[Block], steps: Steps, *, start_near: float) -> Way:
    """Find the path of least cost.

    Parameters
    ----------
    blocks : iterable of Block
        The rows of the table in order; taken one by one.
    steps : Steps
    start_near : float
        Column at which starting costs nothing.
    """
    forward = np.array(steps.forward())
    prices = np.array([steps.price(step) for step in forward.tolist()])
    history: list[tuple[Indices, npt.NDArray[np.int32], int, int]] = []
    ahead, back, least_at = _NOTHING, _NOTHING, 0
    for columns, costs in _rows(blocks):
        if not history:
            away = np.where(np.abs(columns - start_near) <= 1, 0.0, START_AWAY)
            start = _Places(columns, costs.astype(np.float64) + away, np.full(len(columns), _JUMPED, np.int32))
            turned = _Places(columns, start.costs + TURN, start.came_from)
            least = float(start.costs.min())
            ahead, back = start.cheapest(least + JUMP), turned.cheapest(least + JUMP + TURN)
        else:
            least = min(ahead.costs.min(initial=np.inf), back.costs.min(initial=np.inf))
            moved, turned = _moved(ahead, back, forward, prices, least), _turned(ahead, back, forward, prices, least)
            moved, turned = _paid(moved, columns, costs), _paid(turned, columns, costs)
            leap = least + JUMP
            least = min(moved.costs.min(initial=np.inf), turned.costs.min(initial=np.inf), leap + float(costs.min()))
            fresh = np.flatnonzero(leap + costs < least + JUMP)
            jumped = _Places(
                columns[fresh], leap + costs[fresh].astype(np.float64), np.full(len(fresh), _JUMPED, np.int32)
            )
            ahead, back = _least_each(moved, jumped).cheapest(least + JUMP), turned.cheapest(least + JUMP + TURN)
        least_at = int(np.concatenate([ahead.costs, back.costs]).argmin())
        history.append(
            (
                np.concatenate([ahead.columns, back.columns]).astype(np.int32),
                np.concatenate([ahead.came_from, back.came_from]),
                len(ahead.columns),
                least_at,
            )
        )
    return _followed_back(history)


def _rows(blocks: Iterable[Block]) -> Iterator[tuple[Indices, Costs]]:
    for block in blocks:
        for costs in block.costs:
            yield block.columns, costs


def _moved(ahead: _Places, back: _Places, forward: Indices, prices: npt.NDArray[np.float64], least: float) -> _Places:
    """Places that play forward in the next row, for less than a jump."""
    limit = least + JUMP
    onward = _along(ahead, forward, prices, limit, 0)
    return _first_each(*_joined(onward, _about(back, (0, 1), limit, len(ahead.columns))))


def _turned(ahead: _Places, back: _Places, forward: Indices, prices: npt.NDArray[np.float64], least: float) -> _Places:
    """Places that play backward in the next row, for less than a jump and a turn."""
    limit = least + JUMP + TURN
    onward = _along(back, -forward, prices, limit, len(ahead.columns))
    return _first_each(*_joined(onward, _about(ahead, (0, -1), limit, 0)))


def _along(places: _Places, moves: Indices, prices: npt.NDArray[np.float64], limit: float, first: int) -> _Offers:
    """Columns, costs and origins of what goes on in the same direction for less than a limit."""
    costs = places.costs[None, :] + prices[:, None]
    move, place = np.nonzero(costs < limit)
    return places.columns[place] + moves[move], costs[move, place], place + first


def _about(places: _Places, moves: tuple[int, int], limit: float, first: int) -> _Offers:
    """The same of what turns round."""
    place = np.flatnonzero(places.costs < limit - TURN)
    columns, costs = places.columns[place], places.costs[place] + TURN
    return (
        np.concatenate([columns + move for move in moves]),
        np.concatenate([costs, costs]),
        np.concatenate([place, place]) + first,
    )


def _joined(one: _Offers, other: _Offers) -> _Offers:
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]]), np.concatenate([one[2], other[2]])


def _least_each(one: _Places, other: _Places) -> _Places:
    """The cheaper of two ways to each place."""
    return _first_each(
        np.concatenate([one.columns, other.columns]),
        np.concatenate([one.costs, other.costs]),
        np.concatenate([one.came_from, other.came_from]),
    )


def _first_each(columns: Indices, costs: npt.NDArray[np.float64], came: npt.NDArray[np.integer[Any]]) -> _Places:
    order = np.lexsort((costs, columns))
    columns = columns[order]
    first = np.ones(len(order), bool)
    first[1:] = columns[1:] != columns[:-1]
    taken = order[first]
    return _Places(columns[first], costs[taken], came[taken].astype(np.int32))


def _paid(places: _Places, columns: Indices, costs: Costs) -> _Places:
    """With the cost of the row added, without those that it may not pass."""
    at = np.searchsorted(columns, places.columns)
    there = np.flatnonzero(columns[np.minimum(at, len(columns) - 1)] == places.columns)
    return _Places(places.columns[there], places.costs[there] + costs[at[there]], places.came_from[there])


def _followed_back(history: list[tuple[Indices, npt.NDArray[np.int32], int, int]]) -> Way:
    count = len(history)
    path, breaks, backward = np.zeros(count, np.int64), np.zeros(count, bool), np.zeros(count, bool)
    at = history[-1][3] if count else 0
    for row in range(count - 1, -1, -1):
        columns, came_from, ahead, _ = history[row]
        path[row], backward[row] = columns[at], at >= ahead
        if row == 0:
            break
        came = int(came_from[at])
        breaks[row] = came == _JUMPED or (came >= history[row - 1][2]) != backward[row]
        at = history[row - 1][3] if came == _JUMPED else came
    return Way(path, breaks, backward)
