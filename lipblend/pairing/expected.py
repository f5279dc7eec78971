"""What time alone says of the map of frames, and what it costs to leave that."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.pairing.viterbi import Steps
from lipblend.pairing.weighing import BLOCK, Floats, Indices

REACH = 6
"""Frames that a step may be longer than the usual one."""

_USUAL_SHARE = 0.1
_TIME_PULL = 0.02  # a frame away from what time says: decides where the picture stands still
_MOST_PULL = 0.5


@dataclass(frozen=True)
class Expected:
    """What time alone says.

    Attributes
    ----------
    source : (n_s,) float64
        Original frame (with a fraction where it lies between two) at each synced frame's time.
    outside : (n_s,) bool
        That time lies before the original's first frame or after its last.
    reach : float
        Frames that the answer may lie away from it; infinite when anything goes.
    """

    source: npt.NDArray[np.float64]
    outside: npt.NDArray[np.bool_]
    reach: float = math.inf

    def clock(self) -> Indices:
        """The nearest frame at each synced frame's time."""
        return np.asarray(np.rint(self.source), np.int64)

    def counting(self) -> Indices:
        """Synced frames from which it is learnt how matches look: those within the original's time, if any are."""
        within = np.flatnonzero(~self.outside)
        return within if len(within) else np.arange(len(self.outside))

    def add_pull(self, costs: Floats, columns: Indices, first: int = 0) -> Floats:
        """Add to costs of rows from ``first`` on what it costs to be away from the clock, in place."""
        for start in range(0, len(costs), BLOCK):  # one table is large enough
            part = costs[start : start + BLOCK]
            source = self.source[first + start : first + start + len(part)].astype(np.float32)
            away = np.abs(columns.astype(np.float32)[None, :] - source[:, None])
            if math.isfinite(self.reach):
                part[away > self.reach] = np.inf
            away *= np.float32(_TIME_PULL)
            part += np.minimum(away, np.float32(_MOST_PULL), out=away)
        return costs


def usual_steps(source: npt.NDArray[np.float64] | Indices) -> Steps:
    """The usual steps of a path: those that make up a tenth of it or more, forward or backward."""
    sizes = np.abs(np.diff(source)) if len(source) > 1 else np.ones(1)
    whole = np.concatenate([np.floor(sizes), np.ceil(sizes)]).astype(np.int64)
    counts = np.bincount(whole[whole <= int(np.median(whole)) + REACH])
    usual = np.flatnonzero(counts >= _USUAL_SHARE * len(whole))
    return Steps(frozenset({1, *(int(step) for step in usual)}), int(usual.max(initial=1)) + REACH)
