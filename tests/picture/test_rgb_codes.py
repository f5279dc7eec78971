"""R'G'B' as YCbCr codes and back, and linear light."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.picture.formats import RANGE_LIMITED, ColourTags
from lipblend.picture.rgb_codes import (
    EXACT_DEPTH,
    SRGB,
    display_codes,
    integer_codes,
    linear_light,
    to_rgb,
    to_ycbcr,
)

TAGS = {height: ColourTags(matrix, 1, 1, RANGE_LIMITED) for height, matrix in ((480, 6), (1080, 1))}


@pytest.mark.parametrize("height", TAGS)
@pytest.mark.parametrize("reds", [range(0, 256, 15), pytest.param(range(256), marks=pytest.mark.slow(8))])
def test_8_bits_survive_10_bit_codes_exactly(height: int, reds: range) -> None:
    green, blue = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    for red in reds:
        rgb = np.dstack([np.full_like(green, red), green, blue])
        codes = to_ycbcr((rgb / 255).astype(np.float32), TAGS[height], height, EXACT_DEPTH)
        assert codes[..., 0].min() >= 64
        assert codes[..., 0].max() <= 940
        back = integer_codes(to_rgb(codes, TAGS[height], height, EXACT_DEPTH), 8)
        assert back.dtype == np.uint8
        assert (back == rgb).all()


@pytest.mark.parametrize("height", TAGS)
def test_16_bits_change_by_two_codes_at_most(height: int) -> None:
    rgb = np.random.default_rng(0).integers(0, 65536, (256, 256, 3))
    codes = to_ycbcr((rgb / 65535).astype(np.float32), TAGS[height], height, 16)
    back = integer_codes(to_rgb(codes, TAGS[height], height, 16), 16)
    assert back.dtype == np.uint16
    assert np.abs(back.astype(int) - rgb).max() <= 2


def test_white_and_black() -> None:
    ends = np.array([[[0, 0, 0], [1, 1, 1]]], np.float32)
    assert to_ycbcr(ends, TAGS[1080], 1080, 10).tolist() == [[[64, 512, 512], [940, 512, 512]]]


@pytest.mark.parametrize("transfer", [1, SRGB])
def test_linear_light_and_back(transfer: int) -> None:
    codes = np.linspace(0, 1, 999, dtype=np.float32).reshape(-1, 3)
    light = linear_light(codes, transfer)
    assert light.min() == 0
    assert light.max() == 1
    assert (np.diff(light.ravel()) > 0).all()
    assert np.abs(display_codes(light, transfer) - codes).max() < 1e-4


def test_the_curves() -> None:
    half = np.full((1, 3), 0.5, np.float32)
    assert linear_light(half, 1)[0, 0] == pytest.approx(0.2597, abs=1e-3)  # BT.709
    assert linear_light(half, 2)[0, 0] == linear_light(half, 1)[0, 0]
    assert linear_light(half, SRGB)[0, 0] == pytest.approx(0.2140, abs=1e-3)
    assert linear_light(np.full((1, 3), 0.5807, np.float32), 16)[0, 0] == pytest.approx(1, abs=0.01)  # PQ: 203 cd/m2
    assert display_codes(np.array([[-1.0, 0.0, 7.0]], np.float32), 1).tolist() == [[0, 0, 1]]
