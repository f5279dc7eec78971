"""The variants of an ablation: a preset, the same with one stage changed at a time, and plain methods beside it."""

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
_AFTER_THE_PICTURE = ("encode", "audio", "gate")

Kind = Literal["synced", "yardstick", "preset", "variant"]


@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Attributes
    ----------
    name : str
    kind : str
        "synced": the synced video itself; "yardstick": a plain method; "preset": what the rest is held against;
        "variant": the preset with something changed, or another preset.
    settings : Settings
        Of the synced video: without use.
    changes : mapping of str to str
        What is laid over the preset (the key ``preset`` where it is another one), or for a yardstick over the bare
        defaults: dotted key to the value in words.
    """

    name: str
    kind: Kind
    settings: Settings
    changes: Mapping[str, str]


def read_variants(path: Path, preset: str) -> tuple[Variant, ...]:
    """Read the file of variants.

    It is a YAML file of three sections. ``variants``: name to changed settings, dotted keys; they are laid over the
    preset, or over the preset that the key ``preset`` names; one that then is the preset as it is gets no row.
    ``yardsticks``: the same, laid over the bare defaults and ``plain``, the settings that all yardsticks share.

    Parameters
    ----------
    path : Path
    preset : str

    Returns
    -------
    tuple of Variant
        The synced video, the yardsticks, the preset as it is, the variants.

    Raises
    ------
    SettingsError
        A file that cannot be read, an unknown section or setting, a value that is not allowed, a name given twice, a
        setting that does not change the picture, or no variants.
    """
    content = read_yaml(path)
    for name in content:
        if name not in _SECTIONS:
            raise SettingsError(f"unknown section '{name}' in {path}", hint=f"There are {', '.join(_SECTIONS)}.")
    if not content.get("variants"):
        raise SettingsError(f"{path} has no variants", hint="Write them below 'variants:', as NAME: {KEY: VALUE}.")
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
            continue  # another preset by name, and now it is the one that all is held against
        made = _variant(name, "variant", start, given)
        found.append(made if start == preset else replace(made, changes={"preset": start, **made.changes}))
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"'{name}' names two rows in {path}", hint="Give every row a name of its own.")
    return tuple(found)


def _variant(name: str, kind: Kind, preset: str | None, given: Mapping[str, object]) -> Variant:
    for key in given:
        if key.partition(".")[0] in _AFTER_THE_PICTURE:
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
