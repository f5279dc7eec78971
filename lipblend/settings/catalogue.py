"""The settings as a flat list, and lookups by key; source of help texts, error messages and ``docs/settings.md``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from lipblend.errors import SettingsError
from lipblend.settings import Group, Settings

SHOW_HINT = "`lipblend config show` lists all settings."

FILE_SETTINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "audio.source": ("auto", "original", "synced", "none"),
        "restore.model": ("none",),
        "occlusion.model": ("none",),
    }
)
"""Settings that name a file, and the words that name none."""


@dataclass(frozen=True)
class SettingSpec:
    """Description of one setting.

    Attributes
    ----------
    key : str
        Dotted name, such as ``mask.expansion``.
    default : object
        bool, int, float, str or a tuple of str.
    kind : {"bool", "int", "float", "str", "list"}
        Type of the value.
    help : str
        One line.
    unit : str
        Empty if there is none.
    low, high : float or None
        Bounds of a number, inclusive.
    choices : tuple of str
        Allowed words of a choice or a list; empty if any text is allowed.
    flag : str
        Command-line option that sets it, such as ``--crf``; empty if there is none.
    form : str
        Which texts are allowed besides ``choices`` and numbers, in words; empty if that needs no words.
    """

    key: str
    default: Any
    kind: Literal["bool", "int", "float", "str", "list"]
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    flag: str = ""
    form: str = ""

    @property
    def allowed(self) -> str:
        """The allowed values: ``1 to 1.3 x``, ``true or false``, ``one of a, b``."""
        if self.kind == "bool":
            return "true or false"
        if self.low is not None and self.high is not None:
            words = "".join(f"{word}, " for word in self.choices)
            number = f"{words}{'or ' if words else ''}{'a whole number from ' if self.kind == 'int' else ''}"
            unit = f" {self.unit}" if self.unit else ""
            return f"{number}{self.low:g} to {self.high:g}{unit}{', or ' if self.form else ''}{self.form}"
        if self.choices:
            return f"{'one or more' if self.kind == 'list' else 'one'} of {', '.join(self.choices)}"
        return self.form or "any text"

    @property
    def default_text(self) -> str:
        """The default in the notation of `value_text`."""
        return value_text(self.default)


def value_text(value: Any) -> str:
    """Format a value as ``--set`` reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


@cache
def setting_specs() -> dict[str, SettingSpec]:
    """Every setting by its dotted key, in the order of `Settings`."""
    return {
        f"{group_name}.{name}": _spec(f"{group_name}.{name}", field)
        for group_name, group in setting_groups().items()
        for name, field in group.model_fields.items()
    }


@cache
def setting_groups() -> dict[str, type[Group]]:
    """Every group of settings by its name."""
    return {name: type(field.default) for name, field in Settings.model_fields.items()}


def find_setting(key: str, source: str) -> SettingSpec:
    """Look a setting up by its dotted key; `source` says in the error message where the key came from.

    Raises
    ------
    SettingsError
        There is no such setting.
    """
    specs = setting_specs()
    if key in specs:
        return specs[key]
    if key in setting_groups():
        raise SettingsError(f"'{key}' ({source}) is a group of settings, not a setting", hint=SHOW_HINT)
    candidates = [*specs, *setting_groups()] if "." not in key else specs
    raise SettingsError(f"unknown setting '{key}' ({source})", hint=f"{did_you_mean(key, candidates)}{SHOW_HINT}")


def named_settings(names: Iterable[str]) -> set[str]:
    """Keys of the named settings and of all settings in the named groups; all keys if `names` is empty.

    Raises
    ------
    SettingsError
        A name is neither a setting nor a group.
    """
    keys: set[str] = set()
    for name in names:
        if name in setting_groups():
            keys |= {key for key in setting_specs() if key.startswith(f"{name}.")}
        else:
            keys.add(find_setting(name, "config show").key)
    return keys or set(setting_specs())


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence naming likely intended words: the same last part in any group, else the most similar; may be empty."""
    names = list(known)
    leaf = word.rpartition(".")[2]
    close = [name for name in names if name.rpartition(".")[2] == leaf]
    close = close or difflib.get_close_matches(word, names, n=1)
    if not close:
        leaves = {name.rpartition(".")[2]: name for name in names}
        close = [leaves[match] for match in difflib.get_close_matches(leaf, leaves, n=1)]
    return f"Did you mean {' or '.join(close[:3])}? " if close else ""


def _spec(key: str, field: FieldInfo) -> SettingSpec:
    inner = field.annotation
    is_list = get_origin(inner) is tuple
    if is_list:
        inner = get_args(inner)[0]
    words, rules = inner, [rule for each in field.metadata for rule in _rules(each)]
    if get_origin(inner) in (Union, UnionType):
        words, number = get_args(inner)[:2]  # a choice of words, or a number; perhaps also a text of some form
        inner, rules = get_args(number)[0], _rules(get_args(number)[1])
    choices = tuple(map(str, get_args(words))) if get_origin(words) is Literal else ()
    kinds: dict[Any, Any] = {bool: "bool", int: "int", float: "float"}
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    bounds = {name: float(getattr(rule, name)) for rule in rules for name in ("ge", "le") if hasattr(rule, name)}
    return SettingSpec(
        key=key,
        default=field.default,
        kind="list" if is_list else kinds.get(inner, "str"),
        help=field.description or "",
        unit=str(extra.get("unit", "")),
        low=bounds.get("ge"),
        high=bounds.get("le"),
        choices=choices,
        flag=str(extra.get("flag", "")),
        form=str(extra.get("form", "")),
    )


def _rules(rule: Any) -> list[Any]:
    return list(rule.metadata) if isinstance(rule, FieldInfo) else [rule]


def settings_markdown() -> str:
    """The text of ``docs/settings.md``: one table per group."""
    lines = [
        "# Settings",
        "",
        "Generated from `lipblend/settings/` by `scripts/settings-table`. Do not edit.",
        "",
        "Set a value with `--set KEY=VALUE`, or in a YAML file passed with `--config` (`mask:`, and below it",
        "`  expansion: 1.2`). Lists take commas: `--set mask.shapes=mouth,ellipse`.",
    ]
    for name, group in setting_groups().items():
        lines += ["", f"## {name}", "", " ".join((group.__doc__ or "").split()), ""]
        lines += ["| key | default | allowed | what it does |", "| --- | --- | --- | --- |"]
        for spec in setting_specs().values():
            if spec.key.startswith(f"{name}."):
                lines.append(f"| `{spec.key}` | `{spec.default_text}` | {spec.allowed} | {spec.help} |")
    return "\n".join(lines) + "\n"
