"""The cheapest way through a table of costs, frame by frame (Viterbi 1967).

As in dynamic time warping (Sakoe and Chiba 1978) a step may be longer or shorter than usual; turning round and jumping
are added, at a price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_OFF_STEP = 10.0
_STEP_SLOPE = 0.7
_SLIP_BACK = 2  # frames that forward play may slip back without turning round
TURN = 12.0
"""Price of turning round, in nats."""
JUMP = 25.0
"""Price of going on anywhere else, in nats."""
START_AWAY = 6.0
"""Price of starting elsewhere than expected, in nats."""


@dataclass(frozen=True)
class Steps:
    """Steps from one row to the next: the usual ones cost nothing, others up to ``longest`` the more the rarer."""

    usual: frozenset[int]
    longest: int

    def forward(self) -> range:
        """All steps that forward play may take."""
        return range(-_SLIP_BACK, self.longest + 1)

    def price(self, step: int) -> float:
        """Cost of a step forward (backward if negative), in nats."""
        away = min(abs(step - usual) for usual in self.usual)
        return 0.0 if away == 0 else _OFF_STEP + _STEP_SLOPE * (away - 1)


def cheapest_path(
    costs: npt.NDArray[np.float32], columns: npt.NDArray[np.int64], steps: Steps, *, start_near: float
) -> npt.NDArray[np.int64]:
    """Find the path of least cost, one column a row.

    Parameters
    ----------
    costs : (n, m) float32
        Cost of each column in each row, in nats, >= 0; infinite where it may not pass.
    columns : (m,) int64
        What the columns stand for, rising; neighbours.
    steps : Steps
    start_near : float
        Column value at which starting costs nothing.

    Returns
    -------
    (n,) int64
        Values of ``columns``.
    """
    # The least cost of each row, with nothing to pay for the steps between: no path is cheaper.
    nearest = costs.argmin(axis=1)
    if abs(columns[nearest[0]] - start_near) <= 1 and steps.usual.issuperset(np.diff(nearest).tolist()):
        return np.asarray(columns[nearest], np.int64)
    moves = [(step, steps.price(step)) for step in steps.forward()]
    jump, turns = len(moves), (len(moves) + 1, len(moves) + 2)
    rows, width = costs.shape
    # Two layers: playing forward, and playing backward. came[layer] tells by which move a cell was reached.
    came = np.zeros((2, rows, width), np.uint16)
    jumped_from = np.zeros((rows, 2), np.int64)
    start = np.where(np.abs(columns - start_near) <= 1, 0.0, START_AWAY)
    layers = [costs[0] + start, costs[0] + start + TURN]
    for row in range(1, rows):
        ahead, back = layers
        flat = np.concatenate(layers)
        where = int(flat.argmin())
        jumped_from[row] = divmod(where, width)
        leap = float(flat[where]) + JUMP
        best = [np.full(width, leap), np.full(width, np.inf)]
        came[0, row] = jump
        for number, (step, price) in enumerate(moves):
            _improve(best[0], came[0, row], _moved(ahead, step) + price, number)
            _improve(best[1], came[1, row], _moved(back, -step) + price, number)
        for number, step in zip(turns, (0, 1), strict=True):
            _improve(best[0], came[0, row], _moved(back, step) + TURN, number)
            _improve(best[1], came[1, row], _moved(ahead, -step) + TURN, number)
        layers = [best[0] + costs[row], best[1] + costs[row]]
    side, at = divmod(int(np.concatenate(layers).argmin()), width)
    path = np.zeros(rows, np.int64)
    for row in range(rows - 1, -1, -1):
        path[row] = columns[at]
        if row == 0:
            break
        move, sign = int(came[side, row, at]), 1 if side == 0 else -1
        if move == jump:
            side, at = (int(value) for value in jumped_from[row])
        elif move in turns:
            # A turn leads from the other layer, at the same column or the one behind in that layer's direction.
            side, at = 1 - side, at - sign * turns.index(move)
        else:
            at -= sign * moves[move][0]
    return path


def _moved(layer: npt.NDArray[np.float64], step: int) -> npt.NDArray[np.float64]:
    """The layer as seen ``step`` columns further on."""
    out = np.full_like(layer, np.inf)
    if abs(step) >= len(layer):
        return out
    if step >= 0:
        out[step:] = layer[: len(layer) - step]
    else:
        out[:step] = layer[-step:]
    return out


def _improve(
    best: npt.NDArray[np.float64], came: npt.NDArray[np.uint16], offered: npt.NDArray[np.float64], number: int
) -> None:
    better = offered < best
    best[better] = offered[better]
    came[better] = number
