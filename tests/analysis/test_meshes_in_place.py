"""The synced mesh of a face that the generator drew elsewhere."""

from __future__ import annotations

import numpy as np

from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.measure import FaceMeasure
from lipblend.analysis.meshes_in_place import meshes_in_place
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.similarity import Similarity
from lipblend.stages.registration.placement import Placement, placement_row


def test_a_displaced_mesh_is_brought_back(face: Landmarks) -> None:
    right = 0.04 * face.face_width_px
    moved = Similarity(right=right)
    row = placement_row(Placement(moved, 0.95, 0.2))
    measured = [FaceMeasure(1.0, None, placement=row), FaceMeasure(1.0, None)]
    drawn = face.points + np.float32([right, 0])
    track = FaceTrack.of([0, 1, 2], [face.points] * 3, [drawn, drawn, None], [*measured, FaceMeasure(1.0, None)])
    found = [meshes_in_place(track.table, row) for row in track.rows]
    assert [len(meshes) for meshes in found] == [2, 2, 1]
    np.testing.assert_allclose(found[0][1].points, face.points, atol=1e-3)
    np.testing.assert_array_equal(found[1][1].points, drawn)  # nothing is known of a displacement
    np.testing.assert_array_equal(found[2][0].points, face.points)
