"""Which face is worked on, frame by frame of a shot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lipblend.analysis.clip import TrackRecord

_LINK_DISTANCE_FRAC = 1.0
_STAND_IN_SHARE = 0.5
_BRIEF_SHARE = 0.1


def choose_faces(
    tracks: Mapping[int, TrackRecord], times_s: np.ndarray, start: int, stop: int, *, max_gap_s: float
) -> list[TrackRecord]:
    """The faces that the generator changed in a shot, at most one a frame.

    Tracks that follow each other in time and place are one face that was lost for a moment, and are joined first. Then
    the face that was painted most a frame is taken (on a tie the largest), and where it is not seen, the next ones, if
    they were painted at least half as strongly. A face seen for a moment is not judged against one seen throughout:
    tracks shorter than a tenth of the shot's longest come last.

    Parameters
    ----------
    tracks : mapping of int to TrackRecord
    times_s : (n,) float64
        Times of all frames of the clip.
    start, stop : int
        The shot, half-open.
    max_gap_s : float
        Longest pause between two tracks of one face.

    Returns
    -------
    list of TrackRecord
        Cut to the shot, without a frame in common; the most painted first. Empty if no face is seen.
    """
    pieces = [piece for record in tracks.values() if (piece := record.between(start, stop)).frames]
    joined = _joined(pieces, times_s, max_gap_s)
    brief = _BRIEF_SHARE * max((len(face.frames) for face in joined), default=0)
    faces = sorted(joined, key=lambda face: (len(face.frames) >= brief, *_rank(face)), reverse=True)
    chosen: list[TrackRecord] = []
    taken: set[int] = set()
    for face in faces:
        if chosen and _painted(face) < _STAND_IN_SHARE * _painted(chosen[0]):
            continue
        rest = face.without(taken)
        if rest.frames:
            chosen.append(rest)
            taken.update(rest.frames)
    return chosen


def _painted(record: TrackRecord) -> float:
    """Mean painted score over the frames that have a synced picture; 0 if none has."""
    scores = [score for score in record.painted if score is not None]
    return float(np.mean(scores)) if scores else 0.0


def _rank(record: TrackRecord) -> tuple[float, float]:
    width = float(np.mean([np.ptp(mesh[:, 0]) for mesh in record.original]))
    return round(_painted(record), 3), width


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
