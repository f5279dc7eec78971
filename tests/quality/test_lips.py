"""Correlation of two mouth openings."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.quality.lips import LEAST_FRAMES, lip_sync_kept, steadied

TALK = 0.2 + 0.1 * np.sin(np.arange(40) * 0.7)


def test_equal_openings_give_exactly_one() -> None:
    assert lip_sync_kept(TALK, TALK.copy()) == 1.0


def test_equal_openings_with_gaps_give_exactly_one() -> None:
    one, two = TALK.copy(), TALK.copy()
    one[3], two[9] = np.nan, np.nan
    assert lip_sync_kept(one, two) == 1.0


def test_a_known_correlation() -> None:
    rng = np.random.default_rng(0)
    other = TALK + rng.normal(0, 0.05, 40)
    assert lip_sync_kept(other, TALK) == pytest.approx(np.corrcoef(other, TALK)[0, 1], abs=1e-12)
    assert lip_sync_kept(0.5 * TALK + 0.1, TALK) == pytest.approx(1.0)
    assert lip_sync_kept(-TALK, TALK) == pytest.approx(-1.0)


def test_frames_unknown_in_either_are_left_out() -> None:
    other = TALK[::-1].copy()
    other[:10] = np.nan
    assert lip_sync_kept(other, TALK) == pytest.approx(np.corrcoef(other[10:], TALK[10:])[0, 1])


def test_too_few_frames_or_a_still_mouth_give_none() -> None:
    few = np.full(40, np.nan)
    few[: LEAST_FRAMES - 1] = TALK[: LEAST_FRAMES - 1]
    assert lip_sync_kept(few, TALK) is None
    few[LEAST_FRAMES - 1] = TALK[LEAST_FRAMES - 1]
    assert lip_sync_kept(few, TALK) == 1.0
    assert lip_sync_kept(TALK, np.full(40, 0.1)) is None
    assert lip_sync_kept(TALK, 0.1 + 0.001 * TALK) is None
    assert lip_sync_kept(np.full(40, np.nan), TALK) is None


def test_a_result_that_does_not_move_keeps_nothing() -> None:
    assert lip_sync_kept(np.full(40, 0.25), TALK) == 0.0


def test_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        lip_sync_kept(TALK[1:], TALK)


def test_steadying_takes_noise_off_and_does_not_lag() -> None:
    noisy = TALK + np.random.default_rng(1).normal(0, 0.006, len(TALK))
    clean, steady = steadied(TALK), steadied(noisy)
    assert np.std(steady[3:-3] - clean[3:-3]) < 0.65 * np.std((noisy - TALK)[3:-3])
    assert np.argmax(steadied(np.eye(1, 21, 10)[0])) == 10
    assert steadied(np.full(9, 0.3)) == pytest.approx(np.full(9, 0.3))


def test_steadying_keeps_unknown_frames_unknown_and_out_of_their_neighbours() -> None:
    gap = np.full(9, 0.3)
    gap[4] = np.nan
    found = steadied(gap)
    assert np.isnan(found[4])
    assert found[[3, 5]] == pytest.approx([0.3, 0.3])
