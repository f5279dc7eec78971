"""The part of a face that does not move in speech."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lipblend.faces.landmarks import FACE_OVAL, LIPS_OUTER, Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.mask import signed_distance
from lipblend.stages.masks.shapes import convex_hull
from lipblend.stages.registration.still_region import still_region

BOX = Box(40, 20, 768, 700)


def holds(region: np.ndarray, points: np.ndarray) -> np.ndarray:
    x, y = (np.floor(points).astype(int) - (BOX.x0, BOX.y0)).T
    return region[y, x]


@pytest.mark.slow
@pytest.mark.parametrize("angle", [0.0, 0.35, -0.3])
def test_region_is_the_face_above_the_lips_for_any_rotation(
    face: Landmarks, transformed: Callable[..., Landmarks], angle: float
) -> None:
    middle = face.points.mean(0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    mesh = transformed(face, angle_rad=angle, shift=tuple((middle - turn @ middle).tolist()))
    region = still_region((mesh, mesh), BOX)
    assert region.shape == (BOX.height, BOX.width)
    assert holds(region, mesh.points[[33, 133, 362, 263, 168, 4, 50, 280]]).all()  # eyes, nose, upper cheeks
    assert not holds(region, mesh.points[[*LIPS_OUTER, 152, 172, 397]]).any()
    outside = signed_distance([(convex_hull(mesh.points[list(FACE_OVAL)]), True)], BOX, step_px=1) < -1
    assert not region[outside].any()
    # It ends 0.03 face widths above the highest point of the lips.
    y, x = np.nonzero(region)
    down = np.stack([x + BOX.x0 + 0.5, y + BOX.y0 + 0.5], 1) @ mesh.y_axis
    lips = float((mesh.points[list(LIPS_OUTER)] @ mesh.y_axis).min())
    assert (lips - down.max()) / mesh.face_width_px == pytest.approx(0.03, abs=0.01)


def test_higher_mouth_counts(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    raised = transformed(face, shift=(0.0, -20.0))
    alone, both = (np.nonzero(still_region(faces, BOX))[0].max() for faces in ((face, face), (face, raised)))
    assert alone - both == pytest.approx(20, abs=1)


def test_size_golden(face: Landmarks) -> None:
    assert still_region((face, face), BOX).sum() / face.face_width_px**2 == pytest.approx(0.679, abs=0.02)


def test_near_the_mouth_it_is_what_every_generator_paints(face: Landmarks) -> None:
    near = still_region((face, face), BOX, near_mouth=True)
    assert holds(near, face.points[[1, 2, 98, 327]]).all()  # tip and base of the nose
    assert not holds(near, face.points[[33, 133, 362, 263, 168, 10, 234, 454]]).any()
