"""Hidden points of a mesh, filled in from those that are seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lipblend.faces.landmarks import CHIN, LIPS_OUTER, STABLE, Landmarks
from lipblend.plan.hidden_points import filled_in
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.occlusion.face_look import CELL_FRAC, CELLS, LEFT_FRAC, TOP_FRAC

LOW_CHIN = (152, 148, 176, 377, 400, 18)
SHIFT = np.float32([7.0, -4.0])


def covering(face: Landmarks, points: tuple[int, ...], cells: int = 2) -> np.ndarray:
    """Cells around some points."""
    plane = np.zeros((CELLS, CELLS), np.float32)
    places = (head_frame(face).to_local(face.points[list(points)]) - (LEFT_FRAC, TOP_FRAC)) / CELL_FRAC
    for column, row in places.astype(int):
        plane[row - cells : row + cells + 1, column - cells : column + cells + 1] = 1
    return plane


def test_hidden_points_lie_as_in_the_synced_mesh_that_lies_elsewhere(face: Landmarks) -> None:
    wrong = face.points.copy()
    wrong[list(LOW_CHIN)] += np.float32([0, 0.05 * face.face_width_px])
    found = filled_in(wrong, face.points + SHIFT, covering(Landmarks(wrong), LOW_CHIN))
    assert (found.shape, found.dtype) == ((478, 2), np.float32)
    np.testing.assert_allclose(found, face.points, atol=0.02 * face.face_width_px)
    np.testing.assert_allclose(found[list(LOW_CHIN)], face.points[list(LOW_CHIN)], atol=0.01 * face.face_width_px)


def test_seen_points_and_the_axes_of_the_head_stay(face: Landmarks) -> None:
    everywhere = np.ones((CELLS, CELLS), np.float32)
    assert filled_in(face.points, face.points + SHIFT, everywhere) is face.points  # nothing is seen
    assert filled_in(face.points, face.points + SHIFT, np.zeros_like(everywhere)) is face.points
    plane = covering(face, (*STABLE, *LOW_CHIN))
    found = filled_in(face.points, 1.1 * face.points, plane)
    np.testing.assert_array_equal(found[list(STABLE)], face.points[list(STABLE)])
    changed = (found != face.points).any(1)
    assert changed[list(LOW_CHIN)].all()
    assert not changed[[10, 127, 356]].any()


def test_lips_that_are_half_seen_stay_as_found(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    lips = np.array(LIPS_OUTER)
    opened = transformed(face, jaw_px=0.1 * face.face_width_px)
    right = lips[face.points[lips, 0] < face.mouth_centre[0]]
    found = filled_in(face.points, opened.points, covering(face, tuple(right.tolist())))
    np.testing.assert_array_equal(found[lips], face.points[lips])
    found = filled_in(face.points, opened.points, covering(face, (*LIPS_OUTER, *CHIN), 4))
    lowest = lips[face.points[lips, 1].argmax()]
    assert found[lowest, 1] - face.points[lowest, 1] > 0.8 * (opened.points[lowest, 1] - face.points[lowest, 1])
