"""The way through a table that is never held: the same as through the whole one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipblend.pairing import beam
from lipblend.pairing.beam import Block, cheapest_way
from lipblend.pairing.viterbi import JUMP, START_AWAY, TURN, Steps, cheapest_path
from lipblend.runtime.memory import retained_bytes


def price(path: np.ndarray, backward: np.ndarray, breaks: np.ndarray, costs: np.ndarray, steps: Steps) -> float:
    """What a way costs by what it says of itself."""
    total = float(costs[0, path[0]]) + (0 if path[0] <= 1 else START_AWAY) + TURN * backward[0]
    for row in range(1, len(path)):
        total += float(costs[row, path[row]])
        step = int(path[row] - path[row - 1]) * (-1 if backward[row] else 1)
        if not breaks[row]:
            assert step in steps.forward()
            total += steps.price(step)
        elif backward[row] != backward[row - 1] and step in (0, 1):
            total += TURN
        else:
            assert not backward[row]
            total += JUMP
    return total


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 60), st.sampled_from([1, 2]), st.floats(1, 40))
def test_it_costs_what_the_cheapest_path_does(seed: int, rows: int, columns: int, usual: int, scale: float) -> None:
    costs = np.random.default_rng(seed).exponential(scale, (rows, columns)).astype(np.float32)
    steps = Steps(frozenset({usual}), usual + 3)
    blocks = [Block(np.arange(columns), costs[start : start + 7]) for start in range(0, rows, 7)]
    way = cheapest_way(blocks, steps, start_near=0)
    whole = cheapest_path(costs, np.arange(columns), steps, start_near=0)
    assert way.path.shape == whole.shape
    ours = price(way.path, way.backward, way.breaks, costs, steps)
    if not np.array_equal(way.path, whole):  # as cheap by another way
        walled = np.full_like(costs, np.inf)
        walled[np.arange(rows), whole] = costs[np.arange(rows), whole]
        again = cheapest_way([Block(np.arange(columns), walled)], steps, start_near=0)
        assert ours == pytest.approx(price(again.path, again.backward, again.breaks, costs, steps), abs=1e-2)


def test_it_passes_only_columns_that_a_block_has() -> None:
    blocks = [
        Block(np.array([0, 1, 2, 10, 11, 12]), np.zeros((3, 6), np.float32)),
        Block(np.array([10, 11, 12, 13, 14]), np.zeros((4, 5), np.float32)),
    ]
    way = cheapest_way(blocks, Steps(frozenset({1}), 7), start_near=0)
    assert set(way.path[:3]) <= {0, 1, 2, 10, 11, 12}
    assert set(way.path[3:]) <= {10, 11, 12, 13, 14}
    walled = Block(np.arange(6), np.array([[0, 9, 9, 9, 9, np.inf], [np.inf] * 5 + [3]], np.float32))
    assert cheapest_way([walled], Steps(frozenset({1}), 7), start_near=0).path.tolist() == [0, 5]


def test_a_turn_is_told_from_a_slip_and_a_jump() -> None:
    path = [0, 1, 2, 3, 4, 4, 3, 2, 1, 30, 31, 30, 31, 32]
    costs = np.full((len(path), 40), 40, np.float32)
    costs[np.arange(len(path)), path] = 0
    way = cheapest_way([Block(np.arange(40), costs)], Steps(frozenset({1}), 7), start_near=0)
    assert way.path.tolist() == path
    assert np.flatnonzero(way.breaks).tolist() == [5, 9]
    assert np.flatnonzero(way.backward).tolist() == [5, 6, 7, 8]


def test_where_everything_fits_alike_no_more_places_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beam, "MOST_PLACES", 20)
    held: list[int] = []
    inner = beam._followed_back

    def counted(history: list) -> beam.Way:
        held.append(retained_bytes(history))
        return inner(history)

    monkeypatch.setattr(beam, "_followed_back", counted)
    blank = [Block(np.arange(500), np.zeros((50, 500), np.float32)) for _ in range(4)]
    way = cheapest_way(blank, Steps(frozenset({1}), 7), start_near=0)
    assert np.diff(way.path).tolist() == [1] * 199
    assert held[0] / 200 < 20 * 2 * 8 + 500
