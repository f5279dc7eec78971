"""Where jobs read and write: whether outputs can be written, and do not stand in the way of other jobs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lipblend.batch.job_spec import JobSpec
from lipblend.batch.listing.job_pictures import picture_faults
from lipblend.batch.listing.job_settings import named_files
from lipblend.batch.listing.list_paths import is_address
from lipblend.batch.listing.list_problems import on_one_line
from lipblend.batch.remote.remote_files import protocol_fault, protocol_of
from lipblend.batch.remote.store_errors import shown_address
from lipblend.errors import LipblendError
from lipblend.output.encoders import FORMATS
from lipblend.quality.report.report_files import REPORT_FILES
from lipblend.runtime.output_paths import check_folder_writable, check_is_file_name
from lipblend.runtime.stand_ins import is_pattern
from lipblend.video.keep_matte import matte_files

_FORM = re.compile(r"[a-z][a-z0-9+.-]+://[^/\s]+/\S.*", re.IGNORECASE | re.DOTALL)
_LOCAL = ("file", "local")


def place_problems(jobs: Sequence[JobSpec], *, remote: bool) -> dict[str, list[str]]:
    """What is wrong with the places of jobs, by the names of the jobs; see `lipblend.batch.listing.check_jobs`."""
    places = _Places(jobs)
    found: dict[str, list[str]] = {}
    for job in jobs:
        wrong = [*_form_faults(job, remote=remote), *places.faults(job)]
        if wrong:
            found[job.name] = wrong
    return found


def _form_faults(job: JobSpec, *, remote: bool) -> Iterator[str]:
    """What paths and addresses say without looking at a disk."""
    places = {**job.inputs, "output": job.output, **({"report": job.report} if job.report else {})}
    for role, text in places.items():
        if is_address(text):
            yield from _address_faults(role, text, remote=remote)
    yield from picture_faults(job, has_addresses=any(map(is_address, places.values())))
    suffix = Path(job.output).suffix
    if suffix.lower() not in FORMATS and not is_pattern(Path(job.output)):
        ending = f"ends in '{suffix}'" if suffix else "has no ending"
        yield f"output: {job.output} {ending}, which is not a supported video container: use {', '.join(FORMATS)}"


def _address_faults(role: str, text: str, *, remote: bool) -> Iterator[str]:
    scheme, _, rest = text.partition("://")
    host = rest.partition("/")[0]
    if scheme.lower() in _LOCAL and not (remote and rest.startswith("/") and rest.strip("/")):
        yield f"{role}: {text} is an address of a file on this machine: write its path"
    elif scheme.lower() not in _LOCAL and not _FORM.fullmatch(text):
        yield f"{role}: {text} is not a whole address: write it as {scheme}://HOST/PATH"
    elif "@" in host and ":" in host.partition("@")[0]:
        shown = shown_address(text)
        yield f"{role}: {shown} holds a password, which records and logs would show: set it up outside the list"
    elif not remote:
        yield f"{role}: {text} is an address, and this run reads and writes files only"
    elif fault := protocol_fault(protocol_of(text)):
        yield f"{role}: {shown_address(text)}: {fault}"


class _Places:
    """Who reads and writes what, in all jobs. Links and other names of one file count as that file."""

    def __init__(self, jobs: Sequence[JobSpec]) -> None:
        self._parents: dict[str, str] = {}
        self._known_keys: dict[str, list[str]] = {}  # another run may write an output meanwhile
        self._folders: dict[str, str] = {}
        self._writers: dict[str, list[JobSpec]] = {}
        self._reporters: dict[str, list[JobSpec]] = {}
        self._readers: dict[str, tuple[JobSpec, str]] = {}
        for job in jobs:
            for key in self._keys(job.output):
                self._writers.setdefault(key, []).append(job)
            if job.report is not None:
                self._reporters.setdefault(self._keys(job.report)[0], []).append(job)
            for role, text in _input_files(job):
                for key in self._keys(text):
                    self._readers.setdefault(key, (job, role))

    def faults(self, job: JobSpec) -> Iterator[str]:
        """What is wrong with the output and the report of a job."""
        keys = self._keys(job.output)
        yield from _shared(job, f"output: {job.output} is", [each for key in keys for each in self._writers[key]])
        for key in keys:
            if key in self._readers:
                yield f"output: {job.output} is the {self._reader(job, key)}: choose another name"
                break
        if not is_address(job.output):
            yield from _fault(lambda: check_is_file_name(Path(job.output)))
            yield from self._folder_faults("output", os.path.dirname(job.output))
        if job.report is None:
            return
        yield from _shared(job, f"report: {job.report} is", self._reporters[self._keys(job.report)[0]])
        if is_address(job.report):
            return
        yield from self._folder_faults("report", job.report)
        for name in REPORT_FILES:
            key = self._keys(os.path.join(job.report, name))[0]
            if key in self._readers:
                yield f"report: {job.report}/{name} is the {self._reader(job, key)}: choose another folder"

    def _reader(self, job: JobSpec, key: str) -> str:
        reader, role = self._readers[key]
        if reader is job or reader.name == job.name:
            return f"{role} of this job"
        return f"{role} of job {reader.name} ({reader.source}); jobs run in any order"

    def _folder_faults(self, role: str, folder: str) -> Iterator[str]:
        """Whether a folder can be written to, or created; each is tried once."""
        if folder not in self._folders:
            self._folders[folder] = "".join(_fault(lambda: check_folder_writable(Path(folder))))
        if self._folders[folder]:
            yield f"{role}: {self._folders[folder]}"

    def _keys(self, text: str) -> list[str]:
        """What tells a file from others: its real path, and of an existing file also its number on the disk."""
        if text not in self._known_keys:
            path = _local_path(text)
            self._known_keys[text] = [text] if path is None else self._keys_of_file(path)
        return self._known_keys[text]

    def _keys_of_file(self, text: str) -> list[str]:
        parent, name = os.path.split(text)
        if parent not in self._parents:
            self._parents[parent] = os.path.realpath(parent)
        keys = [os.path.join(self._parents[parent], name)]
        try:
            found = os.stat(text)
        except (OSError, ValueError):  # missing, or no valid name: said elsewhere
            return keys
        return [*keys, f"{found.st_dev}:{found.st_ino}"] if found.st_ino else keys


def _local_path(text: str) -> str | None:
    """The path that a text names, also as ``file:///path``; None for an address elsewhere."""
    scheme, _, rest = text.partition("://")
    return text if not is_address(text) else rest if scheme.lower() in _LOCAL else None


def _input_files(job: JobSpec) -> Iterator[tuple[str, str]]:
    """The files that a job reads, with their roles."""
    for role, text in job.inputs.items():
        if role.startswith("matte") and not is_address(text):
            yield from ((role, str(path)) for path in matte_files(Path(text)))
        else:
            yield role, text
    yield from (("file of the settings", text) for text in named_files(job.settings))


def _shared(job: JobSpec, place: str, users: Sequence[JobSpec]) -> Iterator[str]:
    others = list(dict.fromkeys(f"{each.name} ({each.source})" for each in users if each.name != job.name))
    if others:
        yield f"{place} also that of job {', '.join(others[:3])}{' ...' if len(others) > 3 else ''}"


def _fault(check: Callable[[], object]) -> Iterator[str]:
    try:
        check()
    except LipblendError as error:
        yield on_one_line(error)
