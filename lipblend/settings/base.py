"""Base class of all setting groups, and the field constructors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from lipblend.errors import SettingsError

RAW_ERRORS = {"raw_errors": True}
"""Validation context that lets pydantic's errors through, for callers that word the message themselves."""

_MAX_SHOWN_CHARS = 80


class Group(BaseModel):
    """Base of all setting groups: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _raise_settings_error(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        """Raise a `SettingsError` in plain words for values that are not allowed."""
        try:
            group = handler(data)
            group.check()
            return group
        except ValueError as error:  # includes ValidationError
            if info.context == RAW_ERRORS:
                raise
            if not isinstance(error, ValidationError):
                raise SettingsError(str(error)) from error
            lines = tuple(_describe(error))
            if len(lines) == 1:
                raise SettingsError(lines[0]) from error
            raise SettingsError(f"{len(lines)} settings have values that are not allowed", details=lines) from error

    def check(self) -> None:
        """Check values against each other.

        Raises
        ------
        ValueError
            They contradict each other.
        """


def _describe(error: ValidationError) -> Iterator[str]:
    """One line per setting: ``crf must be at least 1, got 0``."""
    by_key: dict[str, list[ErrorDetails]] = {}
    for item in error.errors():
        names = [str(part) for part in item["loc"] if isinstance(part, str)]
        # A union of literal and number reports an error for each member; the setting's name comes first.
        by_key.setdefault(names[0] if names else "", []).append(item)
    for key, items in by_key.items():
        first = items[0]
        if first["type"] == "extra_forbidden":
            yield f"unknown setting '{key}' in this group"
        elif first["type"] == "value_error" and len(items) == 1 and key:
            yield f"{key}: {first['msg'].removeprefix('Value error, ')}"
        else:
            value = repr(first["input"])
            shown = value if len(value) <= _MAX_SHOWN_CHARS else f"{value[:_MAX_SHOWN_CHARS]} ..."
            yield f"{key} must be {' or '.join(dict.fromkeys(map(_expected, items)))}, got {shown}"


def _expected(item: ErrorDetails) -> str:
    context = item.get("ctx", {})
    rules = {
        "greater_than_equal": f"at least {context.get('ge', 0):g}",
        "less_than_equal": f"at most {context.get('le', 0):g}",
        "literal_error": f"{context.get('expected')}",
        "finite_number": "finite",
        "too_short": "one or more words",
        "form": str(context.get("form")),
    }
    if item["type"] in rules:
        return rules[item["type"]]
    kind = item["type"].partition("_")[0]
    kinds = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "text"}
    return kinds.get(kind, "a list of words" if kind in ("tuple", "list") else item["msg"])


def number(default: float, low: float, high: float, unit: str, help_text: str, flag: str = "") -> Any:
    """A number from `low` to `high`; `flag` is its command-line option, if it has one."""
    extra: Any = {"unit": unit, "flag": flag}
    return Field(default=default, ge=low, le=high, description=help_text, json_schema_extra=extra)


def choice_or_number(unit: str, help_text: str, flag: str = "") -> Any:
    """``auto`` (the default) or a number whose range the annotation holds."""
    return Field(default="auto", description=help_text, json_schema_extra={"unit": unit, "flag": flag})


def wrong_form(text: str, what: str, form: str) -> PydanticCustomError:
    """The error for a text that has not the form of a setting: what it is not, and which form is allowed, in words."""
    return PydanticCustomError("form", "{text} is not {what}: write {form}", {"text": text, "what": what, "form": form})


def choice(default: Any, help_text: str, flag: str = "", *, form: str = "") -> Any:
    """One of the words of the annotation, true or false, or any text; `form` says in words which texts are allowed."""
    return Field(default=default, description=help_text, json_schema_extra={"flag": flag, "form": form})
