"""The settings of the jobs of a list: preset, config file and the list's own, resolved with the line of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipblend.batch.listing.list_problems import on_one_line
from lipblend.errors import SettingsError
from lipblend.settings import Settings
from lipblend.settings.catalogue import FILE_SETTINGS, find_setting
from lipblend.settings.lined_yaml import LinedValue
from lipblend.settings.presets import find_preset, preset_values, read_values, setting_values
from lipblend.settings.resolve import flat_values, resolve_layers, split_list


@dataclass(frozen=True)
class GivenSetting:
    """A setting that a list gives: dotted key, value as written, and its line."""

    key: str
    value: object
    line: int


def given_settings(content: LinedValue) -> tuple[list[GivenSetting], list[tuple[int, str]]]:
    """The settings of an entry, and what is wrong with their keys: line and problem."""
    found: list[GivenSetting] = []
    problems: list[tuple[int, str]] = []
    for name, item in content.value.items():
        leaves = item.value.items() if isinstance(item.value, dict) else [(None, item)]
        for leaf, each in leaves:
            given = {name: each.plain() if leaf is None else {leaf: each.plain()}}
            source = f"line {each.line}"
            try:
                for key, value in setting_values(given, source).items():
                    if any(other.key == key for other in found):
                        problems.append((each.line, f"the setting {key} is given twice"))
                    found.append(GivenSetting(key, split_list(find_setting(key, source), value), each.line))
            except SettingsError as error:
                problems.append((each.line, on_one_line(error).replace(f" ({source})", "")))
    return found, problems


class SettingsResolver:
    """Resolves the settings of many jobs; what they have in common is read and checked once."""

    def __init__(self) -> None:
        self._plain = flat_values(Settings().model_dump(mode="json"))
        self._bases: dict[tuple[str, Path | None], list[tuple[Mapping[str, object], str]] | SettingsError] = {}
        self._resolved: dict[str, Mapping[str, Any] | tuple[str, ...]] = {}  # settings, or what is wrong

    def resolve(
        self, preset: str, config: Path | None, given: Sequence[GivenSetting]
    ) -> Mapping[str, Any] | list[tuple[int | None, str]]:
        """All settings that differ from the plain defaults, by dotted key, ready for JSON; or what is wrong with them.

        Problems have the line of the setting, None if it stands in the preset or the config file.

        Raises
        ------
        SettingsError
            The preset or the config file cannot be read.
        """
        layers = self._base(preset, config)
        if isinstance(layers, SettingsError):
            raise layers
        key = json.dumps([preset, str(config), [[each.key, each.value] for each in given]], default=str)
        if key not in self._resolved:
            self._resolved[key] = self._checked(layers, given)
        found = self._resolved[key]
        return [_located(text, given) for text in found] if isinstance(found, tuple) else found

    def _base(self, preset: str, config: Path | None) -> list[tuple[Mapping[str, object], str]] | SettingsError:
        """The layers below those of the list."""
        if (preset, config) not in self._bases:
            self._bases[preset, config] = _base_layers(preset, config)
        return self._bases[preset, config]

    def _checked(
        self, layers: list[tuple[Mapping[str, object], str]], given: Sequence[GivenSetting]
    ) -> Mapping[str, Any] | tuple[str, ...]:
        own = [({each.key: each.value}, _source(number)) for number, each in enumerate(given)]
        try:
            settings = resolve_layers([*layers, *own]).settings
        except SettingsError as error:
            return error.details or (error.message,)
        values = flat_values(settings.model_dump(mode="json"))
        return {key: value for key, value in values.items() if value != self._plain[key]}


def _base_layers(preset: str, config: Path | None) -> list[tuple[Mapping[str, object], str]] | SettingsError:
    try:
        layers: list[tuple[Mapping[str, object], str]] = [(preset_values(find_preset(preset)), f"preset {preset}")]
        if config is not None:
            layers.append((read_values(config, f"config {config}"), f"config {config}"))
    except SettingsError as error:
        return error
    return layers


def _located(text: str, given: Sequence[GivenSetting]) -> tuple[int | None, str]:
    """Line and text of a fault, whose text names its source in brackets."""
    for number, each in enumerate(given):
        source = f" ({_source(number)})"
        if text.startswith(f"{each.key} =") and source in text:
            return each.line, text.replace(source, "", 1)
    return None, text


def _source(number: int) -> str:
    """Of a setting of the list, as `resolve_layers` puts it into messages; taken out again."""
    return f"entry {number}"


def with_own_files(settings: Mapping[str, Any], place: Callable[[str], str]) -> dict[str, Any]:
    """The settings with each file that one names (a sound, a model) as `place` gives it."""
    return {
        key: place(value) if key in FILE_SETTINGS and value not in FILE_SETTINGS[key] else value
        for key, value in settings.items()
    }


def named_files(settings: Mapping[str, Any]) -> Iterator[str]:
    """The files that settings name."""
    for key, words in FILE_SETTINGS.items():
        if key in settings and settings[key] not in words:
            yield settings[key]
