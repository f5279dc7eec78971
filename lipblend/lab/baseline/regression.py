"""Comparison of clips with a baseline: which numbers became worse than their tolerance allows."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn

from lipblend.errors import GateError, SettingsError
from lipblend.quality.measures import MEASURES

_ROUNDING = 1e-6  # relative: sums of floats differ by this from run to run

Numbers = Mapping[str, Mapping[str, float]]
"""By measure: ``value`` and ``median`` where they exist."""


@dataclass(frozen=True)
class Tolerance:
    """How much worse a measure may become.

    Attributes
    ----------
    amount : float
        In the measure's unit, or as a share of the baseline's number; infinite if the measure is not compared.
    relative : bool
    """

    amount: float
    relative: bool = False

    def allowed(self, was: float) -> float:
        """Maximum change from the baseline's number, in the measure's unit."""
        return self.amount * abs(was) if self.relative else self.amount

    def __str__(self) -> str:
        if math.isinf(self.amount):
            return "off"
        return f"{self.amount * 100:g}%" if self.relative else f"{self.amount:g}"


OFF = Tolerance(math.inf)

TOLERANCES: dict[str, Tolerance] = {
    key: OFF if measure.tolerance is None else Tolerance(measure.tolerance) for key, measure in MEASURES.items()
}
"""Default tolerance of each measure."""


@dataclass(frozen=True)
class Change:
    """A number that differs from the baseline's by more than its tolerance.

    Attributes
    ----------
    clip, key : str
    which : str
        "value" or "median".
    was, now : float or None
        None if it was not measured.
    allowed : float
        How much worse it may become, in the measure's unit.
    """

    clip: str
    key: str
    which: Literal["value", "median"]
    was: float | None
    now: float | None
    allowed: float

    def __str__(self) -> str:
        unit = MEASURES[self.key].unit if self.key in MEASURES else ""
        numbers = f"was {_text(self.was)}, is {_text(self.now)}, allowed {self.allowed:g}"
        return f"{self.clip}: {self.key} ({self.which}) {numbers}" + (f" {unit}" if unit else "")


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison.

    Attributes
    ----------
    clips, numbers : int
        How many were compared.
    regressions, improvements : tuple of Change
    missing, new : tuple of str
        Clips that only the baseline contains, and clips that it does not contain.
    new_measures : tuple of str
        ``clip: key`` of measures that the baseline does not contain.
    unknown_measures : tuple of str
        ``clip: key`` of the baseline's measures that this version does not have.
    """

    clips: int
    numbers: int
    regressions: tuple[Change, ...]
    improvements: tuple[Change, ...]
    missing: tuple[str, ...]
    new: tuple[str, ...]
    new_measures: tuple[str, ...]
    unknown_measures: tuple[str, ...]

    def raise_for_failure(self, *, allow_missing: bool) -> None:
        """Raise if the comparison fails.

        Raises
        ------
        GateError
            A number became worse than allowed, a clip is missing although ``allow_missing`` is False, or there is no
            clip to compare.
        """
        if not self.clips:
            raise GateError(
                "no clip of the baseline is among the reports",
                details=(f"baseline: {', '.join(self.missing) or 'none'}", f"reports: {', '.join(self.new) or 'none'}"),
                hint="Name the clips as in the baseline: --name once for each report.",
            )
        missing = () if allow_missing else self.missing
        lines = [*map(str, self.regressions), *(f"{clip}: not among the reports" for clip in missing)]
        if not lines:
            return
        problems = []
        if self.regressions:
            clips = len({change.clip for change in self.regressions})
            problems.append(f"{counted(len(self.regressions), 'number')} of {counted(clips, 'clip')} became worse")
        hint = "If this is intended, save the baseline again; --tolerance KEY=VALUE allows more."
        if missing:
            problems.append(f"{counted(len(missing), 'clip')} of the baseline missing")
            hint += " --allow-missing checks only the other clips."
        raise GateError(" and ".join(problems), details=tuple(lines), hint=hint)


def parse_tolerances(texts: Sequence[str]) -> dict[str, Tolerance]:
    """The tolerances of all measures: the defaults, changed by ``KEY=0.01``, ``KEY=10%`` or ``KEY=off``.

    Raises
    ------
    SettingsError
        A text of another form, or an unknown measure.
    """
    tolerances = dict(TOLERANCES)
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if key not in MEASURES:
            close = difflib.get_close_matches(key, MEASURES, n=1)
            hint = f"Did you mean {close[0]}? " if close else ""
            raise SettingsError(f"unknown measure '{key}' (--tolerance)", hint=f"{hint}Known: {', '.join(MEASURES)}.")
        tolerances[key] = _tolerance(value) if equals else _refuse(text)
    return tolerances


def compare(
    baseline: Mapping[str, Numbers], clips: Mapping[str, Numbers], tolerances: Mapping[str, Tolerance]
) -> Comparison:
    """Compare clips with a baseline.

    A number becomes worse by its change away from the measure's better side or, where 1 is best, by its change of
    distance from 1. One that can no longer be measured is a regression whatever the tolerance.
    """
    common = sorted(set(baseline) & set(clips))
    changes = [change for clip in common for change in _changes(clip, baseline[clip], clips[clip], tolerances)]
    return Comparison(
        clips=len(common),
        numbers=len(changes),
        regressions=tuple(change for change, direction in changes if direction > 0),
        improvements=tuple(change for change, direction in changes if direction < 0),
        missing=tuple(sorted(set(baseline) - set(clips))),
        new=tuple(sorted(set(clips) - set(baseline))),
        new_measures=tuple(
            f"{clip}: {key}" for clip in common for key in _ordered(clips[clip]) if key not in baseline[clip]
        ),
        unknown_measures=tuple(
            f"{clip}: {key}" for clip in common for key in _ordered(baseline[clip]) if key not in MEASURES
        ),
    )


def worsening(key: str, was: float, now: float) -> float:
    """How much worse a measure became, in its unit; negative if it became better."""
    better = MEASURES[key].better
    if better == "one":
        return abs(now - 1) - abs(was - 1)
    return now - was if better == "low" else was - now


def counted(number: int, noun: str) -> str:
    """``1 clip``, ``2 clips``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _changes(
    clip: str, was: Numbers, now: Numbers, tolerances: Mapping[str, Tolerance]
) -> Iterator[tuple[Change, Literal[-1, 0, 1]]]:
    """Every compared number of a clip with 1 if it became worse than allowed, -1 if it became better, else 0."""
    names: tuple[Literal["value", "median"], ...] = ("value", "median")
    for key in _ordered(was):
        tolerance = tolerances.get(key, OFF)
        if key not in MEASURES or math.isinf(tolerance.amount):
            continue
        for which in names:
            old, new = was[key].get(which), now.get(key, {}).get(which)
            if old is None:
                continue
            change = Change(clip, key, which, old, new, tolerance.allowed(old))
            if new is None:
                yield change, 1
                continue
            worse = worsening(key, old, new)
            limit = change.allowed + _ROUNDING * abs(old)
            yield change, 1 if worse > limit else -1 if -worse > limit else 0


def _tolerance(text: str) -> Tolerance:
    if text == "off":
        return OFF
    relative = text.endswith("%")
    try:
        amount = float(text.removesuffix("%"))
    except ValueError:
        _refuse(text)
    if not math.isfinite(amount) or amount < 0:
        _refuse(text)
    return Tolerance(amount / 100 if relative else amount, relative)


def _refuse(text: str) -> NoReturn:
    raise SettingsError(
        f"'{text}' is not a tolerance",
        hint="Write --tolerance KEY=0.01 (in the measure's unit), KEY=10% (of the baseline's number) or KEY=off.",
    )


def _ordered(numbers: Numbers) -> list[str]:
    """Measures in the order of `MEASURES`, unknown ones after them by name."""
    places = {key: place for place, key in enumerate(MEASURES)}
    return sorted(numbers, key=lambda key: (places.get(key, len(places)), key))


def _text(number: float | None) -> str:
    return "not measured" if number is None else f"{number:.5g}"
