"""The cost matrix of the frame map: how much small pictures differ, and how far a match lies from the expected time.

Costs are in nats: weighted squared distances, relative to the residual of the best matches and scaled so that
neighbouring pixels do not count as independent observations. Each pixel is weighted by how well the videos agree there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.pairing.small_pictures import PixelRows
from lipblend.pairing.viterbi import Steps

Pixels = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

BLOCK_ROWS = 256
"""Frames held in floating point at the same time, besides one matrix of costs."""
NATS_PER_RESIDUAL = 25.0
"""Cost of a distance that exceeds the best matches' residual by as much again."""
NOISE_VARIANCE = 0.5
"""Squared 8-bit levels added to every pixel's variance: rounding."""
MAX_EXTRA_STEP = 6
"""Frames by which a step may exceed the largest typical one."""

_MAX_COST = 40.0  # no frame may say more than this against a match: one bad frame must not break the path
_MIN_RESIDUAL = 0.05  # of a pixel's variance
_TYPICAL_STEP_SHARE = 0.1
_TIME_COST = 0.02  # per frame away from the expected time: decides where the picture stands still
_MAX_TIME_COST = 0.5


@dataclass(frozen=True)
class PixelWeights:
    """Means to subtract, and 1 / standard deviation of the difference between the videos; (k,) float32 each."""

    original_mean: Floats
    synced_mean: Floats
    weight: Floats

    def weigh_original(self, pixels: Pixels) -> Floats:
        """Weighted pixels of the original, (n, k)."""
        return _weigh(pixels, self.original_mean, self.weight)

    def weigh_synced(self, pixels: Pixels) -> Floats:
        """Weighted pixels of the synced video, (n, k)."""
        return _weigh(pixels, self.synced_mean, self.weight)

    def distances(self, original: Pixels, synced: Pixels) -> Floats:
        """Squared distances of all synced frames (rows) to all original frames (columns)."""
        columns = self.weigh_original(original)
        column_squares = np.einsum("ij,ij->i", columns, columns)
        out = np.empty((len(synced), len(original)), np.float32)
        for start in range(0, len(synced), BLOCK_ROWS):
            rows = self.weigh_synced(synced[start : start + BLOCK_ROWS])
            row_squares = np.einsum("ij,ij->i", rows, rows)[:, None]
            out[start : start + BLOCK_ROWS] = np.maximum(column_squares + row_squares - 2 * (rows @ columns.T), 0)
        return out

    def residuals(self, original: PixelRows, synced: PixelRows, path: Indices, rows: Indices) -> Floats:
        """Squared distances of the synced frames `rows` to the original frames that a path assigns to them."""
        out = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), BLOCK_ROWS):
            block = rows[start : start + BLOCK_ROWS]
            difference = self.weigh_synced(synced[block])
            difference -= self.weigh_original(original[path[block]])
            out[start : start + BLOCK_ROWS] = np.einsum("ij,ij->i", difference, difference)
        return out


def fit_weights(matched: Pixels, synced: Pixels) -> PixelWeights:
    """Weights from pairs of matching frames: original frames in `matched`, synced ones in `synced`, (n, k) each."""
    original_mean, synced_mean = mean_picture(matched), mean_picture(synced)
    variance = mean_square_difference(matched, synced, synced_mean - original_mean)
    return PixelWeights(original_mean, synced_mean, 1 / np.sqrt(variance + np.float32(NOISE_VARIANCE)))


def uniform_weights(original: Pixels, synced: Pixels) -> PixelWeights:
    """Weights before anything is matched: one mean picture, as heads may lie elsewhere on average, and one level."""
    mean = mean_picture(original)
    return PixelWeights(mean, mean + (mean_picture(synced) - mean).mean(), np.ones(original.shape[1], np.float32))


def mean_square_difference(matched: Pixels, synced: Pixels, offset: Floats | np.float32) -> Floats:
    """Mean square difference of matching frames after subtracting an offset, (k,)."""
    total = np.zeros(matched.shape[1])
    for start in range(0, len(synced), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        difference = synced[rows].astype(np.float32) - matched[rows] - offset
        total += np.square(difference).sum(0)
    return (total / len(synced)).astype(np.float32)


def mean_picture(pixels: Pixels) -> Floats:
    """Mean over frames, (k,)."""
    return np.asarray(pixels.mean(0, dtype=np.float64), np.float32)


def typical_residual(residuals: npt.NDArray[np.floating], pixels: int) -> float:
    """Median residual of matches; at least a little rounding noise."""
    return max(float(np.median(residuals)), _MIN_RESIDUAL * pixels)


def distances_to_costs(distances: Floats, residual: float) -> Floats:
    """Convert distances to nats, relative to each row's minimum, in place."""
    distances -= distances.min(1, keepdims=True)
    distances *= np.float32(NATS_PER_RESIDUAL / residual)
    return np.minimum(distances, np.float32(_MAX_COST), out=distances)


@dataclass(frozen=True)
class TimePrior:
    """Which original frame the time stamps alone suggest.

    Attributes
    ----------
    expected : (n_s,) float64
        Original frame at each synced frame's time, with a fraction between two frames.
    outside : (n_s,) bool
        The time lies before the original's first frame or after its last.
    max_deviation : float
        Largest allowed distance from `expected`, frames; infinite for no limit.
    """

    expected: npt.NDArray[np.float64]
    outside: npt.NDArray[np.bool_]
    max_deviation: float = math.inf

    def nearest(self) -> Indices:
        """Nearest original frame at each synced frame's time."""
        return np.asarray(np.rint(self.expected), np.int64)

    def inside_rows(self) -> Indices:
        """Synced frames within the original's time; all frames if there are none. Statistics are taken from these."""
        inside = np.flatnonzero(~self.outside)
        return inside if len(inside) else np.arange(len(self.outside))

    def add_to(self, costs: Floats, columns: Indices, first_row: int = 0) -> Floats:
        """Add the cost of deviating from the expected frame to the rows from `first_row` on, in place."""
        for start in range(0, len(costs), BLOCK_ROWS):  # in blocks: one matrix is large enough
            part = costs[start : start + BLOCK_ROWS]
            expected = self.expected[first_row + start : first_row + start + len(part)].astype(np.float32)
            deviation = np.abs(columns.astype(np.float32)[None, :] - expected[:, None])
            if math.isfinite(self.max_deviation):
                part[deviation > self.max_deviation] = np.inf
            deviation *= np.float32(_TIME_COST)
            part += np.minimum(deviation, np.float32(_MAX_TIME_COST), out=deviation)
        return costs


def typical_steps(path: npt.NDArray[np.float64] | Indices) -> Steps:
    """The typical steps of a path: sizes that make up 10 % or more, forward or backward."""
    sizes = np.abs(np.diff(path)) if len(path) > 1 else np.ones(1)
    whole = np.concatenate([np.floor(sizes), np.ceil(sizes)]).astype(np.int64)
    counts = np.bincount(whole[whole <= int(np.median(whole)) + MAX_EXTRA_STEP])
    typical = np.flatnonzero(counts >= _TYPICAL_STEP_SHARE * len(whole))
    return Steps(frozenset({1, *(int(step) for step in typical)}), int(typical.max(initial=1)) + MAX_EXTRA_STEP)


def _weigh(pixels: Pixels, mean: Floats, weight: Floats) -> Floats:
    out = pixels.astype(np.float32)
    out -= mean
    out *= weight
    return out
