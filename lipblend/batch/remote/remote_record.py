"""Whether the output of a job with addresses is up to date, told without fetching anything.

The record of `lipblend.batch.job_record` is kept beside the output, also if that is an address, and says in addition
which version of each remote file belongs to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from lipblend.batch.file_tag import sentence
from lipblend.batch.job_record import JobRecord, is_recorded, read_record, record_changes, record_path, store_record
from lipblend.batch.job_spec import JobSpec
from lipblend.batch.listing.list_paths import is_address
from lipblend.batch.local_output import REPORT_PAGE
from lipblend.batch.made_from import SOUND, RecordedFile, files_of, job_settings, names_file, recorded_files
from lipblend.batch.remote.remote_files import RemoteFile, RemoteOptions
from lipblend.errors import InputError, OutputError
from lipblend.runtime.identity import sha256_of
from lipblend.settings import Settings

_RECORD = ".lipblend-job.json"


class RemoteRecord(JobRecord):
    """How an output was made by a job with addresses.

    Attributes
    ----------
    input_versions : dict of str to str
        Of the remote inputs, by role (`lipblend.batch.remote.remote_files.RemoteState`).
    output_version : str
        Of the output; empty if that is a file of this machine.
    report_version : str
        Of the page of its report; empty if that is a file of this machine, or if there is none.
    """

    input_versions: dict[str, str]
    output_version: str
    report_version: str = ""


def remote_inputs(spec: JobSpec) -> dict[str, str]:
    """The addresses that a job reads, by role."""
    source = spec.settings.get("audio.source")
    sound = {SOUND: str(source)} if source is not None and names_file("audio.source", source) else {}
    return {role: text for role, text in {**spec.inputs, **sound}.items() if is_address(text)}


def has_addresses(spec: JobSpec) -> bool:
    """Whether a job reads or writes something that is not a file of this machine."""
    return bool(remote_inputs(spec)) or is_address(spec.output) or (spec.report is not None and is_address(spec.report))


def report_address(spec: JobSpec) -> str | None:
    """The address of the page of a job's report; None if it has no report, or a local one."""
    if spec.report is None or not is_address(spec.report):
        return None
    return f"{spec.report.rstrip('/')}/{REPORT_PAGE}"


def write_remote_record(spec: JobSpec, local: JobSpec, versions: Mapping[str, str], options: RemoteOptions) -> None:
    """Record an output that is complete and, like its report, in its place.

    Parameters
    ----------
    spec : JobSpec
    local : JobSpec
        The same job on files of this machine; its output is recorded.
    versions : mapping of str to str
        Of the remote inputs as they were read, by role.
    options : RemoteOptions

    Raises
    ------
    OutputError
        It cannot be written.
    """
    made = read_record(Path(local.output))
    if made is None:
        raise OutputError(f"the record of {local.output} is gone", hint="Run the same command again.")
    page = report_address(spec)
    record = RemoteRecord(
        **dict(made),
        input_versions=dict(versions),
        output_version=_output_version(spec, options) or "",
        report_version="" if page is None else _version(page, options) or "",
    )
    if is_address(spec.output):
        data = record.model_dump_json(indent=1).encode() + b"\n"
        RemoteFile(spec.output, options).beside(_RECORD).write(data)
    else:
        store_record(Path(spec.output), record)


def look_remote(spec: JobSpec, options: RemoteOptions) -> tuple[str, RemoteRecord | None]:
    """Why the output of a job with addresses has to be made, empty if it is up to date; and its record.

    Raises
    ------
    InputError
        A store does not answer.
    SettingsError
    """
    settings = job_settings(spec)
    version = _output_version(spec, options)
    if version is None:
        return "no output", None
    record = _read_record(spec, options)
    if record is None:
        return "the output has no record of how it was made", None
    return _why_made(spec, settings, version, record, options), record


def _why_made(spec: JobSpec, settings: Settings, version: str, record: RemoteRecord, options: RemoteOptions) -> str:
    """Why an output that is there, in this version, has to be made again; empty if it is up to date."""
    try:
        inputs = (*_local_inputs(spec, settings, record), *_remote_inputs(spec, options, record))
    except InputError as error:
        return error.message
    if reasons := record_changes(record, inputs, settings, marks=spec.gate or spec.report is not None):
        return sentence(reasons)
    if version != record.output_version or not (version or is_recorded(Path(spec.output), record)):
        return "the output is damaged: it is not the file that was written"
    if (spec.gate or spec.report is not None) and not record.measured:
        return "it was not measured"
    return _report_fault(spec, record, options)


def _read_record(spec: JobSpec, options: RemoteOptions) -> RemoteRecord | None:
    """The record of a job's output; None if there is none, or it is damaged or of another kind."""
    if is_address(spec.output):
        data = RemoteFile(spec.output, options).beside(_RECORD).read()
    else:
        path = record_path(Path(spec.output))
        data = path.read_bytes() if path.is_file() else None
    try:
        return None if data is None else RemoteRecord.model_validate_json(data)
    except ValidationError:
        return None


def _output_version(spec: JobSpec, options: RemoteOptions) -> str | None:
    """Empty for a file of this machine; None if there is no output."""
    if is_address(spec.output):
        return _version(spec.output, options)
    return "" if Path(spec.output).is_file() else None


def _version(address: str, options: RemoteOptions) -> str | None:
    state = RemoteFile(address, options).look()
    return None if state is None else state.version


def _local_inputs(spec: JobSpec, settings: Settings, record: RemoteRecord) -> tuple[RecordedFile, ...]:
    elsewhere = remote_inputs(spec)
    files = {role: path for role, path in files_of(spec, settings).items() if role not in elsewhere}
    return recorded_files(files, record.inputs)


def _remote_inputs(spec: JobSpec, options: RemoteOptions, record: RemoteRecord) -> list[RecordedFile]:
    """The remote inputs as recorded, or, of another version, with that in the place of their digests."""
    known = {each.role: each for each in record.inputs}
    found = []
    for role, address in remote_inputs(spec).items():
        file = RemoteFile(address, options)
        state = file.look()
        if state is None:
            raise InputError(f"{role} is missing: {file.shown}")
        same = role in known and state.version == record.input_versions.get(role)
        found.append(
            known[role] if same else RecordedFile(role=role, size=0, mtime_ns=0, sha256=f"version {state.version}")
        )
    return found


def _report_fault(spec: JobSpec, record: RemoteRecord, options: RemoteOptions) -> str:
    """What is wrong with the report; empty if nothing is, or none is asked for."""
    if spec.report is None:
        return ""
    page = report_address(spec)
    if page is not None:
        found, recorded = _version(page, options), record.report_version
    else:
        path = Path(spec.report) / REPORT_PAGE
        found, recorded = sha256_of(path) if path.is_file() else None, record.report
    return "its report is missing" if found is None else "" if found == recorded else "its report is of another result"
