"""The faces of one clip, told apart in each shot, and what is measured of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_reading import FaceReading
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.facestats.face_series import FaceSeries, Mesh, face_series
from lipblend.facestats.face_summary import FaceStatistics, summarise
from lipblend.plan.choose import people_of_shot
from lipblend.settings import TrackSettings


@dataclass(frozen=True)
class ClipFaces:
    """What is measured of the faces of a clip.

    Attributes
    ----------
    path : Path
    size : (int, int)
        Width and height of the upright picture.
    times_s : (n,) float64
        Of all frames, seconds from the first.
    shots : tuple of (int, int)
        First frame of each shot, and the one after its last.
    faces : tuple of FaceSeries
        By shot, then from the left.
    notes : tuple of str
    """

    path: Path
    size: tuple[int, int]
    times_s: npt.NDArray[np.float64]
    shots: tuple[tuple[int, int], ...]
    faces: tuple[FaceSeries, ...]
    notes: tuple[str, ...]

    @property
    def main(self) -> list[FaceSeries]:
        """The main face of each shot that shows one: the one with most frames times width."""
        shots: dict[int, FaceSeries] = {}
        for each in self.faces:
            if each.shot not in shots or each.weight > shots[each.shot].weight:
                shots[each.shot] = each
        return list(shots.values())

    @property
    def main_statistics(self) -> FaceStatistics | None:
        """Statistics of the main faces; None without any."""
        return summarise(self.main) if self.faces else None


def clip_faces(reading: FaceReading, track: TrackSettings) -> ClipFaces:
    """Measure the faces of a clip in each shot.

    Parameters
    ----------
    reading : FaceReading
    track : TrackSettings
        ``max_gap_s`` joins the parts of a track.
    """
    info, times_s = reading.video.info, reading.times_s - reading.times_s[0]
    found = []
    for shot, (start, stop) in enumerate(reading.shots):
        people = people_of_shot(reading.tracks, reading.times_s, start, stop, max_gap_s=track.max_gap_s)
        for number, person in enumerate(people):
            rows = list(meshes_of(person))
            found.append(
                face_series(
                    [frame for frame, _ in rows],
                    [mesh for _, mesh in rows],
                    reading.detected[start:stop],
                    times_s[start:stop],
                    shot=shot,
                    face=number,
                    start=start,
                )
            )
    notes = tuple(dict.fromkeys([*reading.notes, *info.warnings]))
    return ClipFaces(info.path, info.upright_size, times_s, tuple(reading.shots), tuple(found), notes)


def meshes_of(person: list[FaceTrack]) -> Iterator[tuple[int, Mesh]]:
    """Frame and mesh of each frame that shows a person, in order; mesh (478, 2) float32, pixels."""
    rows = [(frame, piece, place) for piece in person for place, frame in enumerate(piece.frames)]
    for frame, piece, place in sorted(rows, key=lambda row: row[0]):
        yield frame, piece.original[place]
