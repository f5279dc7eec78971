"""Frames with something in front of the face that stays the original's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from lipblend.picture.formats import PixelLayout
from lipblend.picture.picture import Picture
from lipblend.plan.frame_plan import FramePlan
from lipblend.render import generate
from lipblend.render.face_patch import KEPT
from lipblend.render.frame import compose, render_frame
from lipblend.settings import Settings
from lipblend.stages.registration.reuse import Registration, register
from tests.renders import BLENDS, EIGHT, TEN, picture, settings

SIDE = 768
DEFAULTS = Settings()


def hand(row: FramePlan, width: int = 42) -> np.ndarray:
    """A bar from the middle of the mouth to the left, from top to bottom, its edges soft over four pixels.

    (h, w) float32; 1 over ``width`` pixels.
    """
    x = round(float(row.faces[0].original.mouth_centre[0]))
    columns = np.zeros(SIDE, np.float32)
    columns[x - width + 1 : x + 1] = 1
    columns[x + 1 : x + 5] = (0.8, 0.6, 0.4, 0.2)
    columns[x - width - 3 : x - width + 1] = (0.2, 0.4, 0.6, 0.8)
    return np.ascontiguousarray(np.broadcast_to(columns, (SIDE, SIDE)))


def rendered(row: FramePlan, chosen: Settings, keep: np.ndarray | None, layout: PixelLayout = EIGHT) -> Picture:
    original, synced = picture(1, layout), picture(2, layout)
    return compose(original, render_frame(original, synced, row, chosen, keep=keep))


def real_pair(row: FramePlan, layout: PixelLayout = EIGHT) -> tuple[Picture, Picture]:
    """A pair of which much is reused and moved along: the synced one is brighter, and its mouth up to 9 px lower."""
    down, right = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    x, y = row.faces[0].original.mouth_centre
    texture = 120 + 30 * np.sin(right / 9) * np.cos(down / 7) + np.random.default_rng(3).normal(0, 2, (SIDE, SIDE))
    moved = 9 * np.exp(-((right - x) ** 2 + (down - y) ** 2) / (2 * 30**2))
    spoken = cv2.remap(texture.astype(np.float32), right, (down - moved).astype(np.float32), cv2.INTER_LINEAR) + 4
    scale, dtype = 1 << (layout.depth - 8), np.uint8 if layout.depth == 8 else np.uint16
    made = []
    for luma in (texture, spoken):
        chroma = (luma[::2, ::2] - 120) / 4
        planes = [np.rint(plane * scale).astype(dtype) for plane in (luma, 128 + chroma, 128 - chroma)]
        made.append(replace(picture(1, layout), planes=planes))
    return made[0], made[1]


def apart(one: Picture, other: Picture) -> list[np.ndarray]:
    return [np.abs(a.astype(int) - b) for a, b in zip(one.planes, other.planes, strict=True)]


@pytest.mark.parametrize("layout", [EIGHT, TEN], ids=["8 bit", "10 bit"])
@pytest.mark.parametrize("method", BLENDS)
def test_kept_pixels_keep_every_bit_of_luma_and_chroma(method: str, layout: PixelLayout, row: FramePlan) -> None:
    keep, chosen = hand(row), settings(blend={"method": method})
    original, plain, found = (
        picture(1, layout),
        rendered(row, chosen, None, layout),
        rendered(row, chosen, keep, layout),
    )
    kept = keep == 1
    whole = kept.reshape(SIDE // 2, 2, SIDE // 2, 2).all((1, 3))  # chroma samples all of whose pixels are kept
    for plane, region in zip(range(3), (kept, whole, whole), strict=True):
        assert apart(plain, original)[plane][region].max() > 20 * (layout.depth // 10 * 3 + 1)  # all would have changed
        assert apart(found, original)[plane][region].max() == 0


@pytest.mark.parametrize("method", BLENDS)
def test_beside_it_the_frame_is_as_without_and_between_it_is_linear(method: str, row: FramePlan) -> None:
    keep, chosen = hand(row), settings(blend={"method": method})
    original, plain, found = picture(1), rendered(row, chosen, None), rendered(row, chosen, keep)
    free = keep == 0
    assert apart(plain, original)[0][free].max() > 50
    assert apart(found, plain)[0][free].max() == 0
    old, new, ours = (each.planes[0].astype(float) for each in (original, plain, found))
    soft = ~free & (keep < 1)
    assert np.abs((ours - (keep * old + (1 - keep) * new))[soft]).max() <= 1.01  # both were rounded


@pytest.mark.parametrize("layout", [EIGHT, TEN], ids=["8 bit", "10 bit"])
@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_with_all_stages_on_nothing_moves_or_fades_into_what_is_kept(
    weight: float, layout: PixelLayout, row: FramePlan
) -> None:
    row = replace(row, faces=(replace(row.faces[0], weight=weight),))
    original, synced = real_pair(row, layout)
    keep = hand(row)
    plain = compose(original, render_frame(original, synced, row, DEFAULTS))
    found = compose(original, render_frame(original, synced, row, DEFAULTS, keep=keep))
    kept = keep == 1
    assert apart(plain, original)[0][kept].max() > 5
    assert apart(found, original)[0][kept].max() == 0
    assert apart(found, original)[0][~kept].max() > 5
    whole = kept.reshape(SIDE // 2, 2, SIDE // 2, 2).all((1, 3))
    assert max(apart(found, original)[plane][whole].max() for plane in (1, 2)) == 0


def test_with_all_stages_on_the_soft_edge_is_linear_and_the_old_mouth_does_not_return_beside_it(row: FramePlan) -> None:
    original, synced = real_pair(row)
    keep = hand(row)
    old, new, ours = (
        compose(original, render_frame(original, synced, row, DEFAULTS, keep=plane)).planes[0].astype(float)
        if plane is not None
        else original.planes[0].astype(float)
        for plane in (None, np.zeros_like(keep), keep)
    )
    changed = np.abs(new - old) > 5
    soft, beside = (keep > 0) & (keep < 1), (keep == 0) & (np.roll(keep, 6, 1) + np.roll(keep, -6, 1) > 0)
    for region in (soft & changed, beside & changed):
        off = np.abs(ours - (keep * old + (1 - keep) * new))[region].mean()
        assert off < 0.04 * np.abs(new - old)[region].mean()


def test_no_colour_is_learnt_from_what_is_behind(row: FramePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another cast of the synced picture behind the hand hardly changes the colour field beside it."""
    keep, fields = hand(row, width=60), []
    original, synced = real_pair(row)
    other = synced.copy()
    other.planes[0][keep > 0] += 4

    def spy(*given: Any, **named: Any) -> Registration:
        found = register(*given, **named)
        box = given[0].grid.box
        fields.append(found.field.luma[keep[box.y0 : box.y1, box.x0 : box.x1] == 0])
        return found

    monkeypatch.setattr(generate, "register", spy)
    for plane in (keep, None):
        for each in (synced, other):
            render_frame(original, each, row, DEFAULTS, keep=plane)
    with_matte, without = (np.abs(one - two).mean() for one, two in zip(fields[::2], fields[1::2], strict=True))
    assert without > 0.1
    assert with_matte < 0.12 * without, (with_matte, without)  # the flow beside it still sees what is behind


def test_the_patch_tells_the_matte_that_is_left(row: FramePlan) -> None:
    keep = hand(row)
    (patch,) = render_frame(picture(1), picture(2), row, settings(), keep=keep).patches
    (plain,) = render_frame(picture(1), picture(2), row, settings()).patches
    box = patch.matte.box
    assert box == plain.matte.box
    free = 1 - keep[box.y0 : box.y1, box.x0 : box.x1]
    for name in ("alpha", "reach", "contour"):
        np.testing.assert_array_equal(getattr(patch.matte, name), getattr(plain.matte, name) * free)
    assert (patch.taken <= patch.matte.alpha).all()


def test_a_matte_that_is_black_changes_no_bit_and_a_white_one_passes_the_frame_through(row: FramePlan) -> None:
    chosen = settings()
    plain = rendered(row, chosen, None)
    for one, other in zip(plain.planes, rendered(row, chosen, np.zeros((SIDE, SIDE), np.float32)).planes, strict=True):
        np.testing.assert_array_equal(one, other)
    result = render_frame(picture(1), picture(2), row, chosen, keep=np.ones((SIDE, SIDE), np.float32))
    assert (result.patches, result.reason) == ((), KEPT)


def test_a_matte_of_another_size_is_refused(row: FramePlan) -> None:
    with pytest.raises(ValueError, match=r"keep must be \(768, 768\) as the original, got \(768, 760\)"):
        render_frame(picture(1), picture(2), row, settings(), keep=np.zeros((SIDE, SIDE - 8), np.float32))
