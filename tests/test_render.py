"""The properties that every composed frame must have, whatever the settings."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, Patch
from lipblend.picture.picture import Picture
from lipblend.plan.frame_plan import FramePlan
from lipblend.render import face_patch
from lipblend.render.face_patch import OUTSIDE, FacePatch
from lipblend.render.frame import FrameResult, render_frame
from lipblend.render.generate import Generated, PatchInputs
from lipblend.settings import Settings
from lipblend.stages.blends.blend import POISSON_FELL_BACK
from lipblend.stages.colour.colour_map import Space
from lipblend.stages.masks.mask import signed_distance
from lipblend.stages.registration.flow import warped
from tests.renders import BLENDS, EIGHT, TAGS, TEN, finished, picture, row_of, settings


def test_the_mask_is_larger_where_the_footprint_leaves_room_by_the_settings_margin(row: FramePlan) -> None:
    face = row.faces[0]
    corners = face.original.mouth_centre + np.array([(-1, -1), (1, -1), (1, 0.75), (-1, 0.75)]) * (
        face.original.face_width_px
    )
    painted = replace(row, faces=(replace(face, footprint=corners.astype(np.float32)),))
    areas = []
    for margin in (0.0, 0.12, 0.5):
        chosen = settings(
            mask={"room_expansion": 1.1, "room_pad_bottom_frac": 0.1}, footprint={"room_margin_frac": margin}
        )
        (patch,) = render_frame(picture(1), picture(2), painted, chosen).patches
        areas.append(int(patch.matte.mask.sum()))
    assert areas[0] > areas[1] > areas[2]


def delta_of(result: FrameResult) -> np.ndarray:
    assert len(result.patches) == 1
    return result.patches[0].delta.whole()


@pytest.mark.parametrize("method", BLENDS)
def test_synced_equal_to_original_gives_back_the_original_bit_for_bit(method: str, row: FramePlan) -> None:
    original = picture(1)
    for out, plane in zip(
        finished(original, original, row, settings(blend={"method": method})), original.planes, strict=True
    ):
        np.testing.assert_array_equal(out, plane)


@pytest.mark.parametrize("method", BLENDS)
def test_nothing_outside_the_mask_changes_and_the_inside_is_the_synced_picture(method: str, row: FramePlan) -> None:
    original, synced = picture(1), picture(2)
    chosen = settings(blend={"method": method, "max_iterations": 5000})
    result = render_frame(original, synced, row, chosen)
    assert result.fallbacks == ()
    matte = result.patches[0].matte
    box, mask = matte.box, matte.mask
    whole = np.zeros(original.planes[0].shape, bool)
    whole[box.y0 : box.y1, box.x0 : box.x1] = mask
    luma, cb, _ = finished(original, synced, row, chosen)
    np.testing.assert_array_equal(luma[~whole], original.planes[0][~whole])
    touched = whole.reshape(384, 2, 384, 2).any((1, 3))
    np.testing.assert_array_equal(cb[~touched], original.planes[1][~touched])
    x, y = row.faces[0].original.mouth_centre.astype(int)
    np.testing.assert_allclose(
        luma[y - 8 : y + 8, x - 8 : x + 8].astype(int), synced.planes[0][y - 8 : y + 8, x - 8 : x + 8], atol=1
    )
    cx, cy = x // 2, y // 2
    np.testing.assert_allclose(
        cb[cy - 4 : cy + 4, cx - 4 : cx + 4].astype(int), synced.planes[1][cy - 4 : cy + 4, cx - 4 : cx + 4], atol=1
    )


@pytest.mark.parametrize("method", BLENDS)
def test_8_and_10_bit_agree(method: str, row: FramePlan) -> None:
    chosen = settings(blend={"method": method})
    small = finished(picture(1), picture(2), row, chosen)
    deep = finished(picture(1, TEN), picture(2, TEN), row, chosen)
    for a, b in zip(small, deep, strict=True):
        assert np.abs(a.astype(float) - b / 4).max() <= 0.5 + 1 / 8


def test_the_patch_is_blended_into_the_original_as_it_was_moved_along(
    row: FramePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Patch, Patch, Patch]] = []

    def generate(inputs: PatchInputs, _: Settings) -> Generated:
        before, matte = inputs.original, inputs.matte
        rng = np.random.default_rng(3)
        patch = Patch.of(rng.uniform(40, 200, (*matte.alpha.shape, 3)).astype(np.float32), before.grid)
        carried = Patch.of(rng.normal(0, 5, (*matte.alpha.shape, 3)).astype(np.float32), before.grid)
        made.append((before, patch, carried + Patch.of(np.zeros((*matte.alpha.shape, 3), np.float32), before.grid)))
        return Generated(patch.part(matte.core(before.grid)), carried, matte.alpha)

    monkeypatch.setattr(face_patch, "generate", generate)
    result = render_frame(picture(1), picture(2), row, settings())
    (before, patch, carried), matte = made[0], result.patches[0].matte
    want = carried + (patch - (before + carried)).weighted(matte.alpha)
    delta = result.patches[0].delta
    np.testing.assert_allclose(delta.luma, want.luma, atol=1e-4)
    np.testing.assert_allclose(delta.chroma, want.chroma, atol=1e-4)


def test_a_row_without_a_face_passes_the_original_through_with_its_reason(row: FramePlan) -> None:
    result = render_frame(picture(1), None, FramePlan(0, -1, (), "no face"), Settings())
    assert result.patches == ()
    assert result.reason == "no face"


def test_a_mask_outside_the_picture_says_so(row: FramePlan, transformed: Callable[..., Landmarks]) -> None:
    away = transformed(row.faces[0].original, shift=(4000, 0))
    result = render_frame(picture(1), picture(2), row_of(away, away), Settings())
    assert result.reason == OUTSIDE


def test_poisson_that_does_not_converge_is_done_as_multiband_and_counted(row: FramePlan) -> None:
    hard = {"method": "poisson", "max_iterations": 10, "tolerance": 1e-8}
    result = render_frame(picture(1), picture(2), row, settings(blend=hard))
    assert result.fallbacks == (POISSON_FELL_BACK,)
    multiband = render_frame(picture(1), picture(2), row, settings(blend={"method": "multiband"}))
    np.testing.assert_array_equal(delta_of(result), delta_of(multiband))


@pytest.mark.parametrize("space", ["ycbcr", "lab"])
def test_colour_map_reaches_the_patch(space: Space, row: FramePlan) -> None:
    flat = Picture(
        [np.full((768, 768), 120, np.uint8), *(np.full((384, 384), 128, np.uint8) for _ in range(2))], EIGHT, TAGS, 768
    )
    brighter = row_of(row.faces[0].original, row.faces[0].synced, offset=8.0, space=space)
    x, y = row.faces[0].original.mouth_centre.astype(int)
    change = int(finished(flat, flat, brighter, settings())[0][y, x]) - 120
    # 8 levels of luma; or 8 units of L*, which is about 18 levels of limited-range luma at mid grey.
    assert change == 8 if space == "ycbcr" else 15 <= change <= 21


def test_coloured_lips_and_teeth_leave_the_skin_alone(row: FramePlan) -> None:
    face, tone = row.faces[0].original, (130, 110, 150)
    plain, vivid = (_skin(face, lips) for lips in (tone, (90, 60, 225)))
    same = row_of(face, face)
    before, after = (finished(plain, synced, same, Settings()) for synced in (plain, vivid))
    x, y = face.mouth_centre.astype(int)
    assert abs(int(after[2][y // 2, x // 2]) - int(before[2][y // 2, x // 2])) > 30
    outline = [(face.points[list(LIPS_OUTER)], True)]
    away = signed_distance(outline, Box(0, 0, 768, 768), step_px=1) < -0.05 * face.face_width_px
    for one, two, where in zip(before, after, (away, away[::2, ::2], away[::2, ::2]), strict=True):
        apart = np.abs(one.astype(int) - two)[where]
        assert apart.max() <= 8
        assert apart.mean() < 0.02
        assert (apart > 2).mean() < 0.001


def _skin(face: Landmarks, lips: tuple[int, int, int]) -> Picture:
    """Skin of one tone with fine grain, and a mouth of another."""
    rng = np.random.default_rng(3)
    mouth = signed_distance([(face.points[list(LIPS_OUTER)], True)], Box(0, 0, 768, 768), step_px=1) > 0
    planes = []
    for tone, colour, where in zip((130, 110, 150), lips, (mouth, mouth[::2, ::2], mouth[::2, ::2]), strict=True):
        planes.append((np.where(where, colour, tone) + rng.integers(-2, 3, where.shape)).astype(np.uint8))
    return Picture(planes, EIGHT, TAGS, 768)


def test_rendering_does_not_touch_its_inputs_and_repeats_exactly(row: FramePlan) -> None:
    original, synced = picture(1), picture(2)
    kept = [plane.copy() for plane in (*original.planes, *synced.planes)]
    first = delta_of(render_frame(original, synced, row, Settings()))
    second = delta_of(render_frame(original, synced, row, Settings()))
    np.testing.assert_array_equal(first, second)
    for plane, copy in zip((*original.planes, *synced.planes), kept, strict=True):
        np.testing.assert_array_equal(plane, copy)


def test_two_faces_are_composed_and_where_they_overlap_nothing_is_added_twice(
    row: FramePlan, transformed: Callable[..., Landmarks]
) -> None:
    face = row.faces[0]
    dark, bright = (
        Picture([np.full((768, 768), level, np.uint8), *[np.full((384, 384), 128, np.uint8)] * 2], EIGHT, TAGS, 768)
        for level in (60, 160)
    )
    near = transformed(face.original, shift=(0.4 * face.original.face_width_px, 0))
    both = FramePlan(0, 0, (face, row_of(near, near).faces[0]), "")
    luma = finished(dark, bright, both, settings(colour={"method": "none"}))[0]
    single = finished(dark, bright, row, settings(colour={"method": "none"}))[0]
    assert luma.max() == 160
    assert np.count_nonzero(luma == 160) > np.count_nonzero(single == 160)
    assert (luma >= single).all()


SEAMS: list[dict[str, object]] = [
    {"edge": "guided"}, {"edge": "bilateral"}, {"motion_gain": 2, "motion_threshold_frac": 0}, {"supersample": 2},
    {"average_frames": 1},
]  # fmt: skip


@pytest.mark.parametrize("seam", SEAMS, ids=lambda seam: next(iter(seam)) + str(next(iter(seam.values()))))
def test_every_shape_of_the_seam_keeps_the_original_and_stays_inside_the_mask(
    seam: dict[str, object], row: FramePlan, transformed: Callable[..., Landmarks]
) -> None:
    face = row.faces[0]
    beside = tuple((transformed(each, shift=(4, 3)), face.synced) for each in (face.original, face.synced))
    row = replace(row, faces=(replace(face, velocity=np.array([20.0, 5.0]), neighbours=beside),))
    original, synced = (shaded(seed) for seed in (1, 2))
    for out, plane in zip(finished(original, original, row, settings(alpha=seam)), original.planes, strict=True):
        np.testing.assert_array_equal(out, plane)
    patch = render_frame(original, synced, row, settings(alpha=seam)).patches[0]
    outside = ~patch.matte.touched
    assert not patch.delta.luma[outside].any()
    assert not patch.delta.chroma[patch.delta.grid.averaged(outside.astype(np.float32)) == 1].any()
    assert patch.matte.alpha.min() == 0
    assert patch.matte.alpha.max() == 1
    bare = (
        replace(row.faces[0], velocity=np.zeros(2)) if "motion_gain" in seam else replace(row.faces[0], neighbours=())
    )
    same_seam = settings(alpha=seam) if {"motion_gain", "average_frames"} & set(seam) else settings()
    without = replace(row, faces=(bare,)) if same_seam != settings() else row
    plain = render_frame(original, synced, without, same_seam).patches[0]
    assert np.abs(placed(patch) - placed(plain)).max() > 0.001


def placed(patch: FacePatch) -> np.ndarray:
    out = np.zeros((768, 768), np.float32)
    out[patch.matte.box.y0 : patch.matte.box.y1, patch.matte.box.x0 : patch.matte.box.x1] = patch.matte.alpha
    return out


def shaded(seed: int) -> Picture:
    """Noise with one strong edge after the other, the same in every picture."""
    noisy = picture(seed)
    stripes = (np.arange(768) // 9 % 2 * 120 + 40).astype(np.uint8)
    return replace(noisy, planes=(noisy.planes[0] // 16 + stripes, *noisy.planes[1:]))


@pytest.mark.parametrize("method", BLENDS)
def test_what_is_moved_along_meets_at_the_seam_whatever_the_blend(
    method: str, face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    """A jaw that dropped by 4 px: the original's pixels follow it inside the mask, in the feather and beyond."""
    mesh, side = transformed(face, scale=0.5), 384
    rng = np.random.default_rng(0)
    luma = np.full((side, side), 120, np.float32)
    for sigma, strength in ((1.2, 12), (4, 60), (12, 200)):
        luma += strength * cv2.GaussianBlur(rng.normal(0, 1, luma.shape).astype(np.float32), (0, 0), sigma)
    down = np.arange(side, dtype=np.float32)[:, None] + 0.5 - np.float32(mesh.mouth_centre[1])
    drop = np.repeat(-4 * np.clip(down / (0.12 * mesh.face_width_px), 0, 1), side, axis=1)
    grey = PixelLayout("gray", 8, 0, 0, 1)
    one, other = (
        Picture([np.clip(np.rint(plane), 0, 255).astype(np.uint8)], grey, TAGS, side)
        for plane in (luma, warped(luma, np.dstack([np.zeros_like(drop), drop])))
    )
    chosen = Settings.model_validate({"blend": {"method": method, "max_iterations": 5000}})
    result = render_frame(one, other, row_of(mesh, mesh), chosen)
    assert result.fallbacks == ()
    patch = result.patches[0]
    box = patch.matte.box
    here = np.s_[box.y0 : box.y1, box.x0 : box.x1]
    jaw = np.broadcast_to(down > 0.15 * mesh.face_width_px, luma.shape)[here]
    left = np.abs(one.planes[0][here] + patch.delta.luma - other.planes[0][here])
    alpha = patch.matte.alpha
    feather, inside = jaw & (alpha > 0) & (alpha < 1), jaw & (alpha == 1)
    assert np.count_nonzero(feather) > 200
    assert left[feather].mean() < 1.2 * left[inside].mean()
