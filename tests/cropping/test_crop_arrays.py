"""Crops of single frames: out and back, by every kind of matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from textures import texture

from lipblend.cropping.crop_arrays import crop, face_matrix, paste_back

DTYPES = (np.uint8, np.uint16, np.float32)


def frame(dtype: type = np.uint8, size: tuple[int, int] = (160, 120)) -> np.ndarray:
    plane = np.clip(texture(size, 3), 0, 255)
    colours = np.dstack([plane, np.roll(plane, 7, 0), np.roll(plane, 11, 1)])
    return (colours * (257 if dtype == np.uint16 else 1)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("grey", [False, True])
def test_a_plain_cut_goes_out_and_back_bit_for_bit(dtype: type, grey: bool) -> None:
    picture = frame(dtype)[..., 0] if grey else frame(dtype)
    matrix = [[1, 0, -30], [0, 1, -20]]
    part = crop(picture, matrix, size=64)
    np.testing.assert_array_equal(part, picture[20:84, 30:94])
    back = paste_back(picture, part, matrix)
    assert back.dtype == picture.dtype
    np.testing.assert_array_equal(back, picture)


@given(
    scale=st.floats(1.0, 4.0),
    turn=st.floats(-0.6, 0.6),
    x=st.floats(30, 130),
    y=st.floats(30, 90),
    side=st.floats(30, 60),
)
def test_what_is_enlarged_comes_back_within_rounding(
    scale: float, turn: float, x: float, y: float, side: float
) -> None:
    picture = frame()
    size = max(32, 2 * round(scale * side / 2))
    axes = size / side * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    matrix = np.column_stack([axes, np.array([size, size]) / 2 - axes @ (x, y)])
    back = paste_back(picture, crop(picture, matrix, size), matrix)
    error = np.abs(back.astype(int) - picture)
    assert np.percentile(error, 99) <= 6  # two cubic interpolations of a texture with detail of two pixels
    assert error.mean() < 0.8


def test_where_the_weight_is_0_nothing_changes() -> None:
    picture = frame()
    matrix = face_matrix([[40, 30], [100, 90]], size=96, margin=0.2)
    patch = crop(picture, matrix, 96)
    patch[...] = 255
    back = paste_back(picture, patch, matrix)
    changed = (back != picture).any(-1)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert (rows[0], rows[-1]) >= (18, 90)
    assert columns[0] >= 28
    assert columns[-1] <= 112
    assert (back[60, 70] == 255).all()


def test_the_border_is_soft() -> None:
    grey = np.full((200, 200), 100, np.uint8)
    patch = np.full((128, 128), 140, np.uint8)
    back = paste_back(grey, patch, [[1, 0, -36], [0, 1, -36]]).astype(int)
    assert back.max() == 140
    assert np.abs(np.diff(back[100])).max() <= 8
    hard = paste_back(grey, patch, [[1, 0, -36], [0, 1, -36]], edge=0).astype(int)
    assert np.abs(np.diff(hard[100])).max() == 40


def test_a_mask_takes_only_its_part() -> None:
    picture = frame()
    mask = np.zeros((64, 64), np.float32)
    mask[30:40, 30:40] = 1
    back = paste_back(picture, np.zeros((64, 64, 3), np.uint8), [[1, 0, -30], [0, 1, -20]], mask=mask)
    changed = (back != picture).any(-1)
    assert changed[52:58, 62:68].all()
    assert not changed[:48].any()
    assert not changed[:, :58].any()


def test_beyond_the_frame_is_the_fill_and_nothing_of_it_comes_back() -> None:
    picture = frame()
    matrix = [[1, 0, 20], [0, 1, 20]]
    part = crop(picture, matrix, 64, fill=9)
    assert (part[:20] == 9).all()
    assert (part[20:, 20:] == picture[:44, :44]).all()
    np.testing.assert_array_equal(paste_back(picture, part, matrix), picture)
    assert (crop(picture, [[1, 0, -5000], [0, 1, 0]], 32) == 127).all()
    np.testing.assert_array_equal(paste_back(picture, part, [[1, 0, -5000], [0, 1, 0]]), picture)


def test_an_upright_matrix_levels_the_line_from_the_first_point_to_the_last() -> None:
    points = np.array([[50, 40], [60, 70], [90, 60]])
    matrix = face_matrix(points, 128, upright=True)
    first, last = (matrix @ [*points[place], 1] for place in (0, -1))
    assert first[1] == pytest.approx(last[1])
    assert last[0] > first[0]


@pytest.mark.parametrize(
    "call",
    [
        lambda: crop(np.zeros((4, 4), np.int32), [[1, 0, 0], [0, 1, 0]]),  # type: ignore[type-var]
        lambda: crop(frame(), [[1, 0], [0, 1]]),
        lambda: crop(frame(), [[1, 0, 0], [1, 0, 0]]),
        lambda: crop(frame(), [[1, 0, np.nan], [0, 1, 0]]),
        lambda: paste_back(frame(), frame(np.uint16), [[1, 0, 0], [0, 1, 0]]),  # type: ignore[misc]
        lambda: paste_back(frame(), frame()[..., 0], [[1, 0, 0], [0, 1, 0]]),
        lambda: paste_back(frame(), frame(), [[1, 0, 0], [0, 1, 0]], mask=np.ones((3, 3))),
        lambda: face_matrix([[1, 2]]),
        lambda: face_matrix([[1, 2], [1, 2]]),
        lambda: face_matrix([[1, 2], [1, np.inf]]),
    ],
)
def test_wrong_arguments_are_value_errors(call: object) -> None:
    with pytest.raises(ValueError, match=r"must be|one place"):
        call()  # type: ignore[operator]
