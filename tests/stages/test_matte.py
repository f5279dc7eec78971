import itertools
from collections.abc import Callable

import numpy as np
import pytest

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.settings import AlphaSettings, MaskSettings
from lipblend.stages.alpha.matte import make_matte
from lipblend.stages.alpha.seam import ring_radius_px, seam_ring
from lipblend.stages.masks.mask import signed_distance

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
