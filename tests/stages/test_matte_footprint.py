"""The matte and what the generator painted: its margin, the lips, and the larger shape where there is room."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.settings import AlphaSettings, MaskSettings
from lipblend.stages.alpha.matte import make_matte
from lipblend.stages.masks.mask import signed_distance

LAYOUT = PixelLayout("yuv420p", 8, 1, 1, 3)
SIZE = (768, 768)
ROOM = {"room_expansion": 1.1, "room_pad_bottom_frac": 0.1}


def test_the_matte_keeps_inside_the_footprint_by_the_margin_and_the_lips_with_it(face: Landmarks) -> None:
    middle, width = face.mouth_centre, face.face_width_px
    left, top = middle - (0.36 * width, 0.2 * width)
    right, bottom = middle + (0.6 * width, 0.25 * width)
    painted = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    free = make_matte(
        face, face, frame_size=SIZE, layout=LAYOUT, mask=MaskSettings(), alpha=AlphaSettings(), seam_px=0.0
    )
    held = make_matte(
        face, face, frame_size=SIZE, layout=LAYOUT, mask=MaskSettings(), alpha=AlphaSettings(), seam_px=0.0,
        footprint=painted, footprint_margin_px=4.0,
    )  # fmt: skip
    assert free is not None
    assert held is not None
    assert np.all(free.painted == 1)
    rows, columns = np.nonzero(held.alpha > 0)
    assert rows.max() + held.box.y0 + 0.5 == pytest.approx(bottom - 4, abs=1.5)
    assert columns.min() + held.box.x0 + 0.5 == pytest.approx(left + 4, abs=1.5)
    outside = signed_distance([(painted, True)], held.box, step_px=1) < 0
    assert held.painted[outside].max() == 0
    assert held.painted.max() == 1
    assert (held.alpha <= free.alpha + 1e-6).all()


def test_the_lips_are_taken_over_whole_even_where_only_they_were_painted(face: Landmarks) -> None:
    lips = face.points[list(LIPS_OUTER)].astype(np.float32)
    held = make_matte(
        face, face, frame_size=SIZE, layout=LAYOUT, mask=MaskSettings(), alpha=AlphaSettings(), seam_px=0.0,
        footprint=lips, footprint_margin_px=4.0,
    )  # fmt: skip
    assert held is not None
    inside = signed_distance([(lips, True)], held.box, step_px=1) > 0
    assert held.alpha[inside].min() == 1
    assert held.painted[inside].min() == 1


def roomy(face: Landmarks, below: float | None, **mask: float) -> np.ndarray:
    """Alpha in the whole picture; painted is a box that ends so many face widths below the mouth, or everything."""
    middle, width = face.mouth_centre, face.face_width_px
    corners = np.array([(-2, -2), (2, -2), (2, below), (-2, below)]) if below is not None else None
    matte = make_matte(
        face, face, frame_size=SIZE, layout=LAYOUT, mask=MaskSettings(shapes=("superellipse",), **mask),
        alpha=AlphaSettings(), seam_px=0.0, room_margin_px=0.12 * width, footprint_margin_px=0.02 * width,
        footprint=None if corners is None else (middle + corners * width).astype(np.float32),
    )  # fmt: skip
    assert matte is not None
    out = np.zeros(SIZE[::-1], np.float32)
    out[matte.box.y0 : matte.box.y1, matte.box.x0 : matte.box.x1] = matte.alpha
    return out


@pytest.mark.parametrize(("below", "plain"), [(2.0, {"expansion": 1.15 * 1.1, "pad_bottom_frac": 0.1}), (None, {})])
def test_where_there_is_room_the_mask_is_the_larger_shape_and_where_that_is_not_known_the_smaller(
    face: Landmarks, below: float | None, plain: dict[str, float]
) -> None:
    assert np.array_equal(roomy(face, below, **ROOM) > 0, roomy(face, below, **plain) > 0)


def test_pixels_are_moved_along_as_far_beyond_the_larger_shape(face: Landmarks) -> None:
    """Else what moves would break off at its seam."""
    given = {
        "frame_size": SIZE, "layout": LAYOUT, "alpha": AlphaSettings(), "seam_px": 0.0,
        "reach_px": 0.1 * face.face_width_px,
    }  # fmt: skip
    painted = np.array([(-1e3, -1e3), (2e3, -1e3), (2e3, 2e3), (-1e3, 2e3)], np.float32)
    plain, roomy = (
        make_matte(face, face, mask=MaskSettings(shapes=("superellipse",), **mask), footprint=painted, **given)
        for mask in ({"expansion": 1.15 * 1.1, "pad_bottom_frac": 0.1}, ROOM)
    )
    assert plain is not None
    assert roomy is not None
    assert roomy.box == plain.box
    np.testing.assert_allclose(roomy.reach, plain.reach, atol=1e-5)


def test_near_the_footprints_edge_the_mask_is_the_smaller_shape_and_between_it_keeps_the_wide_margin(
    face: Landmarks,
) -> None:
    small, large = roomy(face, 2.0), roomy(face, 2.0, **ROOM)
    upright, width = face.mouth_centre[1], face.face_width_px

    def lowest(alpha: np.ndarray) -> float:
        return float((np.nonzero((alpha > 0).any(1))[0].max() + 1 - upright) / width)

    assert lowest(large) > lowest(small) + 0.1
    tight = lowest(small) - 0.05
    above = np.arange(SIZE[1]) < upright  # the box ends below only
    near, plain = roomy(face, tight, **ROOM), roomy(face, tight)
    edge = int(upright + (tight - 0.12 + 1 / 37) * width) + 1  # the grid is as coarse as that
    assert np.count_nonzero((near > 0) != (plain > 0), axis=1)[edge:].max() <= 2  # corners, between the grid's places
    assert np.count_nonzero(plain[edge:]) > 1000
    assert near[above].sum() > plain[above].sum()
    between = roomy(face, lowest(small) + 0.17, **ROOM)
    assert lowest(between) == pytest.approx(lowest(small) + 0.05, abs=2 / width)


def test_pixels_may_be_moved_beyond_the_footprint(face: Landmarks) -> None:
    middle, width = face.mouth_centre, face.face_width_px
    corners = [(-0.4, -0.2), (0.4, -0.2), (0.4, 0.22), (-0.4, 0.22)]
    painted = (middle + np.array(corners) * width).astype(np.float32)
    held = make_matte(
        face, face, frame_size=SIZE, layout=LAYOUT, mask=MaskSettings(), alpha=AlphaSettings(), seam_px=0.0,
        reach_px=0.1 * width, footprint=painted, footprint_margin_px=4.0,
    )  # fmt: skip
    assert held is not None
    chin = int(middle[1] + 0.28 * width) - held.box.y0, int(middle[0]) - held.box.x0
    assert held.alpha[chin] == 0
    assert held.reach[chin] == 1


@pytest.mark.parametrize(
    ("alpha", "seam_px", "speed"),
    [
        (AlphaSettings(), 0.0, 0.0),
        (AlphaSettings(motion_gain=4, motion_max=4), 0.0, 40.0),
        (AlphaSettings(), 60.0, 0.0),
    ],
)
def test_a_footprint_about_the_lips_leaves_them_whole_for_wide_feathers_and_rings_too(
    face: Landmarks, alpha: AlphaSettings, seam_px: float, speed: float
) -> None:
    lips = face.points[list(LIPS_OUTER)]
    matte = make_matte(
        face, face, frame_size=SIZE, layout=LAYOUT, mask=MaskSettings(), alpha=alpha, seam_px=seam_px,
        footprint=lips, footprint_margin_px=4.0, velocity=(speed, 0.0),
    )  # fmt: skip
    assert matte is not None
    inside = signed_distance([(lips, True)], matte.box, step_px=1) > 0
    assert matte.alpha[inside].min() == 1
    deep = cv2.distanceTransform(matte.mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    assert deep[inside].min() >= seam_px
