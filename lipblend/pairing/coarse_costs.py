"""The cost matrix of a long film, on coarse pictures: all synced against all original frames, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lipblend.pairing.beam_search import CostRows
from lipblend.pairing.costs import (
    NATS_PER_RESIDUAL,
    NOISE_VARIANCE,
    Floats,
    Indices,
    Pixels,
    PixelWeights,
    TimePrior,
    distances_to_costs,
    mean_picture,
    mean_square_difference,
    typical_residual,
    uniform_weights,
)
from lipblend.pairing.small_pictures import PixelRows

NEIGHBOUR_FRAMES = 125
"""Frames on each side from which the differences between the videos are estimated."""

_COARSE_PIXELS = 432
_MAX_CELLS = 4_000_000  # of the matrix, held at the same time
_BLOCK_FRAMES = 4096  # of the original, squared at the same time
_MID_LEVEL = np.float32(128)
_SAMPLE_STEP = 12  # synced frames: whatever lies elsewhere for longer is noticed
_PATH_MARGIN = 3  # frames beside a path that count as the path itself
_MAX_VARIANCE_RATIO = 4.0  # to the variance of most similar frames: wrong pairs must not confirm themselves


def coarse_pixels(pixels: PixelRows) -> Pixels:
    """Average groups of neighbouring pixels: (n, about 432 at most) uint8."""
    count, width = pixels.shape
    group = -(-width // _COARSE_PIXELS)
    out = np.empty((count, width // group), np.uint8)
    for start in range(0, count, 1000):
        part = pixels[start : start + 1000][:, : out.shape[1] * group]
        out[start : start + 1000] = np.rint(part.reshape(len(part), -1, group).mean(2, dtype=np.float32))
    return out


@dataclass(frozen=True)
class CoarseCosts:
    """The costs of two long films on coarse pictures.

    How much the videos differ is estimated around each frame. On a wrong path the pairs would confirm themselves, as
    the pixels that differ get low weights. Therefore the variance is limited by that of the most similar frames, found
    with uniform weights.

    Attributes
    ----------
    original, synced : (n, k) uint8
    centred : (n_o, k) float32
        The original minus 128.
    prior : TimePrior
    sampled, similar : (m,) int64
        Every 12th synced frame, and the original frame most similar to each.
    """

    original: Pixels
    synced: Pixels
    centred: Floats
    prior: TimePrior
    sampled: Indices
    similar: Indices

    @classmethod
    def of(cls, original: Pixels, synced: Pixels, prior: TimePrior) -> CoarseCosts:
        """The costs of two films, (n, k) uint8 each."""
        centred = original.astype(np.float32)
        centred -= _MID_LEVEL
        sampled = np.arange(0, len(synced), _SAMPLE_STEP)
        costs = cls(original, synced, centred, prior, sampled, np.zeros(len(sampled), np.int64))
        uniform, size = uniform_weights(original, synced), costs.rows_per_block
        similar = [
            costs._distances(uniform, sampled[start : start + size]).argmin(1) for start in range(0, len(sampled), size)
        ]
        return replace(costs, similar=np.concatenate(similar))

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """Which sampled frames lie within the original's time; all if none does."""
        inside = ~self.prior.outside[self.sampled]
        return inside if inside.any() else np.ones(len(self.sampled), bool)

    @property
    def rows_per_block(self) -> int:
        """Rows of the matrix that are computed at the same time."""
        return min(NEIGHBOUR_FRAMES, max(8, _MAX_CELLS // len(self.original)))

    def blocks(self, path: Indices | None) -> Iterator[CostRows]:
        """All rows with all columns. Weights come from a path, or from the most similar frames if there is none yet."""
        columns = np.arange(len(self.original))
        for start in range(0, len(self.synced), self.rows_per_block):
            rows = np.arange(start, min(start + self.rows_per_block, len(self.synced)))
            distances = self._distances(self._weights(path, start), rows)
            costs = distances_to_costs(distances, typical_residual(distances.min(1), self.original.shape[1]))
            yield CostRows(columns, self.prior.add_to(costs, columns, start))

    def gain_elsewhere(self, path: Indices) -> Floats:
        """By how many nats the best column beats those beside a path, for each sampled frame."""
        gain = np.zeros(len(self.sampled), np.float32)
        last, pixels = len(self.original) - 1, self.original.shape[1]
        for start in range(0, len(self.synced), self.rows_per_block):
            chosen = np.flatnonzero((self.sampled >= start) & (self.sampled < start + self.rows_per_block))
            if not len(chosen):
                continue
            rows = self.sampled[chosen]
            distances = self._distances(self._weights(path, start), rows)
            beside = np.clip(path[rows][:, None] + np.arange(-_PATH_MARGIN, _PATH_MARGIN + 1), 0, last)
            least = distances.min(1)
            excess = np.take_along_axis(distances, beside, 1).min(1) - least
            gain[chosen] = excess * (NATS_PER_RESIDUAL / typical_residual(least, pixels))
        return gain

    def _weights(self, path: Indices | None, start: int) -> PixelWeights:
        """Weights around a frame. Only the mean level is subtracted: a still background must keep its detail."""
        low, high = max(0, start - NEIGHBOUR_FRAMES), min(start + 2 * NEIGHBOUR_FRAMES, len(self.synced))
        inside = self.inside
        chosen = inside & (self.sampled >= low) & (self.sampled < high)
        if not chosen.any():  # none within the original's time: the nearest that is
            distance = np.where(inside, np.abs(self.sampled - start), np.inf)
            chosen = distance <= distance.min() + NEIGHBOUR_FRAMES
        rows, similar = self.sampled[chosen], self.similar[chosen]
        mean = mean_picture(self.original[similar])
        level = np.float32((mean_picture(self.synced[rows]) - mean).mean())
        variance = mean_square_difference(self.original[similar], self.synced[rows], level)
        if path is not None:
            on_path = mean_square_difference(self.original[path[rows]], self.synced[rows], level)
            variance = np.clip(on_path, variance, _MAX_VARIANCE_RATIO * variance)
        return PixelWeights(mean, mean + level, 1 / np.sqrt(variance + np.float32(NOISE_VARIANCE)))

    def _distances(self, weights: PixelWeights, rows: Indices) -> Floats:
        """Squared distances of some synced frames to all original frames.

        The weights are applied to the synced frames, so that the original need not be weighted again for each block.
        """
        squared = np.square(weights.weight)
        synced = self.synced[rows] - (weights.synced_mean - weights.original_mean + _MID_LEVEL)
        out: Floats = (synced * (-2 * squared)) @ self.centred.T
        for first in range(0, len(self.centred), _BLOCK_FRAMES):
            out[:, first : first + _BLOCK_FRAMES] += np.square(self.centred[first : first + _BLOCK_FRAMES]) @ squared
        out += (np.square(synced) @ squared)[:, None]
        return np.maximum(out, 0, out=out)
