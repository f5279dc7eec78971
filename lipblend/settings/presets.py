"""From preset, file and command line to one `Settings`: defaults < preset < ``--config`` < ``--set`` and flags."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lipblend.errors import SettingsError
from lipblend.runtime.addresses import address_of
from lipblend.settings import Settings
from lipblend.settings.base import UNTRANSLATED
from lipblend.settings.catalogue import SettingSpec, setting_groups, setting_specs, value_text

DEFAULT_PRESET = "natural"  # what the commands start from; `resolve_settings` itself starts from the bare defaults
_LARGEST_FILE = 1_000_000  # bytes; a settings file has a few hundred
_DEEPEST = 10
_LISTED = "`lipblend config show` lists all settings."


@dataclass(frozen=True)
class PresetInfo:
    """A preset that can be chosen by name."""

    name: str
    summary: str
    path: Path


@dataclass(frozen=True)
class Flag:
    """A command-line flag that stands for one setting, such as ``--crf 18``."""

    name: str
    value: object


@dataclass(frozen=True)
class ResolvedSettings:
    """Settings, and where each value came from.

    Attributes
    ----------
    settings : Settings
    sources : dict of str to str
        Dotted key to ``default``, ``preset NAME``, ``config FILE``, ``--set`` or the flag's name. Holds every key.
    """

    settings: Settings
    sources: dict[str, str]


@dataclass(frozen=True)
class _Value:
    raw: object
    source: str


def preset_folder() -> Path:
    """Folder of the preset files, inside the package.

    Raises
    ------
    SettingsError
        It is not there.
    """
    folder = Path(__file__).resolve().parent / "preset_files"
    if folder.is_dir():
        return folder
    raise SettingsError("the preset files are missing from this installation", hint="Install lipblend again.")


def list_presets() -> list[PresetInfo]:
    """List the presets by name.

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
    """Find a preset by its name.

    Raises
    ------
    SettingsError
        There is none of that name.
    """
    presets = {preset.name: preset for preset in list_presets()}
    if name not in presets:
        hint = f"{_suggest(name, presets)}There are {', '.join(presets)}."
        if name.endswith((".yaml", ".yml")) or "/" in name:
            hint += f" For a file of your own: --config {name}"
        raise SettingsError(f"there is no preset '{name}'", hint=hint)
    return presets[name]


def preset_values(preset: PresetInfo) -> dict[str, Any]:
    """What a preset changes: dotted key to the value as written in its file."""
    return {key: value.raw for key, value in _read_layer(preset.path, f"preset {preset.name}").items()}


def resolve_settings(
    preset: str | None = None,
    config: Path | None = None,
    overrides: Mapping[str, object] | Sequence[str] = (),
    *,
    flags: Mapping[str, Flag] | None = None,
    base: tuple[Mapping[str, object], str] | None = None,
) -> ResolvedSettings:
    """Lay preset, file and overrides over the defaults, and check the result.

    Parameters
    ----------
    preset : str or None
        Name of a preset; None for the bare defaults.
    config : Path or None
        YAML file in the form of a preset.
    overrides : mapping of str to object, or sequence of str
        Dotted key to value, or ``key=value`` texts; the last one for a key counts.
    flags : mapping of str to Flag, optional
        Dotted key to the command-line flag that was given for it.
    base : (mapping of str to object, str), optional
        Dotted keys to values that are laid over the defaults first, and where they come from.

    Returns
    -------
    ResolvedSettings

    Raises
    ------
    SettingsError
        An unknown key, a value that is not allowed, a file that cannot be read, or a flag that contradicts ``--set``.
    """
    layers: list[dict[str, _Value]] = []
    if base is not None:
        layers.append({_known(key, base[1]).key: _Value(value, base[1]) for key, value in base[0].items()})
    if preset is not None:
        layers.append(_read_layer(find_preset(preset).path, f"preset {preset}"))
    if config is not None:
        layers.append(_read_layer(config, f"config {config}"))
    given = _override_layer(overrides)
    layers.append(given)
    layers.append(_flag_layer(flags or {}, given))

    values: dict[str, _Value] = {}
    for layer in layers:
        values.update(layer)
    _reject_bools(values)
    sources = {key: values[key].source if key in values else "default" for key in setting_specs()}
    return ResolvedSettings(_validated(values), sources)


def named_settings(names: Iterable[str]) -> set[str]:
    """The keys of settings and of whole groups that are named; all keys where none is.

    Raises
    ------
    SettingsError
        There is no setting or group of a name.
    """
    groups: dict[str, set[str]] = {}
    for key in setting_specs():
        groups.setdefault(key.partition(".")[0], set()).add(key)
    wanted: set[str] = set()
    for name in names:
        wanted |= groups[name] if name in groups else {_known(name, "config show").key}
    return wanted or set(setting_specs())


def flat_values(nested: Mapping[str, Any]) -> dict[str, object]:
    """Settings as groups, as dotted keys."""
    return {f"{group}.{name}": value for group, values in nested.items() for name, value in values.items()}


def _validated(values: Mapping[str, _Value]) -> Settings:
    nested: dict[str, dict[str, object]] = {}
    for key, value in values.items():
        group, name = key.split(".")
        nested.setdefault(group, {})[name] = value.raw
    try:
        return Settings.model_validate(nested, context=UNTRANSLATED)
    except ValidationError as error:
        # A list reports each wrong item; the key is named once all the same.
        keys = dict.fromkeys(".".join(map(str, item["loc"][:2])) for item in error.errors())
        reasons = {".".join(map(str, item["loc"][:2])): item["msg"] for item in error.errors()}
        raise _value_error([(key, values.get(key), reasons[key]) for key in keys]) from error


def _value_error(faults: Iterable[tuple[str, _Value | None, str]]) -> SettingsError:
    specs = setting_specs()
    lines = []
    for key, value, reason in faults:
        if value is None or key not in specs:  # a rule between several settings
            lines.append(f"{key}: {reason.removeprefix('Value error, ')}")
        else:
            lines.append(
                f"{key} = {_shown(value.raw)} ({value.source}) is not allowed: it must be {specs[key].allowed}"
            )
    if len(lines) == 1:
        return SettingsError(lines[0])
    return SettingsError(f"{len(lines)} settings have values that are not allowed", details=tuple(lines))


def _shown(raw: object) -> str:
    return f"'{raw}'" if isinstance(raw, str) else value_text(raw)


def _reject_bools(values: Mapping[str, _Value]) -> None:
    """Refuse true and false where a number is wanted; pydantic would take them for 1 and 0."""
    faults = [
        (key, value, "")
        for key, value in values.items()
        if isinstance(value.raw, bool) and setting_specs()[key].kind != "bool"
    ]
    if faults:
        raise _value_error(faults)


def _override_layer(overrides: Mapping[str, object] | Sequence[str]) -> dict[str, _Value]:
    if isinstance(overrides, Mapping):
        pairs = list(overrides.items())
    else:
        pairs = []
        for text in overrides:
            key, equals, value = text.partition("=")
            if not equals:
                raise SettingsError(f"--set {text} has no value", hint="Write it as --set KEY=VALUE.")
            pairs.append((key.strip(), value.strip()))
    return {key: _Value(_split_list(_known(key, "--set"), value), "--set") for key, value in pairs}


def _split_list(spec: SettingSpec, value: object) -> object:
    if spec.kind != "list" or not isinstance(value, str):
        return value
    return [item.strip() for item in value.strip("[]").split(",") if item.strip()]


def _flag_layer(flags: Mapping[str, Flag], given: Mapping[str, _Value]) -> dict[str, _Value]:
    for key, flag in flags.items():
        if key in given:
            ours, theirs = f"{flag.name} {value_text(flag.value)}", f"--set {key}={value_text(given[key].raw)}"
            raise SettingsError(f"{key} is given twice: {ours} and {theirs}", hint="Give one of them.")
    return {key: _Value(flag.value, flag.name) for key, flag in flags.items()}


def _known(key: str, source: str) -> SettingSpec:
    specs = setting_specs()
    if key in specs:
        return specs[key]
    if key in setting_groups():
        raise SettingsError(f"'{key}' ({source}) is a group of settings, not a setting", hint=_LISTED)
    named = [*specs, *setting_groups()] if "." not in key else specs
    raise SettingsError(f"unknown setting '{key}' ({source})", hint=f"{_suggest(key, named)}{_LISTED}")


def _suggest(word: str, known: Iterable[str]) -> str:
    """Name what was probably meant: the same last part in any group, or else the most alike."""
    names = list(known)
    leaf = word.rpartition(".")[2]
    close = [name for name in names if name.rpartition(".")[2] == leaf]
    close = close or difflib.get_close_matches(word, names, n=1)
    if not close:
        leaves = {name.rpartition(".")[2]: name for name in names}
        close = [leaves[match] for match in difflib.get_close_matches(leaf, leaves, n=1)]
    return f"Did you mean {' or '.join(close[:3])}? " if close else ""


def _read_layer(path: Path, source: str) -> dict[str, _Value]:
    layer: dict[str, _Value] = {}
    for name, content in read_yaml(path).items():
        if name == "summary":
            continue
        if name not in setting_groups():
            layer.update([_read_value(name, content, source)])
        elif isinstance(content, dict):
            layer.update(_read_value(f"{name}.{key}", raw, source) for key, raw in content.items())
        elif content is not None:  # a group with every line commented out is empty, not wrong
            raise SettingsError(
                f"'{name}' ({source}) is a group of settings and must be a mapping, not {_shown(content)}",
                hint=_LISTED,
            )
    return layer


def _read_value(key: str, raw: object, source: str) -> tuple[str, _Value]:
    spec = _known(key, source)
    if raw is False and spec.kind != "bool" and "off" in spec.choices:
        raw = "off"  # YAML takes the bare word for false
    return key, _Value(raw, source)


def read_yaml(path: Path) -> dict[str, Any]:
    """A small YAML file that holds a mapping; without aliases and keys given twice.

    Raises
    ------
    SettingsError
        It cannot be read, or is something else.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE:
            raise SettingsError(f"{path} is too large for a settings file (more than {_LARGEST_FILE // 1000} kB)")
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        if address := address_of(path):
            reason = "it is an address, not a file"
        raise SettingsError(f"cannot read the settings file {address or path}: {reason}") from error
    try:
        _reject_tangles(text, path)
        _reject_duplicates(yaml.compose(text, Loader=yaml.SafeLoader), path)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not valid YAML: {_yaml_fault(error)}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(
            f"{path} must hold a mapping of settings, but holds a {type(content).__name__}",
            hint="`lipblend presets show max-concealment --yaml` prints an example.",
        )
    return {str(key): value for key, value in content.items()}


def _yaml_fault(error: yaml.YAMLError) -> str:
    """Where a YAML file is broken, and how, in one line."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).replace('in "<unicode string>"', "in the file").split())
    mark = error.problem_mark
    return " ".join(f"line {mark.line + 1}, column {mark.column + 1}: {error.problem or error.context}".split())


def _reject_tangles(text: str, path: Path) -> None:
    """Refuse what a few lines can make endless or exponentially large, before anything is built from it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise SettingsError(f"{path} uses a YAML alias (*{event.anchor})", hint="Write the value out.")
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        if depth > _DEEPEST:
            raise SettingsError(f"{path} is nested too deeply for a settings file")


def _reject_duplicates(node: yaml.Node | None, path: Path) -> None:
    """YAML readers keep the last of two equal keys without a word, which would drop a whole group of settings."""
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise SettingsError(f"{path} has a list or a mapping for a key (line {key.start_mark.line + 1})")
        if key.value in seen:
            raise SettingsError(f"{path} has '{key.value}' twice (line {key.start_mark.line + 1})")
        seen.add(key.value)
        _reject_duplicates(value, path)
