"""What the record in an output's own tag says about it: whether it is what a job would make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from lipblend.batch.made_from import (
    OCCLUDER,
    OCCLUDER_MAPPING,
    RESTORER,
    SOUND,
    RecordedFile,
    names_file,
)
from lipblend.errors import InputError
from lipblend.output.recorded_settings import recorded_values
from lipblend.output.run_record import FoundRecord, RunRecord, find_record
from lipblend.settings import Settings
from lipblend.settings.catalogue import value_text
from lipblend.settings.presets import list_presets
from lipblend.settings.resolve import flat_values, resolve_settings
from lipblend.video.opening import open_source

MOST_REASONS = 3


def tag_of(output: Path) -> FoundRecord:
    """The record in the tags of a file, without decoding anything.

    Raises
    ------
    InputError
        The file cannot be opened.
    """
    with open_source(output) as container:
        return find_record(dict(container.metadata))


def tagged_digests(record: RunRecord) -> dict[str, str]:
    """First digits of the SHA-256 of the files in a record, by role; empty for what was not used, or not named."""
    return {
        "original": record.original,
        "synced video": record.synced,
        "crop record": record.crop,
        "matte": record.keep,
        "matte of the mouth": record.matte,
        OCCLUDER: record.occluder,
        OCCLUDER_MAPPING: record.occluder_mapping,
    }


def tag_differences(record: RunRecord, settings: Settings, files: Mapping[str, RecordedFile]) -> list[str]:
    """Why a file with this record is not what would be made of these files with these settings; empty if it is."""
    reasons = []
    if record.part is not None or record.proxy:
        reasons.append("the output is a part or a proxy")
    if record.version != (now := version("lipblend")):
        reasons.append(f"lipblend {now} instead of {record.version or 'an unknown version'}")
    return [*reasons, *_file_differences(record, files), *_setting_differences(record, settings)]


def sentence(reasons: list[str]) -> str:
    """The first reasons, and how many more there are."""
    more = [f"and {len(reasons) - MOST_REASONS} more"] if len(reasons) > MOST_REASONS else []
    return "; ".join([*reasons[:MOST_REASONS], *more])


def _file_differences(record: RunRecord, files: Mapping[str, RecordedFile]) -> Iterator[str]:
    for role, digits in tagged_digests(record).items():
        if role in files and not digits:
            always = role in ("original", "synced video")
            yield f"the record in the file does not name its {role}" if always else f"{role} is new"
        elif role in files and not files[role].sha256.startswith(digits):
            yield f"{role} changed"
        elif role not in files and digits:
            yield f"{role} is no longer given"
    for role in (SOUND, RESTORER):
        if role in files:
            yield f"the record in the file does not tell which {role} was used"
    if record.restored and RESTORER not in files:
        yield f"{RESTORER} is no longer given"


def _setting_differences(record: RunRecord, settings: Settings) -> Iterator[str]:
    if record.preset and record.preset not in {preset.name for preset in list_presets()}:
        yield f"the preset {record.preset} of the record in the file is not known"
        return
    values, _ = recorded_values(record)
    if unusable := sorted(set(record.settings).difference(values)):
        yield f"the record in the file has a setting that cannot be used: {unusable[0]}"
    old = flat_values(resolve_settings(base=(values, "the record in the file")).settings.model_dump())
    for key, value in flat_values(settings.model_dump()).items():
        if value != old[key] and not key.startswith("gate.") and not names_file(key, value):
            yield f"setting {key}: {value_text(value)}, was {value_text(old[key])}"


def readable_tag(output: Path) -> FoundRecord | str:
    """`tag_of`, or why the file cannot be opened."""
    try:
        return tag_of(output)
    except InputError as error:
        return error.message
