"""Frames with something found in front of the face: it stays the original's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.plan.frame_plan import FramePlan
from lipblend.render import behind, face_patch
from lipblend.render.frame import compose, render_frame
from lipblend.render.generate import Generated, PatchInputs, generate
from lipblend.settings import Settings
from lipblend.stages.occlusion.face_look import CELL_FRAC, CELLS
from lipblend.stages.occlusion.front_matte import cells_in_box
from lipblend.stages.occlusion.hand_shape import hand_mask
from tests.renders import BLENDS, EIGHT, TEN, picture, settings

SIDE = 768
BOX = Box(0, 0, SIDE, SIDE)
CUP = np.zeros((CELLS, CELLS), np.uint8)
CUP[30:46, 22:38] = 255  # over mouth and chin
HAND = np.array(
    [(0, 0), (-22, -15), (-38, -38), (-50, -60), (-60, -80)]
    + [(x, y - 30 * joint) for x, y in ((-27, -92), (-4, -95), (17, -90), (36, -80)) for joint in range(4)],
    np.float32,
)


def with_cup(row: FramePlan, **more: Any) -> FramePlan:
    return replace(row, faces=(replace(row.faces[0], **{"ways": (("departures", CUP),), **more}),))


def cup_pixels(row: FramePlan, *, cells: float) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) bool: so many cells inside of the cup, and so many outside."""
    plane = cells_in_box((CUP > 0).astype(np.float32), BOX, row.faces[0].original)
    return within_and_outside(plane, cells * CELL_FRAC * row.faces[0].original.face_width_px)


def within_and_outside(plane: np.ndarray, px: float) -> tuple[np.ndarray, np.ndarray]:
    solid = (plane > 0.5).astype(np.uint8)
    return (
        cv2.distanceTransform(solid, cv2.DIST_L2, 5) > px,
        cv2.distanceTransform(1 - solid, cv2.DIST_L2, 5) > px,
    )


def rendered(row: FramePlan, chosen: Settings, layout: PixelLayout = EIGHT) -> Picture:
    original, synced = picture(1, layout), picture(2, layout)
    return compose(original, render_frame(original, synced, row, chosen))


def apart(one: Picture, other: Picture) -> list[np.ndarray]:
    return [np.abs(a.astype(int) - b) for a, b in zip(one.planes, other.planes, strict=True)]


@pytest.mark.parametrize("layout", [EIGHT, TEN], ids=["8 bit", "10 bit"])
@pytest.mark.parametrize("method", BLENDS)
def test_well_inside_what_lies_in_front_no_bit_changes(method: str, layout: PixelLayout, row: FramePlan) -> None:
    chosen, original = settings(blend={"method": method}), picture(1, layout)
    plain, found = rendered(row, chosen, layout), rendered(with_cup(row), chosen, layout)
    inside = cup_pixels(row, cells=3)[0]
    whole = inside.reshape(SIDE // 2, 2, SIDE // 2, 2).all((1, 3))
    assert whole.sum() > 200
    for plane, region in zip(range(3), (inside, whole, whole), strict=True):
        assert apart(plain, original)[plane][region].max() > 20
        assert apart(found, original)[plane][region].max() == 0


def test_with_all_stages_on_no_bit_changes_either(row: FramePlan) -> None:
    found = rendered(with_cup(row), Settings())
    assert apart(found, picture(1))[0][cup_pixels(row, cells=3)[0]].max() == 0
    assert apart(found, picture(1))[0].max() > 20


@pytest.mark.parametrize("method", ["alpha", "multiband"])
def test_far_from_what_lies_in_front_the_frame_is_as_without(method: str, row: FramePlan) -> None:
    chosen = settings(blend={"method": method})
    plain, found = rendered(row, chosen), rendered(with_cup(row), chosen)
    outside = cup_pixels(row, cells=10)[1]
    assert apart(plain, picture(1))[0][outside].max() > 20
    off = apart(found, plain)[0][outside]
    assert off.max() <= (0 if method == "alpha" else 2)


def test_a_hand_stays_in_front(row: FramePlan) -> None:
    points = HAND * 0.8 + np.asarray(row.faces[0].original.mouth_centre, np.float32) + np.float32((0, 60))
    held = with_cup(row, ways=(), hands=(points,))
    plain, found = rendered(row, settings()), rendered(held, settings())
    cell_px = CELL_FRAC * row.faces[0].original.face_width_px
    inside, outside = within_and_outside(hand_mask(points, BOX, forearm=0), 3 * cell_px)
    assert apart(plain, picture(1))[0][inside].max() > 20
    assert apart(found, picture(1))[0][inside].max() == 0
    assert apart(found, picture(1))[0][outside].max() > 20
    weights = (1.0, 0.5, 0.0)
    light = [rendered(held, settings(occlusion={"hands_weight": weight})) for weight in weights]
    changes = [float(apart(each, picture(1))[0][inside].mean()) for each in light]
    assert changes[0] == 0
    assert changes[1] == pytest.approx(0.5 * changes[2], rel=0.1)
    assert changes[2] == pytest.approx(float(apart(plain, picture(1))[0][inside].mean()), rel=0.05)


def test_of_what_is_in_front_stays_what_the_faces_own_colours_leave(
    row: FramePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `without_face_colours` does is tested with it; here that it is asked for every plane, and believed."""
    asked: list[tuple[np.ndarray, ...]] = []

    def left_half(plane: np.ndarray, *pictures_and_mouth: Any) -> np.ndarray:
        *planes, cell_px = pictures_and_mouth
        assert cell_px == pytest.approx(CELL_FRAC * row.faces[0].original.face_width_px)
        asked.append((plane, *planes))
        left = plane.copy()
        left[:, left.shape[1] // 2 :] = 0
        return left

    monkeypatch.setattr(behind, "without_face_colours", left_half)
    monkeypatch.setattr(behind, "surroundings", lambda *_: (slice(None), slice(None)))
    (patch,) = render_frame(picture(1), picture(2), with_cup(row), settings()).patches
    assert patch.front is not None
    assert patch.front.solid is not None
    ((plane, original, synced, mouth, speaking),) = asked
    middle = plane.shape[1] // 2
    assert min(plane[:, :middle].max(), plane[:, middle:].max()) == 1
    np.testing.assert_array_equal(patch.front.solid[:, :middle], plane[:, :middle])
    assert patch.front.solid[:, middle:].max() == 0
    assert original.shape == synced.shape == (*plane.shape, 3)
    assert (mouth <= speaking).all()
    assert (mouth < speaking).any()


def test_a_users_matte_and_what_is_found_add_up(row: FramePlan) -> None:
    keep = np.zeros((SIDE, SIDE), np.float32)
    x, y = (round(float(each)) for each in row.faces[0].original.mouth_centre)
    keep[y - 60 : y + 60, x + 30 : x + 60] = 1
    original, synced = picture(1), picture(2)
    found = compose(original, render_frame(original, synced, with_cup(row), settings(), keep=keep))
    for region in (keep > 0, cup_pixels(row, cells=3)[0]):
        assert apart(rendered(row, settings()), original)[0][region].max() > 20
        assert apart(found, original)[0][region].max() == 0


def test_strands_stay_in_front(row: FramePlan) -> None:
    x, y = (round(float(each)) for each in row.faces[0].original.mouth_centre)
    original, synced, cover = flat_pair(row, strands=True)
    here = np.s_[y - 20 : y + 20, x - 40 : x + 40]
    plain, found = (
        compose(original, render_frame(original, synced, with_cup(row, ways=(), strands=strands), settings()))
        for strands in (False, True)
    )
    on = cover[here] == 1
    assert plain.planes[0][here][on].min() > 100
    assert found.planes[0][here][on].max() < 60
    between = cv2.dilate(on.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    np.testing.assert_allclose(found.planes[0][here][between].astype(int), 120, atol=2)


def flat_pair(row: FramePlan, *, strands: bool) -> tuple[Picture, Picture, np.ndarray]:
    """Grey pictures, the original with a bright cup or dark lines before it, and where these are."""
    x, y = (round(float(each)) for each in row.faces[0].original.mouth_centre)
    grey, cover = np.full((SIDE, SIDE), 120, np.float32), np.zeros((SIDE, SIDE), np.float32)
    if strands:
        for right in (-24, 0, 24):
            cv2.line(cover, (x + right, y - 200), (x + right, y + 200), 1.0, 2)
    else:
        cells = cells_in_box((CUP > 0).astype(np.float32), BOX, row.faces[0].original)
        cover = cv2.GaussianBlur((cells > 0.5).astype(np.float32), (0, 0), 2)
    luma = np.rint(grey + cover * np.float32(-70 if strands else 90)).astype(np.uint8)
    chroma = [np.full((SIDE // 2, SIDE // 2), 128, np.uint8)] * 2
    pair = [replace(picture(1), planes=[plane, *chroma]) for plane in (luma, grey.astype(np.uint8))]
    return pair[0], pair[1], cover


@pytest.mark.parametrize("strands", [False, True])
def test_the_patch_is_made_from_pictures_without_what_lies_in_front(
    strands: bool, row: FramePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, synced, cover = flat_pair(row, strands=strands)
    made: list[PatchInputs] = []

    def spy(inputs: PatchInputs, chosen: Settings) -> Generated:
        made.append(inputs)
        return generate(inputs, chosen)

    monkeypatch.setattr(face_patch, "generate", spy)
    front = {"ways": (), "strands": True} if strands else {}
    render_frame(original, synced, with_cup(row, **front), settings())
    (inputs,) = made
    box = inputs.original.grid.box
    here = cover[box.within(BOX)]
    seen = inputs.original.luma
    middle = np.zeros_like(here, bool)
    middle[30:-30, 30:-30] = True
    assert np.abs(seen - 120)[middle].max() < (8 if strands else 16)
    assert np.abs(seen - 120)[middle].mean() < 1
    assert inputs.in_front is not None
    assert inputs.in_front[middle & (here == 1)].mean() > 0.8
    assert inputs.in_front[middle & (cv2.dilate(here, np.ones((25, 25), np.uint8)) == 0)].max() == 0


def test_without_anything_in_front_no_bit_depends_on_the_search(
    row: FramePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = rendered(row, Settings())
    (patch,) = render_frame(picture(1), picture(2), row, Settings()).patches

    def fail(*_: object) -> None:
        raise AssertionError("nothing is in front")

    for name in ("without", "behind", "change_behind"):
        monkeypatch.setattr(face_patch, name, fail)
    monkeypatch.setattr(face_patch, "in_front", lambda *_, **__: None)
    for one, other in zip(plain.planes, rendered(row, Settings()).planes, strict=True):
        np.testing.assert_array_equal(one, other)
    (again,) = render_frame(picture(1), picture(2), row, Settings()).patches
    np.testing.assert_array_equal(patch.matte.alpha, again.matte.alpha)
    np.testing.assert_array_equal(patch.delta.whole(), again.delta.whole())


def test_cells_in_which_nothing_is_change_nothing(row: FramePlan) -> None:
    found = rendered(with_cup(row, ways=(("departures", np.zeros_like(CUP)),)), settings())
    for one, other in zip(rendered(row, settings()).planes, found.planes, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1  # rounding
    assert apart(found, picture(1))[0].max() > 20


def test_the_patch_says_what_is_left_of_its_matte(row: FramePlan) -> None:
    (patch,) = render_frame(picture(1), picture(2), with_cup(row), settings()).patches
    (plain,) = render_frame(picture(1), picture(2), row, settings()).patches
    assert patch.matte.box == plain.matte.box
    inside, outside = (each[patch.matte.box.within(BOX)] for each in cup_pixels(row, cells=4))
    assert plain.matte.alpha[inside].max() == 1
    assert patch.matte.alpha[inside].max() == patch.taken[inside].max() == 0
    np.testing.assert_array_equal(patch.matte.alpha[outside], plain.matte.alpha[outside])
    assert (patch.taken <= patch.matte.alpha).all()
