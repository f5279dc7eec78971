"""The feather: its width, its profiles, widening by motion, averaging over frames, supersampling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from mattes import in_lips, matte_of, whole

from lipblend.faces.landmarks import Landmarks
from lipblend.settings import AlphaSettings, MaskSettings
from lipblend.stages.alpha.feather import Feather, directional_feather, distance_alpha, gaussian_alpha

Make = Callable[..., Landmarks]
Profile = Callable[[np.ndarray], np.ndarray]
SUPERELLIPSE = {"shapes": ("superellipse",)}


@pytest.fixture
def field() -> np.ndarray:
    """Signed distance to a circle of radius 45."""
    y, x = np.mgrid[:120, :120]
    return (45 - np.hypot(y - 60, x - 60)).astype(np.float32)


@pytest.mark.parametrize(("face_width_px", "expected"), [(300, 18), (20, 3), (2000, 48)])
def test_width_is_clamped(face_width_px: float, expected: float) -> None:
    settings = AlphaSettings(feather_ratio=0.06, feather_floor_px=3, feather_cap_px=48)
    assert Feather.of(face_width_px, (0, 0), settings).width_px == pytest.approx(expected)


@pytest.mark.parametrize(("speed", "extra"), [(0, 0), (6, 0), (8, 4), (11, 10), (500, 12)])
def test_widening_starts_at_the_threshold_and_is_capped(speed: float, extra: float) -> None:
    settings = AlphaSettings(feather_ratio=0.06, motion_threshold_frac=0.03, motion_gain=2, motion_max=2)
    feather = Feather.of(200, (0.6 * speed, -0.8 * speed), settings)
    assert (feather.width_px, feather.extra_px) == (pytest.approx(12), pytest.approx(extra))


@pytest.mark.parametrize(
    "profile", [lambda d: distance_alpha(d, feather_px=12, gamma=1.0), lambda d: gaussian_alpha(d, feather_px=12)]
)
def test_alpha_is_exactly_0_outside_and_exactly_1_a_feather_inside(profile: Profile, field: np.ndarray) -> None:
    alpha = profile(field)
    assert alpha.dtype == np.float32
    assert np.all(alpha[field <= 0] == 0)
    assert np.all(alpha[field >= 12] == 1)
    between = alpha[(field > 0.5) & (field < 11.5)]
    assert between.min() > 0
    assert between.max() < 1


def test_distance_profile_is_linear_and_gamma_its_power(field: np.ndarray) -> None:
    plain = distance_alpha(field, feather_px=20, gamma=1.0)
    np.testing.assert_allclose(plain[60, 15:36], np.arange(21) / 20, atol=1e-6)
    for gamma in (0.5, 2.0):
        np.testing.assert_allclose(distance_alpha(field, feather_px=20, gamma=gamma), plain**gamma, atol=1e-5)


def test_gaussian_profile_is_one_half_in_the_middle_and_flat_at_the_ends(field: np.ndarray, face: Landmarks) -> None:
    row = gaussian_alpha(field, feather_px=16)[60, 15:32]
    assert row[8] == pytest.approx(0.5, abs=1e-6)
    steps = np.diff(row)
    assert max(steps[0], steps[-1]) < 0.4 * steps[8]
    plain, soft = (matte_of(face, alpha=AlphaSettings(profile=name)).alpha for name in ("distance", "gaussian"))
    for low, high, expected in ((0.2, 0.3, 0.14), (0.45, 0.55, 0.5), (0.7, 0.8, 0.86)):
        assert soft[(plain > low) & (plain < high)].mean() == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("feather", [0.0, -1.0])
def test_no_feather_gives_the_hard_mask(feather: float, field: np.ndarray) -> None:
    np.testing.assert_array_equal(distance_alpha(field, feather_px=feather, gamma=1.0), field > 0)
    np.testing.assert_array_equal(gaussian_alpha(field, feather_px=feather), field > 0)


@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.0, -1.0), (0.6, 0.8)])
def test_feather_of_a_disc_is_wide_along_the_motion_and_plain_across_it(direction: tuple[float, float]) -> None:
    y, x = np.mgrid[:240, :240].astype(np.float32) - 119.5
    widths = directional_feather(90 - np.hypot(x, y), Feather(10, 8), (9 * direction[0], 9 * direction[1]))
    for turn, expected in ((0, 18), (180, 18), (90, 10), (-90, 10), (45, 14)):
        angle = np.deg2rad(turn) + np.arctan2(direction[1], direction[0])
        place = (round(119.5 + 85 * np.sin(angle)), round(119.5 + 85 * np.cos(angle)))
        assert widths[place] == pytest.approx(expected, abs=0.35), turn
    assert widths.min() >= 10
    assert widths.max() <= 18


def test_widening_has_no_step_at_a_corner_of_the_outline() -> None:
    y, x = np.abs(np.mgrid[:240, :240].astype(np.float32) - 119.5)
    widths = directional_feather(90 - np.maximum(x, y), Feather(10, 8), (5.0, 0.0))
    assert widths.min() < 10.1
    assert widths.max() > 17.9
    # Under a Gaussian of half a feather a step of 8 rises by 8 / (5 sqrt(2 pi)) = 0.64 per pixel.
    assert max(float(np.abs(np.diff(widths, axis=axis)).max()) for axis in (0, 1)) < 0.8


def test_fast_face_has_a_wider_feather_and_the_same_contour(face: Landmarks) -> None:
    def matte(share: float, settings: AlphaSettings):
        return matte_of(face, mask=SUPERELLIPSE, alpha=settings, velocity=(share * face.face_width_px, 0.0))

    settings = AlphaSettings(motion_gain=2.0, motion_threshold_frac=0.03)
    calm, fast, off = matte(0.02, settings), matte(0.2, settings), matte(0.2, AlphaSettings())
    for each in (calm, off):
        np.testing.assert_array_equal(each.alpha, each.contour)
    np.testing.assert_array_equal(calm.alpha, off.alpha)
    assert np.all(fast.alpha <= fast.contour + 1e-6)
    assert np.all(fast.alpha[~fast.mask] == 0)
    middle = round(float(face.mouth_centre[1])) - fast.box.y0
    row, plain = fast.alpha[middle], fast.contour[middle]
    # To the sides the feather is twice as wide; at the chin the outline runs along the motion.
    soft_px = np.count_nonzero((row > 0) & (row < 1))
    assert soft_px == pytest.approx(2 * np.count_nonzero((plain > 0) & (plain < 1)), abs=3)
    column = round(float(face.mouth_centre[0])) - fast.box.x0
    np.testing.assert_allclose(fast.alpha[:, column], fast.contour[:, column], atol=0.03)
    assert fast.alpha[in_lips(face, fast.box)].min() == 1


def test_tight_mask_covers_the_lips_with_any_motion(face: Landmarks, transformed: Make) -> None:
    opened = transformed(face, jaw_px=0.3 * face.face_width_px)
    matte = matte_of(
        face,
        opened,
        mask={"shapes": ("mouth",), "both_jaws": False},
        alpha=AlphaSettings(motion_gain=4, motion_max=4, supersample=2, average_frames=1),
        velocity=(30.0, 60.0),
        neighbours=((transformed(face, shift=(20, 0)), face),) * 2,
    )
    for mesh in (face, opened):
        lips = in_lips(mesh, matte.box)
        assert matte.alpha[lips].min() == matte.contour[lips].min() == 1
    rim = np.concatenate([matte.alpha[0], matte.alpha[-1], matte.alpha[:, 0], matte.alpha[:, -1]])
    assert rim.max() == 0  # the box has room for the widening


def test_all_samples_of_a_pixel_are_widened(face: Landmarks) -> None:
    def centre(supersample: int) -> np.ndarray:
        settings = AlphaSettings(motion_gain=2.0, motion_threshold_frac=0.0, supersample=supersample)
        plane = whole(matte_of(face, mask=SUPERELLIPSE, alpha=settings, velocity=(12.0, 5.0)))
        y, x = np.mgrid[:768, :768]
        return np.array([(plane * x).sum(), (plane * y).sum()]) / plane.sum()

    np.testing.assert_allclose(centre(2), centre(1), atol=0.03)


def test_equal_neighbours_change_nothing_and_others_steady_the_outline(face: Landmarks, transformed: Make) -> None:
    plain = matte_of(face, mask=SUPERELLIPSE)
    same = matte_of(face, mask=SUPERELLIPSE, neighbours=((face, face), (face, face)))
    np.testing.assert_allclose(whole(same), whole(plain), atol=1e-4)
    a, b = (transformed(face, jaw_px=share * face.face_width_px) for share in (0.0, 0.2))

    def step(averaged: bool) -> float:
        first, second = (
            matte_of(mesh, mask=SUPERELLIPSE, neighbours=((other, other),) if averaged else ())
            for mesh, other in ((a, b), (b, a))
        )
        return abs(float(second.alpha.sum() - first.alpha.sum()))

    assert step(True) < 0.2 * step(False)


@pytest.mark.slow
def test_supersampled_hard_mask_is_the_coverage_of_a_diagonal_outline(
    monkeypatch: pytest.MonkeyPatch, face: Landmarks
) -> None:
    """A diamond in place of the shape: its sides run at 30 degrees, and the coverage of half-planes is known."""
    centre = np.array([380.3, 400.7])
    normals = np.deg2rad([30, 120, 210, 300])
    corners = np.array([centre + 90 * np.sqrt(2) * np.array([np.cos(a), np.sin(a)]) for a in normals + np.pi / 4])
    polygon = [(corners.astype(np.float32), True)]
    monkeypatch.setattr("lipblend.stages.masks.mask_fields.shape_pieces", lambda *_: [polygon])
    monkeypatch.setattr("lipblend.stages.alpha.matte.grid_step_px", lambda _: 1)
    errors = {}
    for supersample in (1, 2):
        hard = AlphaSettings(feather_floor_px=0, feather_cap_px=1, supersample=supersample)
        matte = matte_of(
            face,
            mask=MaskSettings(cover_lips=False, erode=False),
            alpha=hard.model_copy(update={"feather_ratio": 0.0}),
        )
        fine = (np.arange(16) + 0.5) / 16
        x = (np.arange(matte.box.x0, matte.box.x1)[:, None] + fine).ravel()
        y = (np.arange(matte.box.y0, matte.box.y1)[:, None] + fine).ravel()
        inside = np.ones((len(y), len(x)), bool)
        for a in normals:
            inside &= (x - centre[0])[None] * np.cos(a) + (y - centre[1])[:, None] * np.sin(a) < 90
        coverage = inside.reshape(matte.box.height, 16, matte.box.width, 16).mean((1, 3))
        cut = (coverage > 0) & (coverage < 1)
        errors[supersample] = float(np.sqrt(np.mean((matte.alpha - coverage)[cut] ** 2)))
        assert np.abs(matte.alpha - coverage)[~cut].max() < 0.01
    # One sample rounds an even spread of coverages to 0 or 1: 0.29 rms. Four in two rows and columns: a quarter of it.
    assert errors[1] == pytest.approx(0.28, abs=0.04)
    assert errors[2] == pytest.approx(0.069, abs=0.01)
