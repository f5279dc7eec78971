"""The variants of an ablation: a preset, the same preset with single changes, and simple methods as yardsticks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lipblend.errors import SettingsError
from lipblend.settings import Settings
from lipblend.settings.catalogue import value_text
from lipblend.settings.presets import read_yaml
from lipblend.settings.resolve import resolve_settings

_SECTIONS = ("plain", "yardsticks", "variants")
_NO_PICTURE_GROUPS = ("encode", "audio", "gate")

Kind = Literal["synced", "yardstick", "preset", "variant"]


@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Attributes
    ----------
    kind : str
        "synced": the synced video itself; "yardstick": a simple method; "preset": the preset that all are compared
        with; "variant": the preset with changes, or another preset.
    settings : Settings
        Unused for the synced video.
    changes : mapping of str to str
        Changes to the preset, or of a yardstick to the defaults: dotted key to value, as text. The key ``preset`` names
        another preset.
    """

    name: str
    kind: Kind
    settings: Settings
    changes: Mapping[str, str]


def read_variants(path: Path, preset: str) -> tuple[Variant, ...]:
    """Read a YAML file of variants.

    It has three sections. ``variants``: name to changed settings (dotted keys), applied to the preset, or to the preset
    that the key ``preset`` names; a variant that equals the preset is left out. ``yardsticks``: the same, for the
    defaults. ``plain``: settings common to all yardsticks.

    Returns
    -------
    tuple of Variant
        The synced video, the yardsticks, the preset, the variants.

    Raises
    ------
    SettingsError
        The file cannot be read or has no variants, a section or setting is unknown, a value is invalid, a name occurs
        twice, or a setting does not change the picture.
    """
    content = read_yaml(path)
    for name in content:
        if name not in _SECTIONS:
            raise SettingsError(f"unknown section '{name}' in {path}", hint=f"There are {', '.join(_SECTIONS)}.")
    if not content.get("variants"):
        raise SettingsError(f"{path} has no variants", hint="Add them below 'variants:' as NAME: {KEY: VALUE}.")
    plain = _mapping(content.get("plain"), f"section 'plain' of {path}")
    base = resolve_settings(preset).settings
    found = [Variant("synced video itself", "synced", base, {}), Variant(f"preset {preset}", "preset", base, {})]
    for name, changes in _mapping(content.get("yardsticks"), f"section 'yardsticks' of {path}").items():
        found.insert(-1, _variant(name, "yardstick", None, {**plain, **_mapping(changes, f"yardstick '{name}'")}))
    for name, changes in _mapping(content["variants"], f"section 'variants' of {path}").items():
        given = _mapping(changes, f"variant '{name}'")
        if not given:
            raise SettingsError(f"variant '{name}' changes nothing", hint="Write it as NAME: {KEY: VALUE}.")
        start = str(given.pop("preset", preset))
        if start == preset and not given:
            continue  # the variant is the preset itself
        made = _variant(name, "variant", start, given)
        found.append(made if start == preset else replace(made, changes={"preset": start, **made.changes}))
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"'{name}' names two rows in {path}", hint="Give every row its own name.")
    return tuple(found)


def _variant(name: str, kind: Kind, preset: str | None, given: Mapping[str, object]) -> Variant:
    for key in given:
        if key.partition(".")[0] in _NO_PICTURE_GROUPS:
            raise SettingsError(f"{kind} '{name}': {key} does not change the picture before it is encoded")
    try:
        settings = resolve_settings(preset, overrides=given).settings
    except SettingsError as error:
        raise SettingsError(f"{kind} '{name}': {error.message}", hint=error.hint, details=error.details) from error
    changes = {key: value_text(value) for key, value in given.items()}
    return Variant(name, kind, settings, changes)


def _mapping(content: object, place: str) -> dict[str, Any]:
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"{place} must be a mapping, not '{content}'", hint="Write it as NAME: {KEY: VALUE}.")
    return {str(key): value for key, value in content.items()}
