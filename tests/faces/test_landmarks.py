from __future__ import annotations

import dataclasses
from typing import get_args

import numpy as np
import pytest
from mediapipe import tasks

from lipblend.faces import landmarks as lm
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.settings import RegionName

CONNECTIONS = tasks.vision.FaceLandmarksConnections


def edges(connections: object) -> set[frozenset[int]]:
    return {frozenset((c.start, c.end)) for c in connections}  # type: ignore[attr-defined]


def closed(indices: tuple[int, ...]) -> set[frozenset[int]]:
    return {frozenset(pair) for pair in zip(indices, indices[1:] + indices[:1], strict=True)}


def points(connections: object) -> set[int]:
    return set().union(*edges(connections))


@pytest.fixture(scope="module")
def face(landmarker: FaceLandmarker, astronaut: np.ndarray) -> Landmarks:
    return Landmarks(landmarker.detect(astronaut)[0])


def turned(face: Landmarks, degrees: float) -> Landmarks:
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return Landmarks((face.points @ matrix.T).astype(np.float32))


@pytest.mark.parametrize(
    ("outlines", "connections"),
    [
        ((lm.FACE_OVAL,), CONNECTIONS.FACE_LANDMARKS_FACE_OVAL),
        ((lm.LIPS_OUTER, lm.LIPS_INNER), CONNECTIONS.FACE_LANDMARKS_LIPS),
        ((lm.LEFT_EYE,), CONNECTIONS.FACE_LANDMARKS_LEFT_EYE),
        ((lm.RIGHT_EYE,), CONNECTIONS.FACE_LANDMARKS_RIGHT_EYE),
    ],
    ids=["oval", "lips", "left eye", "right eye"],
)
def test_outlines_are_mediapipes(outlines: tuple[tuple[int, ...], ...], connections: object) -> None:
    assert set().union(*map(closed, outlines)) == edges(connections)


def test_brows_and_nose_use_mediapipes_points() -> None:
    assert set(lm.LEFT_BROW) == points(CONNECTIONS.FACE_LANDMARKS_LEFT_EYEBROW)
    assert set(lm.RIGHT_BROW) == points(CONNECTIONS.FACE_LANDMARKS_RIGHT_EYEBROW)
    nose = points(CONNECTIONS.FACE_LANDMARKS_NOSE)
    assert set(lm.NOSE_BASE) <= nose


def test_the_jaw_is_the_lower_part_of_the_oval() -> None:
    assert {frozenset(p) for p in zip(lm.JAW, lm.JAW[1:], strict=False)} <= closed(lm.FACE_OVAL)
    assert lm.JAW[len(lm.JAW) // 2] == 152
    assert (lm.LOWER_JAW[0], lm.LOWER_JAW[-1]) == (132, 361)


def test_the_outlines_do_not_cross_themselves_and_enclose_an_area(face: Landmarks) -> None:
    for name, (outlines, holes) in lm.REGIONS.items():
        for outline in outlines + holes:
            polygon = face.points[list(outline)].astype(np.float64)
            count = len(polygon)
            assert len(set(outline)) == count, name
            for i in range(count):
                for j in range(i + 2, count - (i == 0)):
                    corners = polygon[[i, (i + 1) % count, j, (j + 1) % count]]
                    assert not segments_cross(*corners), (name, outline[i], outline[j])


def segments_cross(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def test_every_region_of_the_settings_is_there() -> None:
    assert set(lm.REGIONS) == set(get_args(RegionName))


def test_68_points_lie_where_the_scheme_says(face: Landmarks) -> None:
    p = face.points_68
    assert p.shape == (68, 2)
    assert p.dtype == np.float32
    assert np.argmax(p[:17, 1]) == 8, "the chin is lowest"
    assert (np.diff(p[:17, 0]) > 0)[3:13].all(), "the jaw runs from the picture's left to its right"
    assert (np.diff(p[17:27, 0]) > 0).all()
    assert (np.diff(p[27:31, 1]) > 0).all()
    assert (np.diff(p[31:36, 0]) > 0).all()
    assert p[36:42, 0].max() < p[27, 0] < p[42:48, 0].min(), "right eye on the picture's left"
    assert p[30, 1] < p[33, 1] < p[51, 1] < p[57, 1] < p[8, 1], "nose, its base, upper lip, lower lip, chin"
    assert p[48, 0] == p[48:60, 0].min()
    assert p[54, 0] == p[48:60, 0].max()
    assert len(set(lm.POINTS_68.tolist())) == 68
    for first, last in ((36, 42), (42, 48), (48, 60), (60, 68)):
        polygon = p[first:last].astype(np.float64)
        following = np.roll(polygon, -1, axis=0)
        area = (polygon[:, 0] * following[:, 1] - polygon[:, 1] * following[:, 0]).sum() / 2
        assert area > 0, "drawn clockwise on the screen"


def test_areas_are_68_numbers() -> None:
    assert (*range(3, 14), 35, 34, 33, 32, 31) == lm.AREA_LOWER_FACE
    assert tuple(range(48, 68)) == lm.AREA_MOUTH
    assert set(lm.AREA_UPPER_FACE) == {*range(3), *range(14, 27), *range(31, 36)}


def test_lip_points_of_the_68_come_from_the_lips() -> None:
    assert set(lm.POINTS_68[48:60].tolist()) <= set(lm.LIPS_OUTER)
    assert set(lm.POINTS_68[60:68].tolist()) <= set(lm.LIPS_INNER)
    assert set(lm.POINTS_68[:17].tolist()) <= set(lm.JAW)


@pytest.mark.parametrize("degrees", [0, 30, 90, 180, -60])
def test_measures_turn_with_the_face(face: Landmarks, degrees: float) -> None:
    other = turned(face, degrees)
    angle = np.radians(degrees)
    expected = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ face.x_axis
    np.testing.assert_allclose(other.x_axis, expected, atol=1e-4)
    assert abs(float(other.x_axis @ other.y_axis)) < 1e-12
    assert (other.points[152] - other.points[10]) @ other.y_axis > 0
    assert other.face_width_px == pytest.approx(face.face_width_px, rel=1e-4)
    assert other.mouth_opening == pytest.approx(face.mouth_opening, abs=1e-4)
    assert other.yaw_rad == pytest.approx(face.yaw_rad, abs=1e-3)
    difference = other.mouth_angle_rad - face.mouth_angle_rad - angle
    assert abs(np.angle(np.exp(1j * difference))) < 1e-4


def test_doubling_the_size_doubles_lengths_only(face: Landmarks) -> None:
    double = Landmarks(face.points * np.float32(2))
    assert double.face_width_px == pytest.approx(2 * face.face_width_px)
    assert double.mouth_opening == pytest.approx(face.mouth_opening)
    np.testing.assert_allclose(double.mouth_centre, 2 * face.mouth_centre, rtol=1e-6)


def test_mouth_opening_is_clipped_and_exact() -> None:
    mesh = np.zeros((478, 2), np.float32)
    mesh[291] = (10, 0)
    mesh[14] = (0, 3)
    assert Landmarks(mesh).mouth_opening == pytest.approx(0.3)
    mesh[14] = (0, 30)
    assert Landmarks(mesh).mouth_opening == 1.0
    assert Landmarks(np.zeros((478, 2), np.float32)).mouth_opening == 0.0


def test_yaw_has_the_sign_of_where_the_nose_points() -> None:
    mesh = np.zeros((478, 2), np.float32)
    mesh[234], mesh[454] = (-50, 0), (50, 0)
    assert Landmarks(mesh).yaw_rad == 0.0
    mesh[1] = (20, 0)
    assert Landmarks(mesh).yaw_rad > 0.1
    mesh[1] = (-20, 0)
    assert Landmarks(mesh).yaw_rad < -0.1


def test_a_mesh_without_extent_has_defined_measures() -> None:
    flat = Landmarks(np.zeros((478, 2), np.float32))
    assert flat.face_width_px == 0.0
    assert flat.yaw_rad == 0.0
    np.testing.assert_array_equal(flat.x_axis, [1, 0])


def test_box_encloses_the_points() -> None:
    mesh = np.full((478, 2), 5.0, np.float32)
    mesh[0], mesh[1] = (-1.5, 2.0), (9.25, 7.75)
    assert Landmarks(mesh).box() == Box(-2, 2, 10, 8)


def test_points_are_a_read_only_copy() -> None:
    mesh = np.zeros((478, 2), np.float32)
    kept = Landmarks(mesh)
    mesh[0] = 7
    assert kept.points[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        kept.points[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        kept.points = mesh  # type: ignore[misc]


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((468, 2), np.float32),
        np.zeros((478, 3), np.float32),
        np.zeros((478, 2)),
        np.full((478, 2), np.nan, np.float32),
    ],
    ids=["468 points", "three columns", "float64", "nan"],
)
def test_bad_meshes_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="landmarks, got"):
        Landmarks(bad)
