import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.media.info import PixelLayout
from lipblend.settings import AlphaSettings, MaskSettings
from lipblend.stages.mask import signed_distance
from lipblend.stages.matte import make_matte
from lipblend.stages.seam import ring_radius_px, seam_ring

LAYOUT = PixelLayout("yuv420p", 8, 1, 1, 3)
SIZE = (768, 768)


def matte_of(
    a: Landmarks, b: Landmarks, *, size: tuple[int, int] = SIZE, alpha: AlphaSettings | None = None, **mask: object
):
    return make_matte(
        a, b, frame_size=size, layout=LAYOUT, mask=MaskSettings(**mask), alpha=alpha or AlphaSettings(), seam_px=0.0
    )


def test_old_and_new_lips_lie_in_the_fully_replaced_part(
    face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    opened = transformed(face, jaw_px=0.3 * face.face_width_px)
    for pair in ((face, opened), (opened, face)):
        for shape in ("mouth", "ellipse", "lower_face_contour"):
            matte = matte_of(*pair, shapes=(shape,), both_jaws=False)
            assert matte is not None
            for mesh in pair:
                lips = signed_distance([(mesh.points[list(LIPS_OUTER)], True)], matte.box, step_px=1) > 0
                assert matte.alpha[lips].min() == 1, shape
    bare = matte_of(face, opened, shapes=("mouth",), both_jaws=False, cover_lips=False)
    assert bare is not None
    lips = signed_distance([(opened.points[list(LIPS_OUTER)], True)], bare.box, step_px=1) > 0
    assert bare.alpha[lips].min() < 0.5


def test_box_lies_on_the_chroma_grid_and_alpha_is_0_at_its_rim(face: Landmarks) -> None:
    matte = matte_of(face, face)
    assert matte is not None
    assert matte.box.x0 % 2 == matte.box.y0 % 2 == matte.box.x1 % 2 == matte.box.y1 % 2 == 0
    rim = np.concatenate([matte.alpha[0], matte.alpha[-1], matte.alpha[:, 0], matte.alpha[:, -1]])
    assert rim.max() == 0
    assert matte.alpha.max() == 1


def test_face_partly_outside_the_picture_is_cut_at_the_border(
    face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    away = transformed(face, shift=(-face.mouth_centre[0], 0))
    matte = matte_of(away, away)
    assert matte is not None
    assert matte.box.x0 == 0
    assert 0 < matte.box.width < matte_of(face, face).box.width


def test_face_outside_the_picture_has_no_matte(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    away = transformed(face, shift=(5000, 0))
    assert matte_of(away, away) is None


def test_twice_the_face_has_four_times_the_alpha(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    half = transformed(face, scale=0.5)
    small, large = matte_of(half, half), matte_of(face, face)
    assert small is not None
    assert large is not None
    assert large.alpha.sum() == pytest.approx(4 * small.alpha.sum(), rel=0.05)


def test_minimum_of_shapes_lies_in_both(face: Landmarks) -> None:
    both = matte_of(face, face, shapes=("lower_face_contour", "ellipse"), combine="minimum", cover_lips=False)
    either = matte_of(face, face, shapes=("lower_face_contour", "ellipse"), combine="union")
    assert both is not None
    assert either is not None
    assert both.mask.sum() < either.mask.sum()


def test_a_moving_head_moves_the_matte_smoothly(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    """A tenth of a pixel a step: the alpha must not jump by whole pixels."""
    steps = []
    for tenth in range(11):
        mesh = transformed(face, shift=(0.1 * tenth, 0))
        matte = matte_of(mesh, mesh)
        assert matte is not None
        whole = np.zeros((768, 768), np.float32)
        whole[matte.box.y0 : matte.box.y1, matte.box.x0 : matte.box.x1] = matte.alpha
        steps.append(float((whole.sum(0) * np.arange(768)).sum() / whole.sum()))
    moves = np.diff(steps)
    assert moves.sum() == pytest.approx(1.0, abs=0.05)
    assert np.abs(moves - 0.1).max() < 0.02


def test_ring_straddles_the_contour(face: Landmarks) -> None:
    matte = matte_of(face, face)
    assert matte is not None
    ring = seam_ring(matte.alpha, radius_px=4)
    assert ring.any()
    assert 0.2 < matte.alpha[ring].mean() < 0.8
    assert not seam_ring(np.zeros((20, 20), np.float32), radius_px=4).any()
    assert ring_radius_px(50) == 3
    assert ring_radius_px(200) == 6
    assert ring_radius_px(900) == 8


def test_both_jaws_covers_the_synced_chin_too(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    dropped = transformed(face, jaw_px=0.35 * face.face_width_px)
    both, one = (matte_of(face, dropped, both_jaws=choice, cover_lips=False) for choice in (True, False))
    assert both is not None
    assert one is not None
    x, y = np.floor(dropped.points[152] - (0, 4)).astype(int)
    assert both.mask[y - both.box.y0, x - both.box.x0]
    assert not (y < one.box.y1 and one.mask[y - one.box.y0, x - one.box.x0])


@pytest.mark.parametrize("scale", [0.4, 1.0])
def test_no_pixels_alpha_jumps_when_the_head_moves_a_tenth_of_a_pixel(
    scale: float, face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    feather = max(0.06 * face.face_width_px * scale, 3.0)
    planes = []
    for tenth in range(6):
        mesh = transformed(face, scale=scale, shift=(0.1 * tenth, 0.05 * tenth))
        matte = matte_of(mesh, mesh, shapes=("superellipse",))
        assert matte is not None
        whole = np.zeros((768, 768), np.float32)
        whole[matte.box.y0 : matte.box.y1, matte.box.x0 : matte.box.x1] = matte.alpha
        planes.append(whole)
    steps = [float(np.abs(b - a).max()) for a, b in itertools.pairwise(planes)]
    assert max(steps) < 2 * 0.112 / feather


def test_a_face_width_that_hovers_does_not_pump_the_outline(
    face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    areas = []
    for scale in np.linspace(0.37, 0.39, 9):
        mesh = transformed(face, scale=float(scale))
        matte = matte_of(mesh, mesh)
        assert matte is not None
        areas.append(float(matte.alpha.sum() / scale**2))
    assert max(areas) / min(areas) < 1.02


def test_the_pictures_border_is_no_seam(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    """A chin below the picture: the lips that are in it are replaced whole, down to the last row."""
    low = transformed(face, shift=(0, 766 - face.mouth_centre[1]))
    matte = matte_of(low, low)
    assert matte is not None
    assert matte.box.y1 == 768
    assert matte.alpha[-1, round(float(low.mouth_centre[0])) - matte.box.x0] == 1


def test_shapes_without_a_mouth_do_not_get_one(face: Landmarks) -> None:
    for chosen in ({"shapes": ("upper_face",)}, {"shapes": ("region",), "regions": ("nose",)}):
        matte = matte_of(face, face, **chosen)
        assert matte is not None
        x, y = (int(v) for v in face.mouth_centre)
        assert not (y < matte.box.y1 and matte.mask[y - matte.box.y0, x - matte.box.x0])


def test_the_matte_keeps_inside_the_footprint_by_the_margin_and_the_lips_with_it(face: Landmarks) -> None:
    middle, width = face.mouth_centre, face.face_width_px
    left, top = middle - (0.36 * width, 0.2 * width)
    right, bottom = middle + (0.6 * width, 0.25 * width)
    painted = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    free = matte_of(face, face)
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


ROOM = {"room_expansion": 1.1, "room_pad_bottom_frac": 0.1}


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


def test_the_gaussian_profile_is_flatter_at_the_ends(face: Landmarks) -> None:
    plain, soft = (matte_of(face, face, alpha=AlphaSettings(profile=name)) for name in ("distance", "gaussian"))
    assert plain is not None
    assert soft is not None
    for low, high, want in ((0.2, 0.3, 0.14), (0.45, 0.55, 0.5), (0.7, 0.8, 0.86)):
        where = (plain.alpha > low) & (plain.alpha < high)
        assert soft.alpha[where].mean() == pytest.approx(want, abs=0.02)


def test_the_lips_lie_as_far_inside_as_a_ring_of_the_blend_needs(face: Landmarks) -> None:
    matte = make_matte(
        face, face, frame_size=SIZE, layout=LAYOUT, mask=MaskSettings(shapes=("mouth",)), alpha=AlphaSettings(),
        seam_px=40.0,
    )  # fmt: skip
    assert matte is not None
    near = signed_distance([(face.points[list(LIPS_OUTER)], True)], matte.box, step_px=1) > -40
    assert matte.mask[near].all()


def test_the_box_has_room_for_the_reach(face: Landmarks) -> None:
    matte = make_matte(
        face, face, frame_size=SIZE, layout=LAYOUT, mask=MaskSettings(), alpha=AlphaSettings(), seam_px=0.0,
        reach_px=0.2 * face.face_width_px,
    )  # fmt: skip
    assert matte is not None
    rim = np.concatenate([matte.reach[0], matte.reach[-1], matte.reach[:, 0], matte.reach[:, -1]])
    assert rim.max() == 0
    assert matte.reach.max() == 1


def test_a_border_missed_by_less_than_a_pixel_is_the_pictures_own(
    face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    low = transformed(face, shift=(767 - face.mouth_centre[0], 766 - face.mouth_centre[1]))
    given = {"frame_size": SIZE, "layout": LAYOUT, "mask": MaskSettings(), "alpha": AlphaSettings(), "seam_px": 0.0}
    free, near, cut = (
        make_matte(low, low, covered=covered, **given)
        for covered in (None, (0.5, 0.5, 767.5, 767.5), (0.0, 0.0, 760.0, 768.0))
    )
    assert free is not None
    assert near is not None
    assert cut is not None
    np.testing.assert_array_equal(near.alpha, free.alpha)
    x = cut.box.x0 + np.nonzero(cut.alpha.max(0) > 0)[0].max() + 1
    assert x == pytest.approx(760, abs=1)


def test_a_ring_reaches_equally_far_to_both_sides_golden() -> None:
    alpha = np.zeros((20, 60), np.float32)
    alpha[:, 30:] = 1
    assert np.nonzero(seam_ring(alpha, radius_px=4)[10])[0].tolist() == list(range(26, 34))


def test_a_golden_matte(face: Landmarks) -> None:
    matte = matte_of(face, face, shapes=("superellipse",))
    assert matte is not None
    area = face.face_width_px**2
    found = [float(matte.alpha.sum() / area), float(matte.mask.sum() / area), matte.feather_px / face.face_width_px]
    assert found == pytest.approx(GOLDEN, rel=0.01)


GOLDEN = [0.405, 0.4773, 0.06]


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
