"""Faces carried through stretches without a mesh: by the motion of their texture, from both ends.

A face in profile, in the dark or behind a hand is not found. Where a track ends and begins again, or is lost until the
end of a shot, its last and first meshes move on with the texture of the face as long as that is recognised, and are
dissolved into each other where both ends meet. They are used where the generator changed the face there as it did
where it was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.first_reading import PairReading
from lipblend.analysis.measure import FaceMeasure
from lipblend.analysis.reduced_pair import work_step
from lipblend.analysis.texture_motion import Plane, Points, carry, evened
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.search import overlap
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Timeline
from lipblend.picture.patch import Box
from lipblend.picture.planes import extract_reduced
from lipblend.runtime.prefetch import prefetch
from lipblend.runtime.spill import StoredRows
from lipblend.video.reader import Frame

_MIN_GAP_S = 0.4  # shorter gaps are filled by interpolation (`track.max_gap_s`)
_SAME_FACE_IOU = 0.3
_MAX_APART_FRAC = 0.2  # between a face carried from both ends, in face widths
_MIN_PAINTED_SHARE = 0.4  # of what the generator usually changes in this face
_NEAR_S = 0.25  # a mouth closed in both videos hardly differs: a change this near in time counts too
_QUEUE = 2


@dataclass(frozen=True)
class _End:
    """The last or first mesh of a run of frames in which a face was found."""

    track_id: int
    row: int
    stop: int  # the first row that is not carried to; below `row` for a first mesh
    mesh: Points


@dataclass(frozen=True)
class _CarriedFace:
    """A mesh carried into a row, ``age`` rows from where it was found."""

    track_id: int
    mesh: Points
    fit: float
    age: int


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
    by_row: dict[int, list[_CarriedFace]] = {}
    for end in ends:
        step = work_step(Landmarks(end.mesh).face_width_px)
        direction = 1 if end.stop > end.row else -1
        rows = range(end.row, end.stop, direction)
        with _Planes(original, sorted({int(shown[row]) for row in rows}), step, end.mesh) as plane_of:
            planes = (plane_of(int(shown[row])) for row in rows[1:])
            steps = carry(plane_of(int(shown[end.row])), end.mesh / np.float32(step), planes)
            for age, (row, each) in enumerate(zip(rows[1:], steps, strict=False), 1):
                mesh = each.mesh * np.float32(step)
                if any(overlap(mesh, face.landmarks.points) >= _SAME_FACE_IOU for face in original.faces[shown[row]]):
                    break
                by_row.setdefault(row, []).append(_CarriedFace(end.track_id, mesh, each.fit, age))
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


class _Planes:
    """Luma of some frames at one size, evened out and stored in a temporary file; decoded as far as it is asked for."""

    def __init__(self, scan: Scan, wanted: list[int], step: int, mesh: Points) -> None:
        self._info, self._step, self._wanted = scan.info, step, wanted
        self._width = Landmarks(mesh).face_width_px / step
        self._frames = prefetch(scan.frames(wanted), _QUEUE)
        self._stored: StoredRows | None = None

    def __enter__(self) -> Callable[[int], Plane]:
        self._decoded = iter(self._frames.__enter__())
        return self._plane

    def __exit__(self, *error: object) -> None:
        self._frames.__exit__(*error)  # type: ignore[arg-type]

    def _plane(self, index: int) -> Plane:
        place = self._wanted.index(index)
        while self._stored is None or len(self._stored) <= place:
            plane = self._reduced(next(self._decoded))
            if self._stored is None:
                self._stored = StoredRows(plane.shape, np.uint8)
            self._stored.append(plane)
        return np.asarray(self._stored[place], np.uint8)

    def _reduced(self, frame: Frame) -> Plane:
        picture, step = frame.picture(self._info), self._step
        width, height = (side // (2 * step) * 2 * step for side in picture.size)
        luma = extract_reduced(picture.planes, picture.layout, Box(0, 0, width, height), step)[..., 0]
        return evened(np.ascontiguousarray(luma), self._width)


def _merged(faces: Sequence[_CarriedFace]) -> list[_CarriedFace]:
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
            out.append(_CarriedFace(min(face.track_id, other.track_id), mesh, min(face.fit, other.fit), face.age))
    numbers = [face.track_id for face in out]
    return [face for face in out if numbers.count(face.track_id) == 1]


def _with_carried(
    tracks: Mapping[int, FaceTrack],
    carried: Mapping[int, Sequence[_CarriedFace]],
    original: Scan,
    synced: Scan,
    line: Timeline,
    reading: PairReading,
    times_s: npt.NDArray[np.float64],
) -> dict[int, FaceTrack]:
    """Measure carried faces, and add those to their tracks that the generator changed."""
    rows = [row for row, faces in carried.items() if faces and line.synced_index[row] >= 0]
    measured: dict[int, list[tuple[int, _CarriedFace, FaceMeasure]]] = {}
    firsts = prefetch(original.frames([int(line.original_index[row]) for row in rows]), _QUEUE)
    seconds = prefetch(synced.frames([int(line.synced_index[row]) for row in rows]), _QUEUE)
    with firsts, seconds:
        for row, first, second in zip(rows, firsts, seconds, strict=True):
            faces = tuple(TrackedFace(each.track_id, Landmarks(each.mesh)) for each in carried[row])
            measures = reading.measure(first, faces, second, synced.faces[line.synced_index[row]])
            for each in carried[row]:
                if each.track_id in measures:
                    # Health is judged by the place of the synced mesh, of which a carried one is no measure.
                    measure = replace(measures[each.track_id], health=None)
                    measured.setdefault(each.track_id, []).append((row, each, measure))
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
