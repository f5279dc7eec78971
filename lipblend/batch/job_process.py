"""The parent's side of one job: its lock, whether there is anything to do, its process, its log and its end."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock
from typing import IO, Any

from lipblend.batch.job_child import CHILD, JobOrder, Step
from lipblend.batch.job_spec import JobOutcome, JobSpec, Need
from lipblend.batch.local_output import existing_outcome, local_need, locked, made_outcome, record_made
from lipblend.batch.made_from import RecordedFile, recorded_sequences
from lipblend.batch.memory_guard import MemoryGuard, ProcessTree
from lipblend.batch.remote.remote_files import RemoteOptions
from lipblend.batch.remote.remote_job import RemoteJob
from lipblend.batch.remote.remote_record import has_addresses, look_remote
from lipblend.batch.remote.store_errors import StoppedError
from lipblend.composite_options import usable_processors
from lipblend.errors import LipblendError, OutputError
from lipblend.runtime.child import Child, child_process
from lipblend.runtime.output_lock import LockedError
from lipblend.runtime.progress import OnProgress, Progress, no_progress
from lipblend.segments.job import THREADS

FORCED = "--force"
_CANCELLED = ""  # the status says it


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
    threads : int or None
        Threads that compose, for each job; None for as many as suit the machine.
    lock_wait_s : float
        How long to wait for an output that another run is making: its machine may be lost.
    remote : RemoteOptions
        How addresses are read and written.
    """

    force: bool = False
    cache: Path | None = None
    models: Path | None = None
    logs: Path | None = None
    max_memory: int | None = None
    jobs: int = 1
    threads: int | None = None
    lock_wait_s: float = 0.0
    remote: RemoteOptions = field(default_factory=RemoteOptions)


def compose_threads(jobs: int) -> int:
    """Threads that compose in each of so many jobs that share this machine's processors."""
    return max(1, min(THREADS, usable_processors() // max(1, jobs)))


class JobRun:
    """One job; `stop` may be called from another thread.

    Parameters
    ----------
    spec : JobSpec
        Its files are local; those of a whole job may be addresses.
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
        self._stopped, self._guarding = Event(), Lock()
        self._processes: ProcessTree | None = None
        self._lost: Callable[[], bool] = lambda: False
        self._pictures: tuple[RecordedFile, ...] | None = None

    def stop(self) -> None:
        """Kill its processes; what is finished of the output is kept for the next run."""
        with self._guarding:
            self._stopped.set()
            if self._processes is not None:
                self._processes.kill()

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
                return self._made(spec, self._step, "")
            if has_addresses(spec):
                job = RemoteJob(spec, self._options.remote, self._stopped, self._on_progress)
                self._lost = lambda: job.lost
                return job.run(self._made_remote, force=self._options.force, lock_wait_s=self._options.lock_wait_s)
            with locked(spec, self._options.lock_wait_s, self._stopped) as lock:
                self._lost = lambda: lock.lost
                return self._done(spec)
        except StoppedError:
            return self._ended("cancelled", _CANCELLED)
        except LockedError as error:
            if self._stopped.is_set():
                return self._ended("cancelled", _CANCELLED)
            return self._ended("locked", error.message, error.exit_code)
        except LipblendError as error:
            return self._ended("failed", str(error), error.exit_code)
        except OSError as error:
            text = f"{error.strerror or error}: {error.filename or spec.output}"
            return self._ended("failed", text, OutputError.exit_code)

    def _done(self, spec: JobSpec) -> JobOutcome:
        """Do what has to be done for the job, whose files are local."""
        need = local_need(spec)
        if self._options.force:
            need = Need("render", need.reason or FORCED)
        if need.work == "nothing":
            return existing_outcome(spec)
        return self._made(spec, "all" if need.work == "render" else "measure", need.reason)

    def _made_remote(self, local: JobSpec) -> JobOutcome:
        """The outcome of making the output of a job with addresses, whose files have copies in ``local``."""
        found = look_remote(self._spec, self._options.remote)[0]
        return self._made(local, "all", found or FORCED)

    def _made(self, spec: JobSpec, step: Step, why: str) -> JobOutcome:
        """The outcome of a step of the job, whose files are local in ``spec``; ``why`` it is done."""
        with ExitStack() as stack:
            name = f"{self._spec.name}{_step_text(self._step)}.log"
            log = None if self._options.logs is None else self._options.logs / name
            sink = None if log is None else stack.enter_context(opened_log(log))
            self._pictures = recorded_sequences(spec)  # before they are read
            outcome = self._in_process(self._order(spec, step, why), sink)
        return outcome if log is None else replace(outcome, log=str(log))

    def _order(self, spec: JobSpec, step: Step, why: str) -> JobOrder:
        options = self._options
        return JobOrder(spec, options.cache, options.models, options.jobs, options.threads, step, why)

    def _in_process(self, order: JobOrder, sink: IO[bytes] | None) -> JobOutcome:
        options = self._options
        with (
            child_process(CHILD, log=sink) as child,
            MemoryGuard(processes := ProcessTree(child.process.pid), options.max_memory) as guard,
        ):
            try:
                with self._guarding:
                    self._processes = processes
                    if self._stopped.is_set():
                        processes.kill()
                answer = self._answer(child, order)
            except (EOFError, OSError):
                processes.kill()  # whatever it started, before its number can be another's
                how, _ = child.how_it_ended()
                answer = LipblendError(f"its process {how}", details=child.last_lines() if sink is None else ())
            except Exception as error:  # noqa: BLE001 - whatever a broken process sends
                answer = LipblendError(f"its process sent nonsense ({type(error).__name__}: {error})")
            finally:
                processes.kill()
                with self._guarding:
                    self._processes = None
        if self._stopped.is_set() and not isinstance(answer, Mapping):
            return self._ended("cancelled", _CANCELLED)
        if self._lost():
            return self._ended("locked", "another run has taken over its output", OutputError.exit_code)
        if guard.exceeded:
            limit = options.max_memory or 0
            answer = LipblendError(
                f"it took {guard.peak / 1e9:.1f} GB of memory, and {limit / 1e9:.1f} GB were allowed",
                hint="Allow more (--max-memory), or run fewer at a time (--workers).",
            )
        if isinstance(answer, Mapping):
            return self._finished(order, {**answer, "peak_memory_bytes": guard.peak})
        return self._failed(answer, sink)

    def _answer(self, child: Child, order: JobOrder) -> Mapping[str, Any] | Exception:
        """What the child ends with; its progress is passed on."""
        child.send(order)
        while isinstance(message := child.receive(), Progress):
            self._on_progress(message)
            if self._lost():
                raise EOFError  # what it writes now would replace what the other run writes
        if isinstance(message, (Mapping, Exception)):
            return message
        raise TypeError(f"a {type(message).__name__}")

    def _finished(self, order: JobOrder, data: Mapping[str, Any]) -> JobOutcome:
        if order.step == "prepare" or isinstance(order.step, range):
            return replace(self._ended("passed", ""), details=data)
        outcome = made_outcome(order.spec, data, order.why)
        record_made(order.spec, outcome, self._pictures)
        return outcome

    def _failed(self, error: Exception, sink: IO[bytes] | None) -> JobOutcome:
        if sink is not None:
            notes = "\n".join(getattr(error, "__notes__", ()))
            sink.write(f"\nerror: {error}\n{notes}\n".encode(errors="backslashreplace"))
        if isinstance(error, LipblendError):
            return self._ended("failed", " ".join(str(error).split()), error.exit_code)
        text = " ".join(f"unexpected {type(error).__name__}: {error}".split())
        return self._ended("failed", f"{text}. This is a bug in lipblend; its log has the traceback", 1)

    def _ended(self, status: Any, reason: str, exit_code: int = 0) -> JobOutcome:
        return JobOutcome(self._spec.name, self._spec.output, status, reason, exit_code)


def _step_text(step: Step) -> str:
    """Of a log's name."""
    return f".{step.start}" if isinstance(step, range) else "" if step == "all" else f".{step}"


def need_of(spec: JobSpec, remote: RemoteOptions, *, store: bool = True) -> Need:
    """What a job has to do, and why; ``store`` as in `lipblend.batch.job_record.up_to_date`.

    Raises
    ------
    LipblendError
        It cannot be told: a setting is not allowed, or a store does not answer.
    """
    if not has_addresses(spec):
        return local_need(spec, store=store)
    why = look_remote(spec, remote)[0]
    return Need("render", why) if why else Need("nothing")


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
