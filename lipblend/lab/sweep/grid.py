"""The grid of a sweep: all combinations of the values of some settings."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lipblend.analysis.analysis_settings import ANALYSIS_KEYS
from lipblend.errors import SettingsError
from lipblend.settings import Settings
from lipblend.settings.catalogue import setting_groups, setting_specs, value_text
from lipblend.settings.presets import DEFAULT_PRESET
from lipblend.settings.resolve import resolve_settings

MAX_COMBINATIONS = 500
PRESET = "preset"
"""Axis whose values are names of presets instead of values of a setting."""
ITEM_SEPARATOR = "+"
"""Joins the items of a list setting: ``mask.shapes=mouth+ellipse,box`` has two values."""

Stage = Literal["analysis", "plan", "render"]

_NOT_SWEPT = {
    "encode": "a sweep measures pictures before they are encoded",
    "audio": "a sweep measures pictures only",
    "gate": "the pass marks change no picture",
}
_RENDER_GROUPS = frozenset({"mask", "alpha", "align", "reuse", "detail", "restore", "blend"})
_PLAN_GROUPS = frozenset({"smooth", "colour", "footprint", "faults", "occlusion"})
_PLAN_KEYS = frozenset(
    {
        "pair.tail",
        "track.face",
        "track.no_face",
        "track.ranges",
        "track.max_gap_s",
        "track.ramp_s",
        "track.min_run_s",
        "track.outlier_frac",
        "alpha.average_frames",
    }
)


def stage_of(key: str) -> Stage:
    """The first stage that reads a setting; that stage and all later ones depend on its value.

    "analysis" reads both videos, "plan" smooths over time, "render" processes single frames. A setting that is not
    known here counts as read by the analysis.
    """
    group = key.partition(".")[0]
    if key in _PLAN_KEYS:
        return "plan"
    if key in ANALYSIS_KEYS:
        return "analysis"
    if group in _RENDER_GROUPS or group in _NOT_SWEPT:
        return "render"
    return "plan" if group in _PLAN_GROUPS else "analysis"


@dataclass(frozen=True)
class Combination:
    """One point of the grid, numbered from 1; the last swept setting changes fastest.

    ``values`` are the swept settings, written as for ``--set``, and the preset under `PRESET` if presets are swept.
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
    """All combinations of the axes' values, over a preset or the defaults (None)."""

    axes: Mapping[str, tuple[str, ...]]
    preset: str | None
    combinations: tuple[Combination, ...]

    def preset_of(self, combination: Combination) -> str | None:
        """The preset that a combination starts from."""
        return combination.values.get(PRESET, self.preset)


def make_grid(
    preset: str | None, config: Path | None, assignments: Sequence[str], *, flags: Mapping[str, object] | None = None
) -> Grid:
    """Make the Cartesian product of the values.

    Parameters
    ----------
    preset, config
        Common settings, as for `resolve_settings`. Swept presets take the place of ``preset``, which must then be the
        default one or None.
    flags : mapping of str to object, optional
        Values of flags by dotted key, common to all.
    assignments : sequence of str
        ``key=value,value``; the items of a list setting are joined with ``+``. ``preset=name,name`` sweeps presets.

    Raises
    ------
    SettingsError
        A setting is unknown, cannot be swept, or has a single, repeated, invalid or incompatible value; two
        combinations are the same; or there are more than `MAX_COMBINATIONS`.
    """
    if not assignments:
        raise SettingsError(
            "a sweep needs a setting with several values, or several presets",
            hint="For example --set mask.erosion_frac=0.003,0.009,0.015 (`lipblend config show` lists all settings) or "
            "--set preset=natural,max-concealment.",
        )
    axes: dict[str, tuple[str, ...]] = {}
    for text in assignments:
        key, values = _axis(text)
        if key in axes:
            raise SettingsError(f"{key} is given twice", hint="Give all its values at once, separated by commas.")
        axes[key] = values
    if PRESET in axes and preset not in (None, DEFAULT_PRESET):
        raise SettingsError(
            f"--preset {preset} and --set {PRESET}=... contradict each other", hint="Remove one of them."
        )
    count = math.prod(len(values) for values in axes.values())
    if count > MAX_COMBINATIONS:
        factors = " x ".join(str(len(values)) for values in axes.values())
        raise SettingsError(
            f"the grid has {count} combinations ({factors}); the maximum is {MAX_COMBINATIONS}",
            hint="Use fewer values, or sweep the settings one after another.",
        )
    combinations = []
    for number, texts in enumerate(itertools.product(*axes.values()), start=1):
        chosen = dict(zip(axes, texts, strict=True))
        raw = {key: _raw(key, text) for key, text in chosen.items() if key != PRESET}
        settings = resolve_settings(chosen.get(PRESET, preset), config, raw, flags=flags).settings
        combinations.append(Combination(number, chosen, settings))
    _reject_equal_values(combinations, axes)
    _reject_equal_presets(combinations)
    return Grid(axes, preset, tuple(combinations))


def _axis(text: str) -> tuple[str, tuple[str, ...]]:
    key, equals, listed = (part.strip() for part in text.partition("="))
    if not equals:
        raise SettingsError(f"--set {text} has no values", hint="Write it as --set KEY=VALUE,VALUE.")
    values = tuple(value.strip() for value in listed.split(",") if value.strip())
    if key == PRESET:
        return key, _preset_names(values, listed)
    group = key.partition(".")[0]
    if group in _NOT_SWEPT and (key in setting_specs() or key in setting_groups()):
        raise SettingsError(f"{key} cannot be swept: {_NOT_SWEPT[group]}", hint="Give a fixed value with --config.")
    if key not in setting_specs():
        resolve_settings(overrides={key: listed})  # raises an error that suggests the right name
    if len(values) < 2:
        items = f"; the items of one value are joined with {ITEM_SEPARATOR}" * (setting_specs()[key].kind == "list")
        raise SettingsError(
            f"{key} has {'a single value' if values else 'no value'} ({listed or 'nothing'})",
            hint=f"Give two or more, separated by commas{items}. Put a fixed value into --config FILE.",
        )
    return key, values


def _preset_names(names: tuple[str, ...], listed: str) -> tuple[str, ...]:
    if len(names) < 2:
        found = "a single value" if names else "no value"
        hint = "Give two or more, separated by commas, or a single one with --preset."
        raise SettingsError(f"{PRESET} has {found} ({listed or 'nothing'})", hint=hint)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(f"{PRESET} has the same value twice ({twice})", hint="Give each value once.")
    return names


def _raw(key: str, text: str) -> object:
    if setting_specs()[key].kind != "list":
        return text
    return [item.strip() for item in text.split(ITEM_SEPARATOR)]


def _reject_equal_values(combinations: Sequence[Combination], axes: Mapping[str, tuple[str, ...]]) -> None:
    """Reject values that are written differently but equal, such as 0.5 and 0.50."""
    for key in (key for key in axes if key != PRESET):
        texts: dict[object, str] = {}
        for each in combinations:
            value, text = each.value(key), each.values[key]
            if texts.setdefault(value, text) != text or axes[key].count(text) > 1:
                raise SettingsError(
                    f"{key} has the same value twice ({value_text(value)})", hint="Give each value once."
                )


def _reject_equal_presets(combinations: Sequence[Combination]) -> None:
    """Reject presets that differ only in settings which the file or the other axes decide."""
    seen: dict[Settings, str] = {}
    for each in combinations:
        name = each.values.get(PRESET, "")
        first = seen.setdefault(each.settings, name)
        if first != name:
            raise SettingsError(
                f"the presets {first} and {name} lead to the same settings here", hint="Leave one of them out."
            )
