"""What the first pass hands to the plan."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from lipblend.stages.colour import ColourStats


@dataclass
class TrackRecord:
    """One face of the original through the clip; rows are frames in which it was seen."""

    frames: list[int] = field(default_factory=list)
    original: list[npt.NDArray[np.float32]] = field(default_factory=list)
    synced: list[npt.NDArray[np.float32] | None] = field(default_factory=list)
    painted: list[float | None] = field(default_factory=list)
    stats: list[ColourStats | None] = field(default_factory=list)

    def between(self, start: int, stop: int) -> TrackRecord:
        """The rows of frames in [start, stop)."""
        return self._rows([row for row, frame in enumerate(self.frames) if start <= frame < stop])

    def without(self, frames: Collection[int]) -> TrackRecord:
        """The rows of frames other than these."""
        return self._rows([row for row, frame in enumerate(self.frames) if frame not in frames])

    def joined_with(self, later: TrackRecord) -> TrackRecord:
        """This track's rows, then a later one's."""
        return TrackRecord(*(getattr(self, each.name) + getattr(later, each.name) for each in fields(self)))

    def _rows(self, rows: list[int]) -> TrackRecord:
        return TrackRecord(*([getattr(self, each.name)[row] for row in rows] for each in fields(self)))


@dataclass(frozen=True)
class ClipAnalysis:
    """What the first pass found; independent of how the patch will be made.

    Attributes
    ----------
    times_s : (n,) float64
        Presentation time of every original frame.
    synced_index : (n,) int64
        Index of the synced frame shown with it, -1 where there is none.
    shot_starts : (m,) int
        First frame of every shot.
    tracks : dict of int to TrackRecord
        Faces of the original by track id.
    damage : tuple of str
        What was wrong with the files, for the summary.
    """

    times_s: npt.NDArray[np.float64]
    synced_index: npt.NDArray[np.int64]
    shot_starts: npt.NDArray[np.intp]
    tracks: dict[int, TrackRecord]
    damage: tuple[str, ...]
