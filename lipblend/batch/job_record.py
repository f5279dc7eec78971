"""The record that a job leaves beside its output, and whether the output is up to date.

The record is a hidden JSON file, ``.NAME.lipblend-job.json``. It holds no path: an output can be moved with it. What
counts is content: a file of another time with the same bytes changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from lipblend.batch.file_tag import readable_tag, sentence, tag_differences, tagged_digests
from lipblend.batch.job_spec import JobSpec
from lipblend.batch.made_from import (
    CODE,
    RecordedFile,
    files_of,
    job_settings,
    model_digests,
    recorded_files,
    recorded_sequences,
    sequence_roles,
    setting_texts,
    versions_for,
)
from lipblend.errors import InputError
from lipblend.runtime.files import write_atomically
from lipblend.runtime.identity import sha256_of
from lipblend.runtime.output_paths import hidden_beside
from lipblend.settings import Settings
from lipblend.settings.catalogue import setting_specs
from lipblend.video.decodes_whole import decodes_whole

_SUFFIX = ".lipblend-job.json"
_MAX_BYTES = 1_000_000
ONLY_VERDICT = "only the verdict is missing"


class JobRecord(BaseModel):
    """How an output was made by a job.

    Attributes
    ----------
    record : int
        Version of this format.
    inputs : tuple of RecordedFile
    settings : dict of str to str
        Those that differ from the defaults; files that settings name are inputs.
    versions, models : dict of str to str
        Of the program, its libraries and its code; SHA-256 of its models.
    output_size, output_sha256
        Of the output.
    status : str
        How the job ended; see `lipblend.batch.job_spec.JobOutcome`.
    headline : dict or None
        What was measured.
    frames : int
        0 if unknown.
    measured : bool
        Whether the output was judged; ``status`` is ``gate`` then if it is below its marks, gate or not.
    report : str
        SHA-256 of the page of its report; empty without.
    rate : str
        Frame rate that was given for image sequences; empty without.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    record: Literal[1] = 1
    inputs: tuple[RecordedFile, ...]
    settings: dict[str, str]
    versions: dict[str, str]
    models: dict[str, str]
    output_size: int
    output_sha256: str
    status: str = "passed"
    headline: dict[str, Any] | None = None
    frames: int = 0
    measured: bool = False
    report: str = ""
    rate: str = ""


@dataclass(frozen=True)
class Freshness:
    """Whether an output is up to date, and a short sentence that says why, or why not.

    ``adopted``: there was no job's record of it, and the one in the file's own tag fits. ``measure``: the output itself
    is what the job would make, and only what was measured of it is missing or of other pass marks.
    """

    fresh: bool
    reason: str
    adopted: bool = False
    measure: bool = False


def record_path(output: Path) -> Path:
    """Where the record of an output lies."""
    return hidden_beside(output, _SUFFIX)


def read_record(output: Path) -> JobRecord | None:
    """The record of an output; None if there is none, or it is damaged or of another version."""
    try:
        with record_path(output).open("rb") as file:
            return JobRecord.model_validate_json(file.read(_MAX_BYTES))
    except (OSError, ValidationError):
        return None


def write_record(
    spec: JobSpec, outcome_extra: Mapping[str, Any], pictures: tuple[RecordedFile, ...] | None = None
) -> None:
    """Record an output that is complete.

    Parameters
    ----------
    spec : JobSpec
        Its files are local.
    outcome_extra : mapping
        ``status``, ``headline``, ``frames``, ``measured`` and ``report`` of the record.
    pictures : tuple of RecordedFile, optional
        The inputs that are image sequences, as they were before the run; by default as they are now.

    Raises
    ------
    InputError
        The output or an input cannot be read.
    OutputError
        The record cannot be written.
    """
    settings, output = job_settings(spec), Path(spec.output)
    known = read_record(output)
    before = recorded_sequences(spec) if pictures is None else pictures
    inputs = recorded_files(files_of(spec, settings), (*(() if known is None else known.inputs), *before))
    tag = readable_tag(output)
    digits = {} if isinstance(tag, str) or tag.record is None else tagged_digests(tag.record)
    # The tag names the files that the run has read, or the films of their pictures, which are told by `pictures`:
    # those that were exchanged since do not count as its inputs.
    digits |= {each.role: each.sha256 for each in before}
    inputs = tuple(
        each if each.sha256.startswith(digits.get(each.role, "")) else each.model_copy(update={"sha256": ""})
        for each in inputs
    )
    store_record(output, _record_of(output, inputs, settings, {**outcome_extra, "rate": spec.rate}))


def up_to_date(spec: JobSpec, *, store: bool = True) -> Freshness:
    """Whether an output is what its job would make.

    Its bytes have to be those that were recorded. Without a record that fits, the one in the file's own tag is
    compared; if that fits and the file decodes whole, the output is adopted; a job that measures has to do only that.

    Parameters
    ----------
    spec : JobSpec
        Its files are local.
    store : bool
        Keep what was found: a record of what was adopted, and new times of files with the same content.

    Raises
    ------
    SettingsError
        A setting is not allowed.
    OutputError
        The record cannot be written.
    """
    settings, output = job_settings(spec), Path(spec.output)
    if not output.is_file():
        return Freshness(False, "no output")
    record = read_record(output)
    try:
        inputs = recorded_files(files_of(spec, settings), () if record is None else record.inputs)
        same = record is not None and is_recorded(output, record)
    except InputError as error:
        return Freshness(False, error.message)
    measured = spec.gate or spec.report is not None
    if record is not None:
        rated = [] if record.rate == (spec.rate or "") else [f"rate {spec.rate or 'auto'}, was {record.rate or 'auto'}"]
        reasons = [*rated, *record_changes(record, inputs, settings, marks=measured)]
        if same and not reasons and store and inputs != record.inputs:
            store_record(output, record.model_copy(update={"inputs": inputs}))
        if same and reasons and measured and not (rated or record_changes(record, inputs, settings, marks=False)):
            return Freshness(False, f"only the pass marks differ: {sentence(reasons)}", measure=True)
        if same:
            return Freshness(not reasons, sentence(reasons) or "up to date")
        if not reasons:
            return Freshness(False, "the output is damaged: it is not the file that was written")
    if sequence_roles(spec):
        return Freshness(False, "the output has no record of which pictures it was made from")
    return _adopted(output, inputs, settings, measured=measured, store=store)


def _adopted(
    output: Path, inputs: tuple[RecordedFile, ...], settings: Settings, *, measured: bool, store: bool
) -> Freshness:
    tag = readable_tag(output)
    if isinstance(tag, str):
        return Freshness(False, f"the output is damaged: {tag}")
    if tag.record is None:
        return Freshness(False, tag.note or "the output has no record of how it was made")
    if reasons := tag_differences(tag.record, settings, {each.role: each for each in inputs}):
        return Freshness(False, sentence(reasons))
    if damage := decodes_whole(output, frames=tag.record.frames):
        return Freshness(False, f"the output is damaged: {damage}")
    if measured:
        return Freshness(False, ONLY_VERDICT, measure=True)
    if store:
        store_record(output, _record_of(output, inputs, settings, {"frames": tag.record.frames}))
    return Freshness(True, "up to date: the record in the file fits, and it decodes whole", adopted=True)


def _record_of(
    output: Path, inputs: tuple[RecordedFile, ...], settings: Settings, more: Mapping[str, Any]
) -> JobRecord:
    digest = sha256_of(output)
    return JobRecord(
        inputs=inputs,
        settings=setting_texts(settings, marks=True),
        versions=versions_for(settings),
        models=model_digests(),
        output_size=output.stat().st_size,
        output_sha256=digest,
        status=more.get("status", "passed"),
        measured=bool(more.get("measured", False)),
        report=str(more.get("report", "")),
        rate=more.get("rate") or "",
        headline=None if more.get("headline") is None else dict(more["headline"]),
        frames=more.get("frames", 0),
    )


def store_record(output: Path, record: JobRecord) -> None:
    write_atomically(record_path(output), record.model_dump_json(indent=1).encode() + b"\n")


def is_recorded(output: Path, record: JobRecord) -> bool:
    """Whether the output has the bytes that were recorded.

    Raises
    ------
    InputError
        It cannot be read.
    """
    return output.stat().st_size == record.output_size and sha256_of(output) == record.output_sha256


def record_changes(
    record: JobRecord, inputs: tuple[RecordedFile, ...], settings: Settings, *, marks: bool
) -> list[str]:
    """What is other than when the output was made."""
    old, new = ({each.role: each.sha256 for each in files} for files in (record.inputs, inputs))
    reasons = [
        f"{role} is new" if role not in old
        else f"{role} changed while the output was made" if not old[role]
        else f"{role} changed"
        for role in new
        if role not in old or old[role] != new[role]
    ]  # fmt: skip
    reasons += [f"{role} is no longer given" for role in old if role not in new]
    before = {key: text for key, text in record.settings.items() if marks or not key.startswith("gate.")}
    now = setting_texts(settings, marks=marks)
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            spec = setting_specs().get(key)
            default = "unknown" if spec is None else spec.default_text
            reasons.append(f"setting {key}: {now.get(key, default)}, was {before.get(key, default)}")
    return [*reasons, *_program_changes(record, settings)]


def _program_changes(record: JobRecord, settings: Settings) -> list[str]:
    now, old = versions_for(settings), record.versions
    names = [name for name in (*now, *(name for name in old if name not in now)) if name != CODE]
    reasons = [
        f"{name} {now.get(name, 'none')} instead of {old.get(name, 'none')}"
        for name in names
        if now.get(name) != old.get(name)
    ]
    if not reasons and now[CODE] != old.get(CODE):
        reasons.append("the code of lipblend changed")
    models = model_digests()
    changed = [name for name in models if models[name] != record.models.get(name)]
    return [*reasons, *(f"the model {name} changed" for name in changed)]
