import numpy as np

from lipblend.analysis.cuts import change, find_cuts, thumbnail


def test_a_cut_stands_out_and_steady_motion_does_not() -> None:
    changes = np.full(60, 3.0)
    changes[0], changes[25] = 0, 40
    np.testing.assert_array_equal(find_cuts(changes, threshold=14), [0, 25])
    shaking = np.full(60, 30.0)
    shaking[25] = 40
    np.testing.assert_array_equal(find_cuts(shaking, threshold=14), [0])


def test_small_changes_are_no_cut_however_lonely() -> None:
    changes = np.zeros(60)
    changes[25] = 10
    np.testing.assert_array_equal(find_cuts(changes, threshold=14), [0])


def test_thumbnails_of_8_and_10_bit_agree() -> None:
    luma = np.random.default_rng(0).integers(16, 235, (90, 160)).astype(np.uint8)
    small, deep = thumbnail(luma, 8), thumbnail(luma.astype(np.uint16) * 4, 10)
    assert small.shape == (36, 64)
    assert change(small, deep) < 0.5
    assert change(small, small + 5) == 5
