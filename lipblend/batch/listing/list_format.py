"""The keys of a list of jobs. The classes are the definition: `schema_text` gives their JSON Schema, which ships."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from lipblend.settings.catalogue import SettingSpec, setting_groups, setting_specs

_TITLE = "lipblend list of jobs"


def _text(description: str) -> Any:
    return Field(default=None, description=description)


class ListDefaults(BaseModel):
    """Values for all jobs that do not give their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    original: str | None = _text("The real footage. May hold `{name}` and wildcards (`*`, `?`, `[a-z]`, `**`).")
    synced: str | None = _text("The same footage after a lip-sync generator. May hold `{name}` and wildcards.")
    output: str | None = _text("File to write. May hold `{name}` and `{synced}`, as all below.")
    preset: str | None = _text("Preset to start from; `natural` without one.")
    config: str | None = _text("YAML file of settings; overrides the preset.")
    settings: dict[str, Any] | None = _text(
        "Settings by dotted key (`blend.method: poisson`) or by group; override preset and config file. Those of a "
        "job are added to those of the defaults."
    )
    crop: str | None = _text("Record of the face crop that the synced video shows, as `--crop`.")
    ranges: str | list[str] | None = _text("Ranges of time to work on, as `--ranges`: `2.5-8,12-end`.")
    face: str | int | None = _text("Face to work on, as `--face`: `812,340@12.5`, `largest`, `all` ...")
    keep: str | None = _text("Matte of what stays the original's, as `--keep`.")
    matte: str | None = _text("Alpha of the new mouth, as `--matte`.")
    rate: str | int | float | None = _text(
        "Frame rate of inputs that are image sequences, as `--rate`; by default that of the other video, else 25."
    )
    report: str | None = _text("Folder for the report. `{name}` is the job's own name here.")
    gate: bool | None = _text("Measure the result, and count it as failed if it misses a pass mark.")


class JobEntry(ListDefaults):
    """One job, or with wildcards one for each match."""

    name: str | None = _text(
        "Name in tables, logs and `--only`; without one that of the output. Stands for `{name}` in the paths."
    )


class JobList(BaseModel):
    """Jobs, and what they have in common. The file may also be only the list of jobs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    defaults: ListDefaults | None = Field(default=None, description="Values for all jobs that do not give their own.")
    jobs: list[JobEntry]


KEYS: dict[str, str] = {
    name: field.description or ""
    for name, field in sorted(JobEntry.model_fields.items(), key=lambda item: item[0] != "name")
}
"""Every key of a job, and what it is for."""


def schema_text() -> str:
    """The JSON Schema of a list, for editors."""
    schema = TypeAdapter(JobList | list[JobEntry]).json_schema()
    settings = {
        **{name: {"type": ["object", "null"], "description": _line(group)} for name, group in setting_groups().items()},
        **{key: _setting_schema(spec) for key, spec in setting_specs().items()},
    }
    form = {"type": "object", "properties": settings, "additionalProperties": False}
    schema["$defs"]["Settings"] = form
    for part in ("JobEntry", "ListDefaults"):
        described = schema["$defs"][part]["properties"]["settings"]["description"]
        either = [{"$ref": "#/$defs/Settings"}, {"type": "null"}]
        schema["$defs"][part]["properties"]["settings"] = {"anyOf": either, "description": described}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": _TITLE}
    return json.dumps({**head, **schema}, indent=1) + "\n"


def _line(group: type[BaseModel]) -> str:
    return " ".join((group.__doc__ or "").split())


def _setting_schema(spec: SettingSpec) -> dict[str, Any]:
    """Description and, for plain choices and booleans, the allowed values of a setting."""
    form: dict[str, Any] = {"description": f"{spec.help} Allowed: {spec.allowed}. Default: {spec.default_text}."}
    if spec.kind == "bool":
        form["type"] = "boolean"
    elif spec.kind == "str" and spec.choices and not spec.form and spec.low is None:
        form["enum"] = [*spec.choices, *([False] if "off" in spec.choices else [])]  # YAML reads the bare word as false
    return form
