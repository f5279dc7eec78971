"""Which face is worked on, frame by frame of a shot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lipblend.analysis.clip import TrackRecord

_LINK_DISTANCE_FRAC = 1.0
_STAND_IN_SHARE = 0.5


def choose_faces(
    tracks: Mapping[int, TrackRecord], times_s: np.ndarray, start: int, stop: int, *, max_gap_s: float
) -> list[TrackRecord]:
    """The faces that the generator changed in a shot, at most one a frame.

    Tracks that follow each other in time and place are one face that was lost for a moment, and are joined first. Then
    the face that was painted most over all its frames is taken (on a tie the largest), and where it is not seen, the
    next ones, if they were painted at least half as strongly a frame.

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
    faces = sorted(_joined(pieces, times_s, max_gap_s), key=_rank, reverse=True)
    chosen: list[TrackRecord] = []
    taken: set[int] = set()
    for face in faces:
        least = _STAND_IN_SHARE * float(np.mean(chosen[0].painted)) if chosen else 0.0
        if float(np.mean(face.painted)) < least:
            continue
        rest = face.without(taken)
        if rest.frames:
            chosen.append(rest)
            taken.update(rest.frames)
    return chosen


def _rank(record: TrackRecord) -> tuple[float, float]:
    width = float(np.mean([np.ptp(mesh[:, 0]) for mesh in record.original]))
    return round(float(np.sum(record.painted)), 3), width


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
