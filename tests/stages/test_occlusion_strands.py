"""Strands before a drawn face: lines that the synced picture lacks, and none of its other lines."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from lipblend.stages.occlusion.strands import (
    Lines,
    lines_lacking,
    luma_codes,
    strands_length,
    strands_matte,
    without_strands,
)
from tests.textures import texture

SIDE, WIDTH = 240, 200.0
ALL = np.ones((SIDE, SIDE), np.uint8)
NOWHERE = np.zeros((SIDE, SIDE), np.uint8)
MOUTH = NOWHERE.copy()
MOUTH[140:190, 70:170] = 1
Line = tuple[tuple[int, int], tuple[int, int]]
STRANDS: tuple[Line, ...] = (((60, 20), (90, 225)), ((150, 15), (135, 220)))
ACROSS: Line = ((30, 60), (210, 75))


def skin(seed: int = 1) -> np.ndarray:
    return texture((SIDE, SIDE), seed, fine_px=8, contrast=9)


def lined(luma: np.ndarray, lines: Sequence[Line], level: float, thickness: int = 1) -> np.ndarray:
    """Lines of one level before a picture."""
    cover = np.zeros((SIDE, SIDE), np.uint8)
    for first, last in lines:
        cv2.line(cover, first, last, 255, thickness, cv2.LINE_AA)
    share = cover.astype(np.float32) / 255
    return np.asarray(luma + share * (level - luma), np.float32)


def matte(original: np.ndarray, synced: np.ndarray, mouth: np.ndarray = NOWHERE) -> np.ndarray:
    found = strands_matte(luma_codes(original), luma_codes(synced), mouth, 0.0, WIDTH)
    assert found.shape == original.shape
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    return found


def on_and_off(lines: Sequence[Line]) -> tuple[np.ndarray, np.ndarray]:
    """Pixels on the lines, away from their ends, and those beside them."""
    drawn, wide = NOWHERE.copy(), NOWHERE.copy()
    for first, last in lines:
        one, other = np.array(first), np.array(last)
        ends = [tuple(np.rint(one + share * (other - one)).astype(int).tolist()) for share in (0.1, 0.9)]
        cv2.line(drawn, ends[0], ends[1], 1)
        cv2.line(wide, first, last, 1, 9)
    return drawn > 0, wide == 0


def nearby(found: np.ndarray) -> np.ndarray:
    """The most in a pixel and those beside it: a line may lie between two."""
    return np.asarray(cv2.dilate(found, np.ones((3, 3), np.uint8)))


@pytest.mark.parametrize("level", [40.0, 210.0])
@pytest.mark.parametrize("thickness", [1, 2])
def test_strands_are_found_where_they_are_and_nowhere_else(thickness: int, level: float) -> None:
    for degrees in range(0, 180, 9):
        right, down = np.cos(np.deg2rad(degrees)) * 90, np.sin(np.deg2rad(degrees)) * 90
        strand: Line = ((int(120 - right), int(120 - down)), (int(120 + right), int(120 + down)))
        found = matte(lined(skin(), [strand], level, thickness), skin())
        on, away = on_and_off([strand])
        assert nearby(found)[on].min() > 0.85
        assert found[on].mean() > 0.8
        assert found[away].max() == 0


def test_several_strands_are_found_together() -> None:
    lines = (*STRANDS, ACROSS)
    found = matte(lined(skin(), lines, 40, 2), skin())
    for each in lines:
        assert found[on_and_off([each])[0]].mean() > 0.8
    assert found[on_and_off(lines)[1]].max() == 0


def test_lines_that_both_pictures_have_are_no_strands() -> None:
    same = lined(skin(), STRANDS, 40)
    assert matte(same, same + np.float32(3)).max() == matte(same, same + np.float32(40)).max() == 0
    one, other = STRANDS
    on, _ = on_and_off([one])
    kept, _ = on_and_off([other])
    found = matte(same, lined(skin(), [one], 40))
    assert found[on].max() == 0
    assert found[kept].mean() > 0.9


def test_gaps_between_strands_are_none() -> None:
    lines = tuple(((x, 20), (x, 220)) for x in (100, 104, 108))
    original, synced = luma_codes(lined(skin(), lines, 40)), luma_codes(skin())
    lacking = Lines.of(original, WIDTH).lacking_in(Lines.of(synced, WIDTH))
    gaps, on = np.s_[60:180, [102, 106]], np.s_[60:180, [100, 104, 108]]
    assert lacking.bright[gaps].min() > 20
    shown = lacking.showing(original, synced)
    assert shown.bright[gaps].max() == 0
    np.testing.assert_array_equal(shown.dark[on], lacking.dark[on])
    found = matte(original.astype(np.float32), synced.astype(np.float32))
    assert found[gaps].max() < 0.3  # what an antialiased edge leaves
    assert found[on].min() > 0.5


def test_in_the_mouth_lines_along_the_lips_are_the_lips() -> None:
    lips: Line = ((40, 165), (200, 165))
    original = lined(lined(skin(), STRANDS, 40), [lips], 40)
    found = matte(original, skin(), MOUTH)
    (first, *_), ends = np.nonzero(on_and_off(STRANDS)[0] & (MOUTH > 0)), on_and_off(STRANDS)
    assert len(first) > 60
    assert nearby(found)[ends[0] & (MOUTH > 0)].mean() > 0.6  # strands that cross it
    inner = np.s_[164:167, 95:125]  # between the strands
    assert ends[1][inner].any()
    assert found[inner][ends[1][inner]].max() == 0
    assert matte(original, skin())[165, 100:120].mean() > 0.8  # elsewhere it would be one


def test_a_line_in_the_mouth_alone_is_none() -> None:
    within: Line = ((120, 145), (118, 185))
    assert matte(lined(skin(), [within], 40), skin(), MOUTH).max() == 0
    assert matte(lined(skin(), [within], 40), skin()).max() > 0.9


@pytest.mark.parametrize("level", [40.0, 210.0])
def test_short_hairs_are_no_strands(level: float) -> None:
    rng = np.random.default_rng(4)
    hairs = []
    for x in range(20, 220, 14):
        for y in range(20, 220, 14):
            right, down = rng.integers(-5, 6), rng.integers(3, 7)
            hairs.append(((x, y), (int(x + right), int(y + down))))
    bearded = lined(skin(), hairs, level)
    assert np.abs(bearded - skin()).max() > 40
    assert matte(bearded, skin()).max() == 0
    assert strands_length(luma_codes(bearded), luma_codes(skin()), ALL, WIDTH) < 0.1


def test_wide_bars_and_edges_are_no_strands() -> None:
    barred = skin()
    barred[:, 100:116] = 40
    barred[150:] += 40
    assert matte(barred, skin()).max() == 0


@pytest.mark.parametrize("level", [40.0, 210.0])
def test_the_face_comes_back_without_its_strands(level: float) -> None:
    face = np.dstack([skin(), np.full((SIDE, SIDE), 112), np.full((SIDE, SIDE), 150)]).astype(np.float32)
    hairy = np.dstack([lined(face[..., each], STRANDS, hair) for each, hair in enumerate((level, 128, 128))])
    found = without_strands(hairy, matte(hairy[..., 0], face[..., 0]), WIDTH)
    assert (found.shape, found.dtype) == (hairy.shape, np.float32)
    on, away = on_and_off(STRANDS)
    for plane, levels in ((0, 5), (1, 2), (2, 2)):
        before, after = (np.abs(each - face)[on][:, plane].mean() for each in (hairy, found))
        assert after < levels
        assert after < 0.15 * before
    np.testing.assert_array_equal(found[away], hairy[away])


def test_what_a_strand_crosses_stays_sharp() -> None:
    face = np.dstack([skin(), np.full((SIDE, SIDE), 112), np.full((SIDE, SIDE), 150)]).astype(np.float32)
    face[120:, :, 0] += 50
    hairy = face.copy()
    hairy[..., 0] = lined(face[..., 0], STRANDS, 30)
    found = without_strands(hairy, matte(hairy[..., 0], face[..., 0]), WIDTH)
    on = on_and_off(STRANDS)[0]
    step = found[122:126, :, 0][on[122:126]].mean() - found[114:118, :, 0][on[114:118]].mean()
    assert step > 40


def test_the_length_of_strands_is_in_face_widths() -> None:
    plain = luma_codes(skin())
    assert strands_length(plain, plain, ALL, WIDTH) == 0
    one, two = (
        strands_length(luma_codes(lined(skin(), lines, 40)), plain, ALL, WIDTH) for lines in (STRANDS[:1], STRANDS)
    )
    assert 0.5 < one < 2  # 205 px
    assert two == pytest.approx(2 * one, rel=0.15)
    assert strands_length(luma_codes(lined(skin(), STRANDS, 40)), plain, NOWHERE, WIDTH) == 0
    assert strands_length(plain, luma_codes(lined(skin(), STRANDS, 40)), ALL, WIDTH) == 0  # the original's count
    shared = (luma_codes(lined(skin(), lines, 40)) for lines in (STRANDS, STRANDS[1:]))
    assert strands_length(*shared, ALL, WIDTH) == pytest.approx(one, rel=0.15)
    skin_above = ALL.copy()
    skin_above[120:] = 0
    half = strands_length(luma_codes(lined(skin(), STRANDS, 40)), plain, skin_above, WIDTH)
    assert half == pytest.approx(two / 2, rel=0.15)


def test_pixels_on_and_beside_lines_that_the_synced_picture_lacks() -> None:
    plain, lined_here = luma_codes(skin()), luma_codes(lined(skin(), STRANDS, 40))
    found = lines_lacking(lined_here, plain, WIDTH)
    on, away = on_and_off(STRANDS)
    assert found.dtype == np.uint8
    assert set(np.unique(found)) == {0, 1}
    assert found[cv2.dilate(on.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0].mean() > 0.97
    assert found[away].max() == 0
    assert lines_lacking(plain, lined_here, WIDTH).max() == 0
    assert lines_lacking(lined_here, lined_here, WIDTH).max() == 0
    hair = luma_codes(lined(skin(), [((100, 100), (102, 106))], 40))
    assert lines_lacking(hair, plain, WIDTH)[103, 101] == 1  # short ones too
