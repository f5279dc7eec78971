"""Patches cut from planes, deltas added to them, and RGB."""

from __future__ import annotations

import numpy as np
import pytest
from plane_sizes import chroma_size

from lipblend.picture.formats import ColourTags, PixelLayout
from lipblend.picture.patch import Box
from lipblend.picture.planes import add_delta, extract_patch, extract_reduced, to_reduced_rgb, to_rgb

SHIFTS = {"444": (0, 0), "422": (1, 0), "420": (1, 1), "440": (0, 1), "411": (2, 0), "410": (2, 2)}
UNTAGGED = ColourTags(2, 2, 2, 0)


def layout_of(sampling: str, depth: int) -> PixelLayout:
    if sampling == "gray":
        return PixelLayout("gray", depth, 0, 0, 1)
    return PixelLayout(f"yuv{sampling}p", depth, *SHIFTS[sampling], 3)


def random_planes(layout: PixelLayout, width: int, height: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    dtype = np.uint8 if layout.depth == 8 else np.uint16
    chroma = chroma_size(layout, width, height)
    sizes = [(width, height), chroma, chroma][: layout.planes]
    # Strided like a decoder's buffer.
    return tuple(rng.integers(0, layout.code_max + 1, (h, w + 13), dtype=dtype)[:, :w] for w, h in sizes)


def copied(planes: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    return tuple(plane.copy() for plane in planes)


@pytest.mark.parametrize("sampling", [*SHIFTS, "gray"])
@pytest.mark.parametrize("depth", [8, 10, 12, 16])
@pytest.mark.parametrize("size", [(64, 48), (61, 47), (33, 31)])
def test_delta_between_two_pictures_gives_the_second(sampling: str, depth: int, size: tuple[int, int]) -> None:
    layout = layout_of(sampling, depth)
    original, synced = random_planes(layout, *size, seed=1), random_planes(layout, *size, seed=2)
    box = Box(9, 6, 64, 64).snapped(layout, *size)
    delta = extract_patch(synced, layout, box) - extract_patch(original, layout, box)
    result = copied(original)
    add_delta(result, layout, box, delta)
    expected = copied(original)
    for plane, source, shift in zip(
        expected, synced, [(0, 0)] + [(layout.chroma_w_shift, layout.chroma_h_shift)] * 2, strict=False
    ):
        part = np.s_[box.y0 >> shift[1] :, box.x0 >> shift[0] :]
        plane[part] = source[part]
    for got, want in zip(result, expected, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("depth", [8, 10])
def test_delta_below_half_a_code_leaves_every_bit(depth: int) -> None:
    layout = layout_of("420", depth)
    planes = random_planes(layout, 64, 48)
    result = copied(planes)
    small = np.full((48, 64, 3), 0.49 / layout.code_scale, np.float32)
    small[::2] *= -1
    add_delta(result, layout, Box(0, 0, 64, 48), small)
    for got, want in zip(result, planes, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("depth", [8, 10])
def test_halves_are_rounded_in_the_change_and_not_in_the_sum(depth: int) -> None:
    layout = layout_of("444", depth)
    planes = tuple(np.array([[50, 51, 52, 53]], np.uint8 if depth == 8 else np.uint16) for _ in range(3))
    delta = np.full((1, 4, 3), 1.5 / layout.code_scale, np.float32)
    delta[:, 2:] = 0.5 / layout.code_scale
    add_delta(planes, layout, Box(0, 0, 4, 1), delta)
    for plane in planes:
        np.testing.assert_array_equal(plane, [[52, 53, 52, 53]])


@pytest.mark.parametrize(("depth", "top"), [(8, 255), (10, 1023), (12, 4095), (16, 65535)])
def test_codes_are_clipped(depth: int, top: int) -> None:
    layout = layout_of("420", depth)
    planes = random_planes(layout, 16, 16)
    delta = np.full((16, 16, 3), 300, np.float32)
    delta[:8] = -300
    add_delta(planes, layout, Box(0, 0, 16, 16), delta)
    for plane in planes:
        half = plane.shape[0] // 2
        assert (plane[:half] == 0).all()
        assert (plane[half:] == top).all()


def test_chroma_gets_the_mean_of_its_pixels_and_luma_its_own() -> None:
    layout = layout_of("420", 8)
    planes = (np.full((4, 4), 100, np.uint8), np.full((2, 2), 100, np.uint8), np.full((2, 2), 100, np.uint8))
    delta = np.zeros((4, 4, 3), np.float32)
    delta[0, 0] = (7, 8, -20)
    add_delta(planes, layout, Box(0, 0, 4, 4), delta)
    assert planes[0][0, 0] == 107
    assert planes[0].sum() == 1607
    np.testing.assert_array_equal(planes[1], [[102, 100], [100, 100]])
    np.testing.assert_array_equal(planes[2], [[95, 100], [100, 100]])


@pytest.mark.parametrize("sampling", [*SHIFTS, "gray"])
def test_eight_and_ten_bits_agree(sampling: str) -> None:
    eight, ten = layout_of(sampling, 8), layout_of(sampling, 10)
    planes = random_planes(eight, 50, 38)
    deep = tuple(plane.astype(np.uint16) * 4 for plane in planes)
    box = Box(8, 4, 40, 32)
    patch = extract_patch(planes, eight, box)
    assert patch.dtype == np.float32
    np.testing.assert_array_equal(patch, extract_patch(deep, ten, box))
    delta = np.full(patch.shape, 3, np.float32)
    add_delta(planes, eight, box, delta)
    add_delta(deep, ten, box, delta)
    for a, b in zip(planes, deep, strict=True):
        np.testing.assert_array_equal(np.minimum(a, 252), np.minimum(b // 4, 252))


def test_ten_bit_codes_keep_their_fractions() -> None:
    layout = layout_of("444", 10)
    planes = tuple(np.array([[401, 402]], np.uint16) for _ in range(3))
    np.testing.assert_array_equal(extract_patch(planes, layout, Box(0, 0, 2, 1))[0, :, 0], [100.25, 100.5])


def test_chroma_is_replicated_and_neutral_for_grey() -> None:
    for depth in (8, 10):
        layout = layout_of("gray", depth)
        patch = extract_patch(random_planes(layout, 8, 8), layout, Box(0, 0, 8, 8))
        assert (patch[..., 1:] == 128).all()
    layout = layout_of("420", 8)
    planes = (np.zeros((4, 4), np.uint8), np.array([[1, 2], [3, 4]], np.uint8), np.array([[5, 6], [7, 8]], np.uint8))
    patch = extract_patch(planes, layout, Box(0, 0, 4, 4))
    np.testing.assert_array_equal(patch[..., 1], np.kron(planes[1], np.ones((2, 2))))
    np.testing.assert_array_equal(patch[..., 2], np.kron(planes[2], np.ones((2, 2))))


@pytest.mark.parametrize("box", [Box(1, 0, 8, 8), Box(0, 0, 7, 8), Box(0, 0, 0, 8), Box(0, 0, 18, 8), Box(-2, 0, 4, 4)])
def test_boxes_off_the_grid_are_errors(box: Box) -> None:
    layout = layout_of("420", 8)
    planes = random_planes(layout, 16, 16)
    height, width = max(box.height, 0), max(box.width, 0)
    with pytest.raises(ValueError, match="chroma grid"):
        add_delta(planes, layout, box, np.zeros((height, width, 3), np.float32))


@pytest.mark.parametrize("box", [Box(0, 0, 0, 8), Box(4, 4, 4, 4), Box(0, 0, 18, 8), Box(-2, 0, 4, 4)])
def test_patches_outside_the_picture_are_errors(box: Box) -> None:
    layout = layout_of("420", 8)
    with pytest.raises(ValueError, match="outside"):
        extract_patch(random_planes(layout, 16, 16), layout, box)


@pytest.mark.parametrize("sampling", SHIFTS)
def test_patch_off_the_chroma_grid_is_a_part_of_the_whole(sampling: str) -> None:
    # The synced video's chroma may be coarser than the original's, to whose grid boxes are snapped.
    layout = layout_of(sampling, 8)
    planes = random_planes(layout, 33, 31)
    whole = extract_patch(planes, layout, Box(0, 0, 33, 31))
    for box in (Box(1, 3, 8, 9), Box(7, 0, 33, 31), Box(5, 5, 6, 6)):
        np.testing.assert_array_equal(extract_patch(planes, layout, box), whole[box.y0 : box.y1, box.x0 : box.x1])


@pytest.mark.parametrize("bad", [np.zeros((8, 8), np.float32), np.zeros((8, 8, 3)), np.zeros((8, 9, 3), np.float32)])
def test_deltas_of_another_shape_or_dtype_are_errors(bad: np.ndarray) -> None:
    layout = layout_of("420", 8)
    with pytest.raises(ValueError, match="delta must be"):
        add_delta(random_planes(layout, 16, 16), layout, Box(0, 0, 8, 8), bad)


def test_read_only_planes_are_not_written() -> None:
    layout = layout_of("420", 8)
    planes = random_planes(layout, 16, 16)
    for plane in planes:
        plane.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        add_delta(planes, layout, Box(0, 0, 8, 8), np.ones((8, 8, 3), np.float32))


def test_box_arithmetic() -> None:
    layout = layout_of("420", 8)
    box = Box(3, 5, 9, 9)
    assert (box.width, box.height) == (6, 4)
    assert box.snapped(layout, 64, 48) == Box(2, 4, 10, 10)
    assert box.snapped(layout, 9, 9) == Box(2, 4, 9, 9)
    assert Box(-5, -5, 100, 100).clipped(20, 10) == Box(0, 0, 20, 10)
    assert Box(30, 30, 40, 40).clipped(20, 10).width == 0
    assert Box(-3, -3, 3, 3).snapped(layout, 16, 16) == Box(0, 0, 4, 4)


@pytest.mark.parametrize("sampling", ["420", "422", "444", "gray"])
def test_rgb_of_a_box_is_a_part_of_the_rgb_of_all(sampling: str) -> None:
    layout = layout_of(sampling, 8)
    planes = random_planes(layout, 61, 47)
    whole = to_rgb(planes, layout, UNTAGGED)
    assert whole.shape == (47, 61, 3)
    assert whole.dtype == np.uint8
    part = to_rgb(planes, layout, UNTAGGED, Box(7, 5, 61, 40))
    assert part.flags.c_contiguous
    np.testing.assert_array_equal(part, whole[5:40, 7:61])


def test_rgb_height_decides_the_matrix_of_untagged_parts() -> None:
    layout = layout_of("444", 8)
    planes = random_planes(layout, 16, 16)
    assert not np.array_equal(to_rgb(planes, layout, UNTAGGED), to_rgb(planes, layout, UNTAGGED, height=1080))


def smooth_planes(layout: PixelLayout) -> tuple[np.ndarray, ...]:
    """60 x 48 pixels of waves so long that an offset of one chroma sample does not matter."""
    planes = []
    for number in range(layout.planes):
        width, height = (60, 48) if number == 0 else chroma_size(layout, 60, 48)
        x, y = np.linspace(0, 1, width)[None, :], np.linspace(0, 1, height)[:, None]
        codes = (0.5 + 0.12 * np.sin(3 * x + number) * np.cos(2 * y - number)) * layout.code_max
        planes.append(np.rint(codes).astype(np.uint8 if layout.depth == 8 else np.uint16))
    return tuple(planes)


@pytest.mark.parametrize(("sampling", "depth"), [("420", 8), ("422", 10), ("444", 8), ("gray", 8)])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_reduced_rgb_is_the_mean_of_the_whole(sampling: str, depth: int, step: int) -> None:
    layout, box = layout_of(sampling, depth), Box(6, 12, 42, 36)
    planes = smooth_planes(layout)
    whole = to_rgb(planes, layout, UNTAGGED, box, height=48)
    reduced = to_reduced_rgb(planes, layout, UNTAGGED, box, step, height=48)
    mean = whole.reshape(24 // step, step, 36 // step, step, 3).mean((1, 3))
    assert reduced.shape == mean.shape
    assert np.abs(reduced - mean).max() <= (0 if step == 1 else 3)


@pytest.mark.parametrize("sampling", [*SHIFTS, "gray"])
@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize(
    ("step", "corner"), [(1, (5, 3)), (2, (4, 2)), (2, (5, 2)), (3, (3, 6)), (4, (8, 4)), (4, (6, 8))]
)
def test_reduced_patch_is_the_block_mean_of_the_whole(
    sampling: str, depth: int, step: int, corner: tuple[int, int]
) -> None:
    layout = layout_of(sampling, depth)
    planes = random_planes(layout, 64, 48)
    box = Box(*corner, corner[0] + 12 * step, corner[1] + 9 * step)
    whole = extract_patch(planes, layout, box).astype(np.float64)
    blocks = whole.reshape(9, step, 12, step, 3).mean((1, 3))
    np.testing.assert_allclose(extract_reduced(planes, layout, box, step), blocks, atol=1e-3)


def test_reduced_pictures_need_whole_blocks_inside_the_picture() -> None:
    layout = layout_of("420", 8)
    for box in (Box(0, 0, 9, 8), Box(0, 0, 8, 9), Box(56, 40, 72, 56), Box(8, 8, 8, 8)):
        with pytest.raises(ValueError, match=r"multiple|outside"):
            extract_reduced(random_planes(layout, 64, 48), layout, box, 4)
    for box, step in ((Box(0, 0, 70, 20), 2), (Box(0, 0, 4, 40), 5)):
        with pytest.raises(ValueError, match="outside"):
            to_reduced_rgb(smooth_planes(layout), layout, UNTAGGED, box, step, height=48)
