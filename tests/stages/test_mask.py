import numpy as np
import pytest

from lipblend.media.planes import Box
from lipblend.stages.mask import combine, cover, rasterise, tidy

SQUARE = np.array([[10, 10], [30, 10], [30, 20], [10, 20]], np.float32)


def test_coverage_sums_to_the_polygons_area_wherever_it_lies() -> None:
    triangle = np.array([[5, 5], [105, 15], [45, 95]], np.float32)
    area = 0.5 * abs(100 * 90 - 40 * 10)
    for shift in (0.0, 0.25, 0.5, 0.75):
        covered = rasterise([(triangle + np.float32(shift), True)], Box(0, 0, 120, 110)).sum()
        # OpenCV fills the outline's own pixels too: half a sample beyond the edge.
        assert covered == pytest.approx(area, rel=0.03)


def test_box_offset_moves_the_drawing() -> None:
    whole = rasterise([(SQUARE, True)], Box(0, 0, 60, 40))
    part = rasterise([(SQUARE, True)], Box(8, 6, 40, 30))
    np.testing.assert_array_equal(part, whole[6:30, 8:40])


def test_holes_are_cut_out_in_order() -> None:
    hole = np.array([[15, 12], [25, 12], [25, 18], [15, 18]], np.float32)
    drawn = rasterise([(SQUARE, True), (hole, False)], Box(0, 0, 40, 30))
    assert drawn[15, 20] == 0
    assert drawn[11, 12] == 1


def test_combine_union_and_minimum() -> None:
    a, b = np.array([[0.0, 1.0, 0.5]], np.float32), np.array([[1.0, 0.0, 0.25]], np.float32)
    np.testing.assert_array_equal(combine([a, b], "union"), [[1, 1, 0.5]])
    np.testing.assert_array_equal(combine([a, b], "minimum"), [[0, 0, 0.25]])


def test_erosion_shrinks_dilation_grows_and_erosion_takes_off_spikes() -> None:
    mask = np.zeros((80, 80), np.float32)
    mask[20:60, 20:60] = 1
    mask[38:40, 60:75] = 1  # a spike two pixels thick
    plain = tidy(mask, erosion_px=0, dilation_px=0, blur_px=0)
    opened = tidy(mask, erosion_px=3, dilation_px=3, blur_px=0)
    assert tidy(mask, erosion_px=3, dilation_px=0, blur_px=0).sum() < opened.sum() < plain.sum()
    assert tidy(mask, erosion_px=0, dilation_px=3, blur_px=0).sum() > plain.sum()
    assert plain[39, 70]
    assert not opened[39, 70]
    assert opened[40, 40]


def test_blur_rounds_corners() -> None:
    mask = np.zeros((80, 80), np.float32)
    mask[20:60, 20:60] = 1
    rounded = tidy(mask, erosion_px=0, dilation_px=0, blur_px=4)
    assert not rounded[20, 20]
    assert rounded[20, 40]


def test_cover_grows_the_mask_by_the_margin_around_the_core_only() -> None:
    mask = np.zeros((60, 60), bool)
    core = np.zeros((60, 60), np.float32)
    core[30, 30] = 0.01
    grown = cover(mask, core, 5)
    y, x = np.nonzero(grown)
    assert np.hypot(y - 30, x - 30).max() <= 5
    assert grown[30, 35]
    assert not grown[30, 36]
    assert cover(mask, np.zeros_like(core), 5) is mask


def test_coverage_lies_where_the_polygon_lies() -> None:
    drawn = rasterise([(SQUARE, True)], Box(0, 0, 60, 40))
    y, x = np.mgrid[:40, :60] + 0.5  # a pixel's centre lies at +0.5
    assert float((x * drawn).sum() / drawn.sum()) == pytest.approx(20, abs=0.3)
    assert float((y * drawn).sum() / drawn.sum()) == pytest.approx(15, abs=0.3)
