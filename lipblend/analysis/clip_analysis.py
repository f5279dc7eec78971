"""The result of the first pass over a pair of videos."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.interpret import Interpretation
from lipblend.pairing.alignment import Alignment
from lipblend.picture.frame_mappings import Mappings
from lipblend.video.video import Video


@dataclass(frozen=True)
class ClipAnalysis:
    """The result of the first pass, with one row per output frame. It does not depend on how the patch is made.

    Attributes
    ----------
    original, synced : Video
        The two videos; the synced one with its colours read by ``interpretation``.
    times_s : (n,) float64
        Presentation times, seconds.
    pts, durations : (n,) int64
        Presentation times and durations, in the time base of the video whose time line the output follows.
    original_index, synced_index : (n,) int64
        Frame numbers in the two videos; ``synced_index`` is -1 if there is no synced frame.
    shot_starts : (m,) int
        First row of every shot.
    tracks : dict of int to FaceTrack
        Faces of the original by track id.
    alignment : Alignment
        Which frames are paired, and how the pictures map onto each other.
    matrix : (3, 4) float64
        The original's YCbCr to R'G'B' 0..255.
    notes : tuple of str
        For the summary.
    changed : (n,) bool
        Which frames the generator visibly changed, anywhere; see `lipblend.analysis.changed_frames`.
    interpretation : Interpretation
        How the colour codes of the synced video are read.
    frames_with_faces : (int, int)
        In how many frames of the original, and of the synced video, a face was found.
    """

    original: Video
    synced: Video
    times_s: npt.NDArray[np.float64]
    pts: npt.NDArray[np.int64]
    durations: npt.NDArray[np.int64]
    original_index: npt.NDArray[np.int64]
    synced_index: npt.NDArray[np.int64]
    shot_starts: npt.NDArray[np.intp]
    tracks: dict[int, FaceTrack]
    alignment: Alignment
    matrix: npt.NDArray[np.float64]
    notes: tuple[str, ...]
    changed: npt.NDArray[np.bool_]
    interpretation: Interpretation = field(default_factory=Interpretation)
    frames_with_faces: tuple[int, int] = (0, 0)

    @property
    def mapping(self) -> Mappings:
        """Where the original's pixels lie in the synced frames."""
        return self.alignment.mapping

    @property
    def follows(self) -> Literal["original", "synced"]:
        """The video whose time line the output follows."""
        return self.alignment.timeline.follows

    def without_tracks(self) -> ClipAnalysis:
        """A copy without face tracks; a plan holds what rendering needs of them."""
        return replace(self, tracks={})

    def up_to(self, stop: int) -> ClipAnalysis:
        """The rows before ``stop``, without cached frames."""
        tracks = {number: track.between(0, stop) for number, track in self.tracks.items()}
        return replace(
            self,
            original=self.original.without_cached(),
            synced=self.synced.without_cached(),
            times_s=self.times_s[:stop],
            pts=self.pts[:stop],
            durations=self.durations[:stop],
            original_index=self.original_index[:stop],
            synced_index=self.synced_index[:stop],
            changed=self.changed[:stop],
            shot_starts=self.shot_starts[self.shot_starts < stop],
            tracks={number: track for number, track in tracks.items() if len(track)},
        )
