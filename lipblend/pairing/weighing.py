"""How much two small pictures differ, with every pixel weighted by how well the two videos agree there.

Costs are in nats: the weighted squared distance, over what the best matches leave over, scaled so that neighbouring
pixels are not counted as independent witnesses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.pairing.thumb_rows import Rows

Thumbs = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

BLOCK = 256
"""Frames that are held in floating point at the same time, besides one table of them."""
EVIDENCE = 25.0
"""Nats for a distance that is twice what the best matches leave over."""

NOISE = 0.5
"""Squared 8-bit levels, added to every pixel's variance: rounding."""

_MOST_EVIDENCE = 40.0  # no frame says more than this against a match: one bad frame must not break the path
_LEAST_LEFT = 0.05  # of a pixel's variance


@dataclass(frozen=True)
class Weighing:
    """How pixels count: means to take off, and one over the standard deviation of what the two videos differ by."""

    original_mean: Floats
    synced_mean: Floats
    weight: Floats

    def of_original(self, thumbs: Thumbs) -> Floats:
        """Weighted pictures of the original, (n, k)."""
        return _weighted(thumbs, self.original_mean, self.weight)

    def of_synced(self, thumbs: Thumbs) -> Floats:
        """Weighted pictures of the synced video, (n, k)."""
        return _weighted(thumbs, self.synced_mean, self.weight)

    def distances(self, original: Thumbs, synced: Thumbs) -> Floats:
        """Squared distances of all synced frames (rows) to all original frames (columns)."""
        ours = self.of_original(original)
        squares = np.einsum("ij,ij->i", ours, ours)
        out = np.empty((len(synced), len(original)), np.float32)
        for start in range(0, len(synced), BLOCK):
            theirs = self.of_synced(synced[start : start + BLOCK])
            own = np.einsum("ij,ij->i", theirs, theirs)[:, None]
            out[start : start + BLOCK] = np.maximum(squares + own - 2 * (theirs @ ours.T), 0)
        return out

    def left(self, original: Rows, synced: Rows, path: Indices, rows: Indices) -> Floats:
        """Squared distance of some synced frames to the original frames that a path gives them."""
        out = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), BLOCK):
            some = rows[start : start + BLOCK]
            apart = self.of_synced(synced[some])
            apart -= self.of_original(original[path[some]])
            out[start : start + BLOCK] = np.einsum("ij,ij->i", apart, apart)
        return out


def weighing_of(matched: Thumbs, synced: Thumbs) -> Weighing:
    """How pixels count, from pairs of frames that belong together, (n, k) each."""
    original_mean, synced_mean = mean_of(matched), mean_of(synced)
    variance = mean_square(matched, synced, synced_mean - original_mean)
    return Weighing(original_mean, synced_mean, 1 / np.sqrt(variance + np.float32(NOISE)))


def mean_square(matched: Thumbs, synced: Thumbs, offset: Floats | np.float32) -> Floats:
    """Mean square of what pairs of frames differ by beyond an offset, (k,)."""
    total = np.zeros(matched.shape[1])
    for start in range(0, len(synced), BLOCK):
        rows = slice(start, start + BLOCK)
        difference = synced[rows].astype(np.float32) - matched[rows] - offset
        total += np.square(difference).sum(0)
    return (total / len(synced)).astype(np.float32)


def even_weighing(original: Thumbs, synced: Thumbs) -> Weighing:
    """Where nothing is matched yet: one mean for both, as heads may be elsewhere on average, and an even difference."""
    mean = mean_of(original)
    return Weighing(mean, mean + (mean_of(synced) - mean).mean(), np.ones(original.shape[1], np.float32))


def mean_of(thumbs: Thumbs) -> Floats:
    """Mean picture, (k,)."""
    return np.asarray(thumbs.mean(0, dtype=np.float64), np.float32)


def usual_left(left: npt.NDArray[np.floating], pixels: int) -> float:
    """What matches usually leave over; at least a little rounding noise."""
    return max(float(np.median(left)), _LEAST_LEFT * pixels)


def evidence(distances: Floats, usual: float) -> Floats:
    """Nats against each column of each row, in place of the distances."""
    distances -= distances.min(1, keepdims=True)
    distances *= np.float32(EVIDENCE / usual)
    return np.minimum(distances, np.float32(_MOST_EVIDENCE), out=distances)


def _weighted(thumbs: Thumbs, mean: Floats, weight: Floats) -> Floats:
    out = thumbs.astype(np.float32)
    out -= mean
    out *= weight
    return out
