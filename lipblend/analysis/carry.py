"""Faces carried through stretches without a mesh: by the motion of their texture, from both ends.

A face in profile, in the dark or behind a hand is not found. Where a track ends and begins again, or is lost until the
end of a shot, its last and first meshes move on with the texture of the face as long as that is recognised, and are
dissolved into each other where both ends meet. They are used where the generator changed the face there as it did
where it was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lipblend.analysis.carried_faces import CarriedFace, measure_carried
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.first_reading import PairReading
from lipblend.analysis.follow_mesh import follow_mesh
from lipblend.analysis.texture_motion import Points
from lipblend.faces.search import overlap
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Timeline

_MIN_GAP_S = 0.4  # shorter gaps are filled by interpolation (`track.max_gap_s`)
_SAME_FACE_IOU = 0.3
_MAX_APART_FRAC = 0.2  # between a face carried from both ends, in face widths
_MIN_PAINTED_SHARE = 0.4  # of what the generator usually changes in this face
_NEAR_S = 0.25  # a mouth closed in both videos hardly differs: a change this near in time counts too


@dataclass(frozen=True)
class _End:
    """The last or first mesh of a run of frames in which a face was found."""

    track_id: int
    row: int
    stop: int  # the first row that is not carried to; below `row` for a first mesh
    mesh: Points


def carry_faces(
    original: Scan,
    synced: Scan,
    line: Timeline,
    reading: PairReading,
    tracks: Mapping[int, FaceTrack],
    shot_starts: npt.NDArray[np.intp],
    *,
    max_s: float,
) -> dict[int, FaceTrack]:
    """The tracks with carried meshes added to them.

    Parameters
    ----------
    original, synced : Scan
        Read completely. Frames of gaps are decoded again.
    line : Timeline
    reading : PairReading
    tracks : mapping of int to FaceTrack
        All of one table; carried rows are added to it, with a value in the column ``carried``.
    shot_starts : (m,) int
        Faces are not carried over these.
    max_s : float
        Maximum time over which a mesh is carried; 0 for none.
    """
    shown = line.original_index
    times_s = np.array(original.times_s)[shown]
    limits = [*shot_starts.tolist(), len(shown)]
    ends = [end for number, track in tracks.items() for end in _ends(number, track, limits, times_s, max_s)]
    by_row: dict[int, list[CarriedFace]] = {}
    for end in ends:
        direction = 1 if end.stop > end.row else -1
        followed = follow_mesh(original, shown, end.mesh, range(end.row, end.stop, direction))
        for age, (row, each) in enumerate(followed, 1):
            if any(overlap(each.mesh, face.landmarks.points) >= _SAME_FACE_IOU for face in original.faces[shown[row]]):
                break
            by_row.setdefault(row, []).append(CarriedFace(end.track_id, each.mesh, each.fit, age))
    merged = {row: _merged(faces) for row, faces in sorted(by_row.items())}
    return _with_carried(tracks, merged, original, synced, line, reading, times_s)


def _ends(
    track_id: int, track: FaceTrack, limits: Sequence[int], times_s: npt.NDArray[np.float64], max_s: float
) -> Iterator[_End]:
    """Where a track ends and begins before and after gaps that are long enough, shot by shot."""
    for start, stop in pairwise(limits):
        part = track.between(start, stop)
        if not len(part):
            continue
        frames, meshes = part.frames, part.original
        for place, (last, following) in enumerate(zip([start - 1, *frames], [*frames, stop], strict=True)):
            low, high = max(last, start), min(following, stop - 1)
            if following - last < 2 or times_s[high] - times_s[low] <= _MIN_GAP_S:
                continue
            if place:
                reach = int(np.searchsorted(times_s, times_s[last] + max_s, "right"))
                yield _End(track_id, last, min(following, reach), meshes[place - 1])
            if place < len(frames):
                reach = int(np.searchsorted(times_s, times_s[following] - max_s, "left"))
                yield _End(track_id, following, max(last, reach - 1), meshes[place])


def _merged(faces: Sequence[CarriedFace]) -> list[CarriedFace]:
    """One mesh per face of a row: those carried from both ends dissolved into each other, none if they disagree."""
    left, out = sorted(faces, key=lambda face: face.age), []
    while left:
        face = left.pop(0)
        other = next((each for each in left if overlap(face.mesh, each.mesh) >= _SAME_FACE_IOU), None)
        if other is None:
            out.append(face)
            continue
        left.remove(other)
        width = max(float(np.ptp(face.mesh, axis=0).max()), 1.0)
        if float(np.hypot(*(face.mesh - other.mesh).T).mean()) <= _MAX_APART_FRAC * width:
            share = np.float32(face.age / (face.age + other.age))
            mesh = np.asarray(face.mesh + share * (other.mesh - face.mesh), np.float32)
            out.append(CarriedFace(min(face.track_id, other.track_id), mesh, min(face.fit, other.fit), face.age))
    numbers = [face.track_id for face in out]
    return [face for face in out if numbers.count(face.track_id) == 1]


def _with_carried(
    tracks: Mapping[int, FaceTrack],
    carried: Mapping[int, Sequence[CarriedFace]],
    original: Scan,
    synced: Scan,
    line: Timeline,
    reading: PairReading,
    times_s: npt.NDArray[np.float64],
) -> dict[int, FaceTrack]:
    """Measure carried faces, and add those to their tracks that the generator changed."""
    measured = measure_carried(carried, original, synced, line, reading)
    out = dict(tracks)
    for track_id, found in measured.items():
        track = tracks[track_id]
        usual = float(np.median([float(value) for value in track.values("painted")] or [np.inf]))
        strong = times_s[[row for row, _, each in found if each.painted >= _MIN_PAINTED_SHARE * usual]]
        added = [
            track.table.append(row, face.mesh, None, measure, carried=face.fit)
            for row, face, measure in found
            if len(strong) and np.abs(strong - times_s[row]).min() <= _NEAR_S
        ]
        out[track_id] = track.with_rows(added)
    return out
