"""Boxes: what holds two, and what is in both."""

from __future__ import annotations

from lipblend.picture.patch import Box

ONE, OTHER = Box(10, 20, 50, 60), Box(40, -5, 90, 30)


def test_the_box_that_holds_both_is_the_smallest() -> None:
    assert ONE.joined_with(OTHER) == OTHER.joined_with(ONE) == Box(10, -5, 90, 60)
    assert ONE.joined_with(Box(20, 30, 25, 35)) == ONE
    assert ONE.joined_with(Box(100, 200, 110, 210)) == Box(10, 20, 110, 210)


def test_what_is_in_both() -> None:
    assert ONE.clipped_to(OTHER) == Box(40, 20, 50, 30)
    apart = ONE.clipped_to(Box(100, 200, 110, 210))
    assert apart.width == apart.height == 0
