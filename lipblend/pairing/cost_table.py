"""All synced frames of a long film against all frames of the original, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lipblend.pairing.beam import Block
from lipblend.pairing.expected import Expected
from lipblend.pairing.weighing import (
    EVIDENCE,
    NOISE,
    Floats,
    Indices,
    Thumbs,
    Weighing,
    even_weighing,
    evidence,
    mean_of,
    mean_square,
    usual_left,
)

AROUND = 125
"""Frames to each side from which it is learnt what the two videos differ by."""

_CELLS = 4_000_000  # of the part of a table that is held
_PART = 4096  # frames of the original that are squared at the same time
_MIDDLE = np.float32(128)
_ASKED_EVERY = 12  # synced frames: what lies elsewhere for longer is noticed
_BESIDE = 3  # frames beside a path that count as the path's own
_MOST_MORE = 4.0  # times the variance between most alike frames: pairs that do not belong together must not be believed


@dataclass(frozen=True)
class Table:
    """Two films in coarse pictures.

    What they differ by is learnt around each frame. The pairs of a path that is wrong would confirm themselves, as what
    differs between them weighs next to nothing then; so the frames that look most alike, all pixels weighed evenly, say
    how much may differ.

    Attributes
    ----------
    original, synced : (n, k) uint8
    centred : (n_o, k) float32
        The original, about 0.
    expected : Expected
    asked, alike : (m,) int64
        Some synced frames, and the original frames that look most like them.
    """

    original: Thumbs
    synced: Thumbs
    centred: Floats
    expected: Expected
    asked: Indices
    alike: Indices

    @classmethod
    def of(cls, original: Thumbs, synced: Thumbs, expected: Expected) -> Table:
        """That of two films."""
        centred = original.astype(np.float32)
        centred -= _MIDDLE
        asked = np.arange(0, len(synced), _ASKED_EVERY)
        table = cls(original, synced, centred, expected, asked, np.zeros(len(asked), np.int64))
        even, size = even_weighing(original, synced), table.rows_held
        alike = [table._distances(even, asked[start : start + size]).argmin(1) for start in range(0, len(asked), size)]
        return replace(table, alike=np.concatenate(alike))

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """Which of the frames asked lie within the original's time; all where none does."""
        inside = ~self.expected.outside[self.asked]
        return inside if inside.any() else np.ones(len(self.asked), bool)

    @property
    def rows_held(self) -> int:
        """Rows of the table that are made at the same time."""
        return min(AROUND, max(8, _CELLS // len(self.original)))

    def blocks(self, path: Indices | None) -> Iterator[Block]:
        """All rows with all columns; weighted by a path, or by the most alike frames where there is none yet."""
        columns = np.arange(len(self.original))
        for start in range(0, len(self.synced), self.rows_held):
            rows = np.arange(start, min(start + self.rows_held, len(self.synced)))
            distances = self._distances(self._weighing(path, start), rows)
            costs = evidence(distances, usual_left(distances.min(1), self.original.shape[1]))
            yield Block(columns, self.expected.add_pull(costs, columns, start))

    def better_places(self, path: Indices) -> Floats:
        """By how many nats any place is better than those beside a path, for the frames asked."""
        better = np.zeros(len(self.asked), np.float32)
        last, pixels = len(self.original) - 1, self.original.shape[1]
        for start in range(0, len(self.synced), self.rows_held):
            some = np.flatnonzero((self.asked >= start) & (self.asked < start + self.rows_held))
            if not len(some):
                continue
            rows = self.asked[some]
            distances = self._distances(self._weighing(path, start), rows)
            beside = np.clip(path[rows][:, None] + np.arange(-_BESIDE, _BESIDE + 1), 0, last)
            least = distances.min(1)
            left = np.take_along_axis(distances, beside, 1).min(1) - least
            better[some] = left * (EVIDENCE / usual_left(least, pixels))
        return better

    def _weighing(self, path: Indices | None, start: int) -> Weighing:
        """How pixels count from a frame on; only the level is taken off, as a place that lies still is not nothing."""
        low, high = max(0, start - AROUND), min(start + 2 * AROUND, len(self.synced))
        inside = self.inside
        some = inside & (self.asked >= low) & (self.asked < high)
        if not some.any():  # nothing of the original's time: the nearest that is
            away = np.where(inside, np.abs(self.asked - start), np.inf)
            some = away <= away.min() + AROUND
        rows, alike = self.asked[some], self.alike[some]
        mean = mean_of(self.original[alike])
        level = np.float32((mean_of(self.synced[rows]) - mean).mean())
        variance = mean_square(self.original[alike], self.synced[rows], level)
        if path is not None:
            paired = mean_square(self.original[path[rows]], self.synced[rows], level)
            variance = np.clip(paired, variance, _MOST_MORE * variance)
        return Weighing(mean, mean + level, 1 / np.sqrt(variance + np.float32(NOISE)))

    def _distances(self, weighing: Weighing, rows: Indices) -> Floats:
        """Squared distances of some synced frames to all of the original.

        The weights go with the synced frames, so that the original's pictures need not be weighted again for each part.
        """
        squared = np.square(weighing.weight)
        theirs = self.synced[rows] - (weighing.synced_mean - weighing.original_mean + _MIDDLE)
        out: Floats = (theirs * (-2 * squared)) @ self.centred.T
        for first in range(0, len(self.centred), _PART):
            out[:, first : first + _PART] += np.square(self.centred[first : first + _PART]) @ squared
        out += (np.square(theirs) @ squared)[:, None]
        return np.maximum(out, 0, out=out)
