"""What may lie in front of the faces of a clip: departures from their looks, where a glance raises a suspicion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_tracks import COLUMNS, FaceTrack
from lipblend.analysis.meshes_in_place import meshes_in_place
from lipblend.faces.landmarks import Landmarks
from lipblend.runtime.spill import NumberedRows
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.occlusion.departure import ShotLooks
from lipblend.stages.occlusion.face_look import in_head_frame, look_rows
from lipblend.stages.occlusion.growth import grown
from lipblend.stages.occlusion.linking import face_cells, suspicion
from lipblend.stages.occlusion.shade import without_shade
from lipblend.stages.occlusion.stored import stored_departures

Rows = npt.NDArray[np.intp]

_WINDOW_S, _MIN_ROWS = 20.0, 8  # of a shot, judged on its own
_LONGEST_STEP_S = 2.0  # between two rows; more is time in which the face was not looked at
_EVERY = 3  # rows
_SUSPICIOUS = 1.2
_LONGEST_GAP_S = 2.0  # between two suspicious rows, that is filled
_AROUND_S = 0.5  # before and after a suspicious row


def find_departures(
    tracks: Mapping[int, FaceTrack], times_s: npt.NDArray[np.float64], shot_starts: npt.NDArray[np.intp]
) -> None:
    """Fill the column ``departures`` of the tracks' table, and empty the column ``looks``.

    Only rows near a suspicious one get departures: none, in most clips.

    Parameters
    ----------
    tracks : mapping of int to FaceTrack
        All of one table.
    times_s : (n,) float64
        Of the output frames.
    shot_starts : (m,) int
    """
    found = NumberedRows(*COLUMNS["departures"])
    for track in tracks.values():
        for start, stop in pairwise([*shot_starts.tolist(), len(times_s)]):
            for window in _windows(track.between(start, stop), times_s):
                found.update(_departures(window, times_s))
    for table in {id(track.table): track.table for track in tracks.values()}.values():
        table.replace("departures", found)
        table.replace("looks", {})  # they take more room than all other columns together


def _windows(track: FaceTrack, times_s: npt.NDArray[np.float64]) -> Iterator[FaceTrack]:
    """Parts of a track in one shot, of about equally many rows, without those that were not looked at.

    A face that comes back after a gap is still the same, so only the time in which it was looked at counts.
    """
    looked_at = track.has("looks")
    rows = [row for row, has in zip(track.rows, looked_at.tolist(), strict=True) if has]
    if len(rows) < _MIN_ROWS:
        return
    steps_s = np.diff(times_s[[track.table.frames[row] for row in rows]])
    count = round(float(np.minimum(steps_s, _LONGEST_STEP_S).sum()) / _WINDOW_S)
    for part in np.array_split(np.array(rows), max(1, min(count, len(rows) // _MIN_ROWS))):
        yield FaceTrack(track.table, part.tolist())


def _departures(track: FaceTrack, times_s: npt.NDArray[np.float64]) -> dict[int, npt.NDArray[np.uint8]]:
    """The departures of a window's suspicious rows, by row of the table."""
    looks = np.stack(list(track.values("looks")))
    times = times_s[track.frames]
    shot, faces = ShotLooks(looks, times), _Faces(track)
    glanced = np.arange(0, len(shot), _EVERY)
    glances = zip(glanced.tolist(), shot.glance(glanced), strict=True)
    sure = [row for row, plane in glances if faces.suspicion(row, plane) > _SUSPICIOUS]
    if not sure:
        return {}
    near = np.flatnonzero(_near(times, times[sure]))
    parts = zip(shot.departures(near), looks[near], shot.difference[near], strict=True)
    planes = [grown(without_shade(plane, look), look[..., :3], apart) for plane, look, apart in parts]
    return {
        track.rows[row]: stored_departures(faces.in_place(row, plane))
        for row, plane in zip(near.tolist(), planes, strict=True)
    }


def _near(times_s: npt.NDArray[np.float64], sure_s: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """The times around suspicious ones, without short gaps between them."""
    before = np.searchsorted(sure_s, times_s, side="right") - 1
    after = np.minimum(before + 1, len(sure_s) - 1)
    since = np.where(before >= 0, times_s - sure_s[np.maximum(before, 0)], np.inf)
    until = np.where(sure_s[after] >= times_s, sure_s[after] - times_s, np.inf)
    return np.asarray((np.minimum(since, until) <= _AROUND_S) | (since + until <= _LONGEST_GAP_S))


class _Faces:
    """The meshes of a track, for what is found in their looks."""

    def __init__(self, track: FaceTrack) -> None:
        self._track, self._original = track, track.original

    def in_place(self, row: int, plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A plane of a look in the head's own axes."""
        face = Landmarks(self._original[row])
        return in_head_frame(plane, look_rows(head_frame(face), face))

    def suspicion(self, row: int, plane: npt.NDArray[np.float32]) -> float:
        """See `lipblend.stages.occlusion.linking.suspicion`."""
        meshes = meshes_in_place(self._track.table, self._track.rows[row])
        return suspicion(self.in_place(row, plane), *face_cells(meshes))
