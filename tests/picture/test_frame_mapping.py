"""Resampling a synced picture onto the original's pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textures import texture

from lipblend.picture.formats import PixelLayout
from lipblend.picture.frame_mapping import FrameMapping, extract_mapped, synced_patch, warp
from lipblend.picture.patch import Box
from lipblend.picture.planes import extract_patch

SIZE = (96, 64)
LAYOUTS = {
    "420": PixelLayout("yuv420p", 8, 1, 1, 3),
    "422": PixelLayout("yuv422p", 8, 1, 0, 3),
    "444": PixelLayout("yuv444p", 8, 0, 0, 3),
    "420-10": PixelLayout("yuv420p10le", 10, 1, 1, 3),
    "444-10": PixelLayout("yuv444p10le", 10, 0, 0, 3),
    "gray": PixelLayout("gray", 8, 0, 0, 1),
    "gray-10": PixelLayout("gray10le", 10, 0, 0, 1),
}
numbers = st.floats(0.3, 3)
shifts = st.floats(-40, 40)


def planes_of(layout: PixelLayout, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """A soft colour picture, the same scene in every layout."""
    width, height = size
    planes = []
    for number in range(layout.planes):
        full = texture(size, 10 + number, fine_px=8 if number else 3)
        if number:
            full = cv2.resize(
                full, (width >> layout.chroma_w_shift, height >> layout.chroma_h_shift), interpolation=cv2.INTER_AREA
            )
        codes = np.clip(full, 0, 255) * (1 << (layout.depth - 8))
        planes.append(np.rint(codes).astype(np.uint8 if layout.depth == 8 else np.uint16))
    return planes


@given(numbers, numbers, shifts, shifts)
def test_mapping_has_an_inverse(sx: float, sy: float, tx: float, ty: float) -> None:
    mapping = FrameMapping(sx, sy, tx, ty)
    points = np.random.default_rng(0).uniform(0, 2000, (20, 2))
    np.testing.assert_allclose(mapping.to_original(mapping.to_synced(points)), points, atol=1e-2)
    left, top, right, bottom = mapping.covered(300, 200)
    corners = mapping.to_synced(np.array([[left, top], [right, bottom]]))
    np.testing.assert_allclose(corners, [[0, 0], [300, 200]], atol=1e-2)


@given(numbers, numbers, shifts, shifts)
def test_mapping_of_resized_frames(sx: float, sy: float, tx: float, ty: float) -> None:
    mapping, original, synced = FrameMapping(sx, sy, tx, ty), (0.5, 0.25), (0.1, 0.3)
    points = np.random.default_rng(0).uniform(0, 500, (20, 2))
    small = mapping.scaled(original, synced).to_synced(points * original)
    np.testing.assert_allclose(small, mapping.to_synced(points) * synced, rtol=1e-4, atol=1e-3)


@settings(max_examples=30)
@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(0, 40), st.integers(0, 30))
def test_whole_pixel_shifts_are_exact(dx: int, dy: int, x: int, y: int) -> None:
    plane = np.random.default_rng(1).integers(0, 256, SIZE[::-1]).astype(np.uint8)
    got = warp(plane, FrameMapping(1, 1, dx, dy), (x, y), (24, 20))
    rows = np.clip(np.arange(y + dy, y + dy + 20), 0, SIZE[1] - 1)
    columns = np.clip(np.arange(x + dx, x + dx + 24), 0, SIZE[0] - 1)
    np.testing.assert_array_equal(got, plane[np.ix_(rows, columns)])


@settings(max_examples=60)
@given(numbers, numbers, shifts, shifts, st.integers(-50, 150), st.integers(-50, 150))
def test_constant_picture_stays_constant_everywhere(sx: float, sy: float, tx: float, ty: float, x: int, y: int) -> None:
    plane = np.full(SIZE[::-1], 77, np.uint8)
    got = warp(plane, FrameMapping(sx, sy, tx, ty), (x, y), (17, 9))
    assert got.shape == (9, 17)
    np.testing.assert_allclose(got, 77, atol=1e-3)


@settings(max_examples=40)
@given(numbers, numbers, st.floats(-5, 5), st.floats(-5, 5), st.integers(0, 30), st.integers(0, 20))
def test_box_is_a_part_of_the_whole(sx: float, sy: float, tx: float, ty: float, x: int, y: int) -> None:
    plane = texture(SIZE, 3, fine_px=2)
    mapping = FrameMapping(sx, sy, tx, ty)
    whole = warp(plane, mapping, (0, 0), (64, 48))
    part = warp(plane, mapping, (x, y), (30, 20))
    np.testing.assert_allclose(part, whole[y : y + 20, x : x + 30], atol=0.15)


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.25, 2.0, 3.0])
def test_smooth_pictures_are_resampled_at_the_right_place(scale: float) -> None:
    # A ramp and a slow wave, known everywhere: an error of half a pixel would show.
    def scene(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 120 + 0.5 * x - 0.3 * y + 20 * np.sin(x / 15)

    mapping = FrameMapping(scale, scale, 3.4, -2.2)
    y, x = np.mgrid[0:200, 0:300] + 0.5
    places = mapping.to_original(np.stack([x, y], -1))
    plane = scene(places[..., 0], places[..., 1]).astype(np.float32)
    got = warp(plane, mapping, (10, 10), (50, 40))
    y, x = np.mgrid[10:50, 10:60] + 0.5
    np.testing.assert_allclose(got, scene(x, y), atol=0.25)


@pytest.mark.parametrize("scale", [2.0, 3.0, 4.5])
def test_reduction_does_not_alias(scale: float) -> None:
    # Stripes finer than the target's pixels must become even grey; subsampling would give beats.
    y, x = np.mgrid[0:300, 0:300]
    stripes = (128 + 100 * np.cos(2 * np.pi * 0.45 * x) * np.cos(2 * np.pi * 0.45 * y)).astype(np.float32)
    mapping = FrameMapping(scale, scale, 0.3, 0.3)
    got = warp(stripes, mapping, (8, 8), (40, 40))
    assert got.std() < 6
    wave = (128 + 100 * np.cos(2 * np.pi * x / (12 * scale))).astype(np.float32)
    assert warp(wave, mapping, (8, 8), (40, 40)).std() > 55


@pytest.mark.parametrize("name", LAYOUTS)
def test_identity_gives_the_plain_patch(name: str) -> None:
    layout = LAYOUTS[name]
    planes = planes_of(layout)
    box = Box(8, 12, 56, 44)
    plain = extract_patch(planes, layout, box)
    assert np.array_equal(synced_patch(planes, layout, box, FrameMapping()), plain)
    mapped = extract_mapped(planes, layout, box, FrameMapping())
    assert (mapped.shape, mapped.dtype) == (plain.shape, np.float32)
    np.testing.assert_array_equal(mapped[..., 0], plain[..., 0])
    # Chroma is replicated in the plain patch and interpolated in the mapped one.
    halves = [
        cv2.resize(patch, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)[..., 1:] for patch in (mapped, plain)
    ]
    np.testing.assert_allclose(*halves, atol=1.5)


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "444"])
def test_all_layouts_and_depths_agree(name: str) -> None:
    mapping, box = FrameMapping(0.7, 0.75, 5.3, 3.1), Box(20, 20, 80, 60)
    wanted = synced_patch(planes_of(LAYOUTS["444"]), LAYOUTS["444"], box, mapping)
    got = synced_patch(planes_of(LAYOUTS[name]), LAYOUTS[name], box, mapping)
    assert np.abs(got[..., 0] - wanted[..., 0]).max() < 1.01
    if LAYOUTS[name].planes == 1:
        np.testing.assert_array_equal(got[..., 1:], 128)
    else:
        assert np.abs(got[..., 1:] - wanted[..., 1:]).mean() < 0.6


def test_chroma_is_aligned_with_luma() -> None:
    plane = planes_of(LAYOUTS["444"])[0]
    patch = extract_mapped([plane] * 3, LAYOUTS["444"], Box(10, 10, 60, 50), FrameMapping(0.9, 1.1, 2.5, 3.1))
    np.testing.assert_array_equal(patch[..., 1], patch[..., 0])
    np.testing.assert_array_equal(patch[..., 2], patch[..., 0])


def test_chroma_grid_that_starts_outside_the_picture_is_aligned() -> None:
    # A mirrored picture of odd width: the first chroma sample covers one column instead of two.
    layout = PixelLayout("yuv420p", 8, 1, 1, 3, chroma_w_phase=1)
    luma = np.full((40, 41), 100, np.uint8)
    chroma = np.repeat(np.arange(0, 210, 10, dtype=np.uint8)[None], 20, 0)
    box = Box(9, 8, 31, 30)
    plain = extract_patch([luma, chroma, chroma], layout, box)
    mapped = extract_mapped([luma, chroma, chroma], layout, box, FrameMapping(1, 1, 0, 0))
    assert np.abs((mapped - plain)[..., 1].mean()) < 0.3


def test_box_that_the_synced_frame_does_not_cover_gets_the_nearest_pixel() -> None:
    plane = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert (warp(plane, FrameMapping(1, 1, 500, 500), (0, 0), (5, 4)) == 63).all()
    assert (warp(plane, FrameMapping(1, 1, -500, -500), (0, 0), (5, 4)) == 0).all()


def test_smallest_pictures() -> None:
    assert warp(np.full((1, 1), 9, np.uint8), FrameMapping(0.1, 0.1), (0, 0), (12, 12)) == pytest.approx(
        np.full((12, 12), 9)
    )
    assert warp(np.full((2, 2), 9, np.uint16), FrameMapping(3, 3), (0, 0), (1, 1)).shape == (1, 1)


@pytest.mark.parametrize("turn_deg", [0, 30, 60, 80, 90])
def test_what_is_reduced_is_low_passed_however_it_is_turned(turn_deg: float) -> None:
    y, x = np.mgrid[0:400, 0:400]
    checker = np.where((x + y) % 2 == 0, 255, 0).astype(np.uint8)
    turn = np.radians(turn_deg)
    axes = 4 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    mapping = FrameMapping.of(np.column_stack([axes, np.array([200, 200]) - axes @ (16, 16)]))
    assert warp(checker, mapping, (0, 0), (32, 32)).std() < 2


def test_a_mapping_and_its_inverse() -> None:
    mapping = FrameMapping.of(np.array([[0.5, 0.2, 3], [-0.1, 0.8, 4]]))
    points = np.array([[1, 2], [30, 40]], np.float32)
    np.testing.assert_allclose(mapping.inverse().to_synced(mapping.to_synced(points)), points, atol=1e-4)
    np.testing.assert_allclose(
        mapping.corners(10, 20), mapping.to_original(np.array([[0, 0], [10, 0], [10, 20], [0, 20]]))
    )
