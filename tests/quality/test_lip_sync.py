"""Correlation of two mouth openings."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.quality.lip_sync import MIN_FRAMES, lip_correlation, smooth_openings

TALK = 0.2 + 0.1 * np.sin(np.arange(40) * 0.7)


def test_equal_openings_give_exactly_one_with_and_without_gaps() -> None:
    first, second = TALK.copy(), TALK.copy()
    assert lip_correlation(first, second) == 1.0
    first[3], second[9] = np.nan, np.nan
    assert lip_correlation(first, second) == 1.0


def test_a_known_correlation() -> None:
    rng = np.random.default_rng(0)
    result = TALK + rng.normal(0, 0.05, 40)
    assert lip_correlation(result, TALK) == pytest.approx(np.corrcoef(result, TALK)[0, 1], abs=1e-12)
    assert lip_correlation(0.5 * TALK + 0.1, TALK) == pytest.approx(1.0)
    assert lip_correlation(-TALK, TALK) == pytest.approx(-1.0)


def test_frames_unknown_in_either_are_left_out() -> None:
    result = TALK[::-1].copy()
    result[:10] = np.nan
    assert lip_correlation(result, TALK) == pytest.approx(np.corrcoef(result[10:], TALK[10:])[0, 1])


def test_too_few_frames_or_a_still_mouth_give_none() -> None:
    few = np.full(40, np.nan)
    few[: MIN_FRAMES - 1] = TALK[: MIN_FRAMES - 1]
    assert lip_correlation(few, TALK) is None
    few[MIN_FRAMES - 1] = TALK[MIN_FRAMES - 1]
    assert lip_correlation(few, TALK) == 1.0
    assert lip_correlation(TALK, np.full(40, 0.1)) is None
    assert lip_correlation(TALK, 0.1 + 0.001 * TALK) is None
    assert lip_correlation(np.full(40, np.nan), TALK) is None
    assert lip_correlation(np.full(40, 0.25), TALK) == 0.0  # only the result does not move


def test_different_lengths_are_rejected() -> None:
    with pytest.raises(ValueError, match="one length"):
        lip_correlation(TALK[1:], TALK)


def test_smoothing_reduces_noise_without_lag() -> None:
    noisy = TALK + np.random.default_rng(1).normal(0, 0.006, len(TALK))
    clean, steady = smooth_openings(TALK), smooth_openings(noisy)
    assert np.std(steady[3:-3] - clean[3:-3]) < 0.65 * np.std((noisy - TALK)[3:-3])
    assert np.argmax(smooth_openings(np.eye(1, 21, 10)[0])) == 10
    assert smooth_openings(np.full(9, 0.3)) == pytest.approx(np.full(9, 0.3))


def test_smoothing_ignores_unknown_frames() -> None:
    gap = np.full(9, 0.3)
    gap[4] = np.nan
    found = smooth_openings(gap)
    assert np.isnan(found[4])
    assert found[[3, 5]] == pytest.approx([0.3, 0.3])
