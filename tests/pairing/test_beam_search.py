"""Beam search finds the same path as the Viterbi search of the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lipblend.pairing import beam_search as module
from lipblend.pairing.beam_search import CostRows, beam_search
from lipblend.pairing.viterbi import JUMP_COST, START_COST, TURN_COST, Steps, viterbi_path
from tests.retained_memory import retained_bytes


def cost_of(path: np.ndarray, backward: np.ndarray, breaks: np.ndarray, costs: np.ndarray, steps: Steps) -> float:
    """Cost of a path, from its own record of turns and jumps."""
    total = float(costs[0, path[0]]) + (0 if path[0] <= 1 else START_COST) + TURN_COST * backward[0]
    for row in range(1, len(path)):
        total += float(costs[row, path[row]])
        step = int(path[row] - path[row - 1]) * (-1 if backward[row] else 1)
        if not breaks[row]:
            assert step in steps.forward()
            total += steps.cost(step)
        elif backward[row] != backward[row - 1] and step in (0, 1):
            total += TURN_COST
        else:
            assert not backward[row]
            total += JUMP_COST
    return total


@pytest.mark.slow
@example(3, 36, 34, 2, 37.0)
@example(2574946096, 35, 14, 2, 37.71529140933289)
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 60), st.sampled_from([1, 2]), st.floats(1, 40))
def test_the_path_costs_as_much_as_the_viterbi_path(
    seed: int, rows: int, columns: int, typical: int, scale: float
) -> None:
    costs = np.random.default_rng(seed).exponential(scale, (rows, columns)).astype(np.float32)
    steps = Steps(frozenset({typical}), typical + 3)
    blocks = [CostRows(np.arange(columns), costs[start : start + 7]) for start in range(0, rows, 7)]
    path = beam_search(blocks, steps, start_near=0)
    whole = viterbi_path(costs, np.arange(columns), steps, start_near=0)
    assert path.frames.shape == whole.shape
    own_cost = cost_of(path.frames, path.backward, path.breaks, costs, steps)
    if not np.array_equal(path.frames, whole):  # another path of the same cost
        walled = np.full_like(costs, np.inf)
        walled[np.arange(rows), whole] = costs[np.arange(rows), whole]
        again = beam_search([CostRows(np.arange(columns), walled)], steps, start_near=0)
        assert own_cost == pytest.approx(cost_of(again.frames, again.backward, again.breaks, costs, steps), abs=1e-2)


def test_it_uses_only_the_columns_of_a_block() -> None:
    blocks = [
        CostRows(np.array([0, 1, 2, 10, 11, 12]), np.zeros((3, 6), np.float32)),
        CostRows(np.array([10, 11, 12, 13, 14]), np.zeros((4, 5), np.float32)),
    ]
    path = beam_search(blocks, Steps(frozenset({1}), 7), start_near=0)
    assert set(path.frames[:3]) <= {0, 1, 2, 10, 11, 12}
    assert set(path.frames[3:]) <= {10, 11, 12, 13, 14}
    walled = CostRows(np.arange(6), np.array([[0, 9, 9, 9, 9, np.inf], [np.inf] * 5 + [3]], np.float32))
    assert beam_search([walled], Steps(frozenset({1}), 7), start_near=0).frames.tolist() == [0, 5]


def test_turns_slips_and_jumps_are_told_apart() -> None:
    frames = [0, 1, 2, 3, 4, 4, 3, 2, 1, 30, 31, 30, 31, 32]
    costs = np.full((len(frames), 40), 40, np.float32)
    costs[np.arange(len(frames)), frames] = 0
    path = beam_search([CostRows(np.arange(40), costs)], Steps(frozenset({1}), 7), start_near=0)
    assert path.frames.tolist() == frames
    assert np.flatnonzero(path.breaks).tolist() == [5, 9]
    assert np.flatnonzero(path.backward).tolist() == [5, 6, 7, 8]


def test_the_beam_stays_narrow_where_everything_fits_equally(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HYPOTHESES", 20)
    held: list[int] = []
    inner = module._backtrack

    def measured(history: list) -> module.FramePath:
        held.append(retained_bytes(history))
        return inner(history)

    monkeypatch.setattr(module, "_backtrack", measured)
    blank = [CostRows(np.arange(500), np.zeros((50, 500), np.float32)) for _ in range(4)]
    path = beam_search(blank, Steps(frozenset({1}), 7), start_near=0)
    assert np.diff(path.frames).tolist() == [1] * 199
    assert held[0] / 200 < 20 * 2 * 8 + 500
