"""Lips and mouth in the person's own colours: what is learnt, and what the stage changes."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from lipblend.faces.landmarks import LIPS_INNER, Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, ChromaGrid, Patch
from lipblend.stages.colour.lip_samples import DEPTHS, LIP_SAMPLES, SAMPLE_SHAPE, between, mouth_points, mouth_sample
from lipblend.stages.colour.mouth_fit import MouthColours, mouth_colours
from lipblend.stages.colour.own_mouth import with_own_mouth

EIGHT, TEN = PixelLayout("yuv420p", 8, 1, 1, 3), PixelLayout("yuv420p10le", 10, 1, 1, 3)
FRAMES = 30
SKIN, LIPS, DARK, TEETH = (130.0, 112.0, 148.0), (95.0, 116.0, 160.0), (40.0, 124.0, 138.0), (180.0, 122.0, 132.0)


def opened(face: Landmarks, share: float) -> Landmarks:
    """The lower lip further down, in face widths."""
    points = face.points.copy()
    lower = [*LIPS_INNER[11:], 17, 84, 181, 91, 146, 314, 405, 321, 375]
    points[lower] += np.float32(share * face.face_width_px) * face.y_axis.astype(np.float32)
    return Landmarks(points)


def box_of(face: Landmarks) -> Box:
    low, high = face.points.min(0), face.points.max(0)
    box = Box.around(low, high)
    return Box(box.x0 // 2 * 2, box.y0 // 2 * 2, box.x1 // 2 * 2, box.y1 // 2 * 2)


def inside(mesh: Landmarks, depth: float, box: Box) -> np.ndarray:
    filled = np.zeros((box.height, box.width), np.uint8)
    cv2.fillPoly(filled, [np.rint(between(mesh, depth) - (box.x0 + 0.5, box.y0 + 0.5)).astype(np.int32)], 1)
    return filled.astype(bool)


def mouth_picture(mesh: Landmarks, box: Box, *, lips: float = 1.0, seam: tuple[float, float] = (0, 0)) -> np.ndarray:
    """(h, w, 3) YCbCr: skin, lips, in the upper half of the open mouth teeth. The lips' light is scaled."""
    picture = np.full((box.height, box.width, 3), SKIN, np.float32)
    colour = np.array([16 + lips * (LIPS[0] - 16), 128 + lips * (LIPS[1] - 128), 128 + lips * (LIPS[2] - 128)])
    picture[inside(mesh, 0.0, box)] = colour
    within = inside(mesh, 1.0, box)
    picture[within] = DARK
    rows = np.arange(box.height)[:, None] + box.y0 < between(mesh, 1.0)[:, 1].mean()
    picture[within & rows] = TEETH
    near = inside(mesh, 0.6, box)
    picture[near, 1:] += np.array(seam, np.float32)
    return picture + np.random.default_rng(3).normal(0, 0.5, picture.shape).astype(np.float32)


def learnt(face: Landmarks, *, frames: int = FRAMES, **damage: object) -> MouthColours | None:
    samples = []
    for number in range(frames):
        first, second = (opened(face, 0.04 * (1 + np.sin(phase + number / 3))) for phase in (0.0, 1.3))
        box = box_of(face)
        shown = mouth_picture(first, box), mouth_picture(second, box, **damage)  # type: ignore[arg-type]
        samples.append(mouth_sample(*shown, box, first, second))
    original, synced = np.stack(samples, axis=1).astype(np.float64)
    return mouth_colours(original, synced, black=16.0, white=235.0)


def patch_of(whole: np.ndarray, box: Box, layout: PixelLayout = EIGHT) -> Patch:
    scale = 1 << (layout.depth - 8)
    return Patch.of((np.rint(whole * scale) / scale).astype(np.float32), ChromaGrid(layout, box))


def lips_of(patch: Patch, mesh: Landmarks) -> np.ndarray:
    box = patch.grid.box
    return patch.whole()[inside(mesh, 0.3, box) & ~inside(mesh, 0.75, box)].mean(0)


def test_samples_follow_the_mesh_and_miss_what_is_shut(face: Landmarks) -> None:
    mesh = opened(face, 0.06)
    box = box_of(face)
    picture = mouth_picture(mesh, box)
    sample = mouth_sample(picture, picture, box, mesh, mesh)
    assert sample.shape == SAMPLE_SHAPE
    np.testing.assert_array_equal(sample[0], sample[1])
    middle = sample[0, :LIP_SAMPLES].astype(np.float64).reshape(len(DEPTHS), -1, 3)[3]
    np.testing.assert_allclose(np.median(middle, axis=0), LIPS, atol=2)
    assert np.isfinite(sample[0, LIP_SAMPLES:]).any()
    points = face.points.copy()
    points[list(LIPS_INNER[11:])] = points[list(LIPS_INNER[9:0:-1])]
    shut = Landmarks(points)
    assert np.isnan(mouth_sample(picture, picture, box, shut, mesh)[0, LIP_SAMPLES:].astype(np.float64)).all()
    cut = Box(box.x0, box.y0, box.x1, int(mouth_points(mesh)[:, 1].mean()))
    above = mouth_sample(picture[: cut.height], picture[: cut.height], cut, mesh, mesh)
    assert np.isnan(above.astype(np.float64)).any()


def test_a_right_mouth_stays(face: Landmarks) -> None:
    found = learnt(face)
    assert found is not None
    np.testing.assert_array_equal(found.shift, 0)
    np.testing.assert_array_equal(found.gain, 1)
    mesh, box = opened(face, 0.05), box_of(face)
    patch = patch_of(mouth_picture(mesh, box), box)
    change = with_own_mouth(patch, mesh, found) - patch
    assert np.abs(change.luma).max() == 0
    assert np.abs(change.chroma).max() < 0.5


@pytest.mark.parametrize("lips", [0.8, 1.2])
def test_darker_and_paler_lips_come_back(face: Landmarks, lips: float) -> None:
    found = learnt(face, lips=lips)
    assert found is not None
    mesh, box = opened(face, 0.05), box_of(face)
    patch = patch_of(mouth_picture(mesh, box, lips=lips), box)
    before, after = lips_of(patch, mesh), lips_of(with_own_mouth(patch, mesh, found), mesh)
    assert abs(before[0] - LIPS[0]) > 12
    np.testing.assert_allclose(after, LIPS, atol=4)


def test_a_violet_seam_comes_back_and_teeth_stay_grey(face: Landmarks) -> None:
    found = learnt(face, seam=(10.0, 6.0))
    assert found is not None
    mesh, box = opened(face, 0.05), box_of(face)
    violet, right = (mouth_picture(mesh, box, seam=seam) for seam in ((10.0, 6.0), (0.0, 0.0)))
    patch = patch_of(violet, box)
    made = with_own_mouth(patch, mesh, found).whole()
    within = inside(mesh, 1.15, box)
    left, was = (np.abs(each - right)[within][:, 1:].mean() for each in (made, patch.whole()))
    assert left < 0.35 * was
    own = with_own_mouth(patch_of(right, box), mesh, learnt(face)).whole()  # type: ignore[arg-type]
    assert np.abs(own - patch_of(right, box).whole())[within].mean() < 0.2


def test_a_colour_that_the_mouth_never_shows_comes_back(face: Landmarks) -> None:
    found = learnt(face)
    assert found is not None
    mesh, box = opened(face, 0.05), box_of(face)
    green = mouth_picture(mesh, box)
    x, y = (np.array(between(mesh, 0.4)[2]) - (box.x0, box.y0)).astype(int)
    green[y - 4 : y + 4, x - 4 : x + 4, 1:] -= 40
    patch = patch_of(green, box)
    made = with_own_mouth(patch, mesh, found).whole()[y, x]
    before, after = (np.abs(each - LIPS)[1:].sum() for each in (patch.whole()[y, x], made))
    assert before > 60
    assert after < 0.6 * before


def test_nothing_changes_outside_the_mouth(face: Landmarks) -> None:
    found = learnt(face, lips=0.7, seam=(12.0, 0.0))
    assert found is not None
    mesh, box = opened(face, 0.05), box_of(face)
    patch = patch_of(mouth_picture(mesh, box, lips=0.7), box)
    made = with_own_mouth(patch, mesh, found)
    side = 2 * int(0.06 * mesh.face_width_px) + 1
    away = cv2.dilate(inside(mesh, DEPTHS[0], box).astype(np.uint8), np.ones((side, side), np.uint8)) == 0
    np.testing.assert_array_equal(made.whole()[away], patch.whole()[away])
    assert np.abs(made.luma - patch.luma).max() > 5
    elsewhere = Landmarks(mesh.points + np.float32(5000))
    assert with_own_mouth(patch, elsewhere, found) is patch


def test_off_is_the_same_object(face: Landmarks) -> None:
    found = learnt(face, lips=0.8)
    assert found is not None
    mesh, box = opened(face, 0.05), box_of(face)
    patch = patch_of(mouth_picture(mesh, box, lips=0.8), box)
    assert with_own_mouth(patch, mesh, replace(found, strength=0.0)) is patch


def test_eight_and_ten_bits_agree(face: Landmarks) -> None:
    found = learnt(face, lips=0.8)
    assert found is not None
    mesh, box = opened(face, 0.05), box_of(face)
    whole = mouth_picture(mesh, box, lips=0.8)
    eight, ten = (with_own_mouth(patch_of(whole, box, layout), mesh, found).whole() for layout in (EIGHT, TEN))
    assert np.abs(eight - ten).max() < 1.5
    assert np.abs(eight - ten).mean() < 0.4


def test_too_little_seen_is_nothing_learnt(face: Landmarks) -> None:
    assert learnt(face, frames=5, lips=0.7) is None


def test_a_mouth_that_never_opens_allows_more_inside() -> None:
    lips = np.random.default_rng(1).normal(LIPS, 1.0, (20, *SAMPLE_SHAPE[1:]))
    shut = lips.copy()
    shut[:, LIP_SAMPLES:] = np.nan
    seen, unseen = (mouth_colours(each, each, black=16.0, white=235.0) for each in (lips, shut))
    assert seen is not None
    assert unseen is not None
    assert (unseen.limit[1, 1:-1] > seen.limit[1, 1:-1] + 5).all()
    np.testing.assert_array_equal(unseen.shift, 0)


def test_a_tongue_that_the_original_never_shows_stays_red() -> None:
    rng = np.random.default_rng(5)
    original, synced = (rng.normal(LIPS, 1.0, (20, *SAMPLE_SHAPE[1:])) for _ in range(2))
    original[:, LIP_SAMPLES:] = rng.normal((95.0, 123.0, 134.0), 1.0, original[:, LIP_SAMPLES:].shape)
    found = mouth_colours(original, synced, black=16.0, white=235.0)
    assert found is not None
    assert 1.5 < np.linalg.norm(found.shift[LIP_SAMPLES:], axis=1).max() < 2.5
