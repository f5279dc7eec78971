"""Resolve settings from layers: defaults < preset < ``--config`` < ``--set`` and flags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lipblend.errors import SettingsError
from lipblend.settings import Settings
from lipblend.settings.base import RAW_ERRORS
from lipblend.settings.catalogue import SettingSpec, find_setting, setting_specs, value_text
from lipblend.settings.presets import find_preset, read_values


@dataclass(frozen=True)
class ResolvedSettings:
    """Settings, and where each value came from.

    Attributes
    ----------
    settings : Settings
    sources : dict of str to str
        For every dotted key: ``default``, ``preset NAME``, ``config FILE``, ``--set`` or the name of a flag.
    """

    settings: Settings
    sources: dict[str, str]


def resolve_settings(
    preset: str | None = None,
    config: Path | None = None,
    overrides: Mapping[str, object] | Sequence[str] = (),
    *,
    flags: Mapping[str, object] | None = None,
    base: tuple[Mapping[str, object], str] | None = None,
) -> ResolvedSettings:
    """Apply preset, file and overrides to the defaults, and validate the result.

    Parameters
    ----------
    preset : str or None
        Name of a preset; None for the plain defaults.
    config : Path or None
        YAML file in the format of a preset.
    overrides : mapping of str to object, or sequence of str
        Dotted key to value, or ``key=value`` texts; the last one for a key wins.
    flags : mapping of str to object, optional
        Dotted key to the value of the command-line flag of that setting (`SettingSpec.flag`).
    base : (mapping of str to object, str), optional
        Values by dotted key that are applied to the defaults first, and the name of their source.

    Returns
    -------
    ResolvedSettings

    Raises
    ------
    SettingsError
        An unknown key, a value that is not allowed, a file that cannot be read, or a flag that contradicts ``--set``.
    """
    layers: list[tuple[Mapping[str, object], str]] = []
    if base is not None:
        layers.append(({find_setting(key, base[1]).key: value for key, value in base[0].items()}, base[1]))
    if preset is not None:
        layers.append((read_values(find_preset(preset).path, f"preset {preset}"), f"preset {preset}"))
    if config is not None:
        layers.append((read_values(config, f"config {config}"), f"config {config}"))
    given = _parse_overrides(overrides)
    layers.append((given, "--set"))
    for key, value in (flags or {}).items():
        flag = setting_specs()[key].flag
        if key in given:
            both = f"{flag} {value_text(value)} and --set {key}={value_text(given[key])}"
            raise SettingsError(f"{key} is given twice: {both}", hint="Remove one of them.")
        layers.append(({key: value}, flag))
    return resolve_layers(layers)


def resolve_layers(layers: Iterable[tuple[Mapping[str, object], str]]) -> ResolvedSettings:
    """Apply values to the defaults, later layers over earlier ones, and validate the result.

    Parameters
    ----------
    layers : iterable of (mapping of str to object, str)
        Dotted key to value, and the name of their source.

    Raises
    ------
    SettingsError
        A value that is not allowed, by itself or beside the others; all of them are named, with their sources.
    """
    values: dict[str, object] = {}
    sources = dict.fromkeys(setting_specs(), "default")
    for layer, source in layers:
        values.update(layer)
        sources.update(dict.fromkeys(layer, source))
    return ResolvedSettings(_validate(values, sources), sources)


def flat_values(nested: Mapping[str, Any]) -> dict[str, object]:
    """Turn nested groups into values by dotted key."""
    return {f"{group}.{name}": value for group, values in nested.items() for name, value in values.items()}


def _parse_overrides(overrides: Mapping[str, object] | Sequence[str]) -> dict[str, object]:
    if isinstance(overrides, Mapping):
        pairs = list(overrides.items())
    else:
        pairs = []
        for text in overrides:
            key, equals, value = text.partition("=")
            if not equals:
                raise SettingsError(f"--set {text} has no value", hint="Write it as --set KEY=VALUE.")
            pairs.append((key.strip(), value.strip()))
    return {key: split_list(find_setting(key, "--set"), value) for key, value in pairs}


def split_list(spec: SettingSpec, value: object) -> object:
    """A text as the list that a setting takes, separated by commas; other values as they are."""
    if spec.kind != "list" or not isinstance(value, str):
        return value
    return [item.strip() for item in value.strip("[]").split(",") if item.strip()]


def _validate(values: Mapping[str, object], sources: Mapping[str, str]) -> Settings:
    specs = setting_specs()
    # pydantic would accept true and false as 1 and 0.
    bools = [key for key, value in values.items() if isinstance(value, bool) and specs[key].kind != "bool"]
    if bools:
        raise _not_allowed(_fault(key, values, sources) for key in bools)
    nested: dict[str, dict[str, object]] = {}
    for key, value in values.items():
        group, name = key.split(".")
        nested.setdefault(group, {})[name] = value
    try:
        return Settings.model_validate(nested, context=RAW_ERRORS)
    except ValidationError as error:
        # A list reports each wrong item, and a union each of its members; the key is named once.
        reasons = {".".join(map(str, item["loc"][:2])): _reason(item) for item in error.errors()}
        raise _not_allowed(
            _fault(key, values, sources, reason if len(setting_specs()[key].choices) == 0 else "")
            if key in values
            else f"{key}: {reason}"
            for key, reason in reasons.items()
        ) from error


def _reason(item: ErrorDetails) -> str:
    """What a check of lipblend's own says; pydantic's messages for groups, none for its own types."""
    is_own = item["type"] == "value_error" or len(item["loc"]) < 2
    return item["msg"].removeprefix("Value error, ") if is_own else ""


def _fault(key: str, values: Mapping[str, object], sources: Mapping[str, str], reason: str = "") -> str:
    value = values[key]
    shown = f"'{value}'" if isinstance(value, str) else value_text(value)
    if reason:
        return f"{key} = {shown} ({sources[key]}) is not allowed: {reason}"
    return f"{key} = {shown} ({sources[key]}) is not allowed: it must be {setting_specs()[key].allowed}"


def _not_allowed(faults: Iterable[str]) -> SettingsError:
    lines = tuple(faults)
    if len(lines) == 1:
        return SettingsError(lines[0])
    return SettingsError(f"{len(lines)} settings have values that are not allowed", details=lines)
