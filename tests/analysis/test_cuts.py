import numpy as np

from lipblend.analysis.cuts import change, find_cuts, stands_out
from lipblend.pairing.scan import thumbnail

STILL = np.zeros(60)


def test_a_cut_stands_out_and_steady_motion_does_not() -> None:
    changes = np.full(60, 3.0)
    changes[0], changes[25] = 0, 40
    np.testing.assert_array_equal(find_cuts(changes, STILL, threshold=14), [0, 25])
    shaking = np.full(60, 30.0)
    shaking[25] = 40
    np.testing.assert_array_equal(find_cuts(shaking, STILL, threshold=14), [0])


def test_small_changes_are_no_cut_however_lonely() -> None:
    changes = np.zeros(60)
    changes[25] = 2.5
    np.testing.assert_array_equal(find_cuts(changes, STILL, threshold=14), [0])


def test_thumbnails_of_8_and_10_bit_agree() -> None:
    luma = np.random.default_rng(0).integers(16, 235, (90, 160)).astype(np.uint8)
    small, deep = thumbnail(luma, 8), thumbnail(luma.astype(np.uint16) * 4, 10)
    assert small.shape == (54, 96)
    assert change(small, deep) < 1
    assert change(small, small + 5) == 5


def test_a_jump_cut_is_seen_by_its_loneliness_or_by_the_faces_jump() -> None:
    changes = np.full(60, 0.3)
    changes[0], changes[25], changes[40] = 0, 4.0, 1.2
    np.testing.assert_array_equal(find_cuts(changes, STILL, threshold=14), [0, 25])
    moves = STILL.copy()
    moves[40] = 0.1
    np.testing.assert_array_equal(find_cuts(changes, moves, threshold=14), [0, 25, 40])
    moves[30:36] = 0.1  # a fast head alone is no cut
    np.testing.assert_array_equal(find_cuts(changes, moves, threshold=14), [0, 25, 40])


def test_repeated_frames_make_no_cuts() -> None:
    changes = np.tile([0.0, 20.0], 30)
    np.testing.assert_array_equal(find_cuts(changes, STILL, threshold=14), [0])


def test_stands_out_needs_both_height_and_loneliness() -> None:
    assert stands_out(20, [3, 4, 5], threshold=14)
    assert not stands_out(13, [3, 4, 5], threshold=14)
    assert not stands_out(20, [18, 4, 18], threshold=14)
    assert stands_out(20, [], threshold=14)
