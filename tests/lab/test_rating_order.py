"""Order and sides."""

from __future__ import annotations

from collections import Counter

import pytest

from lipblend.lab.rating.order import presentation, random_numbers

RATERS = [f"p{number:02d}" for number in range(40)]


@pytest.mark.parametrize("count", [1, 2, 7, 30])
def test_every_trial_is_shown_once(count: int) -> None:
    for rater in RATERS:
        assert sorted(shown.index for shown in presentation("ab-1", 7, rater, count)) == list(range(count))


def test_the_order_is_the_same_each_time_and_another_for_other_raters_seeds_and_studies() -> None:
    base = presentation("ab-1", 7, "anna", 12)
    assert presentation("ab-1", 7, "anna", 12) == base
    for other in (("ab-1", 7, "ben"), ("ab-1", 8, "anna"), ("ab-2", 7, "anna")):
        assert presentation(*other, 12) != base
    assert len({tuple(presentation("ab-1", 7, rater, 12)) for rater in RATERS}) == len(RATERS)


@pytest.mark.parametrize("count", [6, 7])
def test_the_two_trials_of_a_couple_have_one_side(count: int) -> None:
    for rater in RATERS:
        sides = {shown.index: shown.swapped for shown in presentation("ab-1", 7, rater, count)}
        assert all(sides[index] == sides[index + 1] for index in range(0, count - 1, 2))


def test_first_places_and_sides_are_even_over_raters() -> None:
    shown = [presentation("ab-1", 7, f"r{number}", 8) for number in range(2000)]
    firsts = Counter(order[0].index for order in shown)
    # 2000 draws of one in eight: 250, with a deviation of 15.
    assert all(170 < firsts[index] < 330 for index in range(8))
    swapped = Counter(item.index for order in shown for item in order if item.swapped)
    assert all(850 < swapped[index] < 1150 for index in range(8))


def test_the_numbers_are_xorshift_from_an_fnv_hash() -> None:
    # FNV-1a of "a" is e40c292c (a published test vector); nine steps of xorshift32 (13, 17, 5) from there.
    state = 0xE40C292C
    for _ in range(9):
        state ^= (state << 13) % 2**32
        state ^= state >> 17
        state ^= (state << 5) % 2**32
    assert random_numbers("a")(1 << 20) == state >> 12
