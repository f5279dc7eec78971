"""The grid of a sweep: all combinations of the values of some settings."""

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

MAX_COMBINATIONS = 500
ITEM_SEPARATOR = "+"
"""Joins the items of a list setting: ``mask.shapes=mouth+ellipse,box`` has two values."""

Stage = Literal["analysis", "plan", "render"]

_NOT_SWEPT = {
    "encode": "a sweep measures pictures before they are encoded",
    "audio": "a sweep measures pictures only",
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
    """The first stage that reads a setting; that stage and all later ones depend on its value.

    "analysis" reads both videos, "plan" smooths over time, "render" processes single frames. A setting that is not
    known here counts as read by the analysis.
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
    """One point of the grid, numbered from 1; the last swept setting changes fastest.

    ``values`` are the swept settings, written as for ``--set``.
    """

    number: int
    values: Mapping[str, str]
    settings: Settings

    def value(self, key: str) -> Any:
        """Value of one setting."""
        group, _, name = key.partition(".")
        return getattr(getattr(self.settings, group), name)

    def part(self, *stages: Stage) -> tuple[tuple[str, Any], ...]:
        """Values of all settings that the stages read first; see `stage_of`."""
        return tuple((key, self.value(key)) for key in setting_specs() if stage_of(key) in stages)


@dataclass(frozen=True)
class Grid:
    """All combinations of the axes' values with common settings (``base``), from a preset or the defaults (None)."""

    axes: Mapping[str, tuple[str, ...]]
    preset: str | None
    base: Settings
    combinations: tuple[Combination, ...]


def make_grid(preset: str | None, config: Path | None, assignments: Sequence[str]) -> Grid:
    """Make the Cartesian product of the values.

    Parameters
    ----------
    preset, config
        Common settings, as for `resolve_settings`.
    assignments : sequence of str
        ``key=value,value``; the items of a list setting are joined with ``+``.

    Raises
    ------
    SettingsError
        A setting is unknown, cannot be swept, or has a single, repeated, invalid or incompatible value; or there are
        more than `MAX_COMBINATIONS` combinations.
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
            raise SettingsError(f"{key} is given twice", hint="Give all its values at once, separated by commas.")
        axes[key] = values
    count = math.prod(len(values) for values in axes.values())
    if count > MAX_COMBINATIONS:
        factors = " x ".join(str(len(values)) for values in axes.values())
        raise SettingsError(
            f"the grid has {count} combinations ({factors}); the maximum is {MAX_COMBINATIONS}",
            hint="Use fewer values, or sweep the settings one after another.",
        )
    base = resolve_settings(preset, config).settings
    raw = {key: [_raw(key, value) for value in values] for key, values in axes.items()}
    combinations = []
    for number, place in enumerate(itertools.product(*(range(len(values)) for values in axes.values())), start=1):
        chosen = dict(zip(axes, place, strict=True))
        settings = resolve_settings(preset, config, {key: raw[key][at] for key, at in chosen.items()}).settings
        combinations.append(Combination(number, {key: axes[key][at] for key, at in chosen.items()}, settings))
    _reject_equal_values(combinations, axes)
    return Grid(axes, preset, base, tuple(combinations))


def _axis(text: str) -> tuple[str, tuple[str, ...]]:
    key, equals, listed = (part.strip() for part in text.partition("="))
    if not equals:
        raise SettingsError(f"--set {text} has no values", hint="Write it as --set KEY=VALUE,VALUE.")
    group = key.partition(".")[0]
    if group in _NOT_SWEPT and (key in setting_specs() or key in setting_groups()):
        raise SettingsError(f"{key} cannot be swept: {_NOT_SWEPT[group]}", hint="Give a fixed value with --config.")
    if key not in setting_specs():
        resolve_settings(overrides={key: listed})  # raises an error that suggests the right name
    values = tuple(value.strip() for value in listed.split(",") if value.strip())
    if len(values) < 2:
        items = f"; the items of one value are joined with {ITEM_SEPARATOR}" * (setting_specs()[key].kind == "list")
        raise SettingsError(
            f"{key} has {'a single value' if values else 'no value'} ({listed or 'nothing'})",
            hint=f"Give two or more, separated by commas{items}. Put a fixed value into --config FILE.",
        )
    return key, values


def _raw(key: str, text: str) -> object:
    if setting_specs()[key].kind != "list":
        return text
    return [item.strip() for item in text.split(ITEM_SEPARATOR)]


def _reject_equal_values(combinations: Sequence[Combination], axes: Mapping[str, tuple[str, ...]]) -> None:
    """Reject values that are written differently but equal, such as 0.5 and 0.50."""
    for key in axes:
        texts: dict[object, str] = {}
        for each in combinations:
            value, text = each.value(key), each.values[key]
            if texts.setdefault(value, text) != text or axes[key].count(text) > 1:
                raise SettingsError(
                    f"{key} has the same value twice ({value_text(value)})", hint="Give each value once."
                )
