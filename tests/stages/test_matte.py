"""The matte: mask and alpha of a frame, its limits, and the roomy size."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from mattes import LAYOUT, SIZE, in_lips, matte_of, whole

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.settings import AlphaSettings, MaskSettings
from lipblend.stages.alpha.matte import Matte, MatteInputs, make_matte
from lipblend.stages.alpha.seam import ring_radius_px, seam_ring
from lipblend.stages.masks.mask import signed_distance
from lipblend.stages.masks.mask_fields import FootprintLimit

Make = Callable[..., Landmarks]
ROOM = {"room_expansion": 1.1, "room_pad_bottom_frac": 0.1}
GOLDEN = [0.405, 0.4773, 0.06]


def rim(plane: np.ndarray) -> np.ndarray:
    return np.concatenate([plane[0], plane[-1], plane[:, 0], plane[:, -1]])


def is_masked(matte: Matte, x: float, y: float) -> bool:
    column, row = int(x) - matte.box.x0, int(y) - matte.box.y0
    return row < matte.box.height and bool(matte.mask[row, column])


def test_golden_matte(face: Landmarks) -> None:
    matte = matte_of(face, mask={"shapes": ("superellipse",)})
    area = face.face_width_px**2
    found = [float(matte.alpha.sum() / area), float(matte.mask.sum() / area), matte.feather_px / face.face_width_px]
    assert found == pytest.approx(GOLDEN, rel=0.01)


@pytest.mark.parametrize("shape", ["mouth", "ellipse", "lower_face_contour"])
def test_lips_of_both_meshes_are_replaced_completely(shape: str, face: Landmarks, transformed: Make) -> None:
    opened = transformed(face, jaw_px=0.3 * face.face_width_px)
    for pair in ((face, opened), (opened, face)):
        matte = matte_of(*pair, mask={"shapes": (shape,), "both_jaws": False})
        for mesh in pair:
            assert matte.alpha[in_lips(mesh, matte.box)].min() == 1
    bare = matte_of(face, opened, mask={"shapes": ("mouth",), "both_jaws": False, "cover_lips": False})
    assert bare.alpha[in_lips(opened, bare.box)].min() < 0.5


def test_box_lies_on_the_chroma_grid_and_alpha_is_0_at_its_rim(face: Landmarks) -> None:
    matte = matte_of(face)
    assert matte.box.x0 % 2 == matte.box.y0 % 2 == matte.box.x1 % 2 == matte.box.y1 % 2 == 0
    assert rim(matte.alpha).max() == 0
    assert matte.alpha.max() == 1


def test_box_has_room_for_the_reach(face: Landmarks) -> None:
    matte = matte_of(face, reach_px=0.2 * face.face_width_px)
    assert rim(matte.reach).max() == 0
    assert matte.reach.max() == 1


def test_face_at_the_edge_is_cut_and_face_outside_has_no_matte(face: Landmarks, transformed: Make) -> None:
    matte = matte_of(transformed(face, shift=(-face.mouth_centre[0], 0)))
    assert matte.box.x0 == 0
    assert 0 < matte.box.width < matte_of(face).box.width
    away = transformed(face, shift=(5000, 0))
    assert make_matte(MatteInputs(away, away, SIZE, LAYOUT), MaskSettings(), AlphaSettings()) is None


def test_picture_border_is_no_seam(face: Landmarks, transformed: Make) -> None:
    """The chin is below the picture: alpha is 1 down to the last row."""
    low = transformed(face, shift=(0, 766 - face.mouth_centre[1]))
    matte = matte_of(low)
    assert matte.box.y1 == 768
    assert matte.alpha[-1, round(float(low.mouth_centre[0])) - matte.box.x0] == 1


def corners(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


@pytest.mark.parametrize("turn_deg", [0, 20, 50, 90, 135])
def test_a_turned_synced_frame_limits_the_mask_along_its_own_borders(turn_deg: float, face: Landmarks) -> None:
    turn, side = np.radians(turn_deg), 1.2 * face.face_width_px
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * side / 2
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    covered = np.asarray(square @ axes + face.mouth_centre, np.float32)
    matte, free = matte_of(face, covered=covered), matte_of(face)
    y, x = np.mgrid[0 : matte.box.height, 0 : matte.box.width] + 0.5
    places = (np.stack([x + matte.box.x0, y + matte.box.y0], -1) - face.mouth_centre) @ axes.T
    outside_px = np.abs(places).max(-1) - side / 2
    inner = (free.alpha > 0)[matte.box.within(free.box)] & (outside_px < -0.25 * side)
    assert matte.alpha[outside_px > 1].max(initial=0) == 0
    assert matte.alpha[inner].min() > 0  # as much is left of it however it is turned
    flipped = matte_of(face, covered=covered[::-1])
    np.testing.assert_allclose(flipped.alpha, matte.alpha, atol=1e-6)


def test_border_of_the_synced_frame_limits_the_mask_unless_it_is_the_pictures(
    face: Landmarks, transformed: Make
) -> None:
    low = transformed(face, shift=(767 - face.mouth_centre[0], 766 - face.mouth_centre[1]))
    free, near, cut = (
        matte_of(low, covered=covered)
        for covered in (None, corners(0.5, 0.5, 767.5, 767.5), corners(0.0, 0.0, 760.0, 768.0))
    )
    np.testing.assert_array_equal(near.alpha, free.alpha)
    assert cut.box.x0 + np.nonzero(cut.alpha.max(0) > 0)[0].max() + 1 == pytest.approx(760, abs=1)


def test_twice_the_face_has_four_times_the_alpha(face: Landmarks, transformed: Make) -> None:
    small, large = matte_of(transformed(face, scale=0.5)), matte_of(face)
    assert large.alpha.sum() == pytest.approx(4 * small.alpha.sum(), rel=0.05)


def test_minimum_of_shapes_is_smaller_than_their_union(face: Landmarks) -> None:
    shapes = ("lower_face_contour", "ellipse")
    both = matte_of(face, mask={"shapes": shapes, "combine": "minimum", "cover_lips": False})
    either = matte_of(face, mask={"shapes": shapes, "combine": "union"})
    assert both.mask.sum() < either.mask.sum()


def test_both_jaws_extend_the_mask_to_a_dropped_chin(face: Landmarks, transformed: Make) -> None:
    dropped = transformed(face, jaw_px=0.35 * face.face_width_px)
    both, one = (matte_of(face, dropped, mask={"both_jaws": each, "cover_lips": False}) for each in (True, False))
    x, y = dropped.points[152] - (0, 4)
    assert is_masked(both, x, y)
    assert not is_masked(one, x, y)


def test_shapes_without_a_mouth_do_not_cover_the_lips(face: Landmarks) -> None:
    for mask in ({"shapes": ("upper_face",)}, {"shapes": ("region",), "regions": ("nose",)}):
        assert not is_masked(matte_of(face, mask=mask), *face.mouth_centre)


@pytest.mark.parametrize("scale", [0.4, 1.0])
def test_matte_follows_a_slow_head_without_jumps(scale: float, face: Landmarks, transformed: Make) -> None:
    """A tenth of a pixel per step."""
    feather_px = max(0.06 * face.face_width_px * scale, 3.0)
    planes = [
        whole(
            matte_of(
                transformed(face, scale=scale, shift=(0.1 * step, 0.05 * step)), mask={"shapes": ("superellipse",)}
            )
        )
        for step in range(11)
    ]
    steps = [float(np.abs(b - a).max()) for a, b in itertools.pairwise(planes[:6])]
    assert max(steps) < 2 * 0.112 / feather_px
    moves = np.diff([float((plane.sum(0) * np.arange(768)).sum() / plane.sum()) for plane in planes])
    assert moves.sum() == pytest.approx(1.0, abs=0.05)
    assert np.abs(moves - 0.1).max() < 0.02


def test_small_changes_of_the_face_width_do_not_pump_the_outline(face: Landmarks, transformed: Make) -> None:
    scales = np.linspace(0.37, 0.39, 9)
    areas = [float(matte_of(transformed(face, scale=float(scale))).alpha.sum() / scale**2) for scale in scales]
    assert max(areas) / min(areas) < 1.02


def test_lips_lie_inside_the_ring_of_the_blend(face: Landmarks) -> None:
    matte = matte_of(face, mask={"shapes": ("mouth",)}, ring_px=40.0)
    assert matte.mask[in_lips(face, matte.box, grown_px=40)].all()


def test_seam_ring_straddles_the_contour_by_the_same_width(face: Landmarks) -> None:
    matte = matte_of(face)
    ring = seam_ring(matte.alpha, radius_px=4)
    assert 0.2 < matte.alpha[ring].mean() < 0.8
    step = np.zeros((20, 60), np.float32)
    assert not seam_ring(step, radius_px=4).any()
    step[:, 30:] = 1
    assert np.nonzero(seam_ring(step, radius_px=4)[10])[0].tolist() == list(range(26, 34))
    assert [ring_radius_px(width) for width in (50, 200, 1000)] == [3, 6, 8]


# The footprint


def test_mask_keeps_the_margin_inside_the_footprint(face: Landmarks) -> None:
    middle, width = face.mouth_centre, face.face_width_px
    left, top = middle - (0.36 * width, 0.2 * width)
    right, bottom = middle + (0.6 * width, 0.25 * width)
    outline = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    free, held = matte_of(face), matte_of(face, footprint=FootprintLimit(outline, 4.0))
    assert np.all(free.painted == 1)
    rows, columns = np.nonzero(held.alpha > 0)
    assert rows.max() + held.box.y0 + 0.5 == pytest.approx(bottom - 4, abs=1.5)
    assert columns.min() + held.box.x0 + 0.5 == pytest.approx(left + 4, abs=1.5)
    outside = signed_distance([(outline, True)], held.box, step_px=1) < 0
    assert held.painted[outside].max() == 0
    assert held.painted.max() == 1
    assert (held.alpha <= free.alpha + 1e-6).all()


@pytest.mark.parametrize(
    ("alpha", "ring_px", "speed"),
    [
        (AlphaSettings(), 0.0, 0.0),
        (AlphaSettings(motion_gain=4, motion_max=4), 0.0, 40.0),
        (AlphaSettings(), 60.0, 0.0),
    ],
)
def test_lips_are_replaced_completely_even_if_only_they_were_painted(
    face: Landmarks, alpha: AlphaSettings, ring_px: float, speed: float
) -> None:
    lips = face.points[list(LIPS_OUTER)].astype(np.float32)
    matte = matte_of(face, alpha=alpha, ring_px=ring_px, footprint=FootprintLimit(lips, 4.0), velocity=(speed, 0.0))
    inside = in_lips(face, matte.box)
    assert matte.alpha[inside].min() == 1
    assert matte.painted[inside].min() == 1
    deep = cv2.distanceTransform(matte.mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    assert deep[inside].min() >= ring_px


def test_pixels_may_be_moved_beyond_the_footprint(face: Landmarks) -> None:
    middle, width = face.mouth_centre, face.face_width_px
    corners = [(-0.4, -0.2), (0.4, -0.2), (0.4, 0.22), (-0.4, 0.22)]
    outline = (middle + np.array(corners) * width).astype(np.float32)
    held = matte_of(face, reach_px=0.1 * width, footprint=FootprintLimit(outline, 4.0))
    chin = int(middle[1] + 0.28 * width) - held.box.y0, int(middle[0]) - held.box.x0
    assert held.alpha[chin] == 0
    assert held.reach[chin] == 1


def roomy(face: Landmarks, below: float | None, **mask: object) -> np.ndarray:
    """Alpha in the whole picture; painted is a box that ends ``below`` face widths under the mouth, or everything."""
    middle, width = face.mouth_centre, face.face_width_px
    limit = None
    if below is not None:
        corners = np.array([(-2, -2), (2, -2), (2, below), (-2, below)])
        limit = FootprintLimit((middle + corners * width).astype(np.float32), 0.02 * width, 0.12 * width)
    return whole(matte_of(face, mask={"shapes": ("superellipse",), **mask}, footprint=limit))


@pytest.mark.parametrize(("below", "plain"), [(2.0, {"expansion": 1.15 * 1.1, "pad_bottom_frac": 0.1}), (None, {})])
def test_mask_has_the_roomy_size_only_where_there_is_known_to_be_room(
    face: Landmarks, below: float | None, plain: dict[str, float]
) -> None:
    assert np.array_equal(roomy(face, below, **ROOM) > 0, roomy(face, below, **plain) > 0)


def test_reach_extends_beyond_the_roomy_size(face: Landmarks) -> None:
    """Otherwise moved pixels would break off at the seam."""
    limit = FootprintLimit(np.array([(-1e3, -1e3), (2e3, -1e3), (2e3, 2e3), (-1e3, 2e3)], np.float32))
    plain, larger = (
        matte_of(face, mask={"shapes": ("superellipse",), **size}, footprint=limit, reach_px=0.1 * face.face_width_px)
        for size in ({"expansion": 1.15 * 1.1, "pad_bottom_frac": 0.1}, ROOM)
    )
    assert larger.box == plain.box
    np.testing.assert_allclose(larger.reach, plain.reach, atol=1e-5)


def test_mask_shrinks_from_the_roomy_size_to_the_plain_one_towards_the_footprints_edge(face: Landmarks) -> None:
    small, large = roomy(face, 2.0), roomy(face, 2.0, **ROOM)
    mouth_y, width = face.mouth_centre[1], face.face_width_px

    def lowest(alpha: np.ndarray) -> float:
        return float((np.nonzero((alpha > 0).any(1))[0].max() + 1 - mouth_y) / width)

    assert lowest(large) > lowest(small) + 0.1
    tight = lowest(small) - 0.05
    above = np.arange(SIZE[1]) < mouth_y  # the box ends below only
    near, plain = roomy(face, tight, **ROOM), roomy(face, tight)
    edge = int(mouth_y + (tight - 0.12 + 1 / 37) * width) + 1  # 1/37: the grid's step
    assert np.count_nonzero((near > 0) != (plain > 0), axis=1)[edge:].max() <= 2  # corners are rounded
    assert np.count_nonzero(plain[edge:]) > 1000
    assert near[above].sum() > plain[above].sum()
    between = roomy(face, lowest(small) + 0.17, **ROOM)
    assert lowest(between) == pytest.approx(lowest(small) + 0.05, abs=2 / width)
