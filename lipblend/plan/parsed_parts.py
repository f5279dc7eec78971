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
        """Mean of a row and those beside it (a triangle); between rows that were parsed, a mix of the two."""
        near = self._rows[np.abs(self._rows - row) <= self._reach]
        if len(near):
            return self._mean(near, self._reach + 1 - np.abs(near - row))
        place = int(np.searchsorted(self._rows, row))
        ends = self._rows[max(place - 1, 0) : place + 1]
        away_s = np.abs(self._times_s[ends] - self._times_s[row])
        ends, away_s = ends[away_s <= _LONGEST_GAP_S], away_s[away_s <= _LONGEST_GAP_S]
        return self._mean(ends, away_s[::-1] / away_s.sum() if len(ends) > 1 else np.ones(1)) if len(ends) else None

    def _mean(self, rows: npt.NDArray[np.intp], weights: npt.NDArray[np.floating]) -> Planes:
        total: Sequence[float] = (weights / weights.sum() / 255).tolist()
        parts = (np.float32(weight) * self._found[row] for row, weight in zip(rows.tolist(), total, strict=True))
        return np.asarray(sum(parts), np.float32)


def lacks_parts(parts: Sequence[Outlines], settings: MaskSettings) -> bool:
    """Whether a region that the mask wants from the parser is missing in one of the videos."""
    if settings.region_source != "model" or "region" not in settings.shapes:
        return False
    wanted = {name for name in settings.regions if name in PARTS}
    return any(name not in each for each in parts for name in wanted)
