"""Which faces of a shot are blended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from lipblend.analysis.face_tracks import FaceTrack, Mesh
from lipblend.faces.census import Sighting, lasting_sightings, people_from_left
from lipblend.plan.named_faces import named_numbers, points_in
from lipblend.settings.face_points import names_points, parse_points

_MAX_LINK_DISTANCE_FRAC = 1.0
_MIN_CHANGED_SHARE = 0.35
# On real pairs, lower faces that were generated differ by 2.4 to 7.2 levels, 1.5 to 4 times as much as the upper faces.
_MIN_CERTAIN_LEVELS = 0.5
_MIN_CERTAIN_RATIO = 1.4
_MIN_MEASURED_FRAMES = 5
_MAX_UNCHANGED_SHARE = 0.25
_MAX_UNCHANGED_RATIO = 1.3
_UNCHANGED_SLACK_LEVELS = 0.1
_MIN_VISIBLE_LEVELS = 1.0


def choose_faces(
    tracks: Mapping[int, FaceTrack], times_s: np.ndarray, start: int, stop: int, *, max_gap_s: float, face: str | int
) -> list[FaceTrack]:
    """The faces of a shot that are blended.

    Tracks that continue each other in time and place are one face that was lost for a moment; they are joined first.
    A face seen for less than a tenth of the time of the longest one is ignored, unless it is selected by number.

    Parameters
    ----------
    tracks : mapping of int to FaceTrack
    times_s : (n,) float64
        Times of all frames of the clip.
    start, stop : int
        The shot, half-open.
    max_gap_s : float
        Longest pause between two tracks of one face.
    face : "changed", "largest", "all", int, or points
        "changed": the face that the generator changed most (the largest on a tie), and all that it changed at least
        35 % as much. "largest": the largest. A number counts from the left, from 0, as `lipblend probe` does
        (`lipblend.faces.census.people_from_left`); no face is selected if the shot has fewer. Points
        (`lipblend.settings.face_points`) name the faces that hold them; a shot without a point has none.

    Returns
    -------
    list of FaceTrack
        Cut to the shot; the most changed first.

    Raises
    ------
    NoFaceError, SettingsError
        No face holds a point of this shot; a point lies beyond the clip.
    """
    joined = _faces_of_shot(tracks, times_s, start, stop, max_gap_s)
    sightings = [_sighting(track) for track in joined]
    if isinstance(face, int):
        people = people_from_left(sightings)
        return [joined[number] for number in people[face]] if face < len(people) else []
    if names_points(face):
        here = points_in(parse_points(face), times_s, start, stop)
        named = set(named_numbers(here, joined, times_s))
        return [joined[number] for person in people_from_left(sightings) if named & set(person) for number in person]
    lasting = [joined[number] for number in lasting_sightings(sightings)]
    noise = _noise(lasting) if len(people_from_left(sightings)) > 1 else 0.0
    lasting.sort(key=lambda track: (round(_change(track, noise), 3), _width(track)), reverse=True)
    if face == "all" or not lasting:
        return lasting
    if face == "changed":
        largest = _change(lasting[0], noise)
        return [track for track in lasting if _change(track, noise) >= _MIN_CHANGED_SHARE * largest]
    people = people_from_left([_sighting(track) for track in lasting])
    return [lasting[number] for number in max(people, key=lambda person: max(_width(lasting[n]) for n in person))]


def continuing_frames(face: FaceTrack, others: Sequence[FaceTrack]) -> set[int]:
    """Frames in which the same face goes on in another track: with a neutral mesh instead of found ones, or found.

    A track continues another if it begins or ends beside it, in time and place.
    """
    own = {frame: place for place, frame in enumerate(face.frames)}
    frames: set[int] = set()
    for other in others:
        if other.is_stand_in == face.is_stand_in:
            continue
        for place, frame in enumerate(other.frames):
            near = next((own[each] for each in (frame - 1, frame + 1) if each in own), None)
            if near is not None and _apart_frac(face.original[near], other.original[place]) <= _MAX_LINK_DISTANCE_FRAC:
                frames.update(other.frames)
                break
    return frames


def count_people(
    tracks: Mapping[int, FaceTrack],
    times_s: np.ndarray,
    start: int,
    stop: int,
    *,
    max_gap_s: float,
    lasting: bool = False,
) -> int:
    """How many faces of a shot have a number that ``face`` can select; or only ``lasting`` ones, which come first."""
    sightings = [_sighting(track) for track in _faces_of_shot(tracks, times_s, start, stop, max_gap_s)]
    if lasting:
        sightings = [sightings[number] for number in lasting_sightings(sightings)]
    return len(people_from_left(sightings))


def people_of_shot(
    tracks: Mapping[int, FaceTrack], times_s: np.ndarray, start: int, stop: int, *, max_gap_s: float
) -> list[list[FaceTrack]]:
    """The pieces of each person's track in a shot, by the number that ``face`` selects; see `choose_faces`."""
    joined = _faces_of_shot(tracks, times_s, start, stop, max_gap_s)
    return [[joined[n] for n in person] for person in people_from_left([_sighting(track) for track in joined])]


def max_certain_change(
    tracks: Mapping[int, FaceTrack], times_s: np.ndarray, shots: Sequence[tuple[int, int]], *, max_gap_s: float
) -> float:
    """The largest change of a face that was certainly changed, in 8-bit levels; 0 if there is none.

    A change is certain if the lower face differs by half a level more than the upper face, and by 1.4 times as much.
    If the generator changed nothing, or whole faces, no change is certain.
    """
    levels = [0.0]
    for start, stop in shots:
        for face in _faces_of_shot(tracks, times_s, start, stop, max_gap_s):
            lower, upper = _mean(face, "painted"), _mean(face, "above")
            if lower is None or upper is None or np.count_nonzero(face.has("painted")) < _MIN_MEASURED_FRAMES:
                continue
            if lower - upper >= _MIN_CERTAIN_LEVELS and lower >= _MIN_CERTAIN_RATIO * upper:
                levels.append(lower)
    return max(levels)


def is_mere_encoding_noise(tracks: Mapping[int, FaceTrack], certain_change: float) -> bool:
    """Whether no face of a clip differs by more than encoding it again would explain.

    Parameters
    ----------
    tracks : mapping of int to FaceTrack
    certain_change : float
        See `max_certain_change`.
    """
    levels = [lower for track in tracks.values() if (lower := _mean(track, "painted")) is not None]
    return bool(levels) and certain_change == 0 and max(levels) < _MIN_VISIBLE_LEVELS


def is_unchanged(face: FaceTrack, certain_change: float) -> bool:
    """Whether the generator left a face as it was.

    A face is unchanged only if the clip has a certain change (`max_certain_change`), the face differs by less than a
    quarter of that, and its lower face hardly more than its upper face, which shows the encoding noise.
    """
    lower, upper = _mean(face, "painted"), _mean(face, "above")
    if lower is None or upper is None:
        return False
    return lower < _MAX_UNCHANGED_SHARE * certain_change and (
        lower <= _MAX_UNCHANGED_RATIO * upper + _UNCHANGED_SLACK_LEVELS
    )


def _faces_of_shot(
    tracks: Mapping[int, FaceTrack], times_s: np.ndarray, start: int, stop: int, max_gap_s: float
) -> list[FaceTrack]:
    pieces = [piece for track in tracks.values() if len(piece := track.between(start, stop))]
    return _join(pieces, times_s, max_gap_s)


def _sighting(face: FaceTrack) -> Sighting:
    x, y = np.mean([mesh.mean(0) for mesh in face.original], axis=0)
    return Sighting(frozenset(face.frames), float(x), float(y), _width(face))


def _noise(faces: Sequence[FaceTrack]) -> float:
    """Encoding noise: that of the calmest upper face, because some generators repaint whole faces."""
    return min((upper for face in faces if (upper := _mean(face, "above")) is not None), default=0.0)


def _change(face: FaceTrack, noise: float) -> float:
    """Change of a face beyond encoding noise, in 8-bit levels; 0 without a synced frame."""
    lower = _mean(face, "painted")
    return max(lower - noise, 0.0) if lower is not None else 0.0


def _mean(face: FaceTrack, name: Literal["painted", "above"]) -> float | None:
    values = [float(value) for value in face.values(name)]
    return float(np.mean(values)) if values else None


def _width(face: FaceTrack) -> float:
    return float(np.mean([np.ptp(mesh[:, 0]) for mesh in face.original]))


def _join(pieces: list[FaceTrack], times_s: np.ndarray, max_gap_s: float) -> list[FaceTrack]:
    """Join tracks end to start if the second begins soon after the first ends, and near it."""
    joined: list[FaceTrack] = []
    for piece in sorted(pieces, key=lambda track: track.first_frame):
        candidates = [
            index
            for index, face in enumerate(joined)
            if face.is_stand_in == piece.is_stand_in  # a neutral mesh has another shape and place than a found one
            and face.last_frame < piece.first_frame
            and times_s[piece.first_frame - 1] - times_s[face.last_frame] <= max_gap_s + 1e-9
            and _distance_frac(face, piece) <= _MAX_LINK_DISTANCE_FRAC
        ]
        if not candidates:
            joined.append(piece)
            continue
        nearest = min(candidates, key=lambda index: _distance_frac(joined[index], piece))
        joined[nearest] = joined[nearest].joined_with(piece)
    return joined


def _distance_frac(first: FaceTrack, second: FaceTrack) -> float:
    """Distance from the last mesh of one track to the first of another, in face widths of the first."""
    return _apart_frac(first.original[-1], second.original[0])


def _apart_frac(first: Mesh, second: Mesh) -> float:
    return float(np.linalg.norm(second.mean(0) - first.mean(0))) / max(float(np.ptp(first[:, 0])), 1e-6)
