"""The properties that every composed frame must have, whatever the settings."""

from collections.abc import Callable

import numpy as np
import pytest

from lipblend.analysis.plan import PlanRow
from lipblend.faces.landmarks import Landmarks
from lipblend.media.info import ColourTags, PixelLayout
from lipblend.media.planes import add_delta
from lipblend.render import OUTSIDE, POISSON_FELL_BACK, Picture, render_frame
from lipblend.settings import Settings

TAGS = ColourTags(1, 1, 1, 1)
EIGHT = PixelLayout("yuv420p", 8, 1, 1, 3)
TEN = PixelLayout("yuv420p10le", 10, 1, 1, 3)
NOISE = np.random.default_rng(5)
BLENDS = ("alpha", "multiband", "poisson")


def picture(seed: int, layout: PixelLayout = EIGHT, side: int = 768) -> Picture:
    rng = np.random.default_rng(seed)
    planes = [rng.integers(40, 200, (side, side)), *(rng.integers(100, 160, (side // 2, side // 2)) for _ in range(2))]
    scale = 1 << (layout.depth - 8)
    return Picture([(p * scale).astype(np.uint8 if scale == 1 else np.uint16) for p in planes], layout, TAGS)


def settings(**groups: dict[str, object]) -> Settings:
    return Settings.model_validate(groups)


@pytest.fixture
def row(face: Landmarks, transformed: Callable[..., Landmarks]) -> PlanRow:
    return PlanRow(0, 1.0, face, transformed(face, jaw_px=0.1 * face.face_width_px), np.ones(3), np.zeros(3), "")


def finished(original: Picture, synced: Picture, row: PlanRow, chosen: Settings) -> list[np.ndarray]:
    planes = [plane.copy() for plane in original.planes]
    result = render_frame(original, synced, row, chosen)
    assert result.matte is not None
    assert result.delta is not None
    add_delta(planes, original.layout, result.matte.box, result.delta)
    return planes


@pytest.mark.parametrize("method", BLENDS)
def test_synced_equal_to_original_gives_back_the_original_bit_for_bit(method: str, row: PlanRow) -> None:
    original = picture(1)
    for out, plane in zip(
        finished(original, original, row, settings(blend={"method": method})), original.planes, strict=True
    ):
        np.testing.assert_array_equal(out, plane)


@pytest.mark.parametrize("method", BLENDS)
def test_nothing_outside_the_mask_changes_and_the_inside_is_the_synced_picture(method: str, row: PlanRow) -> None:
    original, synced = picture(1), picture(2)
    chosen = settings(blend={"method": method, "max_iterations": 5000})
    result = render_frame(original, synced, row, chosen)
    assert result.matte is not None
    assert result.fallbacks == ()
    box, mask = result.matte.box, result.matte.mask
    whole = np.zeros(original.planes[0].shape, bool)
    whole[box.y0 : box.y1, box.x0 : box.x1] = mask
    luma, cb, _ = finished(original, synced, row, chosen)
    np.testing.assert_array_equal(luma[~whole], original.planes[0][~whole])
    touched = whole.reshape(384, 2, 384, 2).any((1, 3))
    np.testing.assert_array_equal(cb[~touched], original.planes[1][~touched])
    x, y = row.original.mouth_centre.astype(int)
    np.testing.assert_allclose(
        luma[y - 8 : y + 8, x - 8 : x + 8].astype(int), synced.planes[0][y - 8 : y + 8, x - 8 : x + 8], atol=1
    )
    cx, cy = x // 2, y // 2
    np.testing.assert_allclose(
        cb[cy - 4 : cy + 4, cx - 4 : cx + 4].astype(int), synced.planes[1][cy - 4 : cy + 4, cx - 4 : cx + 4], atol=1
    )


@pytest.mark.parametrize("method", BLENDS)
def test_8_and_10_bit_agree(method: str, row: PlanRow) -> None:
    chosen = settings(blend={"method": method})
    small = finished(picture(1), picture(2), row, chosen)
    deep = finished(picture(1, TEN), picture(2, TEN), row, chosen)
    for a, b in zip(small, deep, strict=True):
        assert np.abs(a.astype(float) - b / 4).max() <= 0.5 + 1 / 8


def test_half_weight_makes_half_the_change(row: PlanRow) -> None:
    half = PlanRow(0, 0.5, row.original, row.synced, row.gain, row.offset, "")
    full_delta = render_frame(picture(1), picture(2), row, Settings()).delta
    half_delta = render_frame(picture(1), picture(2), half, Settings()).delta
    np.testing.assert_allclose(half_delta, full_delta / 2, atol=1e-4)


def test_weight_0_passes_the_original_through_with_its_reason(row: PlanRow) -> None:
    off = PlanRow(-1, 0.0, None, None, row.gain, row.offset, "no face")
    result = render_frame(picture(1), None, off, Settings())
    assert result.delta is None
    assert result.reason == "no face"


def test_a_mask_outside_the_picture_says_so(row: PlanRow, transformed: Callable[..., Landmarks]) -> None:
    away = transformed(row.original, shift=(4000, 0))
    result = render_frame(picture(1), picture(2), PlanRow(0, 1.0, away, away, row.gain, row.offset, ""), Settings())
    assert result.reason == OUTSIDE


def test_poisson_that_does_not_converge_is_done_as_multiband_and_counted(row: PlanRow) -> None:
    hard = {"method": "poisson", "max_iterations": 10, "tolerance": 1e-8}
    result = render_frame(picture(1), picture(2), row, settings(blend=hard))
    assert result.fallbacks == (POISSON_FELL_BACK,)
    multiband = render_frame(picture(1), picture(2), row, settings(blend={"method": "multiband"}))
    np.testing.assert_array_equal(result.delta, multiband.delta)


@pytest.mark.parametrize("space", ["ycbcr", "lab"])
def test_colour_map_reaches_the_patch(space: str, row: PlanRow) -> None:
    flat = Picture(
        [np.full((768, 768), 120, np.uint8), *(np.full((384, 384), 128, np.uint8) for _ in range(2))], EIGHT, TAGS
    )
    brighter = PlanRow(0, 1.0, row.original, row.synced, np.ones(3), np.array([8.0, 0, 0]), "")
    x, y = row.original.mouth_centre.astype(int)
    change = int(finished(flat, flat, brighter, settings(colour={"space": space}))[0][y, x]) - 120
    # 8 levels of luma; or 8 units of L*, which is about 18 levels of limited-range luma at mid grey.
    assert change == 8 if space == "ycbcr" else 15 <= change <= 21
    assert finished(flat, flat, brighter, settings(colour={"method": "none"}))[0][y, x] == 120


def test_rendering_does_not_touch_its_inputs_and_repeats_exactly(row: PlanRow) -> None:
    original, synced = picture(1), picture(2)
    kept = [plane.copy() for plane in (*original.planes, *synced.planes)]
    first = render_frame(original, synced, row, Settings()).delta
    second = render_frame(original, synced, row, Settings()).delta
    np.testing.assert_array_equal(first, second)
    for plane, copy in zip((*original.planes, *synced.planes), kept, strict=True):
        np.testing.assert_array_equal(plane, copy)
