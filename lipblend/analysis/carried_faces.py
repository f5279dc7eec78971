"""Faces whose meshes were carried into frames, and what is measured on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lipblend.analysis.first_reading import PairReading, decoded_pairs
from lipblend.analysis.measure import FaceMeasure
from lipblend.analysis.texture_motion import Points
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Timeline


@dataclass(frozen=True)
class CarriedFace:
    """A mesh carried into a row.

    Attributes
    ----------
    track_id : int
    mesh : (478, 2) float32
        The original's pixels.
    fit : float
        See `lipblend.analysis.texture_motion.Carried`.
    age : int
        Rows from where it was found.
    """

    track_id: int
    mesh: Points
    fit: float
    age: int


def measure_carried(
    carried: Mapping[int, Sequence[CarriedFace]],
    original: Scan,
    synced: Scan,
    line: Timeline,
    reading: PairReading,
    *,
    look_elsewhere: bool = True,
) -> dict[int, list[tuple[int, CarriedFace, FaceMeasure]]]:
    """Measure the carried faces of rows (by ascending row) that have a synced picture; by track id.

    Their frames are decoded again. Faces too small to measure are left out. For ``look_elsewhere`` see `measure_faces`.
    """
    rows = [row for row, faces in carried.items() if faces and line.synced_index[row] >= 0]
    measured: dict[int, list[tuple[int, CarriedFace, FaceMeasure]]] = {}
    for row, (first, second) in zip(rows, decoded_pairs(original, synced, line.pairs(rows)), strict=True):
        faces = tuple(TrackedFace(each.track_id, Landmarks(each.mesh)) for each in carried[row])
        measures = reading.measure(
            first, faces, second, synced.faces[line.synced_index[row]], look_elsewhere=look_elsewhere
        )
        for each in carried[row]:
            if each.track_id in measures:
                # Health is judged by the place of the synced mesh, of which a carried one is no measure.
                measure = replace(measures[each.track_id], health=None)
                measured.setdefault(each.track_id, []).append((row, each, measure))
    return measured
