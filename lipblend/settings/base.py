"""What all groups of settings are made of."""

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
from pydantic_core import ErrorDetails

from lipblend.errors import SettingsError

UNTRANSLATED = {"untranslated": True}
"""Context of a validation whose caller puts the validator's findings into words itself."""

_LONGEST = 80


class Group(BaseModel):
    """Base of all setting groups: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _in_plain_words(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        """Raise a `SettingsError` in plain words where a value is not allowed."""
        try:
            made = handler(data)
            made.check()
            return made
        except ValueError as error:  # a ValidationError is one
            if info.context == UNTRANSLATED:
                raise
            if not isinstance(error, ValidationError):
                raise SettingsError(str(error)) from error
            lines = tuple(plain_words(error))
            if len(lines) == 1:
                raise SettingsError(lines[0]) from error
            raise SettingsError(f"{len(lines)} settings have values that are not allowed", details=lines) from error

    def check(self) -> None:
        """Hold several values against each other.

        Raises
        ------
        ValueError
            They do not go together.
        """


def plain_words(error: ValidationError) -> Iterator[str]:
    """A line a setting: ``crf must be at least 1, got 0``."""
    by_key: dict[str, list[ErrorDetails]] = {}
    for item in error.errors():
        words = [str(part) for part in item["loc"] if isinstance(part, str)]
        # Below a choice between a word and a number there are the names of both.
        by_key.setdefault(words[0] if words else "", []).append(item)
    for key, items in by_key.items():
        first = items[0]
        if first["type"] == "extra_forbidden":
            yield f"there is no setting '{key}' here"
        else:
            got = repr(first["input"])
            shown = got if len(got) <= _LONGEST else f"{got[:_LONGEST]} ..."
            yield f"{key} must be {' or '.join(dict.fromkeys(map(_wanted, items)))}, got {shown}"


def _wanted(item: ErrorDetails) -> str:
    context = item.get("ctx", {})
    words = {
        "greater_than_equal": f"at least {context.get('ge', 0):g}",
        "less_than_equal": f"at most {context.get('le', 0):g}",
        "literal_error": f"{context.get('expected')}",
        "finite_number": "finite",
        "too_short": "one or more words",
    }
    if item["type"] in words:
        return words[item["type"]]
    kind = item["type"].partition("_")[0]
    kinds = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "a text"}
    return kinds.get(kind, "a list of words" if kind in ("tuple", "list") else item["msg"])


def number(default: float, low: float, high: float, unit: str, help_text: str) -> Any:
    return Field(default=default, ge=low, le=high, description=help_text, json_schema_extra={"unit": unit})


def word_or_number(unit: str, help_text: str) -> Any:
    return Field(default="auto", description=help_text, json_schema_extra={"unit": unit})


def choice(default: Any, help_text: str) -> Any:
    return Field(default=default, description=help_text)
