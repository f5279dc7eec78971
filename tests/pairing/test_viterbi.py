"""The Viterbi path: which moves it makes, what they cost, and that no path is cheaper."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipblend.pairing.viterbi import _MAX_SLIP_BACK, JUMP_COST, START_COST, TURN_COST, Steps, viterbi_path

PLAIN = Steps(frozenset({1}), 7)


def walled(path: list[int], columns: int, *, cost: float = 40.0) -> np.ndarray:
    """Costs that are 0 along a path, and high elsewhere."""
    costs = np.full((len(path), columns), cost, np.float32)
    costs[np.arange(len(path)), path] = 0
    return costs


def found(costs: np.ndarray, steps: Steps = PLAIN, start_near: float = 0) -> list[int]:
    return viterbi_path(costs, np.arange(costs.shape[1]), steps, start_near=start_near).tolist()


@pytest.mark.parametrize(
    "path",
    [
        list(range(12)),
        [0, 1, 2, 2, 3, 4, 6, 7, 8],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4],
        [0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 1, 2, 3],
        [3, 4, 5, 6, 30, 31, 32, 33, 34],
        [20, 21, 22, 23, 0, 1, 2, 3],
        [5, 6, 7, 5, 6, 7, 8],
        [*range(10), *range(8, 0, -1), 30, 31, 32, 33],
    ],
    ids=[
        "straight",
        "stand and skip",
        "there and back",
        "turn without rest",
        "jump on",
        "start over",
        "slip back",
        "jump while turned",
    ],
)
def test_an_obvious_path_is_taken(path: list[int]) -> None:
    assert found(walled(path, 40)) == path


def test_without_evidence_it_starts_as_told_and_takes_typical_steps() -> None:
    blank = np.zeros((5, 40), np.float32)
    assert found(blank, start_near=7)[0] in (6, 7, 8)
    assert np.diff(found(blank, start_near=7)).tolist() == [1, 1, 1, 1]
    assert np.diff(found(blank, Steps(frozenset({3}), 9), start_near=7)).tolist() == [3, 3, 3, 3]


def test_one_frame_elsewhere_is_ignored_and_a_longer_stay_is_not() -> None:
    glance = walled(list(range(20)), 60, cost=30)
    glance[10, 10], glance[10, 50] = 30, 0
    assert found(glance) == list(range(20))
    stay = [*range(10), *range(40, 50)]
    assert found(walled(stay, 60, cost=30)) == stay


def test_infinite_costs_block_the_path() -> None:
    costs = np.zeros((6, 20), np.float32)
    costs[:, :10] = np.inf
    assert min(found(costs, start_near=0)) >= 10


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (5, 1), (2, 2), (3, 2)])
def test_the_smallest_matrices(rows: int, columns: int) -> None:
    path = found(np.zeros((rows, columns), np.float32))
    assert len(path) == rows
    assert set(path) <= set(range(columns))


def cost_of(path: tuple[int, ...], costs: np.ndarray, steps: Steps, start: float) -> float:
    """Least cost of a path over all directions of play, forward or backward in every row."""
    best = np.inf
    for backward in itertools.product((False, True), repeat=len(path)):
        total = costs[0, path[0]] + (0 if abs(path[0] - start) <= 1 else START_COST) + TURN_COST * backward[0]
        for row in range(1, len(path)):
            step, was, now = path[row] - path[row - 1], backward[row - 1], backward[row]
            ways = [JUMP_COST] if not now else []
            along = -step if now else step
            if was == now and -_MAX_SLIP_BACK <= along <= steps.max_step:
                ways.append(steps.cost(along))
            if was != now and along in (0, 1):
                ways.append(TURN_COST)
            total += costs[row, path[row]] + min(ways, default=np.inf)
        best = min(best, total)
    return float(best)


@settings(max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 4),
    st.integers(2, 4),
    st.sampled_from([1, 2]),
    st.floats(0, 4),
    st.floats(1, 60),
)
def test_no_other_path_is_cheaper(seed: int, rows: int, columns: int, typical: int, start: float, scale: float) -> None:
    costs = (np.random.default_rng(seed).exponential(scale, (rows, columns))).astype(np.float32)
    steps = Steps(frozenset({typical}), typical + 2)
    taken = cost_of(tuple(found(costs, steps, start)), costs, steps, start)
    least = min(cost_of(path, costs, steps, start) for path in itertools.product(range(columns), repeat=rows))
    assert taken == pytest.approx(least, abs=1e-3)


def test_starting_elsewhere_costs_even_if_it_fits_a_little_better() -> None:
    costs = np.ones((4, 20), np.float32)
    costs[np.arange(4), np.arange(10, 14)] = 0
    assert found(costs, start_near=0)[0] <= 1
    assert found(costs, start_near=9) == [10, 11, 12, 13]


def test_very_long_steps() -> None:
    costs = np.full((4, 1300), 50, np.float32)
    for row, column in enumerate((0, 400, 800, 1200)):
        costs[row, column] = 0
    path = viterbi_path(costs, np.arange(1300), Steps(frozenset({1, 400}), 406), start_near=0)
    assert path.tolist() == [0, 400, 800, 1200]
