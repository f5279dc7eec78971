"""The properties that every composed frame must have, whatever the settings."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from lipblend import render as module
from lipblend.analysis.plan import FacePlan, PlanRow
from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.generate import Generated
from lipblend.media.info import ColourTags, PixelLayout
from lipblend.media.mapping import FrameMapping
from lipblend.media.planes import Box, Patch, add_delta
from lipblend.render import OUTSIDE, POISSON_FELL_BACK, FacePatch, FrameResult, Picture, render_frame
from lipblend.settings import Settings
from lipblend.stages.colour_map import ColourMap, Space
from lipblend.stages.flow import warped
from lipblend.stages.mask import signed_distance
from lipblend.stages.matte import Matte

TAGS = ColourTags(1, 1, 1, 1)
EIGHT = PixelLayout("yuv420p", 8, 1, 1, 3)
TEN = PixelLayout("yuv420p10le", 10, 1, 1, 3)
NOISE = np.random.default_rng(5)
BLENDS = ("alpha", "multiband", "poisson")


def picture(seed: int, layout: PixelLayout = EIGHT, side: int = 768) -> Picture:
    rng = np.random.default_rng(seed)
    planes = [rng.integers(40, 200, (side, side)), *(rng.integers(100, 160, (side // 2, side // 2)) for _ in range(2))]
    scale = 1 << (layout.depth - 8)
    return Picture([(p * scale).astype(np.uint8 if scale == 1 else np.uint16) for p in planes], layout, TAGS, side)


PLAIN: dict[str, dict[str, object]] = {
    "reuse": {"method": "none"}, "align": {"method": "none"}, "detail": {"strength": 0},
    "colour": {"membrane": False},
}  # fmt: skip
"""The pictures of these tests are noise, of which nothing can be reused; and what is taken over shall be exact."""


def settings(**groups: dict[str, object]) -> Settings:
    return Settings.model_validate({**PLAIN, **{key: {**PLAIN.get(key, {}), **group} for key, group in groups.items()}})


@pytest.fixture
def row(face: Landmarks, transformed: Callable[..., Landmarks]) -> PlanRow:
    return row_of(face, transformed(face, jaw_px=0.1 * face.face_width_px))


def row_of(
    original: Landmarks,
    synced: Landmarks,
    *,
    weight: float = 1.0,
    offset: float = 0.0,
    moved: tuple[float, float] = (0, 0),
    space: Space = "ycbcr",
) -> PlanRow:
    shift = ColourMap.affine(space, np.ones(3), np.array([offset, 0, 0]))
    face = FacePlan(weight, original, synced, shift, np.array(moved, np.float64))
    return PlanRow(0, 0, (face,), "")


def finished(original: Picture, synced: Picture, row: PlanRow, chosen: Settings) -> list[np.ndarray]:
    planes = [plane.copy() for plane in original.planes]
    result = render_frame(original, synced, row, chosen)
    assert result.patches
    for patch in result.patches:
        add_delta(planes, original.layout, patch.matte.box, patch.delta)
    return planes


def test_the_mask_is_larger_where_the_footprint_leaves_room_by_the_settings_margin(row: PlanRow) -> None:
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
def test_synced_equal_to_original_gives_back_the_original_bit_for_bit(method: str, row: PlanRow) -> None:
    original = picture(1)
    for out, plane in zip(
        finished(original, original, row, settings(blend={"method": method})), original.planes, strict=True
    ):
        np.testing.assert_array_equal(out, plane)


@pytest.mark.parametrize("method", BLENDS)
def test_nothing_outside_the_mask_changes_and_the_inside_is_the_synced_picture(method: str, row: PlanRow) -> None:
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
def test_8_and_10_bit_agree(method: str, row: PlanRow) -> None:
    chosen = settings(blend={"method": method})
    small = finished(picture(1), picture(2), row, chosen)
    deep = finished(picture(1, TEN), picture(2, TEN), row, chosen)
    for a, b in zip(small, deep, strict=True):
        assert np.abs(a.astype(float) - b / 4).max() <= 0.5 + 1 / 8


def test_the_patch_is_blended_into_the_original_as_it_was_moved_along(
    row: PlanRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Patch, Patch, Patch]] = []

    def generate(before: Patch, after: Patch, face: FacePlan, matte: Matte, *_: object, **__: object) -> Generated:
        rng = np.random.default_rng(3)
        patch = Patch.of(rng.uniform(40, 200, (*matte.alpha.shape, 3)).astype(np.float32), before.grid)
        carried = Patch.of(rng.normal(0, 5, (*matte.alpha.shape, 3)).astype(np.float32), before.grid)
        made.append((before, patch, carried + Patch.of(np.zeros((*matte.alpha.shape, 3), np.float32), before.grid)))
        return Generated(patch.part(matte.core(before.grid)), carried, matte.alpha)

    monkeypatch.setattr(module, "generate", generate)
    result = render_frame(picture(1), picture(2), row, settings())
    (before, patch, carried), matte = made[0], result.patches[0].matte
    want = carried + (patch - (before + carried)).weighted(matte.alpha)
    delta = result.patches[0].delta
    np.testing.assert_allclose(delta.luma, want.luma, atol=1e-4)
    np.testing.assert_allclose(delta.chroma, want.chroma, atol=1e-4)


def test_half_weight_makes_half_the_change(row: PlanRow) -> None:
    half = row_of(row.faces[0].original, row.faces[0].synced, weight=0.5)
    full_delta = delta_of(render_frame(picture(1), picture(2), row, Settings()))
    half_delta = delta_of(render_frame(picture(1), picture(2), half, Settings()))
    np.testing.assert_allclose(half_delta, full_delta / 2, atol=1e-4)


def test_a_row_without_a_face_passes_the_original_through_with_its_reason(row: PlanRow) -> None:
    result = render_frame(picture(1), None, PlanRow(0, -1, (), "no face"), Settings())
    assert result.patches == ()
    assert result.reason == "no face"


def test_a_mask_outside_the_picture_says_so(row: PlanRow, transformed: Callable[..., Landmarks]) -> None:
    away = transformed(row.faces[0].original, shift=(4000, 0))
    result = render_frame(picture(1), picture(2), row_of(away, away), Settings())
    assert result.reason == OUTSIDE


def test_poisson_that_does_not_converge_is_done_as_multiband_and_counted(row: PlanRow) -> None:
    hard = {"method": "poisson", "max_iterations": 10, "tolerance": 1e-8}
    result = render_frame(picture(1), picture(2), row, settings(blend=hard))
    assert result.fallbacks == (POISSON_FELL_BACK,)
    multiband = render_frame(picture(1), picture(2), row, settings(blend={"method": "multiband"}))
    np.testing.assert_array_equal(delta_of(result), delta_of(multiband))


@pytest.mark.parametrize("space", ["ycbcr", "lab"])
def test_colour_map_reaches_the_patch(space: Space, row: PlanRow) -> None:
    flat = Picture(
        [np.full((768, 768), 120, np.uint8), *(np.full((384, 384), 128, np.uint8) for _ in range(2))], EIGHT, TAGS, 768
    )
    brighter = row_of(row.faces[0].original, row.faces[0].synced, offset=8.0, space=space)
    x, y = row.faces[0].original.mouth_centre.astype(int)
    change = int(finished(flat, flat, brighter, settings())[0][y, x]) - 120
    # 8 levels of luma; or 8 units of L*, which is about 18 levels of limited-range luma at mid grey.
    assert change == 8 if space == "ycbcr" else 15 <= change <= 21


def test_coloured_lips_and_teeth_leave_the_skin_alone(row: PlanRow) -> None:
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


def test_rendering_does_not_touch_its_inputs_and_repeats_exactly(row: PlanRow) -> None:
    original, synced = picture(1), picture(2)
    kept = [plane.copy() for plane in (*original.planes, *synced.planes)]
    first = delta_of(render_frame(original, synced, row, Settings()))
    second = delta_of(render_frame(original, synced, row, Settings()))
    np.testing.assert_array_equal(first, second)
    for plane, copy in zip((*original.planes, *synced.planes), kept, strict=True):
        np.testing.assert_array_equal(plane, copy)


def test_two_faces_are_composed_and_where_they_overlap_nothing_is_added_twice(
    row: PlanRow, transformed: Callable[..., Landmarks]
) -> None:
    face = row.faces[0]
    dark, bright = (
        Picture([np.full((768, 768), level, np.uint8), *[np.full((384, 384), 128, np.uint8)] * 2], EIGHT, TAGS, 768)
        for level in (60, 160)
    )
    near = transformed(face.original, shift=(0.4 * face.original.face_width_px, 0))
    both = PlanRow(0, 0, (face, row_of(near, near).faces[0]), "")
    luma = finished(dark, bright, both, settings(colour={"method": "none"}))[0]
    single = finished(dark, bright, row, settings(colour={"method": "none"}))[0]
    assert luma.max() == 160
    assert np.count_nonzero(luma == 160) > np.count_nonzero(single == 160)
    assert (luma >= single).all()


def test_a_scaled_and_padded_synced_picture_is_laid_on_the_original(row: PlanRow) -> None:
    x, _ = np.meshgrid(np.arange(768, dtype=np.float32), np.arange(768, dtype=np.float32))
    chroma = [np.full((384, 384), 128, np.uint8)] * 2
    original = Picture([np.full((768, 768), 50, np.uint8), *chroma], EIGHT, TAGS, 768)
    ramp = Picture([(60 + x / 8).astype(np.uint8), *chroma], EIGHT, TAGS, 768)
    mapping = FrameMapping(0.5, 0.5, 20, 30)
    sx, _ = np.meshgrid(np.arange(420, dtype=np.float32) + 0.5, np.arange(440, dtype=np.float32) + 0.5)
    small = Picture(
        [(60 + ((sx - 20) / 0.5 - 0.5) / 8).clip(0, 255).astype(np.uint8), *[np.full((220, 210), 128, np.uint8)] * 2],
        EIGHT,
        TAGS,
        440,
    )
    plain = settings(colour={"method": "none"})
    direct = finished(original, ramp, row, plain)[0].astype(int)
    planes = [plane.copy() for plane in original.planes]
    for patch in render_frame(original, small, row, plain, mapping=mapping).patches:
        add_delta(planes, EIGHT, patch.matte.box, patch.delta)
    np.testing.assert_allclose(planes[0].astype(int), direct, atol=1)


def test_a_head_that_lies_elsewhere_in_the_synced_picture_is_brought_to_its_place(row: PlanRow) -> None:
    original, synced = picture(1), picture(2)
    rolled = [np.roll(plane, (6, 4) if chroma else (12, 8), (0, 1)) for chroma, plane in enumerate(synced.planes)]
    away = Picture(rolled, EIGHT, TAGS, 768)
    face = row.faces[0]
    plain = settings(colour={"method": "none"})
    straight = finished(original, synced, row, plain)
    moved = finished(original, away, row_of(face.original, face.synced, moved=(8, 12)), plain)
    np.testing.assert_allclose(moved[0].astype(int), straight[0], atol=1)


def test_nothing_is_taken_from_beyond_a_cropped_synced_picture(row: PlanRow) -> None:
    original = picture(1)
    x, y = row.faces[0].original.mouth_centre
    right, bottom = int(x) + 10, int(y) + 20
    cropped = Picture(
        [
            plane[: (bottom if not n else bottom // 2), : (right if not n else right // 2)]
            for n, plane in enumerate(picture(2).planes)
        ],
        EIGHT,
        TAGS,
        bottom,
    )
    planes = [plane.copy() for plane in original.planes]
    # A mapping that is not quite none, so that the crop is known to be one.
    for patch in render_frame(original, cropped, row, Settings(), mapping=FrameMapping(1, 1, 1e-9, 0)).patches:
        add_delta(planes, EIGHT, patch.matte.box, patch.delta)
    np.testing.assert_array_equal(planes[0][:, right:], original.planes[0][:, right:])
    np.testing.assert_array_equal(planes[0][bottom:], original.planes[0][bottom:])
    assert not np.array_equal(planes[0], original.planes[0])


def test_a_synced_picture_without_its_last_rows_needs_no_scale(row: PlanRow) -> None:
    original, face = picture(1), row.faces[0]
    bottom = int(face.original.mouth_centre[1]) + 20 & ~1
    planes = [plane[: bottom // 2 if chroma else bottom] for chroma, plane in enumerate(picture(2).planes)]
    luma = finished(original, Picture(planes, EIGHT, TAGS, bottom), row, Settings())[0]
    np.testing.assert_array_equal(luma[bottom:], original.planes[0][bottom:])
    assert not np.array_equal(luma, original.planes[0])


SEAMS: list[dict[str, object]] = [
    {"edge": "guided"}, {"edge": "bilateral"}, {"motion_gain": 2, "motion_threshold_frac": 0}, {"supersample": 2},
    {"average_frames": 1},
]  # fmt: skip


@pytest.mark.parametrize("seam", SEAMS, ids=lambda seam: next(iter(seam)) + str(next(iter(seam.values()))))
def test_every_shape_of_the_seam_keeps_the_original_and_stays_inside_the_mask(
    seam: dict[str, object], row: PlanRow, transformed: Callable[..., Landmarks]
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
