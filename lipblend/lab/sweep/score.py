"""Rank the combinations of a sweep.

The score is the mean, over the measures with a pass mark in the group ``gate``, of the share of the mark that is used:

    value / mark              if low values are better,
    (1 - value) / (1 - mark)  if high values are better and 1 is perfect.

0 is perfect, 1 is at the marks on average; lower is better. ``value`` is the mean over the tried frames (over shots for
measures over time). The score leaves out marks that are "off" or allow nothing (0, or 1), measures of the whole clip,
and measures that a combination lacks. Combinations can also be ranked by a single measure; if that is best at 1, by
the distance from 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lipblend.errors import SettingsError
from lipblend.lab.sweep.grid import Combination
from lipblend.quality.measure_entry import Measure
from lipblend.quality.measures import MEASURES
from lipblend.settings import GateSettings

SCORE = "score"
MEASURED = tuple(
    key
    for key, measure in MEASURES.items()
    if measure.tolerance is not None and (measure.of_face or measure.of_change or measure.per == "shot")
)
"""Measures that depend on settings and are taken on frames in memory."""
AGAINST_REFERENCE = ("psnr", "ssim", "temporal")


@dataclass(frozen=True)
class Outcome:
    """Measurements of one combination.

    Attributes
    ----------
    combination : Combination
    values : mapping of str to float
        Mean of each measure over the tried frames, or over the shots. Measures without a value are missing.
    frames : int
        Frames measured.
    blended, rows : int
        Frames of the whole clip with a patch, and all frames.
    plan_ms, render_ms : float
        Planning time divided by all frames of the clip, and median time to render a frame; milliseconds per frame.
    memory_mb : float
        Peak memory that rendering a frame adds; arrays only, without memory inside libraries.
    fallbacks : int
        Tried frames on which a stage fell back to another method.
    failed : str
        Why the combination could not be tried; otherwise empty.
    """

    combination: Combination
    values: Mapping[str, float] = field(default_factory=dict)
    frames: int = 0
    blended: int = 0
    rows: int = 0
    plan_ms: float = 0.0
    render_ms: float = 0.0
    memory_mb: float = 0.0
    fallbacks: int = 0
    failed: str = ""

    @property
    def ms_a_frame(self) -> float:
        """Time to plan and render, milliseconds per frame."""
        return self.plan_ms + self.render_ms


@dataclass(frozen=True)
class Ranked:
    """An outcome and the value that it is ranked by; None if it has none."""

    outcome: Outcome
    value: float | None


@dataclass(frozen=True)
class Ranking:
    """All combinations from best to worst: equal ones in the order of the grid, those without a value last.

    Attributes
    ----------
    by, text : str
        "score" or a measure, and its explanation.
    effects : mapping of str to mapping of str to float
        For each swept setting and value, the mean over the combinations that have it.
    """

    by: str
    text: str
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
        ``by`` is neither "score" nor a measure of a sweep, or needs a reference and there is none.
    """
    known = (SCORE, *MEASURED, *AGAINST_REFERENCE)
    if by not in known:
        close = difflib.get_close_matches(by, known, n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise SettingsError(f"cannot rank by '{by}'", hint=f"{hint}There are {', '.join(known)}.")
    if by in AGAINST_REFERENCE and not reference:
        raise SettingsError(f"ranking by {by} needs a reference", hint="Give the real footage with --reference.")


def rank(outcomes: Sequence[Outcome], axes: Mapping[str, Sequence[str]], *, by: str, gate: GateSettings) -> Ranking:
    """Order outcomes, given in the order of the grid, from best to worst. ``gate`` has the pass marks for the score.

    Raises
    ------
    SettingsError
        No combination has a value to rank by.
    """
    marks = _usable_marks(outcomes, gate) if by == SCORE else {}
    ranked = [Ranked(each, _value(each, by, marks)) for each in outcomes]
    if all(each.value is None for each in ranked):
        raise SettingsError(
            f"no combination can be ranked by {by}: it could not be measured on the tried frames",
            hint="Rank by another measure (--rank-by), or try all frames (--frames all).",
        )
    ordered = sorted(ranked, key=lambda each: (each.value is None, _badness(by, each.value)))
    return Ranking(by, _text(by, marks), tuple(ordered), _effects(ranked, axes))


def shortfall(measure: Measure, value: float, mark: float) -> float:
    """Part of a pass mark that a value uses up; 0 is perfect, 1 is at the mark."""
    return value / mark if measure.better == "low" else (1 - value) / (1 - mark)


def _usable_marks(outcomes: Sequence[Outcome], gate: GateSettings) -> dict[str, float]:
    tried = [each for each in outcomes if not each.failed]
    marks = {}
    for key in MEASURED:
        measure = MEASURES[key]
        mark = getattr(gate, measure.mark) if measure.mark else "off"
        if mark == "off" or measure.better == "one" or mark == (0 if measure.better == "low" else 1):
            continue
        if tried and all(key in each.values for each in tried):
            marks[key] = float(mark)
    return marks


def _value(outcome: Outcome, by: str, marks: Mapping[str, float]) -> float | None:
    if by != SCORE:
        return outcome.values.get(by)
    if outcome.failed or not marks:
        return None
    return sum(shortfall(MEASURES[key], outcome.values[key], mark) for key, mark in marks.items()) / len(marks)


def _badness(by: str, value: float | None) -> float:
    """A number that increases as a value gets worse."""
    if value is None:
        return 0.0
    better = "low" if by == SCORE else MEASURES[by].better
    return abs(value - 1) if better == "one" else value if better == "low" else -value


def _effects(ranked: Sequence[Ranked], axes: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    effects: dict[str, dict[str, float]] = {}
    for key, values in axes.items():
        for value in values:
            known = [
                each.value
                for each in ranked
                if each.value is not None and each.outcome.combination.values[key] == value
            ]
            if known:
                effects.setdefault(key, {})[value] = sum(known) / len(known)
    return effects


def _text(by: str, marks: Mapping[str, float]) -> str:
    if by != SCORE:
        measure = MEASURES[by]
        order = {"low": "lower is better", "high": "higher is better", "one": "nearest to 1 is best"}[measure.better]
        return f"{by}: {measure.title}{f' ({measure.unit})' if measure.unit else ''}, mean; {order}"
    terms = [
        f"{key} / {mark:g}" if MEASURES[key].better == "low" else f"(1 - {key}) / {1 - mark:g}"
        for key, mark in marks.items()
    ]
    return f"score: mean of {', '.join(terms)}; 0 is perfect, 1 is at the pass marks, lower is better"
