"""What all groups of settings are made of."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Group(BaseModel):
    """Base of all setting groups: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


def number(default: float, low: float, high: float, unit: str, help_text: str) -> Any:
    return Field(default=default, ge=low, le=high, description=help_text, json_schema_extra={"unit": unit})


def word_or_number(unit: str, help_text: str) -> Any:
    return Field(default="auto", description=help_text, json_schema_extra={"unit": unit})


def choice(default: Any, help_text: str) -> Any:
    return Field(default=default, description=help_text)
