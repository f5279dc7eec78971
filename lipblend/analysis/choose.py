"""Which faces of a shot are worked on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from lipblend.analysis.clip import TrackRecord

_LINK_DISTANCE_FRAC = 1.0
_SAME_PLACE_FRAC = 1.5
_CHANGED_SHARE = 0.35
_BRIEF_SHARE = 0.1


def choose_faces(
    tracks: Mapping[int, TrackRecord], times_s: np.ndarray, start: int, stop: int, *, max_gap_s: float, face: str | int
) -> list[TrackRecord]:
    """The faces of a shot that are worked on.

    Tracks that follow each other in time and place are one face that was lost for a moment, and are joined first.
    Faces seen for less than a tenth of the longest one's time are not judged beside the others.

    Parameters
    ----------
    tracks : mapping of int to TrackRecord
    times_s : (n,) float64
        Times of all frames of the clip.
    start, stop : int
        The shot, half-open.
    max_gap_s : float
        Longest pause between two tracks of one face.
    face : "changed", "largest", "all", or int
        "changed": the face that the generator changed most (on a tie the largest), and all that it changed at least
        a third as much. "largest": the largest. A number counts from the left, from 0; no face is taken where the
        shot has fewer.

    Returns
    -------
    list of TrackRecord
        Cut to the shot; the most changed first.
    """
    pieces = [piece for record in tracks.values() if (piece := record.between(start, stop)).frames]
    joined = _joined(pieces, times_s, max_gap_s)
    least = _BRIEF_SHARE * max((len(each.frames) for each in joined), default=0)
    lasting = [each for each in joined if len(each.frames) >= least]
    noise = min((above for each in lasting if (above := _mean(each, "above")) is not None), default=0.0)
    lasting.sort(key=lambda each: (round(_changed_by(each, noise), 3), _width(each)), reverse=True)
    if face == "all" or not lasting:
        return lasting
    if face == "changed":
        most = _changed_by(lasting[0], noise)
        return [each for each in lasting if _changed_by(each, noise) >= _CHANGED_SHARE * most]
    people = _people(lasting)
    if face == "largest":
        return max(people, key=lambda person: max(_width(each) for each in person))
    from_left = sorted(people, key=lambda person: float(np.mean([_middle(each)[0] for each in person])))
    return from_left[face] if isinstance(face, int) and face < len(from_left) else []


def _changed_by(record: TrackRecord, noise: float) -> float:
    """How much the generator changed a face beyond encoding it again, in 8-bit levels; 0 if it has no synced frame.

    Encoding noise is taken from the calmest upper face of the shot: not from each face's own, as some generators paint
    whole faces.
    """
    painted = _mean(record, "painted")
    return max(painted - noise, 0.0) if painted is not None else 0.0


def _mean(record: TrackRecord, name: Literal["painted", "above"]) -> float | None:
    values = [value for each in record.measured if each is not None and (value := getattr(each, name)) is not None]
    return float(np.mean(values)) if values else None


def _people(faces: list[TrackRecord]) -> list[list[TrackRecord]]:
    """Tracks in about the same place that never show at the same time are taken for one person."""
    people: list[list[TrackRecord]] = []
    for face in sorted(faces, key=lambda each: -len(each.frames)):
        seen = set(face.frames)
        for person in people:
            apart = float(np.linalg.norm(_middle(face) - _middle(person[0])))
            if apart <= _SAME_PLACE_FRAC * _width(person[0]) and not any(seen & set(each.frames) for each in person):
                person.append(face)
                break
        else:
            people.append([face])
    return people


def _width(record: TrackRecord) -> float:
    return float(np.mean([np.ptp(mesh[:, 0]) for mesh in record.original]))


def _middle(record: TrackRecord) -> np.ndarray:
    return np.asarray(np.mean([mesh.mean(0) for mesh in record.original], axis=0))


def _joined(pieces: list[TrackRecord], times_s: np.ndarray, max_gap_s: float) -> list[TrackRecord]:
    """Join tracks end to start where the second begins soon after the first ends, and near it."""
    whole: list[TrackRecord] = []
    for piece in sorted(pieces, key=lambda record: record.frames[0]):
        earlier = [
            index
            for index, face in enumerate(whole)
            if face.frames[-1] < piece.frames[0]
            and times_s[piece.frames[0] - 1] - times_s[face.frames[-1]] <= max_gap_s + 1e-9
            and _distance_frac(face, piece) <= _LINK_DISTANCE_FRAC
        ]
        if not earlier:
            whole.append(piece)
            continue
        nearest = min(earlier, key=lambda index: _distance_frac(whole[index], piece))
        whole[nearest] = whole[nearest].joined_with(piece)
    return whole


def _distance_frac(first: TrackRecord, second: TrackRecord) -> float:
    """From the last mesh of one track to the first of another, in widths of the first."""
    before, after = first.original[-1], second.original[0]
    return float(np.linalg.norm(after.mean(0) - before.mean(0))) / max(float(np.ptp(before[:, 0])), 1e-6)
