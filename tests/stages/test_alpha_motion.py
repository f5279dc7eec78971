from collections.abc import Callable

import numpy as np
import pytest

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.settings import AlphaSettings, MaskSettings
from lipblend.stages.alpha.matte import Matte, make_matte
from lipblend.stages.alpha.motion_feather import directional_feather, widening_px
from lipblend.stages.masks.mask import signed_distance

LAYOUT = PixelLayout("yuv420p", 8, 1, 1, 3)


def matte_of(a: Landmarks, b: Landmarks, alpha: AlphaSettings, **more: object) -> Matte:
    matte = make_matte(
        a, b, frame_size=(768, 768), layout=LAYOUT, mask=MaskSettings(shapes=("superellipse",)), alpha=alpha,
        seam_px=0.0, **more,
    )  # fmt: skip
    assert matte is not None
    return matte


def whole(matte: Matte, plane: np.ndarray) -> np.ndarray:
    out = np.zeros((768, 768), np.float32)
    out[matte.box.y0 : matte.box.y1, matte.box.x0 : matte.box.x1] = plane
    return out


def test_widening_begins_at_the_threshold_and_is_capped() -> None:
    def at(speed: float) -> float:
        return widening_px(
            (0.6 * speed, -0.8 * speed), face_width_px=200, feather_px=12, threshold_frac=0.03, gain=2, largest=2
        )

    assert at(0) == at(6) == 0
    assert at(8) == pytest.approx(4)
    assert at(11) == pytest.approx(10)
    assert at(500) == 12


@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.0, -1.0), (0.6, 0.8)])
def test_the_feather_of_a_disc_is_wide_along_the_motion_and_plain_across_it(direction: tuple[float, float]) -> None:
    y, x = np.mgrid[:240, :240].astype(np.float32) - 119.5
    distance = 90 - np.hypot(x, y)
    widths = directional_feather(distance, feather_px=10, extra_px=8, velocity=(9 * direction[0], 9 * direction[1]))
    for turn, expected in ((0, 18), (180, 18), (90, 10), (-90, 10), (45, 14)):
        angle = np.deg2rad(turn) + np.arctan2(direction[1], direction[0])
        place = (round(119.5 + 85 * np.sin(angle)), round(119.5 + 85 * np.cos(angle)))
        assert widths[place] == pytest.approx(expected, abs=0.35), turn
    assert widths.min() >= 10
    assert widths.max() <= 18


def test_the_widening_has_no_step_where_the_outline_has_a_corner() -> None:
    y, x = np.abs(np.mgrid[:240, :240].astype(np.float32) - 119.5)
    widths = directional_feather(90 - np.maximum(x, y), feather_px=10, extra_px=8, velocity=(5.0, 0.0))
    assert widths.min() < 10.1
    assert widths.max() > 17.9
    # Under a Gaussian of half a feather a step of 8 rises by 8 / (5 sqrt(2 pi)) = 0.64 a pixel.
    assert max(float(np.abs(np.diff(widths, axis=axis)).max()) for axis in (0, 1)) < 0.8


def test_a_fast_face_has_a_wider_feather_and_its_contour_stays(face: Landmarks) -> None:
    settings = AlphaSettings(motion_gain=2.0, motion_threshold_frac=0.03)
    calm = matte_of(face, face, settings, velocity=(0.02 * face.face_width_px, 0.0))
    fast = matte_of(face, face, settings, velocity=(0.2 * face.face_width_px, 0.0))
    off = matte_of(face, face, AlphaSettings(), velocity=(0.2 * face.face_width_px, 0.0))
    for matte in (calm, off):
        np.testing.assert_array_equal(matte.alpha, matte.contour)
    np.testing.assert_array_equal(calm.alpha, off.alpha)
    assert np.all(whole(fast, fast.alpha) <= whole(fast, fast.contour) + 1e-6)
    assert np.all(fast.alpha[~fast.mask] == 0)
    middle = round(float(face.mouth_centre[1])) - fast.box.y0
    row, plain = fast.alpha[middle], fast.contour[middle]
    # To the sides the feather is twice as wide; at the chin the outline runs along the motion.
    assert np.count_nonzero((row > 0) & (row < 1)) == pytest.approx(
        2 * np.count_nonzero((plain > 0) & (plain < 1)), abs=3
    )
    column = round(float(face.mouth_centre[0])) - fast.box.x0
    np.testing.assert_allclose(fast.alpha[:, column], fast.contour[:, column], atol=0.03)
    lips = signed_distance([(face.points[list(LIPS_OUTER)], True)], fast.box, step_px=1) > 0
    assert fast.alpha[lips].min() == 1


def test_the_lips_stay_covered_by_a_tight_mask_whatever_the_motion(
    face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    opened = transformed(face, jaw_px=0.3 * face.face_width_px)
    matte = make_matte(
        face, opened, frame_size=(768, 768), layout=LAYOUT, mask=MaskSettings(shapes=("mouth",), both_jaws=False),
        alpha=AlphaSettings(motion_gain=4, motion_max=4, supersample=2, average_frames=1), seam_px=0.0,
        velocity=(30.0, 60.0), neighbours=((transformed(face, shift=(20, 0)), face),) * 2,
    )  # fmt: skip
    assert matte is not None
    for mesh in (face, opened):
        lips = signed_distance([(mesh.points[list(LIPS_OUTER)], True)], matte.box, step_px=1) > 0
        assert matte.alpha[lips].min() == 1
        assert matte.contour[lips].min() == 1
    rim = np.concatenate([matte.alpha[0], matte.alpha[-1], matte.alpha[:, 0], matte.alpha[:, -1]])
    assert rim.max() == 0  # the box has room for what the motion adds


def test_all_samples_of_a_pixel_are_widened(face: Landmarks) -> None:
    def centre(supersample: int) -> np.ndarray:
        settings = AlphaSettings(motion_gain=2.0, motion_threshold_frac=0.0, supersample=supersample)
        plane = whole(matte := matte_of(face, face, settings, velocity=(12.0, 5.0)), matte.alpha)
        y, x = np.mgrid[:768, :768]
        return np.array([(plane * x).sum(), (plane * y).sum()]) / plane.sum()

    np.testing.assert_allclose(centre(2), centre(1), atol=0.03)


def test_neighbours_equal_to_the_frame_change_nothing_and_others_calm_the_outline(
    face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    plain = matte_of(face, face, AlphaSettings())
    same = matte_of(face, face, AlphaSettings(), neighbours=((face, face), (face, face)))
    np.testing.assert_allclose(whole(same, same.alpha), whole(plain, plain.alpha), atol=1e-4)
    wide = [transformed(face, jaw_px=share * face.face_width_px) for share in (0.0, 0.2)]
    areas = {}
    for averaged in (False, True):
        areas[averaged] = [
            float(matte_of(one, one, AlphaSettings(), neighbours=((other, other),) if averaged else ()).alpha.sum())
            for one, other in (wide, wide[::-1])
        ]
    assert abs(areas[True][1] - areas[True][0]) < 0.2 * abs(areas[False][1] - areas[False][0])


@pytest.mark.slow
def test_supersampled_hard_mask_is_the_coverage_of_a_diagonal_outline(
    monkeypatch: pytest.MonkeyPatch, face: Landmarks
) -> None:
    """A diamond in place of the shape: its sides run at 30 degrees, and the coverage of half-planes is known."""
    centre = np.array([380.3, 400.7])
    normals = np.deg2rad([30, 120, 210, 300])
    corners = np.array([centre + 90 * np.sqrt(2) * np.array([np.cos(a), np.sin(a)]) for a in normals + np.pi / 4])
    polygon = [(corners.astype(np.float32), True)]
    monkeypatch.setattr("lipblend.stages.alpha.matte.mask_polygons", lambda *_: polygon)
    monkeypatch.setattr("lipblend.stages.alpha.matte.grid_step_px", lambda _: 1)
    errors = {}
    for supersample in (1, 2):
        matte = make_matte(
            face, face, frame_size=(768, 768), layout=LAYOUT, mask=MaskSettings(cover_lips=False, erode=False),
            alpha=AlphaSettings(feather_floor_px=0, feather_cap_px=1, feather_ratio=0.02, supersample=supersample)
            .model_copy(update={"feather_ratio": 0.0}), seam_px=0.0,
        )  # fmt: skip
        assert matte is not None
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
