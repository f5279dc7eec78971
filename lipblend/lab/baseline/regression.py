"""What has become worse: numbers of clips against kept ones, within tolerances."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lipblend.errors import GateError, SettingsError
from lipblend.quality.measures import MEASURES

_SLACK = 1e-6  # relative: sums of floats differ so little from run to run

Numbers = Mapping[str, Mapping[str, float]]
"""By measure: ``value`` and ``median``, as far as there are any."""


@dataclass(frozen=True)
class Tolerance:
    """How much worse a measure may become.

    Attributes
    ----------
    amount : float
        In the measure's unit, or a share of the kept number; infinite for a measure that is not compared.
    relative : bool
    """

    amount: float
    relative: bool = False

    def allowed(self, was: float) -> float:
        """How far from a kept number is still no regression, in the measure's unit."""
        return self.amount * abs(was) if self.relative else self.amount

    def __str__(self) -> str:
        if math.isinf(self.amount):
            return "off"
        return f"{self.amount * 100:g}%" if self.relative else f"{self.amount:g}"


OFF = Tolerance(math.inf)

TOLERANCES: dict[str, Tolerance] = {
    "seam": Tolerance(0.005),
    "seam_rel": Tolerance(0.05),
    "ssim_y": Tolerance(0.005),
    "ssim_cb": Tolerance(0.005),
    "ssim_cr": Tolerance(0.005),
    "colour_step": Tolerance(0.1),
    "alpha": OFF,  # neither large nor small is better
    "alpha_flicker": Tolerance(0.005),
    "ring_flicker": Tolerance(0.1),
    "overspill": Tolerance(0.0005),
    "leak": Tolerance(0.002),
    "lip_corr": Tolerance(0.002),
    "untouched": Tolerance(0.0),
    "outside": Tolerance(0.1),
    "cast": Tolerance(0.2),
    "colour_drift": Tolerance(0.1),
    "sharpness": Tolerance(0.03),
    "grain": Tolerance(0.05),
    "psnr": Tolerance(0.1),
    "ssim": Tolerance(0.002),
    "temporal": Tolerance(0.05),
    "lpips": Tolerance(0.005),
    "opening_original": OFF,  # what the faces do, not how well it was blended
    "opening_synced": OFF,
    "opening_result": OFF,
    "faulty": Tolerance(0.01),
    "passed_through": Tolerance(0.0),
}
"""How much worse each measure may become unless another tolerance is set; in its unit."""


@dataclass(frozen=True)
class Change:
    """One number that differs from the kept one by more than is allowed.

    Attributes
    ----------
    clip, key : str
    which : str
        "value" or "median".
    was, now : float or None
        None where it could not be measured.
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
    """What a check found.

    Attributes
    ----------
    clips, numbers : int
        How many were compared.
    regressions, improvements : tuple of Change
    missing, new : tuple of str
        Clips that only the baseline has, and clips that it does not have.
    new_measures : tuple of str
        ``clip: key`` of numbers that the baseline does not have.
    unknown_measures : tuple of str
        ``clip: key`` of kept numbers that are not compared, as this version has no such measure.
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
        """Do nothing if nothing became worse.

        Raises
        ------
        GateError
            A number became worse than allowed, a clip is missing and that is not allowed, or there is no clip at all
            to compare.
        """
        if not self.clips:
            raise GateError(
                "no clip of the baseline is among the reports",
                details=(f"baseline: {', '.join(self.missing) or 'none'}", f"reports: {', '.join(self.new) or 'none'}"),
                hint="Name the clips as the baseline does: --name once for each report.",
            )
        missing = () if allow_missing else self.missing
        lines = [*map(str, self.regressions), *(f"{clip}: not among the reports" for clip in missing)]
        if not lines:
            return
        parts = []
        if self.regressions:
            clips = len({change.clip for change in self.regressions})
            parts.append(f"{counted(len(self.regressions), 'number')} of {counted(clips, 'clip')} became worse")
        if missing:
            parts.append(f"{counted(len(missing), 'clip')} of the baseline missing")
        hint = "If that is meant, save the baseline anew; --tolerance KEY=VALUE allows more."
        if missing:
            hint += " --allow-missing checks the other clips alone."
        raise GateError(" and ".join(parts), details=tuple(lines), hint=hint)


def parse_tolerances(texts: Sequence[str]) -> dict[str, Tolerance]:
    """The tolerances of all measures, the default ones changed by ``KEY=0.01``, ``KEY=10%`` or ``KEY=off``.

    Raises
    ------
    SettingsError
        Anything else, or an unknown measure.
    """
    tolerances = dict(TOLERANCES)
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if key not in MEASURES:
            close = difflib.get_close_matches(key, MEASURES, n=1)
            hint = f"Did you mean {close[0]}? " if close else ""
            raise SettingsError(
                f"unknown measure '{key}' (--tolerance)", hint=f"{hint}There are {', '.join(MEASURES)}."
            )
        tolerances[key] = _tolerance(value) if equals else _refuse(text)
    return tolerances


def _tolerance(text: str) -> Tolerance:
    if text == "off":
        return OFF
    relative = text.endswith("%")
    try:
        amount = float(text.removesuffix("%"))
    except ValueError:
        return _refuse(text)
    if not math.isfinite(amount) or amount < 0:
        return _refuse(text)
    return Tolerance(amount / 100 if relative else amount, relative)


def _refuse(text: str) -> Tolerance:
    raise SettingsError(
        f"'{text}' is no tolerance",
        hint="Write --tolerance KEY=0.01 (in the measure's unit), KEY=10% (of the kept number) or KEY=off.",
    )


def compare(
    baseline: Mapping[str, Numbers], clips: Mapping[str, Numbers], tolerances: Mapping[str, Tolerance]
) -> Comparison:
    """Hold clips against a baseline.

    A number is worse by as much as it moved away from the measure's better side; where 1 is best, by as much as it
    moved away from 1. One that was measured and no longer can be is a regression, whatever is allowed.
    """
    regressions: list[Change] = []
    improvements: list[Change] = []
    new_measures: list[str] = []
    unknown_measures: list[str] = []
    compared = 0
    both = sorted(set(baseline) & set(clips))
    for clip in both:
        was, now = baseline[clip], clips[clip]
        new_measures += [f"{clip}: {key}" for key in _ordered(now) if key not in was]
        for key in _ordered(was):
            tolerance = tolerances.get(key, OFF)
            if key not in MEASURES:
                unknown_measures.append(f"{clip}: {key}")
                continue
            if math.isinf(tolerance.amount):
                continue
            for which in ("value", "median"):
                before, after = was[key].get(which), now.get(key, {}).get(which)
                if before is None:
                    continue
                compared += 1
                change = Change(clip, key, which, before, after, tolerance.allowed(before))
                if after is None:
                    regressions.append(change)
                    continue
                worse = worsening(key, before, after)
                limit = change.allowed + _SLACK * abs(before)
                if worse > limit:
                    regressions.append(change)
                elif -worse > limit:
                    improvements.append(change)
    return Comparison(
        len(both),
        compared,
        tuple(regressions),
        tuple(improvements),
        tuple(sorted(set(baseline) - set(clips))),
        tuple(sorted(set(clips) - set(baseline))),
        tuple(new_measures),
        tuple(unknown_measures),
    )


def worsening(key: str, was: float, now: float) -> float:
    """By how much a measure became worse, in its unit; negative where it became better."""
    better = MEASURES[key].better
    if better == "one":
        return abs(now - 1) - abs(was - 1)
    return now - was if better == "low" else was - now


def _ordered(numbers: Numbers) -> list[str]:
    """Measures in the catalogue's order, then others."""
    places = {key: place for place, key in enumerate(MEASURES)}
    return sorted(numbers, key=lambda key: (places.get(key, len(places)), key))


def counted(number: int, what: str) -> str:
    """``1 clip``, ``2 clips``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _text(number: float | None) -> str:
    return "not measured" if number is None else f"{number:.5g}"
