"""The thin-plate spline, and the micro-warp between meshes with a known difference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lipblend.faces.landmarks import LEFT_CHEEK, LIPS_OUTER, NOSE_BASE, RIGHT_CHEEK, Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.mask import signed_distance
from lipblend.stages.registration.microwarp import micro_warp, thin_plate


def box_of(face: Landmarks) -> Box:
    low, high = face.points.min(0).astype(int) - 4, face.points.max(0).astype(int) + 4
    return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def warp_of(original: Landmarks, synced: Landmarks, **changed: float) -> np.ndarray:
    given = {"strength": 1.0, "regularisation": 1e-4, "max_px": 50.0, **changed}
    flow = micro_warp(original, synced, box_of(original), **given)
    assert flow is not None
    return flow


def at(flow: np.ndarray, face: Landmarks, index: int) -> np.ndarray:
    box = box_of(face)
    x, y = np.floor(face.points[index]).astype(int) - (box.x0, box.y0)
    return flow[y, x]


@pytest.mark.parametrize("regularisation", [0.0, 0.1, 10.0])
def test_affine_map_is_reproduced_with_any_regularisation(regularisation: float) -> None:
    rng = np.random.default_rng(1)
    points, places = rng.uniform(-1, 1, (20, 2)), rng.uniform(-2, 2, (50, 2))
    matrix, shift = rng.normal(0, 1, (2, 2)), rng.normal(0, 1, 2)
    weights = rng.uniform(0.1, 1, 20)
    found = thin_plate(points, points @ matrix + shift, weights, places, regularisation=regularisation)
    assert found == pytest.approx(places @ matrix + shift, abs=1e-8)


def test_spline_goes_through_all_points_and_regularisation_smooths() -> None:
    rng = np.random.default_rng(2)
    points, values = rng.uniform(-1, 1, (25, 2)), rng.normal(0, 1, (25, 2))
    ones = np.ones(25)
    through = thin_plate(points, values, ones, points, regularisation=0.0)
    smooth = thin_plate(points, values, ones, points, regularisation=1.0)
    assert through == pytest.approx(values, abs=1e-8)
    assert smooth.std() < 0.5 * values.std()


def test_thin_plate_golden() -> None:
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.5]])
    values = np.array([[0.0], [0.0], [0.0], [0.0], [1.0]])
    found = thin_plate(corners, values, np.ones(5), np.array([[0.5, 0.25], [0.5, 0.0]]), regularisation=0.0)
    # By hand: a at each corner, -4a in the middle; 4a U(1/2) + c = 1, a(2 U(1) + U(2) - 4 U(1/2)) + c = 0.
    bend = [squared * np.log(squared) for squared in (0.5, 2.0)]
    a = 1 / (4 * bend[0] - (bend[1] - 4 * bend[0]))
    c = 1 - 4 * a * bend[0]

    def by_hand(x: float, y: float) -> float:
        squared = ((corners - (x, y)) ** 2).sum(1)
        return float(c + a * (squared * np.log(np.where(squared > 0, squared, 1))) @ [1, 1, 1, 1, -4])

    assert found[:, 0] == pytest.approx([by_hand(0.5, 0.25), by_hand(0.5, 0.0)], abs=1e-9)


def test_equal_meshes_and_no_strength_give_no_warp(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    assert micro_warp(face, face, box_of(face), strength=1.0, regularisation=0.0, max_px=9.0) is None
    other = transformed(face, shift=(3.0, 0.0))
    assert micro_warp(face, other, box_of(face), strength=0.0, regularisation=0.0, max_px=9.0) is None


def test_warp_follows_a_shifted_face_and_leaves_the_lips(
    face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    other = transformed(face, shift=(3.0, -2.0))
    flow = warp_of(face, other)
    for index in (RIGHT_CHEEK[0], LEFT_CHEEK[0]):
        assert at(flow, face, index) == pytest.approx((3.0, -2.0), abs=0.02)
    lips = signed_distance([(face.points[list(LIPS_OUTER)], True)], box_of(face), step_px=1) > 1
    assert np.abs(flow[lips]).max() == 0
    assert at(warp_of(face, other, strength=0.5), face, RIGHT_CHEEK[0]) == pytest.approx((1.5, -1.0), abs=0.02)


def test_displacement_is_limited(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    flow = warp_of(face, transformed(face, shift=(30.0, 0.0)), max_px=5.0)
    assert np.hypot(flow[..., 0], flow[..., 1]).max() == pytest.approx(5.0, abs=1e-3)


def test_speech_hardly_moves_the_warp(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    spoken = transformed(face, jaw_px=0.15 * face.face_width_px)
    flow = micro_warp(face, spoken, box_of(face), strength=1.0, regularisation=1e-3, max_px=50.0)
    assert flow is None or abs(at(flow, face, RIGHT_CHEEK[0])[1]) < 0.02 * face.face_width_px


def test_golden_warp(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    """A head turned by one degree, enlarged by half a percent, with an open jaw: cheeks, nose, beside the mouth."""
    other = transformed(face, angle_rad=np.deg2rad(1), scale=1.005, jaw_px=6.0)
    flow = warp_of(face, other, regularisation=1e-3)
    found = [at(flow, face, index) for index in (RIGHT_CHEEK[0], LEFT_CHEEK[0], NOSE_BASE[0], 57)]
    assert np.ravel(found) == pytest.approx(GOLDEN, abs=0.05)


GOLDEN = [-3.442, 6.305, -2.602, 10.018, -3.981, 7.755, -3.356, 5.364]


def test_warp_is_smooth(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    flow = warp_of(face, transformed(face, angle_rad=0.01, scale=1.005))
    assert max(float(np.abs(np.diff(flow, axis=axis)).max()) for axis in (0, 1)) < 1.0
