"""Intervals and tests against published or hand-made values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lipblend.lab.rating.intervals import bootstrap, d_prime, sign_test, weighted_share, wilson


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        # Newcombe, Stat. Med. 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(count: int, of: int, low: float, high: float) -> None:
    assert wilson(count, of) == pytest.approx((low, high), abs=5e-5)
    assert (1 - high, 1 - low) == pytest.approx(wilson(of - count, of), abs=5e-5)


def test_the_sign_test_is_exact() -> None:
    assert sign_test(0, 0) is None
    assert sign_test(5, 0) == pytest.approx(2 / 2**5)
    # 9 or more, or 1 or fewer, of 10: 2 (1 + 10) / 1024.
    assert sign_test(9, 1) == sign_test(1, 9) == pytest.approx(22 / 1024)
    assert sign_test(4, 4) == pytest.approx(1.0)


def test_d_prime_of_known_rates() -> None:
    assert d_prime(3, 10, 3, 10) == pytest.approx(0.0)
    # (69 + .5) / 100 -> z(0.695) = 0.5101; false alarms (30 + .5) / 100 -> -0.5101
    assert d_prime(69, 99, 30, 99) == pytest.approx(1.0201, abs=2e-4)
    assert d_prime(1, 2, 0, 0) is None
    assert math.isfinite(d_prime(10, 10, 0, 10) or math.nan)


@pytest.mark.parametrize(
    ("counts", "totals", "expected"),
    [
        ([10, 0], [10, 10], (0.0, 1.0)),  # disagreement: each of the two is drawn twice in a quarter of the resamples
        ([5, 5], [10, 10], (0.5, 0.5)),
        ([10], [10], None),
        ([1, 0], [1, 0], (1.0, 1.0)),  # resamples without a vote do not count
        ([0, 0], [0, 0], None),
    ],
)
def test_whole_raters_are_resampled(counts: list[int], totals: list[int], expected: tuple[float, float] | None) -> None:
    votes, given = np.array(counts, float), np.array(totals, float)
    assert bootstrap(len(counts), lambda weights: weighted_share(weights, votes, given), seed=1) == expected


def test_the_interval_over_raters_is_wider_than_wilson_where_raters_differ_and_has_a_seed() -> None:
    totals = np.full(12, 20.0)
    counts = np.array([20.0, 0.0] * 6)
    first = bootstrap(12, lambda weights: weighted_share(weights, counts, totals), seed=3)
    assert first == bootstrap(12, lambda weights: weighted_share(weights, counts, totals), seed=3)
    low, high = wilson(120, 240)
    assert first is not None
    # The deviation of a mean of 12 raters who are all or nothing: 0.5 / sqrt(12) = 0.144.
    assert first[1] - first[0] == pytest.approx(2 * 1.96 * 0.144, rel=0.15)
    assert first[1] - first[0] > 3 * (high - low)
