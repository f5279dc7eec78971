"""What a parser saw of a face through a shot, steadied over time, as outlines in each frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.settings import MaskSettings
from lipblend.stages.masks.part_outlines import PARTS, Outlines, Stored, part_outlines, placed

Planes = npt.NDArray[np.float32]

_REACH_ROWS = 1
_LONGEST_GAP_S = 0.5  # to the next row that was parsed; from farther away its outlines say little


class ParsedParts:
    """Outlines of the parts of one face, of the original or of the synced video, by row of a shot.

    Parameters
    ----------
    found : mapping of int to (3, 96, 96) uint8
        What the parser saw, by row.
    times_s : (n,) float64
    average_rows : int
        How many more rows on each side are averaged than the one that always is.
    """

    def __init__(self, found: Mapping[int, Stored], times_s: npt.NDArray[np.float64], average_rows: int) -> None:
        self._found, self._times_s, self._reach = found, times_s, _REACH_ROWS + average_rows
        self._rows = np.array(sorted(found), np.intp)

    def at(self, row: int, face: Landmarks) -> Outlines:
        """The outlines in a row, on a mesh of that row, in its pixels; empty where nothing was parsed near it."""
        planes = self._planes(row)
        return {} if planes is None else placed(part_outlines(planes), face)

    def _planes(self, row: int) -> Planes | None:
        """Mean of a row and those beside it, weighted by a triangle."""
        rows = range(max(row - self._reach, 0), min(row + self._reach + 1, len(self._times_s)))
        parts = [(float(self._reach + 1 - abs(each - row)), self._own(each)) for each in rows]
        return None if self._own(row) is None else _mean(parts)

    def _own(self, row: int) -> Planes | None:
        """What was parsed in a row; otherwise a mix of the nearest that were, by time."""
        place = int(np.searchsorted(self._rows, row))
        if place < len(self._rows) and self._rows[place] == row:
            return np.asarray(self._found[row] / np.float32(255), np.float32)
        ends = self._rows[max(place - 1, 0) : place + 1]
        away_s = np.abs(self._times_s[ends] - self._times_s[row])
        near = away_s <= _LONGEST_GAP_S
        ends, away_s = ends[near], away_s[near]
        weights = away_s[::-1] if len(ends) > 1 else np.ones(len(ends))
        return _mean([(each, self._own(end)) for each, end in zip(weights.tolist(), ends.tolist(), strict=True)])


def _mean(parts: Sequence[tuple[float, Planes | None]]) -> Planes | None:
    """Weighted mean; None for nothing."""
    known = [(weight, planes) for weight, planes in parts if planes is not None]
    total = sum(weight for weight, _ in known)
    weighted = (np.float32(weight / total) * planes for weight, planes in known)
    return np.asarray(sum(weighted), np.float32) if known else None


def lacks_parts(parts: Sequence[Outlines], settings: MaskSettings) -> bool:
    """Whether a region that the mask wants from the parser is missing in one of the videos."""
    if settings.region_source != "model" or "region" not in settings.shapes:
        return False
    wanted = {name for name in settings.regions if name in PARTS}
    return any(name not in each for each in parts for name in wanted)
