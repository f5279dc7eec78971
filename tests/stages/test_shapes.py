"""Mask shapes on a face."""

import itertools
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest

from lipblend.faces.landmarks import LIPS_OUTER, LOWER_JAW, Landmarks
from lipblend.picture.patch import Box
from lipblend.settings import MaskSettings, RegionName, ShapeName
from lipblend.stages.masks.mask import signed_distance
from lipblend.stages.masks.shapes import HULLS, MOUTH_CENTRED, clip_above, face_frame, shape_pieces

Make = Callable[..., Landmarks]
FRAME = Box(0, 0, 768, 768)


def draw(name: str, *faces: Landmarks, **changes: object) -> np.ndarray:
    pieces = shape_pieces(name, faces, MaskSettings(**changes))
    drawn = np.zeros((FRAME.y1, FRAME.x1), np.float32)
    places = np.concatenate([points for polygons in pieces for points, _ in polygons])
    x0, y0 = np.clip(np.floor(places.min(0)).astype(int) - 1, 0, FRAME.x1)
    x1, y1 = np.clip(np.ceil(places.max(0)).astype(int) + 1, 0, FRAME.x1)
    distances = [signed_distance(polygons, Box(x0, y0, x1, y1), step_px=1) for polygons in pieces]
    drawn[y0:y1, x0:x1] = np.max(distances, axis=0) > -0.5
    return drawn


def inside(drawn: np.ndarray, points: np.ndarray) -> np.ndarray:
    x, y = np.floor(points).astype(int).T
    return drawn[y, x] > 0


@pytest.mark.parametrize("name", get_args(ShapeName))
def test_every_shape_is_drawn(name: str, face: Landmarks) -> None:
    assert draw(name, face).sum() > 0.002 * face.face_width_px**2


def test_every_shape_has_an_outline_of_its_own(face: Landmarks) -> None:
    assert set(get_args(ShapeName)) == {*MOUTH_CENTRED, *HULLS, "region"}
    drawn = {name: draw(name, face, mouth_adaptation=False) for name in get_args(ShapeName)}
    for first, second in itertools.combinations(drawn, 2):
        assert (drawn[first] != drawn[second]).any(), f"{first} and {second} are the same"
    with pytest.raises(ValueError, match="'circle' has no outline: add it to MOUTH_CENTRED or HULLS"):
        shape_pieces("circle", [face], MaskSettings())


@pytest.mark.parametrize("name", get_args(RegionName))
def test_every_region_is_drawn(name: str, face: Landmarks) -> None:
    share = draw("region", face, regions=(name,)).sum() / face.face_width_px**2
    assert 0 < share < 1.5


@pytest.mark.parametrize("name", [*MOUTH_CENTRED, *HULLS])
def test_twice_the_size_is_four_times_the_area(name: str, face: Landmarks, transformed: Make) -> None:
    small = draw(name, transformed(face, scale=0.5))
    assert draw(name, face).sum() == pytest.approx(4 * small.sum(), rel=0.03)


@pytest.mark.parametrize("name", ["lower_face_contour", "ultra_wide_ellipse", "superellipse", "box"])
def test_lips_and_chin_are_covered_and_the_eyes_are_not(name: str, face: Landmarks) -> None:
    drawn = draw(name, face)
    assert inside(drawn, face.points[list(LIPS_OUTER)]).all()
    assert inside(drawn, face.points[[152]]).all()
    assert not inside(drawn, face.points[[33, 133, 362, 263, 168]]).any()


def test_contour_covers_both_chins_when_both_are_given(face: Landmarks, transformed: Make) -> None:
    dropped = transformed(face, jaw_px=0.25 * face.face_width_px)
    chin = dropped.points[[152]]
    assert not inside(draw("lower_face_contour", face, expansion=1.0), chin - np.float32([[0, 2]])).any()
    assert inside(draw("lower_face_contour", face, dropped, expansion=1.0), chin - np.float32([[0, 2]])).all()
    assert inside(draw("lower_face_contour", dropped, face, expansion=1.05), face.points[list(LOWER_JAW[6:-6])]).all()


def test_expansion_grows_by_its_square(face: Landmarks) -> None:
    base = {"upper_boundary_frac": 0.6}
    grown = draw("ellipse", face, expansion=1.3, **base).sum()
    assert grown == pytest.approx(1.69 * draw("ellipse", face, expansion=1.0, **base).sum(), rel=0.02)


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_padding_moves_only_its_side_by_face_widths(side: str, face: Landmarks) -> None:
    def bounds(drawn: np.ndarray) -> dict[str, float]:
        y, x = np.nonzero(drawn >= 0.5)
        return {"left": -x.min(), "right": x.max(), "top": -y.min(), "bottom": y.max()}

    plain = bounds(draw("ellipse", face, rotation=False, upper_boundary_frac=0.6))
    padded = bounds(draw("ellipse", face, rotation=False, upper_boundary_frac=0.6, **{f"pad_{side}_frac": 0.1}))
    for each in plain:
        want = 0.1 * face.face_width_px if each == side else 0
        assert padded[each] - plain[each] == pytest.approx(want, abs=1.5), each


def test_nothing_above_the_upper_boundary(face: Landmarks) -> None:
    for name in ("lower_face_contour", "ellipse", "box"):
        y = np.nonzero(draw(name, face, rotation=False, upper_boundary_frac=0.1) >= 0.5)[0]
        limit = face.mouth_centre[1] - 0.1 * face.face_width_px
        # The hull is cut along the mouth line, which is tilted a little: allow that tilt over half a face.
        tilt = abs(np.tan(face.mouth_angle_rad)) * face.face_width_px * 0.7 if name == "lower_face_contour" else 0
        assert y.min() >= limit - 1.5 - tilt, name


def test_shapes_turn_with_the_mouth_only_when_asked(face: Landmarks, transformed: Make) -> None:
    def tilt(drawn: np.ndarray) -> float:
        y, x = np.nonzero(drawn)
        values, vectors = np.linalg.eigh(np.cov(x, y))
        axis = vectors[:, values.argmax()]
        return float(np.arctan(axis[1] / axis[0]))

    wide = {"upper_boundary_frac": 0.6}
    turned = transformed(face, angle_rad=0.3, shift=(200, 0), scale=0.7)
    angle = turned.mouth_angle_rad
    assert abs(angle) > 0.2
    assert tilt(draw("ultra_wide_ellipse", turned, **wide)) == pytest.approx(angle, abs=0.03)
    assert tilt(draw("ultra_wide_ellipse", turned, rotation=False, **wide)) == pytest.approx(0, abs=0.03)


def test_mouth_shapes_grow_with_the_opening(face: Landmarks, transformed: Make) -> None:
    opened = transformed(face, jaw_px=0.3 * face.face_width_px)
    assert 0.8 + 0.4 * opened.mouth_opening > 1.04
    on = draw("ellipse", opened).sum() / draw("ellipse", opened, mouth_adaptation=False).sum()
    assert on == pytest.approx((0.8 + 0.4 * opened.mouth_opening) ** 2, rel=0.06)


def test_superellipse_lies_between_ellipse_and_box(face: Landmarks) -> None:
    wide = {"upper_boundary_frac": 0.6}
    round_ = draw("superellipse", face, superellipse_exponent=2, **wide).sum()
    middle = draw("superellipse", face, superellipse_exponent=4, **wide).sum()
    assert round_ < middle < draw("box", face, **wide).sum()


def test_lips_region_has_the_mouth_interior_cut_out(face: Landmarks, transformed: Make) -> None:
    opened = transformed(face, jaw_px=0.2 * face.face_width_px)
    middle = opened.points[[13, 14]].mean(0, keepdims=True)
    assert not inside(draw("region", opened, regions=("lips",)), middle).any()
    assert inside(draw("region", opened, regions=("mouth_interior",)), middle).all()


def test_clip_above_keeps_the_lower_half_of_a_square() -> None:
    square = np.array([[0, -1], [1, -1], [1, 1], [0, 1]], float)
    kept = clip_above(square, 0.25)
    assert kept[:, 1].min() == 0.25
    assert kept[:, 1].max() == 1
    assert len(clip_above(square, 2.0)) == 0


def test_local_coordinates_have_an_inverse(face: Landmarks) -> None:
    frame = face_frame([face], rotation=True)
    np.testing.assert_allclose(frame.to_pixels(frame.to_local(face.points)), face.points, atol=1e-3)


def test_padding_at_the_top_raises_the_upper_boundary(face: Landmarks) -> None:
    for name in ("superellipse", "lower_face_contour"):
        low, high = (np.nonzero(draw(name, face, pad_top_frac=pad))[0].min() for pad in (0.0, 0.2))
        assert low - high > 0.05 * face.face_width_px, name
