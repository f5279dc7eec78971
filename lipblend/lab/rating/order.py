"""Order and sides in which a rater sees the clips. The page computes the same (``page/votes.js``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_WORD = 0xFFFFFFFF
_DISCARDED = 8


@dataclass(frozen=True)
class Shown:
    """One place in a rater's order: the index of the trial, and whether its second clip is shown as A."""

    index: int
    swapped: bool


def presentation(study: str, seed: int, rater: str, trials: int) -> list[Shown]:
    """Order and sides for one rater of a study with this id, seed and number of trials.

    Trials 2k and 2k+1 get the same side, and the study lists their methods in opposite orders. So each rater sees each
    method as A in half of the trials, to within one.

    Sources: Fisher and Yates' shuffle (Durstenfeld 1964) with random numbers by Marsaglia's xorshift (J. Stat. Softw.
    8(14), 2003), seeded with the FNV-1a hash (Fowler, Noll and Vo) of seed, study and rater.
    """
    draw = random_numbers(f"{seed}|{study}|{rater}")
    order = list(range(trials))
    for last in range(trials - 1, 0, -1):
        other = draw(last + 1)
        order[last], order[other] = order[other], order[last]
    sides = [bool(draw(2)) for _ in range((trials + 1) // 2)]
    return [Shown(index, sides[index // 2]) for index in order]


def random_numbers(text: str) -> Callable[[int], int]:
    """A function that draws integers below its argument (at most 2**21); the text is the seed."""
    state = _hash32(text) or 1

    def draw(limit: int) -> int:
        nonlocal state
        state ^= (state << 13) & _WORD
        state ^= state >> 17
        state ^= (state << 5) & _WORD
        return state * limit >> 32

    for _ in range(_DISCARDED):
        draw(1)
    return draw


def _hash32(text: str) -> int:
    number = 2166136261
    for byte in text.encode():
        number = ((number ^ byte) * 16777619) & _WORD
    return number
