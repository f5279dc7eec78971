"""Rank the combinations of a sweep by their headline, or by one measure.

The headline is that of ``evaluate`` (`lipblend.quality.headline`), with every run of frames as a shot: 100 is
invisible. A measure counts with its mean over the tried frames (over shots for measures over time); if it is best at 1,
the distance from 1 counts.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lipblend.errors import SettingsError
from lipblend.lab.sweep.noise import equal_to_first, noise_text
from lipblend.lab.sweep.outcome import AGAINST_REFERENCE, MEASURED, Outcome
from lipblend.lab.sweep.worth import HEADLINE, badness, value_of
from lipblend.quality.measures import MEASURES
from lipblend.quality.record import WORDS


@dataclass(frozen=True)
class Ranked:
    """An outcome and its rank.

    Attributes
    ----------
    outcome : Outcome
    value : float or None
        What it is ranked by; None if it has none.
    equals_best : bool
        Its difference from the best means nothing, see `lipblend.lab.sweep.noise`; True for the best itself.
    """

    outcome: Outcome
    value: float | None
    equals_best: bool


@dataclass(frozen=True)
class Ranking:
    """All combinations from best to worst: equal ones in the order of the grid, those without a value last.

    Attributes
    ----------
    by, text, noise : str
        "headline" or a measure, its explanation, and which differences mean nothing.
    effects : mapping of str to mapping of str to float
        For each swept setting and value, the mean over the combinations that have it.
    """

    by: str
    text: str
    noise: str
    ranked: tuple[Ranked, ...]
    effects: Mapping[str, Mapping[str, float]]

    @property
    def best(self) -> Ranked:
        """The best combination."""
        return self.ranked[0]


def check_rank_by(by: str, *, reference: bool) -> None:
    """Check what to rank by.

    Raises
    ------
    SettingsError
        ``by`` is neither "headline" nor a measure of a sweep, or needs a reference and there is none.
    """
    known = (HEADLINE, *MEASURED, *AGAINST_REFERENCE)
    if by not in known:
        close = [HEADLINE] if by == "score" else difflib.get_close_matches(by, known, n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise SettingsError(f"cannot rank by '{by}'", hint=f"{hint}There are {', '.join(known)}.")
    if by in AGAINST_REFERENCE and not reference:
        raise SettingsError(f"ranking by {by} needs a reference", hint="Give the real footage with --reference.")


def rank(
    outcomes: Sequence[Outcome], axes: Mapping[str, Sequence[str]], *, by: str = HEADLINE, sampled: bool = True
) -> Ranking:
    """Order outcomes, given in the order of the grid, from best to worst.

    Parameters
    ----------
    outcomes : sequence of Outcome
    axes : mapping of str to sequence of str
    by : str
    sampled : bool
        The runs are a sample of the clip; otherwise they are all of it.

    Raises
    ------
    SettingsError
        No combination has a value to rank by.
    """
    valued = [(each, value_of(each, by)) for each in outcomes]
    if all(value is None for _, value in valued):
        raise SettingsError(
            f"no combination can be ranked by {by}: it could not be measured on the tried frames",
            hint="Rank by another measure (--rank-by), or try all frames (--frames all).",
        )
    ordered = sorted(valued, key=lambda each: (each[1] is None, badness(by, each[1])))
    known = [outcome for outcome, value in ordered if value is not None]
    equal = equal_to_first(known, by, sampled=sampled)
    ranked = tuple(Ranked(outcome, value, outcome.combination.number in equal) for outcome, value in ordered)
    return Ranking(by, _text(by), noise_text(known, by, sampled=sampled), ranked, _effects(valued, axes))


def _effects(
    valued: Sequence[tuple[Outcome, float | None]], axes: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    effects: dict[str, dict[str, float]] = {}
    for key, texts in axes.items():
        for text in texts:
            known = [
                value for outcome, value in valued if value is not None and outcome.combination.values[key] == text
            ]
            if known:
                effects.setdefault(key, {})[text] = sum(known) / len(known)
    return effects


def _text(by: str) -> str:
    if by == HEADLINE:
        words = ", ".join(f"{word} from {least:.0f}" for least, word in WORDS)
        return f"headline: how invisible the composite is before it is encoded, of 100; {words}; higher is better"
    measure = MEASURES[by]
    order = {"low": "lower is better", "high": "higher is better", "one": "nearest to 1 is best"}[measure.better]
    return f"{by}: {measure.title}{f' ({measure.unit})' if measure.unit else ''}, mean; {order}"
