"""Which faces of a shot are worked on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from lipblend.analysis.face_tracks import FaceTrack
from lipblend.faces.census import Sighting, lasting_sightings, people_from_left

_LINK_DISTANCE_FRAC = 1.0
_CHANGED_SHARE = 0.35
# A face counts as not changed only when the clip has one that was, when it differs by no more than a quarter of what
# that one does, and not by more than encoding its upper face again did. On real pairs painted lower faces differ by
# 2.4 to 7.2 levels and 1.5 to 4 times as much as their upper faces.
_SURELY_LEVELS = 0.5
_SURELY_RATIO = 1.4
_UNCHANGED_SHARE = 0.25
_UNCHANGED_RATIO = 1.3
_UNCHANGED_LEVELS = 0.1
_LEAST_MEASURED = 5
_HARDLY_LEVELS = 1.0


def choose_faces(
    tracks: Mapping[int, FaceTrack], times_s: np.ndarray, start: int, stop: int, *, max_gap_s: float, face: str | int
) -> list[FaceTrack]:
    """The faces of a shot that are worked on.

    Tracks that follow each other in time and place are one face that was lost for a moment, and are joined first.
    Faces seen for less than a tenth of the longest one's time are not judged beside the others.

    Parameters
    ----------
    tracks : mapping of int to FaceTrack
    times_s : (n,) float64
        Times of all frames of the clip.
    start, stop : int
        The shot, half-open.
    max_gap_s : float
        Longest pause between two tracks of one face.
    face : "changed", "largest", "all", or int
        "changed": the face that the generator changed most (on a tie the largest), and all that it changed at least
        a third as much. "largest": the largest. A number counts from the left, from 0, as `lipblend probe` does
        (`lipblend.faces.census.people_from_left`); no face is taken where the shot has fewer.

    Returns
    -------
    list of FaceTrack
        Cut to the shot; the most changed first.
    """
    joined = _faces_of_shot(tracks, times_s, start, stop, max_gap_s)
    sightings = [_sighting(each) for each in joined]
    if isinstance(face, int):
        people = people_from_left(sightings)
        return [joined[number] for number in people[face]] if face < len(people) else []
    lasting = [joined[number] for number in lasting_sightings(sightings)]
    noise = _noise(lasting) if len(people_from_left(sightings)) > 1 else 0.0
    lasting.sort(key=lambda each: (round(_changed_by(each, noise), 3), _width(each)), reverse=True)
    if face == "all" or not lasting:
        return lasting
    if face == "changed":
        most = _changed_by(lasting[0], noise)
        return [each for each in lasting if _changed_by(each, noise) >= _CHANGED_SHARE * most]
    people = people_from_left([_sighting(each) for each in lasting])
    return [lasting[number] for number in max(people, key=lambda person: max(_width(lasting[n]) for n in person))]


def count_people(
    tracks: Mapping[int, FaceTrack], times_s: np.ndarray, start: int, stop: int, *, max_gap_s: float
) -> int:
    """How many faces of a shot have a number for ``face``."""
    return len(people_from_left([_sighting(each) for each in _faces_of_shot(tracks, times_s, start, stop, max_gap_s)]))


def surest_change(
    tracks: Mapping[int, FaceTrack], times_s: np.ndarray, shots: Sequence[tuple[int, int]], *, max_gap_s: float
) -> float:
    """How much the most changed face of a clip differs, in 8-bit levels; 0 where no face was surely changed.

    Sure is what differs by half a level and 1.4 times more in the lower face than in the upper one. Where a generator
    has changed nothing, or whole faces, there is no such face.
    """
    levels = [0.0]
    for start, stop in shots:
        for face in _faces_of_shot(tracks, times_s, start, stop, max_gap_s):
            painted, above = _mean(face, "painted"), _mean(face, "above")
            if painted is None or above is None or np.count_nonzero(face.has("painted")) < _LEAST_MEASURED:
                continue
            if painted - above >= _SURELY_LEVELS and painted >= _SURELY_RATIO * above:
                levels.append(painted)
    return max(levels)


def hardly_changed(tracks: Mapping[int, FaceTrack], surest: float) -> bool:
    """Whether no face of a clip differs by more than encoding it again would make it differ.

    Parameters
    ----------
    tracks : mapping of int to FaceTrack
    surest : float
        See `surest_change`.
    """
    levels = [painted for record in tracks.values() if (painted := _mean(record, "painted")) is not None]
    return bool(levels) and surest == 0 and max(levels) < _HARDLY_LEVELS


def is_unchanged(face: FaceTrack, surest: float) -> bool:
    """Whether the generator left a face as it was, judged by the clip's most changed one (`surest_change`)."""
    painted, above = _mean(face, "painted"), _mean(face, "above")
    if painted is None or above is None:
        return False
    return painted < _UNCHANGED_SHARE * surest and painted <= _UNCHANGED_RATIO * above + _UNCHANGED_LEVELS


def _faces_of_shot(
    tracks: Mapping[int, FaceTrack], times_s: np.ndarray, start: int, stop: int, max_gap_s: float
) -> list[FaceTrack]:
    pieces = [piece for record in tracks.values() if len(piece := record.between(start, stop))]
    return _joined(pieces, times_s, max_gap_s)


def _sighting(face: FaceTrack) -> Sighting:
    x, y = _middle(face)
    return Sighting(frozenset(face.frames), float(x), float(y), _width(face))


def _noise(faces: Sequence[FaceTrack]) -> float:
    """Encoding noise: the calmest upper face's, not each face's own, as some generators paint whole faces."""
    return min((above for each in faces if (above := _mean(each, "above")) is not None), default=0.0)


def _changed_by(record: FaceTrack, noise: float) -> float:
    """How much the generator changed a face beyond encoding it again, in 8-bit levels; 0 if it has no synced frame."""
    painted = _mean(record, "painted")
    return max(painted - noise, 0.0) if painted is not None else 0.0


def _mean(record: FaceTrack, name: Literal["painted", "above"]) -> float | None:
    values = [float(value) for value in record.values(name)]
    return float(np.mean(values)) if values else None


def _width(record: FaceTrack) -> float:
    return float(np.mean([np.ptp(mesh[:, 0]) for mesh in record.original]))


def _middle(record: FaceTrack) -> np.ndarray:
    return np.asarray(np.mean([mesh.mean(0) for mesh in record.original], axis=0))


def _joined(pieces: list[FaceTrack], times_s: np.ndarray, max_gap_s: float) -> list[FaceTrack]:
    """Join tracks end to start where the second begins soon after the first ends, and near it."""
    whole: list[FaceTrack] = []
    for piece in sorted(pieces, key=lambda record: record.first_frame):
        earlier = [
            index
            for index, face in enumerate(whole)
            if face.last_frame < piece.first_frame
            and times_s[piece.first_frame - 1] - times_s[face.last_frame] <= max_gap_s + 1e-9
            and _distance_frac(face, piece) <= _LINK_DISTANCE_FRAC
        ]
        if not earlier:
            whole.append(piece)
            continue
        nearest = min(earlier, key=lambda index: _distance_frac(whole[index], piece))
        whole[nearest] = whole[nearest].joined_with(piece)
    return whole


def _distance_frac(first: FaceTrack, second: FaceTrack) -> float:
    """From the last mesh of one track to the first of another, in widths of the first."""
    before, after = first.original[-1], second.original[0]
    return float(np.linalg.norm(after.mean(0) - before.mean(0))) / max(float(np.ptp(before[:, 0])), 1e-6)
