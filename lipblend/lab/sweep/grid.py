"""The grid of a sweep: which settings take which values, and the combinations that follow."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lipblend.errors import SettingsError
from lipblend.settings import Settings
from lipblend.settings.catalogue import setting_groups, setting_specs, value_text
from lipblend.settings.resolve import resolve_settings

MOST_COMBINATIONS = 500
ITEM_SEPARATOR = "+"
"""Between the items of a list setting: ``mask.shapes=mouth+ellipse,box`` has two values."""

Stage = Literal["analysis", "plan", "render"]

_NOT_SWEPT = {
    "encode": "a sweep measures pictures in memory, before they are encoded",
    "audio": "a sweep looks at pictures only",
    "gate": "the score is made from the pass marks, so they must be the same for all combinations",
}
_RENDER_GROUPS = frozenset({"mask", "alpha", "align", "reuse", "detail", "restore", "blend"})
_PLAN_GROUPS = frozenset({"smooth", "colour", "footprint"})
_PLAN_KEYS = frozenset(
    {
        "pair.tail",
        "track.face",
        "track.no_face",
        "track.max_gap_s",
        "track.ramp_s",
        "track.outlier_frac",
        "alpha.average_frames",
    }
)
_ANALYSIS_KEYS = frozenset({"colour.space", "colour.interpret"})


def stage_of(key: str) -> Stage:
    """The first step of a run that reads a setting; all that come after it have to be done anew for another value.

    "analysis" is what reads both videos whole, "plan" what smooths over time, "render" what works on single frames.
    What is not known to come later is taken to be read by the analysis.
    """
    group = key.partition(".")[0]
    if key in _PLAN_KEYS:
        return "plan"
    if key in _ANALYSIS_KEYS:
        return "analysis"
    if group in _RENDER_GROUPS or group in _NOT_SWEPT:
        return "render"
    return "plan" if group in _PLAN_GROUPS else "analysis"


@dataclass(frozen=True)
class Combination:
    """One point of the grid.

    Attributes
    ----------
    number : int
        From 1, in the order of the grid: the last setting changes fastest.
    values : mapping of str to str
        The swept settings, written as after ``--set``.
    settings : Settings
        All settings.
    """

    number: int
    values: Mapping[str, str]
    settings: Settings

    def value(self, key: str) -> Any:
        """One setting's value."""
        group, _, name = key.partition(".")
        return getattr(getattr(self.settings, group), name)

    def part(self, *stages: Stage) -> tuple[tuple[str, Any], ...]:
        """The values of all settings that belong to some stages."""
        return tuple((key, self.value(key)) for key in setting_specs() if stage_of(key) in stages)


@dataclass(frozen=True)
class Grid:
    """All combinations, and what they are made of.

    Attributes
    ----------
    axes : mapping of str to tuple of str
        The swept settings, and the values of each.
    preset : str or None
        The preset that all start from; None for the bare defaults.
    base : Settings
        What all share.
    combinations : tuple of Combination
    """

    axes: Mapping[str, tuple[str, ...]]
    preset: str | None
    base: Settings
    combinations: tuple[Combination, ...]


def make_grid(preset: str | None, config: Path | None, assignments: Sequence[str]) -> Grid:
    """Lay out the Cartesian product of the values asked for.

    Parameters
    ----------
    preset, config
        As for `resolve_settings`: what the combinations share.
    assignments : sequence of str
        ``key=value,value``; the items of a list setting are joined with ``+``.

    Raises
    ------
    SettingsError
        An unknown setting, one that cannot be swept, one with a single value or the same value twice, a value that is
        not allowed, values that do not go together, or more than `MOST_COMBINATIONS` combinations.
    """
    if not assignments:
        raise SettingsError(
            "a sweep needs a setting with several values",
            hint="For example --set mask.erosion_frac=0.003,0.009,0.015 (`lipblend config show` lists all settings).",
        )
    axes: dict[str, tuple[str, ...]] = {}
    for text in assignments:
        key, values = _axis(text)
        if key in axes:
            raise SettingsError(f"{key} is given twice", hint="Give all its values at once, with commas between them.")
        axes[key] = values
    count = math.prod(len(values) for values in axes.values())
    if count > MOST_COMBINATIONS:
        factors = " x ".join(str(len(values)) for values in axes.values())
        raise SettingsError(
            f"the grid has {count} combinations ({factors}); at most {MOST_COMBINATIONS} are tried",
            hint="Take fewer values, or sweep some settings after the others.",
        )
    base = resolve_settings(preset, config).settings
    raw = {key: [_raw(key, value) for value in values] for key, values in axes.items()}
    combinations = []
    for number, place in enumerate(itertools.product(*(range(len(values)) for values in axes.values())), start=1):
        chosen = dict(zip(axes, place, strict=True))
        settings = resolve_settings(preset, config, {key: raw[key][at] for key, at in chosen.items()}).settings
        combinations.append(Combination(number, {key: axes[key][at] for key, at in chosen.items()}, settings))
    _reject_equals(combinations, axes)
    return Grid(axes, preset, base, tuple(combinations))


def _axis(text: str) -> tuple[str, tuple[str, ...]]:
    key, equals, listed = (part.strip() for part in text.partition("="))
    if not equals:
        raise SettingsError(f"--set {text} has no values", hint="Write it as --set KEY=VALUE,VALUE.")
    group = key.partition(".")[0]
    if group in _NOT_SWEPT and (key in setting_specs() or key in setting_groups()):
        raise SettingsError(f"{key} cannot be swept: {_NOT_SWEPT[group]}", hint="Give a fixed value with --config.")
    if key not in setting_specs():
        resolve_settings(overrides={key: listed})  # raises, with what was probably meant
    values = tuple(value.strip() for value in listed.split(",") if value.strip())
    if len(values) < 2:
        items = f"; the items of one value are joined with {ITEM_SEPARATOR}" * (setting_specs()[key].kind == "list")
        raise SettingsError(
            f"{key} has {'a single value' if values else 'no value'} ({listed or 'nothing'})",
            hint=f"Give two or more with commas between them{items}. A fixed value belongs in --config FILE.",
        )
    return key, values


def _raw(key: str, text: str) -> object:
    if setting_specs()[key].kind != "list":
        return text
    return [item.strip() for item in text.split(ITEM_SEPARATOR)]


def _reject_equals(combinations: Sequence[Combination], axes: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse values that are written differently and mean the same, such as 0.5 and 0.50."""
    for key in axes:
        meant: dict[object, str] = {}
        for each in combinations:
            value, text = each.value(key), each.values[key]
            if meant.setdefault(value, text) != text or axes[key].count(text) > 1:
                raise SettingsError(
                    f"{key} has the same value twice ({value_text(value)})", hint="Give each value once."
                )
