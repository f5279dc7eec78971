"""One entry of a list: its keys and values checked, the defaults below them."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError

from lipblend.batch.listing.job_settings import GivenSetting, given_settings
from lipblend.batch.listing.list_format import JobEntry, ListDefaults
from lipblend.batch.listing.list_problems import ListProblems
from lipblend.settings.catalogue import did_you_mean, setting_groups, setting_specs
from lipblend.settings.lined_yaml import LinedValue

REQUIRED = ("original", "synced", "output")
"""Keys that each job has, by itself or from the defaults."""

_WANTED = {"gate": "true or false", "ranges": "text or a list of texts", "rate": "a number such as 25 or 24000/1001"}
_AS_SETTINGS = {"ranges": "track.ranges", "face": "track.face"}


@dataclass(frozen=True)
class Given:
    """A value, and the line that gives it."""

    value: str | bool
    line: int


@dataclass(frozen=True)
class Entry:
    """One job or the defaults, with values of the right kinds.

    Attributes
    ----------
    line : int
        Where it begins.
    values : dict of str to Given or None
        By key, without ``settings``; None if the key is there without a value.
    settings : tuple of GivenSetting
        In the order of increasing weight: those of the list, ``ranges`` and ``face``.
    sound : bool
        Nothing is wrong with it.
    """

    line: int
    values: dict[str, Given | None] = field(default_factory=dict)
    settings: tuple[GivenSetting, ...] = ()
    sound: bool = True

    def over(self, defaults: Entry) -> Entry:
        """This entry with what only the defaults have. A key without a value hides the one of the defaults."""
        hidden = {_AS_SETTINGS[key] for key in _AS_SETTINGS.keys() & self.values.keys()}
        below = tuple(each for each in defaults.settings if each.key not in hidden)
        return Entry(self.line, {**defaults.values, **self.values}, (*below, *self.settings), self.sound)

    def given(self, key: str) -> Given | None:
        """The value of a key; None without one."""
        return self.values.get(key)

    def text(self, key: str) -> str | None:
        """The value of a key as text; None without one."""
        found = self.values.get(key)
        return None if found is None else str(found.value)

    def line_of(self, key: str) -> int:
        """The line of a key's value; of the entry without one."""
        found = self.values.get(key)
        return self.line if found is None else found.line


def read_entry(row: LinedValue, model: type[BaseModel], problems: ListProblems) -> Entry:
    """Check the keys and the kinds of the values of an entry; what is wrong goes to `problems`.

    Parameters
    ----------
    row : LinedValue
        A mapping.
    model : type
        `JobEntry` or `ListDefaults`.
    problems : ListProblems
    """
    content: dict[str, LinedValue] = {key: item for key, item in row.value.items() if not _is_empty(item)}
    try:
        checked = model.model_validate({key: _as_written(item) for key, item in content.items()}).model_dump()
    except ValidationError as error:
        for key in dict.fromkeys(str(item["loc"][0]) for item in error.errors()):
            problems.add(row.value[key].line, _fault(key, content[key], model))
        return Entry(row.line, sound=False)
    settings, wrong = given_settings(content["settings"]) if "settings" in content else ([], [])
    for line, text in wrong:
        problems.add(line, text)
    values: dict[str, Given | None] = {}
    for key, item in row.value.items():
        value = checked.get(key)
        if value is None:
            values[key] = None
        elif key in _AS_SETTINGS:
            settings.append(_as_setting(key, value, item.line))
            values[key] = Given(str(value), item.line)
        elif key != "settings":
            values[key] = Given(value, item.line)
    return Entry(row.line, values, tuple(settings), not wrong)


def _as_setting(key: str, value: object, line: int) -> GivenSetting:
    words = [word.strip() for word in value.split(",")] if key == "ranges" and isinstance(value, str) else value
    return GivenSetting(_AS_SETTINGS[key], words, line)


def _is_empty(item: LinedValue) -> bool:
    return item.value is None or item.value == ""


def _as_written(item: LinedValue) -> object:
    """Scalars as texts, so that a name may be 007 and a range 1:30; mappings with their values."""
    if isinstance(item.value, dict):
        return item.plain()
    if isinstance(item.value, list):
        return [each.text if each.text else each.plain() for each in item.value]
    return item.text


def _fault(key: str, item: LinedValue, model: type[BaseModel]) -> str:
    """What is wrong with a key or its value, and what to write."""
    if key not in model.model_fields:
        if key in JobEntry.model_fields and model is ListDefaults:
            return f"'{key}' belongs to a job and cannot be a default"
        if key in setting_specs() or key in setting_groups():
            return f"'{key}' is a setting: write it under `settings:`"
        meant = did_you_mean(key, model.model_fields) or f"The keys are {', '.join(model.model_fields)}."
        return f"unknown key '{key}'. {meant}".rstrip()
    kind = "a list" if isinstance(item.value, list) else "a mapping" if isinstance(item.value, dict) else ""
    shown = kind or f"'{item.text}'"
    if key == "settings":
        return f"settings must be a mapping such as `blend.method: poisson`, not {shown}"
    wanted = _WANTED.get(key, "text")
    return f"{key} must be {wanted}, not {shown}"
