"""The footprint, from synthetic differences with a known outline."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.footprint import (
    footprint_box,
    footprint_outline,
    footprint_polygon,
    footprint_sample,
    head_frame,
)

LEFT, RIGHT, TOP, BOTTOM = -0.45, 0.5, 0.1, 0.85  # of the painted box, face widths
CHIN = 1.0  # lower end of a part below it that is painted in some frames
NOISY = 2.1


def sampled(
    face: Landmarks,
    *,
    painted: float = 6.0,
    noise: float = 1.0,
    everywhere: float = 0.0,
    mouth: float = 8.0,
    chin: float = 0.0,
    seed: int = 0,
) -> np.ndarray:
    """The sample of a pair that differs by noise, and by more inside boxes that follow the head."""
    box = footprint_box(face)
    rng = np.random.default_rng(seed)
    original = np.full((box.height, box.width, 3), 120, np.float32)
    synced = original + rng.normal(0, noise * 4, original.shape).astype(np.float32) + np.float32(everywhere)
    frame = head_frame(face)
    for (left, right, top, bottom), levels in (
        ((LEFT, RIGHT, TOP, BOTTOM), painted),
        ((-0.2, 0.2, 0.4, 0.7), mouth),
        ((-0.3, 0.3, BOTTOM, CHIN), chin),
    ):
        corners = frame.to_pixels(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]))
        area = np.zeros(original.shape[:2], np.uint8)
        cv2.fillConvexPoly(area, np.rint(corners - (box.x0 + 0.5, box.y0 + 0.5)).astype(np.int32), 1)
        synced[area > 0] += np.float32(levels)
    return footprint_sample(synced - original, box, face)


def test_outline_is_the_painted_box_for_any_position_of_the_head(
    face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    for angle, scale in ((0.0, 1.0), (0.2, 1.0), (-0.15, 0.6)):
        moved = transformed(face, angle_rad=angle, scale=scale)
        outline = footprint_outline([sampled(moved, seed=seed) for seed in range(5)])
        assert outline is not None
        assert outline.min(0) == pytest.approx((LEFT, TOP), abs=0.06)
        assert outline.max(0) == pytest.approx((RIGHT, BOTTOM), abs=0.06)


def test_outline_golden(face: Landmarks) -> None:
    outline = footprint_outline([sampled(face, seed=seed) for seed in range(5)])
    assert outline is not None
    area = cv2.contourArea(outline.astype(np.float32))
    assert area == pytest.approx(0.720, abs=0.01)  # the box itself has 0.7125


@pytest.mark.parametrize("painted", [4.0, 40.0])
def test_hard_edge_is_located_exactly(face: Landmarks, painted: float) -> None:
    outline = footprint_outline([sampled(face, noise=0.1, painted=painted, seed=seed) for seed in range(5)])
    assert outline is not None
    assert outline.min(0) == pytest.approx((LEFT, TOP), abs=0.012)
    assert outline.max(0) == pytest.approx((RIGHT, BOTTOM), abs=0.012)


def test_sample_is_luma_plus_half_of_chroma_golden(face: Landmarks) -> None:
    box = footprint_box(face)
    original = np.full((box.height, box.width, 3), 120, np.float32)
    synced = original + np.array([1, 1, 1], np.float32)  # an even difference does not count
    middle = np.s_[box.height // 3 : 2 * box.height // 3, box.width // 3 : 2 * box.width // 3]
    synced[middle] += np.array([-2, 4, -6], np.float32)
    found = footprint_sample(synced - original, box, face)
    assert found[28:32, 28:32] == pytest.approx(np.full((4, 4), 2 + 0.5 * (4 + 6)), abs=0.01)
    assert not found[:5].any()


def test_head_axes_point_right_and_to_the_chin(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    frame = head_frame(transformed(face, angle_rad=0.3))
    straight = head_frame(face)
    for axis, plain in ((frame.x_axis, straight.x_axis), (frame.y_axis, straight.y_axis)):
        turned = (plain[0] * np.cos(0.3) - plain[1] * np.sin(0.3), plain[0] * np.sin(0.3) + plain[1] * np.cos(0.3))
        assert axis == pytest.approx(turned, abs=1e-4)
    assert straight.x_axis[0] > 0.9
    assert straight.y_axis[1] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("often", "bottom"), [(2, CHIN), (0, BOTTOM)])
def test_jaw_that_drops_in_a_tenth_of_the_frames_counts(face: Landmarks, often: int, bottom: float) -> None:
    samples = [sampled(face, noise=0.1, chin=2.5 * (seed < often), seed=seed) for seed in range(20)]
    outline = footprint_outline(samples)
    assert outline is not None
    assert outline[:, 1].max() == pytest.approx(bottom, abs=0.04)


def test_difference_of_a_tenth_of_the_paint_does_not_count(face: Landmarks) -> None:
    outline = footprint_outline([sampled(face, noise=0.05, chin=0.5, seed=seed) for seed in range(5)])
    assert outline is not None
    assert outline[:, 1].max() == pytest.approx(BOTTOM, abs=0.04)


def test_even_difference_does_not_count(face: Landmarks) -> None:
    plain = footprint_outline([sampled(face, seed=seed) for seed in range(3)])
    dark = footprint_outline([sampled(face, everywhere=-9, seed=seed) for seed in range(3)])
    assert plain is not None
    assert dark is not None
    assert dark == pytest.approx(plain, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.2, 1.0])
def test_limit_follows_the_codec_noise(face: Landmarks, noise: float) -> None:
    outline = footprint_outline([sampled(face, noise=noise, seed=seed) for seed in range(12)])
    assert outline is not None
    assert outline.max(0) == pytest.approx((RIGHT, BOTTOM), abs=0.04)


def test_strong_paint_is_found_in_codec_noise_and_weak_paint_is_not(face: Landmarks) -> None:
    for painted, wanted in ((16.0, True), (5.0, False)):
        samples = [sampled(face, noise=NOISY, painted=painted, mouth=1, seed=seed) for seed in range(8)]
        beside = np.median(np.max(np.stack(samples).astype(np.float32), axis=0)[:10])
        assert 3.2 < beside < 4.5  # more than 3 levels
        outline = footprint_outline(samples)
        assert (outline is not None) == wanted
        if outline is not None:
            assert outline.max(0) == pytest.approx((RIGHT, BOTTOM), abs=0.08)


@pytest.mark.parametrize(
    "given",
    [{"painted": 0, "mouth": 0, "noise": 0.1}, {"painted": 0}, {"noise": 60.0}, None],
    ids=["nothing painted", "only the mouth", "the whole picture", "no samples"],
)
def test_no_outline(face: Landmarks, given: dict[str, float] | None) -> None:
    samples = [] if given is None else [sampled(face, **given, seed=seed) for seed in range(3)]
    assert footprint_outline(samples) is None


def test_no_outline_without_pixels_beside_the_face(face: Landmarks) -> None:
    box = footprint_box(face)
    low, high = (int(v) for v in (box.x0 + 0.2 * box.width, box.x1 - 0.2 * box.width))
    close = Box(low, int(box.y0 + 0.2 * box.height), high, box.y1)
    rng = np.random.default_rng(3)
    original = np.full((close.height, close.width, 3), 120, np.float32)
    synced = original + rng.normal(0, 4, original.shape).astype(np.float32)
    synced[close.height // 3 :] += 8
    assert footprint_outline([footprint_sample(synced - original, close, face)]) is None


@pytest.mark.parametrize("side", ["left", "right"])
def test_paint_beyond_the_grid_has_no_edge_there(face: Landmarks, side: str) -> None:
    box, width = footprint_box(face), face.face_width_px
    rng = np.random.default_rng(3)
    original = np.full((box.height, box.width, 3), 120, np.float32)
    synced = original + rng.normal(0, 4, original.shape).astype(np.float32)
    quarter = box.width // 4
    columns = slice(0, -quarter) if side == "left" else slice(quarter, None)
    synced[box.height // 2 :, columns] += 8
    outline = footprint_outline([footprint_sample(synced - original, box, face)])
    assert outline is not None
    x, y = footprint_polygon(outline, face).T
    assert y.max() > box.y1 + width
    assert (x.min() < box.x0 - width) == (side == "left")
    assert (x.max() > box.x1 + width) == (side == "right")
