"""What the first pass hands to the plan."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lipblend.analysis.interpret import Interpretation
from lipblend.analysis.measure import FaceMeasure
from lipblend.pairing.alignment import Alignment
from lipblend.runtime.spill import Joined, Picked, StoredSequence
from lipblend.video.reader import Frame


@dataclass(frozen=True)
class TrackRecord:
    """One face of the original through the output; rows are output frames in which it is seen.

    Meshes and measures may lie in a file, and are read when they are asked for.

    Attributes
    ----------
    frames : sequence of int
        Rising.
    original : sequence of (478, 2) float32
    synced : sequence of (478, 2) float32 or None
    measured : sequence of FaceMeasure or None
    """

    frames: Sequence[int] = ()
    original: Sequence[npt.NDArray[np.float32]] = ()
    synced: Sequence[npt.NDArray[np.float32] | None] = ()
    measured: Sequence[FaceMeasure | None] = ()

    def between(self, start: int, stop: int) -> TrackRecord:
        """The rows of frames in [start, stop)."""
        return self._rows([row for row, frame in enumerate(self.frames) if start <= frame < stop])

    def without(self, frames: Collection[int]) -> TrackRecord:
        """The rows of frames other than these."""
        return self._rows([row for row, frame in enumerate(self.frames) if frame not in frames])

    def joined_with(self, later: TrackRecord) -> TrackRecord:
        """This track's rows, then a later one's."""
        return TrackRecord(
            array("q", [*self.frames, *later.frames]),
            Joined([self.original, later.original]),
            Joined([self.synced, later.synced]),
            Joined([self.measured, later.measured]),
        )

    def _rows(self, rows: list[int]) -> TrackRecord:
        if len(rows) == len(self.frames):
            return self
        return TrackRecord(
            array("q", [self.frames[row] for row in rows]),
            Picked(self.original, rows),
            Picked(self.synced, rows),
            Picked(self.measured, rows),
        )


class TrackRows:
    """Rows of all faces of a clip as they come; all that is large of them goes to a file."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[array[int], array[int]]] = {}  # frames, and places of the files below
        self._original: StoredSequence[npt.NDArray[np.float32]] = StoredSequence()
        self._synced: StoredSequence[npt.NDArray[np.float32] | None] = StoredSequence()
        self._measured: StoredSequence[FaceMeasure | None] = StoredSequence()

    def append(
        self,
        track: int,
        frame: int,
        original: npt.NDArray[np.float32],
        synced: npt.NDArray[np.float32] | None,
        measured: FaceMeasure | None,
    ) -> None:
        """Put one more at the end of a track, by its id."""
        frames, places = self._rows.setdefault(track, (array("q"), array("q")))
        frames.append(frame)
        places.append(len(self._original))
        self._original.append(original)
        self._synced.append(synced)
        self._measured.append(measured)

    def records(self) -> dict[int, TrackRecord]:
        """By track id, in the order in which they were met."""
        return {
            track: TrackRecord(
                frames, Picked(self._original, places), Picked(self._synced, places), Picked(self._measured, places)
            )
            for track, (frames, places) in self._rows.items()
        }


@dataclass(frozen=True)
class ClipAnalysis:
    """What the first pass found; independent of how the patch will be made. One row an output frame.

    Attributes
    ----------
    times_s : (n,) float64
        Presentation times.
    pts, durations : (n,) int64
        The same in the time base of the video that the output follows.
    original_index, synced_index : (n,) int64
        Frames shown in it; ``synced_index`` is -1 where there is none.
    shot_starts : (m,) int
        First frame of every shot.
    tracks : dict of int to TrackRecord
        Faces of the original by track id.
    alignment : Alignment
    matrix : (3, 4) float64
        The original's YCbCr to R'G'B' 0..255.
    notes : tuple of str
        What the summary says about the two videos.
    original_pts, synced_pts : (k,) int64
        Time stamps of all frames of the two videos, to find them again by.
    exact_times : (bool, bool)
        Whether these are the files' own, for the original and the synced video.
    interpretation : Interpretation
        How the synced video's codes are read: give ``interpretation.change`` to `VideoInfo.read_by`.
    kept : two mappings of int to Frame
        Frames of the two videos that were kept, by index; only where a window was analysed. Not to be written to.
    """

    times_s: npt.NDArray[np.float64]
    pts: npt.NDArray[np.int64]
    durations: npt.NDArray[np.int64]
    original_index: npt.NDArray[np.int64]
    synced_index: npt.NDArray[np.int64]
    shot_starts: npt.NDArray[np.intp]
    tracks: dict[int, TrackRecord]
    alignment: Alignment
    matrix: npt.NDArray[np.float64]
    notes: tuple[str, ...]
    original_pts: npt.NDArray[np.int64]
    synced_pts: npt.NDArray[np.int64]
    exact_times: tuple[bool, bool]
    interpretation: Interpretation = field(default_factory=Interpretation)
    kept: tuple[Mapping[int, Frame], Mapping[int, Frame]] = field(default_factory=lambda: ({}, {}))
