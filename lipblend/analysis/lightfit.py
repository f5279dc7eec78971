"""What tags cannot say of light: a smooth curve and a mix of the channels, fitted to what both videos show of the same.

Robust least squares (Huber weights, iterated): the curves and the mix are fitted in turn, each pulled to "no change"
where little is seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lipblend.picture.codemap import CodeMap, LightPath

Rows = npt.NDArray[np.float64]

_KNOTS = 12
_TURNS, _SHARED_TURNS = 5, 3
_ENDS = (0.002, 0.998)  # shares of the values between which the knots lie
_STIFF, _TIED = 3e-3, 1e-5  # weight of a bend, and of a move, against that of the colours seen
_MIX_TIED = 1e-4
_LEAST_SLOPE = 0.15
_HUBER = 1.5
_LEAST_SPREAD = 0.4 / 255


@dataclass(frozen=True)
class Correction:
    """R'G'B' to R'G'B' 0..1: a rising curve for each channel, then a mix.

    Attributes
    ----------
    knots : (k,) float64
    moves : (k, 3) float64
        What is added to a channel at each knot; beyond the outer ones theirs.
    mix : (3, 4) float64
    """

    knots: Rows
    moves: Rows
    mix: Rows

    def curve(self, values: Rows, channel: int) -> Rows:
        """One channel's curve."""
        return np.asarray(values + np.interp(values, self.knots, self.moves[:, channel]))

    def apply(self, rgb: Rows) -> Rows:
        """(n, 3) float64 in and out."""
        bent = np.stack([self.curve(rgb[:, k], k) for k in range(3)], axis=1)
        return np.asarray(bent @ self.mix[:, :3].T + self.mix[:, 3])

    def after(self, path: LightPath, plain: CodeMap) -> CodeMap:
        """A map with this correction behind its light path."""
        encode = np.stack([self.curve(path.encode[:, k].astype(np.float64), k) for k in range(3)], axis=1)
        whole = np.vstack([plain.out, [0, 0, 0, 1]]) @ np.vstack([self.mix, [0, 0, 0, 1]])
        return replace(plain, path=replace(path, encode=encode.astype(np.float32)), out=whole[:3])


def fit(predicted: Rows, seen: Rows) -> Correction:
    """Fit a correction that takes predicted colours to those seen.

    Parameters
    ----------
    predicted, seen : (n, 3) float64
        R'G'B' 0..1 of the same things.
    """
    knots = _knots(predicted)
    found = Correction(knots, np.zeros((_KNOTS, 3)), np.eye(3, 4))
    bases = [_hats(predicted[:, k], knots) for k in range(3)]
    for _ in range(_TURNS):
        weight = _weights(seen - found.apply(predicted))
        # The curves: what the mix would make of them is undone in what is asked of them.
        wanted = (seen - found.mix[:, 3]) @ np.linalg.inv(found.mix[:, :3]).T
        moves = np.stack([_moves(bases[k], wanted[:, k] - predicted[:, k], weight) for k in range(3)], axis=1)
        found = replace(found, moves=_rising(knots, moves))
        bent = replace(found, mix=np.eye(3, 4)).apply(predicted)
        found = replace(found, mix=_mix(bent, seen, _weights(seen - found.apply(predicted))))
    return found


def fit_shared(predicted: Rows, seen: Rows) -> Correction:
    """The same with one curve for all channels and no mix: no order of channels, and no matrix, hides in it."""
    knots = _knots(predicted)
    found = Correction(knots, np.zeros((_KNOTS, 3)), np.eye(3, 4))
    basis, wanted = _hats(predicted.ravel(), knots), (seen - predicted).ravel()
    for _ in range(_SHARED_TURNS):
        weight = np.repeat(_weights(seen - found.apply(predicted)), 3)
        moves = _moves(basis, wanted, weight)
        found = replace(found, moves=_rising(knots, np.repeat(moves[:, None], 3, axis=1)))
    return found


def _knots(values: Rows) -> Rows:
    low, high = np.quantile(values, _ENDS)
    return np.linspace(low, max(high, low + 0.05), _KNOTS)


def _hats(values: Rows, knots: Rows) -> Rows:
    """(n, k): share of each knot in each value."""
    at = np.clip((values - knots[0]) / (knots[1] - knots[0]), 0, len(knots) - 1)
    return np.asarray(np.maximum(1 - np.abs(at[:, None] - np.arange(len(knots))), 0))


def _weights(apart: Rows) -> Rows:
    length = np.sqrt((apart**2).sum(1))
    spread = max(1.4826 * float(np.median(length)), _LEAST_SPREAD)
    return np.asarray(np.minimum(1, _HUBER * spread / np.maximum(length, 1e-9)))


def _moves(basis: Rows, wanted: Rows, weight: Rows) -> Rows:
    bend = np.diff(np.eye(basis.shape[1]), 2, axis=0)
    total = float(weight.sum())
    weighted = basis * weight[:, None]
    matrix = weighted.T @ basis + total * (_STIFF * bend.T @ bend + _TIED * np.eye(basis.shape[1]))
    return np.asarray(np.linalg.solve(matrix, weighted.T @ wanted))


def _rising(knots: Rows, moves: Rows) -> Rows:
    """Moves whose curves rise everywhere, by a least slope."""
    values = knots[:, None] + moves
    steps = np.maximum(np.diff(values, axis=0), _LEAST_SLOPE * np.diff(knots)[:, None])
    rising = values[:1] + np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    return np.asarray(rising + (values.mean(0) - rising.mean(0)) - knots[:, None])


def _mix(bent: Rows, seen: Rows, weight: Rows) -> Rows:
    """(3, 4): a mix of channels, greys kept as the curves made them but for an even shift."""
    ones = np.column_stack([bent, np.ones(len(bent))])
    weighted = ones * weight[:, None]
    tie = float(weight.sum()) * _MIX_TIED * np.eye(4)
    return np.asarray(np.linalg.solve(weighted.T @ ones + tie, weighted.T @ seen + tie @ np.eye(3, 4).T)).T
