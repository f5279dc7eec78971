"""YCbCr matrices and the conversion between encodings."""

from __future__ import annotations

import av
import numpy as np
import pytest

from lipblend.errors import InputError
from lipblend.picture.formats import ColourTags, PixelLayout
from lipblend.picture.planes import to_rgb
from lipblend.picture.ycbcr import convert_colour, ycbcr_matrix
from lipblend.video.reader import plane_views

BT709_LIMITED = ColourTags(1, 1, 1, 1)
BT709_FULL = ColourTags(1, 1, 1, 2)
BT601_LIMITED = ColourTags(6, 6, 6, 1)
UNTAGGED = ColourTags(2, 2, 2, 0)


def apply(matrix: np.ndarray, codes: tuple[float, float, float]) -> np.ndarray:
    return matrix[:, :3] @ np.array(codes) + matrix[:, 3]


@pytest.mark.parametrize("matrix", [1, 4, 5, 6, 7, 9, 10])
def test_black_white_and_grey(matrix: int) -> None:
    limited = ycbcr_matrix(ColourTags(matrix, 2, 2, 1), 100)
    full = ycbcr_matrix(ColourTags(matrix, 2, 2, 2), 100)
    np.testing.assert_allclose(apply(limited, (16, 128, 128)), 0, atol=1e-9)
    np.testing.assert_allclose(apply(limited, (235, 128, 128)), 255, atol=1e-9)
    np.testing.assert_allclose(apply(full, (0, 128, 128)), 0, atol=1e-9)
    np.testing.assert_allclose(apply(full, (255, 128, 128)), 255, atol=1e-9)


def test_published_bars() -> None:
    # 100 % red, ITU-R BT.709 and BT.601, limited range, unrounded.
    np.testing.assert_allclose(apply(ycbcr_matrix(BT709_LIMITED, 1080), (62.56, 102.34, 240)), (255, 0, 0), atol=0.1)
    np.testing.assert_allclose(apply(ycbcr_matrix(BT601_LIMITED, 480), (81.48, 90.2, 240)), (255, 0, 0), atol=0.1)


def test_untagged_rule() -> None:
    np.testing.assert_array_equal(ycbcr_matrix(UNTAGGED, 720), ycbcr_matrix(BT709_LIMITED, 720))
    np.testing.assert_array_equal(ycbcr_matrix(UNTAGGED, 719), ycbcr_matrix(BT601_LIMITED, 719))


def test_other_matrices_are_errors() -> None:
    with pytest.raises(InputError, match="colour matrix 8"):
        ycbcr_matrix(ColourTags(8, 2, 2, 1), 720)


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize(("matrix", "name"), [(1, "ITU709"), (6, "ITU601")])
@pytest.mark.parametrize("value_range", [1, 2])
def test_rgb_agrees_with_ffmpeg(depth: int, matrix: int, name: str, value_range: int) -> None:
    pixel_format = "yuv444p" if depth == 8 else "yuv444p10le"
    layout = PixelLayout(pixel_format, depth, 0, 0, 3)
    frame = av.VideoFrame(64, 64, pixel_format)
    views = plane_views(frame, layout, writable=True)
    y, x = np.mgrid[:64, :64]
    scale = layout.code_scale
    views[0][...] = (20 + 3 * y) * scale
    views[1][...] = (64 + 2 * x) * scale
    views[2][...] = (192 - 2 * y) * scale
    expected = frame.reformat(
        format="rgb24", src_colorspace=name, src_color_range=value_range, dst_color_range=2
    ).to_ndarray()
    found = to_rgb(views, layout, ColourTags(matrix, 2, 2, value_range))
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 2


def test_conversion_between_equal_encodings_returns_the_same_object() -> None:
    patch = np.zeros((2, 2, 3), np.float32)
    assert convert_colour(patch, BT709_LIMITED, BT709_LIMITED, 720) is patch
    assert convert_colour(patch, UNTAGGED, BT709_LIMITED, 720) is patch
    assert convert_colour(patch, BT601_LIMITED, UNTAGGED, 720) is patch
    assert convert_colour(patch, ColourTags(5, 5, 5, 1), BT601_LIMITED, 720) is patch
    assert convert_colour(patch, ColourTags(1, 9, 16, 1), BT709_LIMITED, 720) is patch


@pytest.mark.parametrize(
    ("source", "target"),
    [(BT601_LIMITED, BT709_LIMITED), (BT709_FULL, BT709_LIMITED), (BT601_LIMITED, BT709_FULL)],
)
def test_conversion_keeps_the_rgb_and_has_an_inverse(source: ColourTags, target: ColourTags) -> None:
    patch = np.random.default_rng(0).uniform(30, 220, (8, 9, 3)).astype(np.float32)
    converted = convert_colour(patch, source, target, 720)
    assert converted.dtype == np.float32
    a, b = ycbcr_matrix(source, 720), ycbcr_matrix(target, 720)
    np.testing.assert_allclose(converted @ b[:, :3].T + b[:, 3], patch @ a[:, :3].T + a[:, 3], atol=1e-3)
    assert np.abs(converted - patch).max() > 1
    np.testing.assert_allclose(convert_colour(converted, target, source, 720), patch, atol=1e-3)


def test_range_is_converted_if_only_the_matrix_is_unknown() -> None:
    patch = np.array([[[16, 128, 128], [235, 240, 16]]], np.float32)
    full = convert_colour(patch, ColourTags(2, 2, 2, 1), BT709_FULL, 720)
    np.testing.assert_allclose(full, [[[0, 128, 128], [255, 255.5, 0.5]]], atol=1e-3)


def test_matrix_is_converted_if_only_the_range_is_unknown() -> None:
    patch = np.array([[[235, 128, 128]]], np.float32)
    np.testing.assert_allclose(convert_colour(patch, ColourTags(6, 6, 6, 0), BT709_LIMITED, 720), patch, atol=1e-3)
