"""The settings as a flat list: what help texts, error messages and the settings table are made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from lipblend.settings import Group, Settings


@dataclass(frozen=True)
class SettingSpec:
    """One setting, described.

    Attributes
    ----------
    key : str
        Dotted name, such as ``mask.expansion``.
    default : object
        The value used when nobody says otherwise: bool, int, float, str or a tuple of str.
    kind : {"bool", "int", "float", "str", "list"}
        What values look like.
    help : str
        One line.
    unit : str
        Empty when there is none.
    low, high : float or None
        Smallest and largest number allowed; None where the value is not a number.
    choices : tuple of str
        The words allowed, for a choice or a list of choices; empty when any text will do.
    """

    key: str
    default: Any
    kind: Literal["bool", "int", "float", "str", "list"]
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The values allowed, in words: ``1 to 1.3 x``, ``on or off``, ``one of a, b``."""
        if self.kind == "bool":
            return "true or false"
        if self.low is not None and self.high is not None:
            words = "".join(f"{word}, " for word in self.choices)
            number = f"{words}{'or ' if words else ''}{'a whole number from ' if self.kind == 'int' else ''}"
            unit = f" {self.unit}" if self.unit else ""
            return f"{number}{self.low:g} to {self.high:g}{unit}"
        if self.choices:
            return f"{'one or more' if self.kind == 'list' else 'one'} of {', '.join(self.choices)}"
        return "any text"

    @property
    def default_text(self) -> str:
        """The default as it is written after ``--set``."""
        return value_text(self.default)


def value_text(value: Any) -> str:
    """Write a setting's value the way ``--set`` reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


@cache
def setting_specs() -> dict[str, SettingSpec]:
    """Every setting by its dotted key, in the order of ``lipblend.settings``."""
    specs = {}
    for group_name, group in setting_groups().items():
        for name, field in group.model_fields.items():
            spec = _spec(f"{group_name}.{name}", field)
            specs[spec.key] = spec
    return specs


@cache
def setting_groups() -> dict[str, type[Group]]:
    """Every group of settings by its name."""
    return {name: type(field.default) for name, field in Settings.model_fields.items()}


def _spec(key: str, field: FieldInfo) -> SettingSpec:
    inner = field.annotation
    is_list = get_origin(inner) is tuple
    if is_list:
        inner = get_args(inner)[0]
    words, rules = inner, [rule for each in field.metadata for rule in _rules(each)]
    if get_origin(inner) in (Union, UnionType):
        words, number = get_args(inner)  # a word or a number
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
    )


def _rules(rule: Any) -> list[Any]:
    """The single rules of a bound."""
    return list(rule.metadata) if isinstance(rule, FieldInfo) else [rule]


def settings_markdown() -> str:
    """Write ``docs/settings.md``: one table a group."""
    lines = [
        "# Settings",
        "",
        "Made from `lipblend/settings/` by `scripts/settings-table`; do not edit by hand. `w_f` is the width of the",
        "face.",
        "",
        "Give a setting as `--set KEY=VALUE`, or in a YAML file for `--config` (`mask:`, below it `  expansion: 1.2`).",
        "Lists are written with commas: `--set mask.shapes=mouth,ellipse`.",
    ]
    for name, group in setting_groups().items():
        lines += ["", f"## {name}", "", " ".join((group.__doc__ or "").split()), ""]
        lines += ["| key | default | allowed | what it does |", "| --- | --- | --- | --- |"]
        for spec in setting_specs().values():
            if spec.key.startswith(f"{name}."):
                lines.append(f"| `{spec.key}` | `{spec.default_text}` | {spec.allowed} | {spec.help} |")
    return "\n".join(lines) + "\n"
