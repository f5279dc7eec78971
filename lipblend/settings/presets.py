"""Preset files and config files: YAML mappings of settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lipblend.errors import SettingsError
from lipblend.runtime.addresses import address_of
from lipblend.settings.catalogue import SHOW_HINT, did_you_mean, find_setting, setting_groups, value_text

DEFAULT_PRESET = "natural"
"""Preset that the commands start from; `resolve_settings` itself starts from the plain defaults."""

_MAX_FILE_BYTES = 1_000_000  # a settings file has a few hundred
_MAX_DEPTH = 10
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
    values: dict[str, Any] = {}
    for name, content in read_yaml(path).items():
        if name == "summary":
            continue
        if name not in setting_groups():
            values[name] = _value(name, content, source)
        elif isinstance(content, dict):
            values.update({f"{name}.{key}": _value(f"{name}.{key}", raw, source) for key, raw in content.items()})
        elif content is not None:  # a group whose lines are all commented out is empty
            shown = f"'{content}'" if isinstance(content, str) else value_text(content)
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
    text = _read_text(path)
    try:
        _reject_aliases_and_depth(text, path)
        _reject_duplicates(yaml.compose(text, Loader=yaml.SafeLoader), path)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not valid YAML: {_yaml_fault(error)}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(
            f"{path} must hold a mapping of settings, but holds {_KINDS.get(type(content), 'one value')}",
            hint="`lipblend presets show max-concealment --yaml` prints an example.",
        )
    return {str(key): value for key, value in content.items()}


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_FILE_BYTES + 1)
        if len(data) > _MAX_FILE_BYTES:
            raise SettingsError(f"{path} is too large for a settings file (more than {_MAX_FILE_BYTES // 1000} kB)")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        if address := address_of(path):
            reason = "it is an address, not a file"
        raise SettingsError(f"cannot read the settings file {address or path}: {reason}") from error


def _yaml_fault(error: yaml.YAMLError) -> str:
    """Position and problem, on one line."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).replace('in "<unicode string>"', "in the file").split())
    mark = error.problem_mark
    return " ".join(f"line {mark.line + 1}, column {mark.column + 1}: {error.problem or error.context}".split())


def _reject_aliases_and_depth(text: str, path: Path) -> None:
    """Reject what makes a small file endless or exponentially large, before any object is built from it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise SettingsError(f"{path} uses a YAML alias (*{event.anchor})", hint="Write the value out.")
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise SettingsError(f"{path} is nested too deeply for a settings file (more than {_MAX_DEPTH} levels)")


def _reject_duplicates(node: yaml.Node | None, path: Path) -> None:
    """Reject duplicate keys: YAML readers silently keep the last one, which would drop a whole group of settings."""
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise SettingsError(f"{path} has a list or a mapping as a key (line {key.start_mark.line + 1})")
        if key.value in seen:
            raise SettingsError(f"{path} has '{key.value}' twice (line {key.start_mark.line + 1})")
        seen.add(key.value)
        _reject_duplicates(value, path)
