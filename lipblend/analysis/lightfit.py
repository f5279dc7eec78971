"""Fit a colour correction, a smooth curve per channel and a channel mix, to colours that both videos show.

Robust least squares (Huber weights, iterated): curves and mix are fitted in turn, each regularised towards "no change".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lipblend.picture.codemap import CodeMap, LightPath

Rows = npt.NDArray[np.float64]

_KNOTS = 12
_ITERATIONS, _SHARED_ITERATIONS = 5, 3
_END_QUANTILES = (0.002, 0.998)  # of the values, between which the knots lie
_CURVATURE_WEIGHT, _OFFSET_WEIGHT = 3e-3, 1e-5  # regularisation of the curves, relative to the data
_MIX_WEIGHT = 1e-4
_MIN_SLOPE = 0.15
_HUBER = 1.5
_MIN_SPREAD = 0.4 / 255


@dataclass(frozen=True)
class Correction:
    """R'G'B' to R'G'B' 0..1: a rising curve per channel, then a channel mix.

    Attributes
    ----------
    knots : (k,) float64
    offsets : (k, 3) float64
        Added to each channel at the knots; constant beyond the outer knots.
    mix : (3, 4) float64
        Affine.
    """

    knots: Rows
    offsets: Rows
    mix: Rows

    def curve(self, values: Rows, channel: int) -> Rows:
        """Apply the curve of one channel."""
        return np.asarray(values + np.interp(values, self.knots, self.offsets[:, channel]))

    def apply(self, rgb: Rows) -> Rows:
        """Apply the correction to (n, 3) float64."""
        curved = np.stack([self.curve(rgb[:, k], k) for k in range(3)], axis=1)
        return np.asarray(curved @ self.mix[:, :3].T + self.mix[:, 3])

    def after(self, path: LightPath, plain: CodeMap) -> CodeMap:
        """A map that applies this correction after its light path."""
        encode = np.stack([self.curve(path.encode[:, k].astype(np.float64), k) for k in range(3)], axis=1)
        whole = np.vstack([plain.from_rgb, [0, 0, 0, 1]]) @ np.vstack([self.mix, [0, 0, 0, 1]])
        return replace(plain, path=replace(path, encode=encode.astype(np.float32)), from_rgb=whole[:3])


def fit(predicted: Rows, observed: Rows) -> Correction:
    """Fit a correction that maps predicted colours to observed ones.

    Parameters
    ----------
    predicted, observed : (n, 3) float64
        R'G'B' 0..1 of the same things.
    """
    knots = _knots(predicted)
    found = Correction(knots, np.zeros((_KNOTS, 3)), np.eye(3, 4))
    bases = [_hats(predicted[:, k], knots) for k in range(3)]
    for _ in range(_ITERATIONS):
        weight = _weights(observed - found.apply(predicted))
        # The curves are fitted to the observed colours with the mix inverted.
        wanted = (observed - found.mix[:, 3]) @ np.linalg.inv(found.mix[:, :3]).T
        offsets = np.stack([_fit_offsets(bases[k], wanted[:, k] - predicted[:, k], weight) for k in range(3)], axis=1)
        found = replace(found, offsets=_monotone(knots, offsets))
        curved = replace(found, mix=np.eye(3, 4)).apply(predicted)
        found = replace(found, mix=_fit_mix(curved, observed, _weights(observed - found.apply(predicted))))
    return found


def fit_shared(predicted: Rows, observed: Rows) -> Correction:
    """Fit one curve for all channels and no mix, which cannot imitate a channel order or a matrix."""
    knots = _knots(predicted)
    found = Correction(knots, np.zeros((_KNOTS, 3)), np.eye(3, 4))
    basis, wanted = _hats(predicted.ravel(), knots), (observed - predicted).ravel()
    for _ in range(_SHARED_ITERATIONS):
        weight = np.repeat(_weights(observed - found.apply(predicted)), 3)
        offsets = _fit_offsets(basis, wanted, weight)
        found = replace(found, offsets=_monotone(knots, np.repeat(offsets[:, None], 3, axis=1)))
    return found


def _knots(values: Rows) -> Rows:
    low, high = np.quantile(values, _END_QUANTILES)
    return np.linspace(low, max(high, low + 0.05), _KNOTS)


def _hats(values: Rows, knots: Rows) -> Rows:
    """Linear interpolation weights of the knots for each value, (n, k)."""
    at = np.clip((values - knots[0]) / (knots[1] - knots[0]), 0, len(knots) - 1)
    return np.asarray(np.maximum(1 - np.abs(at[:, None] - np.arange(len(knots))), 0))


def _weights(residuals: Rows) -> Rows:
    length = np.sqrt((residuals**2).sum(1))
    spread = max(1.4826 * float(np.median(length)), _MIN_SPREAD)
    return np.asarray(np.minimum(1, _HUBER * spread / np.maximum(length, 1e-9)))


def _fit_offsets(basis: Rows, wanted: Rows, weight: Rows) -> Rows:
    curvature = np.diff(np.eye(basis.shape[1]), 2, axis=0)
    total = float(weight.sum())
    weighted = basis * weight[:, None]
    matrix = weighted.T @ basis + total * (
        _CURVATURE_WEIGHT * curvature.T @ curvature + _OFFSET_WEIGHT * np.eye(basis.shape[1])
    )
    return np.asarray(np.linalg.solve(matrix, weighted.T @ wanted))


def _monotone(knots: Rows, offsets: Rows) -> Rows:
    """Adjust offsets so that the curves rise everywhere, with a minimum slope."""
    values = knots[:, None] + offsets
    steps = np.maximum(np.diff(values, axis=0), _MIN_SLOPE * np.diff(knots)[:, None])
    rising = values[:1] + np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    return np.asarray(rising + (values.mean(0) - rising.mean(0)) - knots[:, None])


def _fit_mix(curved: Rows, observed: Rows, weight: Rows) -> Rows:
    """Affine channel mix, (3, 4)."""
    ones = np.column_stack([curved, np.ones(len(curved))])
    weighted = ones * weight[:, None]
    tie = float(weight.sum()) * _MIX_WEIGHT * np.eye(4)
    return np.asarray(np.linalg.solve(weighted.T @ ones + tie, weighted.T @ observed + tie @ np.eye(3, 4).T)).T
