"""Preset files and config files: YAML mappings of settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipblend.errors import SettingsError
from lipblend.settings.catalogue import SHOW_HINT, did_you_mean, find_setting, setting_groups, value_text
from lipblend.settings.lined_yaml import read_lined_yaml

DEFAULT_PRESET = "natural"
"""Preset that the commands start from; `resolve_settings` itself starts from the plain defaults."""

_MAX_FILE_BYTES = 1_000_000  # a settings file has a few hundred
_KINDS: dict[type, str] = {str: "only text", int: "only a number", float: "only a number", list: "a list"}


@dataclass(frozen=True)
class PresetInfo:
    """A preset that can be selected by name."""

    name: str
    summary: str
    path: Path


def preset_folder() -> Path:
    """Folder of the preset files, inside the package.

    Raises
    ------
    SettingsError
        It does not exist.
    """
    folder = Path(__file__).resolve().parent / "preset_files"
    if folder.is_dir():
        return folder
    raise SettingsError("the preset files are missing from this installation", hint="Install lipblend again.")


def list_presets() -> list[PresetInfo]:
    """All presets, sorted by name.

    Raises
    ------
    SettingsError
        A preset file cannot be read.
    """
    return [
        PresetInfo(path.stem, str(read_yaml(path).get("summary", "")), path)
        for path in sorted(preset_folder().glob("*.yaml"))
    ]


def find_preset(name: str) -> PresetInfo:
    """Find a preset by name.

    Raises
    ------
    SettingsError
        There is no such preset.
    """
    presets = {preset.name: preset for preset in list_presets()}
    if name not in presets:
        hint = f"{did_you_mean(name, presets)}The presets are {', '.join(presets)}."
        if name.endswith((".yaml", ".yml")) or "/" in name:
            hint += f" To use your own file, pass --config {name}"
        raise SettingsError(f"there is no preset '{name}'", hint=hint)
    return presets[name]


def preset_values(preset: PresetInfo) -> dict[str, Any]:
    """The values that a preset sets, by dotted key, as written in its file."""
    return read_values(preset.path, f"preset {preset.name}")


def read_values(path: Path, source: str) -> dict[str, Any]:
    """Read a preset or config file: values by dotted key, as written.

    Parameters
    ----------
    path : Path
        Groups are mappings (``mask:`` and below it ``expansion: 1.2``); dotted keys work too. ``summary`` is ignored.
    source : str
        Name of the file in error messages.

    Raises
    ------
    SettingsError
        The file cannot be read, or has an unknown key. Values are not checked.
    """
    return setting_values({name: raw for name, raw in read_yaml(path).items() if name != "summary"}, source)


def setting_values(content: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Values by dotted key, as written, of groups (``mask`` and in it ``expansion``) and dotted keys.

    Raises
    ------
    SettingsError
        An unknown key, or a group that is not a mapping; `source` says in the message where it came from. Values are
        not checked.
    """
    values: dict[str, Any] = {}
    for name, raw in content.items():
        if name not in setting_groups():
            values[name] = _value(name, raw, source)
        elif isinstance(raw, dict):
            values.update({f"{name}.{key}": _value(f"{name}.{key}", each, source) for key, each in raw.items()})
        elif raw is not None:  # a group whose lines are all commented out is empty
            shown = f"'{raw}'" if isinstance(raw, str) else value_text(raw)
            message = f"'{name}' ({source}) is a group of settings and must be a mapping, not {shown}"
            raise SettingsError(message, hint=SHOW_HINT)
    return values


def _value(key: str, raw: object, source: str) -> object:
    spec = find_setting(key, source)
    is_word = raw is False and spec.kind != "bool" and "off" in spec.choices
    return "off" if is_word else raw  # YAML reads the bare word as false


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a small YAML file that holds a mapping, without aliases and duplicate keys.

    Raises
    ------
    SettingsError
        The file cannot be read, or holds anything else.
    """
    content = read_lined_yaml(path, what="settings file", max_bytes=_MAX_FILE_BYTES).plain()
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(
            f"{path} must hold a mapping of settings, but holds {_KINDS.get(type(content), 'one value')}",
            hint="`lipblend presets show max-concealment --yaml` prints an example.",
        )
    return content
