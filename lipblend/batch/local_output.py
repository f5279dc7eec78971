"""Outputs that are files of this machine: whether one has to be made, the outcome of one that is there, its lock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Literal, TypeVar

from lipblend.batch.job_record import ONLY_VERDICT, JobRecord, read_record, up_to_date, write_record
from lipblend.batch.job_spec import JobOutcome, JobSpec, Need
from lipblend.batch.made_from import RecordedFile
from lipblend.errors import GateError
from lipblend.runtime.identity import sha256_of
from lipblend.runtime.output_lock import LockedError, OutputLock
from lipblend.segments.kept_segments import remove_segments

REPORT_PAGE = "report.html"

_GATE_CODE = GateError.exit_code
_LOCK_EVERY_S = 2.0
_Lock = TypeVar("_Lock")


def existing_local(spec: JobSpec) -> JobOutcome | None:
    """The outcome of a job whose output is there and up to date; None if something has to be done."""
    return existing_outcome(spec) if local_need(spec).work == "nothing" else None


def existing_outcome(spec: JobSpec) -> JobOutcome:
    """The outcome of a job whose output is up to date."""
    remove_segments(Path(spec.output))  # of a run with other settings that did not end
    report = "" if spec.report is None else str(Path(spec.report) / REPORT_PAGE)
    return recorded_outcome(spec, read_record(Path(spec.output)), report)


def local_need(spec: JobSpec, *, store: bool = True) -> Need:
    """What has to be done for a job whose files are local; ``store`` as in `up_to_date`.

    Raises
    ------
    LipblendError
        As `up_to_date`.
    """
    fresh = up_to_date(spec, store=store)
    if not fresh.fresh:
        return Need("measure" if fresh.measure else "render", fresh.reason)
    fault = _report_fault(spec, read_record(Path(spec.output)))
    return Need("measure", fault) if fault else Need("nothing")


def _report_fault(spec: JobSpec, record: JobRecord | None) -> str:
    """What is wrong with the verdict and the report of an output that is up to date itself; empty if nothing is."""
    page = None if spec.report is None else Path(spec.report) / REPORT_PAGE
    if page is not None and not page.is_file():
        return "only the report is missing"
    if (spec.gate or page is not None) and (record is None or not record.measured):
        return ONLY_VERDICT
    if page is not None and record is not None and record.report != sha256_of(page):
        return "only the report is of another result"
    return ""


def recorded_outcome(spec: JobSpec, record: JobRecord | None, report: str) -> JobOutcome:
    """The outcome of a job whose output is up to date, from its record."""
    below = spec.gate and record is not None and record.status == "gate"
    return JobOutcome(
        spec.name,
        spec.output,
        "gate" if below else "skipped",
        "up to date, and below its pass marks" if below else "up to date",
        _GATE_CODE if below else 0,
        headline=None if record is None else record.headline,
        frames=0 if record is None else record.frames,
        report=report,
    )


def verdict_of(data: Mapping[str, Any]) -> Literal["passed", "gate"]:
    """What is recorded of an output that was made: whether it is below its marks, also if no gate was asked for."""
    evaluation = data.get("evaluation")
    return "gate" if evaluation is not None and not evaluation.get("passed") else "passed"


def record_made(spec: JobSpec, outcome: JobOutcome, pictures: tuple[RecordedFile, ...] | None = None) -> None:
    """Write the record of an output that was made; see `lipblend.batch.job_record.write_record`.

    Raises
    ------
    LipblendError
        As there.
    """
    page = None if spec.report is None else Path(spec.report) / REPORT_PAGE
    extra: dict[str, Any] = {
        "status": verdict_of(outcome.details),
        "headline": outcome.headline,
        "frames": outcome.frames,
    }
    extra["measured"] = "evaluation" in outcome.details
    extra["report"] = sha256_of(page) if page is not None and page.is_file() else ""
    write_record(spec, extra, pictures)


def made_outcome(spec: JobSpec, data: Mapping[str, Any], why: str = "") -> JobOutcome:
    """The outcome of a job whose output was made, from what the run of it says (`lipblend.batch.job_child.run_job`).

    ``why`` it was made is the reason, unless it is below its pass marks.
    """
    evaluation = data.get("evaluation") or {}
    failed = spec.gate and verdict_of(data) == "gate"
    return JobOutcome(
        spec.name,
        spec.output,
        "gate" if failed else "passed",
        ("below its pass marks" if evaluation.get("judged") else "nothing could be judged") if failed else why,
        _GATE_CODE if failed else 0,
        frames=int(data["frames"]),
        headline=evaluation.get("headline"),
        report=str((evaluation.get("written") or {}).get("report.html", "")),
        details=data,
    )


@contextmanager
def locked(spec: JobSpec, wait_s: float, stopped: Event) -> Iterator[OutputLock]:
    """Hold the lock of a job's output.

    Raises
    ------
    LockedError
        Another run holds it, for longer than ``wait_s``.
    """
    output = Path(spec.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with held(lambda: OutputLock(output), wait_s, stopped) as lock:
        yield lock


@contextmanager
def held(lock: Callable[[], AbstractContextManager[_Lock]], wait_s: float, stopped: Event) -> Iterator[_Lock]:
    """Hold a lock that may be another run's for a while.

    Raises
    ------
    LockedError
        It is, for longer than ``wait_s``.
    """
    end_s = time.monotonic() + wait_s
    with ExitStack() as stack:
        while True:
            try:
                entered = stack.enter_context(lock())
                break
            except LockedError:
                if time.monotonic() >= end_s or stopped.wait(_LOCK_EVERY_S):
                    raise
        yield entered
