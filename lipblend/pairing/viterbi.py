"""The cheapest path through a cost matrix, by dynamic programming (Viterbi 1967).

As in dynamic time warping (Sakoe and Chiba 1978), steps may be longer or shorter than typical ones. In addition the
path may turn round (backward play) or jump, each at a fixed cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_UNUSUAL_STEP_COST = 10.0
_STEP_COST_SLOPE = 0.7
_MAX_SLIP_BACK = 2  # frames that forward play may step back without a turn
TURN_COST = 12.0
"""Cost of changing the direction of play, in nats."""
JUMP_COST = 25.0
"""Cost of continuing at any other place, in nats."""
START_COST = 6.0
"""Cost of starting elsewhere than expected, in nats."""


@dataclass(frozen=True)
class Steps:
    """Step sizes between rows. Typical steps are free; others, up to `max_step`, cost more the rarer they are."""

    typical: frozenset[int]
    max_step: int

    def forward(self) -> range:
        """All steps that forward play may take."""
        return range(-_MAX_SLIP_BACK, self.max_step + 1)

    def cost(self, step: int) -> float:
        """Cost of a forward step (backward if negative), in nats."""
        deviation = min(abs(step - typical) for typical in self.typical)
        return 0.0 if deviation == 0 else _UNUSUAL_STEP_COST + _STEP_COST_SLOPE * (deviation - 1)


def viterbi_path(
    costs: npt.NDArray[np.float32], columns: npt.NDArray[np.int64], steps: Steps, *, start_near: float
) -> npt.NDArray[np.int64]:
    """Find the path of least cost: one column per row.

    Parameters
    ----------
    costs : (n, m) float32
        Cost of each column in each row, in nats, >= 0; infinite where the path may not pass.
    columns : (m,) int64
        Values of the columns: consecutive, rising.
    steps : Steps
    start_near : float
        Column value at which starting is free.

    Returns
    -------
    (n,) int64
        Values of ``columns``.
    """
    # The minimum of each row is a lower bound: if the steps between the minima are free, no path is cheaper.
    minima = costs.argmin(axis=1)
    if abs(columns[minima[0]] - start_near) <= 1 and steps.typical.issuperset(np.diff(minima).tolist()):
        return np.asarray(columns[minima], np.int64)
    moves = [(step, steps.cost(step)) for step in steps.forward()]
    jump, turns = len(moves), (len(moves) + 1, len(moves) + 2)
    rows, width = costs.shape
    # Two layers: forward play and backward play. came[layer] holds the move by which each cell was reached.
    came = np.zeros((2, rows, width), np.uint16)
    jumped_from = np.zeros((rows, 2), np.int64)
    start = np.where(np.abs(columns - start_near) <= 1, 0.0, START_COST)
    layers = [costs[0] + start, costs[0] + start + TURN_COST]
    for row in range(1, rows):
        forward, backward = layers
        flat = np.concatenate(layers)
        cheapest = int(flat.argmin())
        jumped_from[row] = divmod(cheapest, width)
        best = [np.full(width, float(flat[cheapest]) + JUMP_COST), np.full(width, np.inf)]
        came[0, row] = jump
        for number, (step, cost) in enumerate(moves):
            _relax(best[0], came[0, row], _shift(forward, step) + cost, number)
            _relax(best[1], came[1, row], _shift(backward, -step) + cost, number)
        for number, step in zip(turns, (0, 1), strict=True):
            _relax(best[0], came[0, row], _shift(backward, step) + TURN_COST, number)
            _relax(best[1], came[1, row], _shift(forward, -step) + TURN_COST, number)
        layers = [best[0] + costs[row], best[1] + costs[row]]
    layer, column = divmod(int(np.concatenate(layers).argmin()), width)
    path = np.zeros(rows, np.int64)
    for row in range(rows - 1, -1, -1):
        path[row] = columns[column]
        if row == 0:
            break
        move, sign = int(came[layer, row, column]), 1 if layer == 0 else -1
        if move == jump:
            layer, column = (int(value) for value in jumped_from[row])
        elif move in turns:
            # A turn comes from the other layer: the same column, or the one behind it in that layer's direction.
            layer, column = 1 - layer, column - sign * turns.index(move)
        else:
            column -= sign * moves[move][0]
    return path


def _shift(layer: npt.NDArray[np.float64], step: int) -> npt.NDArray[np.float64]:
    """Move a layer by `step` columns; infinite where nothing moves in."""
    out = np.full_like(layer, np.inf)
    if abs(step) >= len(layer):
        return out
    if step >= 0:
        out[step:] = layer[: len(layer) - step]
    else:
        out[:step] = layer[-step:]
    return out


def _relax(
    best: npt.NDArray[np.float64], came: npt.NDArray[np.uint16], offered: npt.NDArray[np.float64], number: int
) -> None:
    better = offered < best
    best[better] = offered[better]
    came[better] = number
