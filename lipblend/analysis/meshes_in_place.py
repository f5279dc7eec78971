"""Both meshes of a face, the synced one where the face belongs."""

from __future__ import annotations

from lipblend.analysis.face_tracks import FaceTable
from lipblend.faces.landmarks import Landmarks
from lipblend.stages.registration.placement import placement_of, undone


def meshes_in_place(table: FaceTable, row: int) -> list[Landmarks]:
    """The original's mesh of a row, and the synced one, if it was found, brought back if the face lies elsewhere."""
    original, synced, placement = (table.columns[name] for name in ("original", "synced", "placement"))
    face = Landmarks(original[row])
    if not synced.holds(row):
        return [face]
    points = synced[row]
    if placement.holds(row):
        points = undone(placement_of(placement[row]), face).inverse().apply(points)
    return [face, Landmarks(points)]
