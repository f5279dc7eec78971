"""The parent's side of one job: its lock, whether there is anything to do, its process, its log and its end."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import IO, Any

from lipblend.batch.job_child import CHILD, JobOrder, Step
from lipblend.batch.job_record import read_record, up_to_date, write_record
from lipblend.batch.job_spec import JobOutcome, JobSpec
from lipblend.batch.memory_guard import MemoryGuard, kill, tree
from lipblend.errors import GateError, LipblendError, OutputError
from lipblend.runtime.child import Child, child_process
from lipblend.runtime.output_lock import LockedError, OutputLock
from lipblend.runtime.progress import OnProgress, Progress, no_progress

_GATE_CODE = GateError.exit_code
_CANCELLED = "stopped"
_LOCK_EVERY_S = 2.0


@dataclass(frozen=True)
class JobRunOptions:
    """How each job of a series is run.

    Attributes
    ----------
    force : bool
        Also what is up to date.
    cache, models : Path or None
        As in `lipblend.composite_options.CompositeOptions`.
    logs : Path or None
        Folder for a log of each job.
    max_memory : int or None
        Bytes that a job's processes may take together.
    jobs : int
        Processes that render, for each job.
    lock_wait_s : float
        How long to wait for an output that another run is making: its machine may be lost.
    """

    force: bool = False
    cache: Path | None = None
    models: Path | None = None
    logs: Path | None = None
    max_memory: int | None = None
    jobs: int = 1
    lock_wait_s: float = 0.0


class JobRun:
    """One job; `stop` may be called from another thread.

    Parameters
    ----------
    spec : JobSpec
        Its files are local.
    options : JobRunOptions
    on_progress : callable
        Called on the thread of `run`.
    step : Step
        With steps of the job there is no lock: who ordered them holds it.
    """

    def __init__(
        self, spec: JobSpec, options: JobRunOptions, on_progress: OnProgress = no_progress, step: Step = "all"
    ) -> None:
        self._spec, self._options, self._on_progress, self._step = spec, options, on_progress, step
        self._stopped = Event()
        self._child: Child | None = None

    def stop(self) -> None:
        """Kill its processes; what is finished of the output is kept for the next run."""
        self._stopped.set()
        if (child := self._child) is not None:
            kill(tree(child.process.pid))

    def run(self) -> JobOutcome:
        """Run it to its end. Errors of the job are part of the outcome."""
        started_s, started = time.monotonic(), utc_now()
        outcome = self._outcome()
        return replace(
            outcome,
            seconds=round(time.monotonic() - started_s, 3),
            started=started,
            finished=utc_now(),
            host=platform.node(),
        )

    def _outcome(self) -> JobOutcome:
        spec = self._spec
        if self._stopped.is_set():
            return self._ended("cancelled", _CANCELLED)
        try:
            if self._step != "all":
                return self._made()
            with locked(spec, self._options.lock_wait_s, self._stopped):
                fresh = None if self._options.force else existing(spec)
                return fresh or self._made()
        except LockedError as error:
            return self._ended("locked", error.message, error.exit_code)
        except LipblendError as error:
            return self._ended("failed", str(error), error.exit_code)
        except OSError as error:
            text = f"{error.strerror or error}: {error.filename or spec.output}"
            return self._ended("failed", text, OutputError.exit_code)

    def _made(self) -> JobOutcome:
        """The outcome of making the output."""
        with ExitStack() as stack:
            name = f"{self._spec.name}{_step_text(self._step)}.log"
            log = None if self._options.logs is None else self._options.logs / name
            sink = None if log is None else stack.enter_context(opened_log(log))
            outcome = self._in_process(sink)
        return outcome if log is None else replace(outcome, log=str(log))

    def _in_process(self, sink: IO[bytes] | None) -> JobOutcome:
        options = self._options
        order = JobOrder(self._spec, options.cache, options.models, options.jobs, self._step)
        with (
            child_process(CHILD, log=sink) as child,
            MemoryGuard(child.process.pid, options.max_memory) as guard,
        ):
            self._child = child
            try:
                answer = self._answer(child, order)
            except (EOFError, OSError):
                how, _ = child.how_it_ended()
                answer = LipblendError(f"its process {how}", details=child.last_lines() if sink is None else ())
            except Exception as error:  # noqa: BLE001 - whatever a broken process sends
                answer = LipblendError(f"its process sent nonsense ({type(error).__name__}: {error})")
            finally:
                kill(tree(child.process.pid))  # whatever it started
                self._child = None
        if self._stopped.is_set() and not isinstance(answer, Mapping):
            return self._ended("cancelled", _CANCELLED)
        if guard.exceeded:
            limit = options.max_memory or 0
            answer = LipblendError(
                f"it took {guard.peak / 1e9:.1f} GB of memory, and {limit / 1e9:.1f} GB were allowed",
                hint="Allow more (--max-memory), or run fewer at a time (--workers).",
            )
        if isinstance(answer, Mapping):
            return self._finished({**answer, "peak_memory_bytes": guard.peak})
        return self._failed(answer, sink)

    def _answer(self, child: Child, order: JobOrder) -> Mapping[str, Any] | Exception:
        """What the child ends with; its progress is passed on."""
        child.send(order)
        while isinstance(message := child.receive(), Progress):
            self._on_progress(message)
        if isinstance(message, (Mapping, Exception)):
            return message
        raise TypeError(f"a {type(message).__name__}")

    def _finished(self, data: Mapping[str, Any]) -> JobOutcome:
        if self._step == "prepare" or isinstance(self._step, range):
            return replace(self._ended("passed", ""), details=data)
        outcome = made_outcome(self._spec, data)
        write_record(self._spec, {"status": outcome.status, "headline": outcome.headline, "frames": outcome.frames})
        return outcome

    def _failed(self, error: Exception, sink: IO[bytes] | None) -> JobOutcome:
        if sink is not None:
            notes = "\n".join(getattr(error, "__notes__", ()))
            sink.write(f"\nerror: {error}\n{notes}\n".encode())
        if isinstance(error, LipblendError):
            return self._ended("failed", " ".join(str(error).split()), error.exit_code)
        text = " ".join(f"unexpected {type(error).__name__}: {error}".split())
        return self._ended("failed", f"{text}. This is a bug in lipblend; its log has the traceback", 1)

    def _ended(self, status: Any, reason: str, exit_code: int = 0) -> JobOutcome:
        return JobOutcome(self._spec.name, self._spec.output, status, reason, exit_code)


@contextmanager
def locked(spec: JobSpec, wait_s: float, stopped: Event) -> Iterator[None]:
    """Hold the lock of a job's output.

    Raises
    ------
    LockedError
        Another run holds it, for longer than ``wait_s``.
    """
    output, end_s = Path(spec.output), time.monotonic() + wait_s
    output.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(OutputLock(output))
                break
            except LockedError:
                if time.monotonic() >= end_s or stopped.wait(_LOCK_EVERY_S):
                    raise
        yield


def _step_text(step: Step) -> str:
    """Of a log's name."""
    return f".{step.start}" if isinstance(step, range) else "" if step == "all" else f".{step}"


def existing(spec: JobSpec) -> JobOutcome | None:
    """The outcome of a job whose output is there and up to date; None if it has to be made."""
    if why_made(spec):
        return None
    record = read_record(Path(spec.output))
    status = "gate" if spec.gate and record is not None and record.status == "gate" else "skipped"
    report = Path(spec.report) / "report.html" if spec.report is not None else None
    return JobOutcome(
        spec.name,
        spec.output,
        "gate" if status == "gate" else "skipped",
        "up to date, and below its pass marks" if status == "gate" else "up to date",
        _GATE_CODE if status == "gate" else 0,
        headline=None if record is None else record.headline,
        frames=0 if record is None else record.frames,
        report="" if report is None else str(report),
    )


def why_made(spec: JobSpec, *, store: bool = True) -> str:
    """Why a job's output has to be made; empty if it is up to date. ``store`` as in `up_to_date`."""
    fresh = up_to_date(spec, store=store)
    if not fresh.fresh:
        return fresh.reason
    record = read_record(Path(spec.output))
    if spec.gate and (record is None or record.headline is None):
        return "it was not measured"
    if spec.report is not None and not (Path(spec.report) / "report.html").is_file():
        return "its report is missing"
    return ""


def made_outcome(spec: JobSpec, data: Mapping[str, Any]) -> JobOutcome:
    """The outcome of a job whose output was made, from what the run of it says (`lipblend.batch.job_child.run_job`)."""
    evaluation = data.get("evaluation") or {}
    failed = spec.gate and not evaluation.get("passed")
    return JobOutcome(
        spec.name,
        spec.output,
        "gate" if failed else "passed",
        "below its pass marks" if failed else "",
        _GATE_CODE if failed else 0,
        frames=int(data["frames"]),
        headline=evaluation.get("headline"),
        report=str((evaluation.get("written") or {}).get("report.html", "")),
        details=data,
    )


def opened_log(path: Path) -> IO[bytes]:
    """A log file, begun anew.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb", buffering=0)
    except OSError as error:
        raise OutputError(f"cannot write the log {path}: {error.strerror or error}") from error


def utc_now() -> str:
    """``2026-01-31T12:00:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
