from collections.abc import Callable

import numpy as np

from lipblend.faces.landmarks import Landmarks
from lipblend.plan.motion import neighbours, velocity

Move = Callable[..., Landmarks]


def series(meshes: list[Landmarks]) -> np.ndarray:
    return np.stack([mesh.points.ravel() for mesh in meshes])


def test_velocity_is_the_central_difference_and_does_not_lag(face: Landmarks, transformed: Move) -> None:
    places = np.array([0.0, 1, 4, 9, 16, 25])
    meshes = series([transformed(face, shift=(place, -2 * place)) for place in places])
    found = velocity(meshes, np.ones(6, bool))
    expected = np.array([1, 2, 4, 6, 8, 9])
    np.testing.assert_allclose(found, np.stack([expected, -2 * expected], 1), atol=1e-3)
    back = velocity(meshes[::-1], np.ones(6, bool))
    np.testing.assert_allclose(back, -found[::-1], atol=1e-6)


def test_velocity_ignores_rows_that_are_not_known(face: Landmarks, transformed: Move) -> None:
    meshes = series([transformed(face, shift=(3.0 * i, 0)) for i in range(5)])
    meshes[2] = 0
    found = velocity(meshes, np.array([True, True, False, True, True]))
    np.testing.assert_allclose(found[[0, 1, 3, 4]], [[3, 0]] * 4, atol=1e-3)
    assert not velocity(meshes[:1], np.ones(1, bool)).any()
    assert not velocity(meshes, np.zeros(5, bool)).any()


def test_a_speaking_mouth_is_no_motion_of_the_face(face: Landmarks, transformed: Move) -> None:
    meshes = series([transformed(face, jaw_px=jaw * face.face_width_px) for jaw in (0, 0.1, 0.2)])
    np.testing.assert_allclose(velocity(meshes, np.ones(3, bool)), 0, atol=1e-6)


def test_neighbours_are_carried_onto_the_frame_and_keep_their_mouths(face: Landmarks, transformed: Move) -> None:
    jaws = [0.0, 0.05, 0.1, 0.15, 0.2]
    still = [transformed(face, jaw_px=jaw * face.face_width_px) for jaw in jaws]
    moved = [
        transformed(each, scale=1 + 0.02 * i, angle_rad=0.03 * i, shift=(7.0 * i, -5.0 * i))
        for i, each in enumerate(still)
    ]
    synced = series([Landmarks(each.points + np.float32(2)) for each in moved])
    found = neighbours(series(moved), synced, np.ones(5, bool), 2, reach=2)
    assert len(found) == 4
    for jaw, (one, two) in zip((1, 3, 0, 4), found, strict=True):
        want = transformed(still[jaw], scale=1.04, angle_rad=0.06, shift=(14.0, -10.0))
        np.testing.assert_allclose(one.points, want.points, atol=0.01)
        np.testing.assert_allclose(np.hypot(*(two.points - one.points).T), np.sqrt(8), rtol=0.1)


def test_neighbours_are_taken_in_pairs_only(face: Landmarks) -> None:
    meshes = series([face] * 7)
    seen = np.array([True, True, True, True, False, True, True])
    counts = {row: len(neighbours(meshes, meshes, seen, row, reach=2)) for row in np.flatnonzero(seen).tolist()}
    assert counts == {0: 0, 1: 2, 2: 2, 3: 0, 5: 0, 6: 0}
    assert neighbours(meshes, meshes, seen, 2, reach=0) == ()
