"""Where a crop lies: one box, a box that follows, or a turned one."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from lipblend.cropping.crop_frames import visibility
from lipblend.cropping.crop_poses import canvas_of, crop_matrix, crop_poses, face_features, filled
from lipblend.cropping.crop_profiles import PROFILES, CropProfile
from lipblend.faces.landmarks import POINTS_68, Landmarks

RATE = 25
SIZE = (512, 512)


def moved(
    face: Landmarks, *, by: tuple[float, float] = (0, 0), turn_deg: float = 0.0, scale: float = 1.0
) -> np.ndarray:
    turn = np.radians(turn_deg)
    axes = scale * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = face.points.mean(0)
    return np.asarray((face.points - middle) @ axes + middle + by, np.float32)


def track(meshes: list[np.ndarray], profile: CropProfile, missing: tuple[int, ...] = ()) -> np.ndarray:
    """The matrices of a crop of 512 px, (n, 2, 3)."""
    rows = np.array([face_features(mesh, profile.align) for mesh in meshes])
    valid = np.ones(len(rows), bool)
    valid[list(missing)] = False
    rows[~valid] = 0
    poses = crop_poses(rows, valid, np.arange(len(rows)) / RATE, profile)
    return np.array([crop_matrix(pose, SIZE, canvas_of(profile)) for pose in poses])


def shown(matrix: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    return mesh @ matrix[:, :2].T + matrix[:, 2]


def walking(face: Landmarks, frames: int = 50, step: float = 4.0) -> list[np.ndarray]:
    return [moved(face, by=(step * number, 2 * np.sin(number))) for number in range(frames)]


def test_a_fixed_crop_is_one_box_of_whole_pixels_that_holds_every_face(face: Landmarks) -> None:
    meshes = walking(face)
    profile = CropProfile(mode="fixed")
    matrices = track(meshes, profile)
    assert (matrices == matrices[0]).all()
    for mesh in meshes:
        places = shown(matrices[0], mesh)
        assert places.min() > 0
        assert places.max() < 512
    scale, corner = matrices[0][0, 0], -matrices[0][:, 2] / matrices[0][0, 0]
    assert corner == pytest.approx(np.rint(corner), abs=1e-6)
    assert 512 / scale == pytest.approx(round(512 / scale))


def test_a_following_crop_keeps_size_and_leaves_no_face_behind(face: Landmarks) -> None:
    meshes = walking(face, step=6)
    matrices = track(meshes, CropProfile(mode="follow"))
    widths = [np.ptp(shown(matrix, mesh)[:, 0]) for matrix, mesh in zip(matrices, meshes, strict=True)]
    assert max(widths) / min(widths) < 1.05
    for matrix, mesh in zip(matrices, meshes, strict=True):
        places = shown(matrix, mesh)
        assert places.min() > 0
        assert places.max() < 512
    # It moves, and steadily: its shift changes by no more than a pixel of the crop from one step to the next.
    steps = np.diff(matrices[:, 0, 2])
    assert abs(steps).max() > 3
    assert abs(np.diff(steps)).max() < 1


def test_the_crop_follows_without_lag(face: Landmarks) -> None:
    matrices = track(walking(face, frames=80, step=3), CropProfile(mode="follow"))
    middles = [shown(matrix, mesh).mean(0)[0] for matrix, mesh in zip(matrices, walking(face, 80, 3), strict=True)]
    assert np.std(middles[15:-15]) < 1.0


@pytest.mark.parametrize("turn", [-25, 0, 15])
def test_an_aligned_crop_is_upright_and_centred(face: Landmarks, turn: float) -> None:
    meshes = [moved(face, turn_deg=turn, scale=0.7, by=(number, 0)) for number in range(12)]
    matrices = track(meshes, CropProfile(mode="aligned", margin=0.5))
    places = Landmarks(np.asarray(shown(matrices[5], meshes[5]), np.float32))
    assert np.degrees(np.arctan2(*places.x_axis[::-1])) == pytest.approx(0, abs=0.5)
    low, high = places.points.min(0), places.points.max(0)
    assert (low + high) / 2 == pytest.approx([256, 256], abs=3)
    assert max(high - low) == pytest.approx(256, rel=0.02)  # half, with half a face on each side


def test_brows_and_nose_lie_on_the_template(face: Landmarks) -> None:
    profile = PROFILES["latentsync"]
    meshes = [moved(face, turn_deg=8, scale=1.3, by=(0.2 * number, 0)) for number in range(12)]
    places = shown(track(meshes, profile)[6], meshes[6])[POINTS_68]
    found = np.array([places[part].mean(0) for part in (slice(17, 22), slice(22, 27), slice(27, 36))])
    wanted = np.array([[95.2, 112], [324.8, 112], [210, 224]]) * [512 / 420, 512 / 560]
    # A similarity does not meet three points exactly; their means it does.
    assert found.mean(0) == pytest.approx(wanted.mean(0), abs=1)
    assert np.abs(found - wanted).max() < 25
    assert found[0, 1] == pytest.approx(found[1, 1], abs=8)


def test_liveportrait_shows_more_below(face: Landmarks) -> None:
    plain = replace(PROFILES["liveportrait"], shift=0.0)
    meshes = [face.points] * 8
    low = shown(track(meshes, PROFILES["liveportrait"])[4], face.points).mean(0)
    middle = shown(track(meshes, plain)[4], face.points).mean(0)
    assert low - middle == pytest.approx([0, 0.125 * 512], abs=1)


def test_gaps_are_bridged_and_ends_held() -> None:
    rows = np.zeros((6, 8))
    rows[1], rows[4] = 1.0, 4.0
    valid = np.array([False, True, False, False, True, False])
    out = filled(rows, valid, np.arange(6.0))
    assert out[:, 0].tolist() == [1, 1, 2, 3, 4, 4]


def test_a_turn_across_half_a_circle_is_no_jump() -> None:
    rows = np.zeros((3, 8))
    rows[0, 7], rows[2, 7] = np.pi - 0.1, -np.pi + 0.1
    assert filled(rows, np.array([True, False, True]), np.arange(3.0))[1, 7] == pytest.approx(np.pi)


def test_a_hidden_face_moves_no_crop(face: Landmarks) -> None:
    meshes = walking(face)
    whole = track(meshes, CropProfile(mode="follow"))
    gap = track(meshes, CropProfile(mode="follow"), missing=tuple(range(20, 27)))
    assert np.abs(gap - whole).max() < 3


def test_matrices_count_from_the_corner_of_the_first_pixel() -> None:
    matrix = crop_matrix((100.0, 80.0, 50.0, 0.0), (200, 200), (1.0, 1.0))
    assert (matrix @ [75, 55, 1]).tolist() == pytest.approx([0, 0])
    assert (matrix @ [125, 105, 1]).tolist() == pytest.approx([200, 200])
    turned = crop_matrix((100.0, 80.0, 50.0, np.pi / 2), (200, 200), (1.0, 1.0))
    assert (turned @ [100, 105, 1]).tolist() == pytest.approx([200, 100])


def test_visibility_is_the_share_within_the_picture() -> None:
    assert visibility(np.array([-10.0, 0, 10, 20]), (100, 100)) == pytest.approx(0.5)
    assert visibility(np.array([90.0, 90, 110, 110]), (100, 100)) == pytest.approx(0.25)
    assert visibility(np.array([200.0, 0, 210, 20]), (100, 100)) == 0
    assert visibility(None, (100, 100)) == 0


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_can_be_cut(name: str, face: Landmarks) -> None:
    profile = PROFILES[name]
    matrix = track([face.points] * 4, profile)[2]
    places = shown(matrix, face.points)
    assert cv2.determinant(matrix[:, :2]) > 0
    assert np.median(places, axis=0) == pytest.approx([256, 256], abs=100)
