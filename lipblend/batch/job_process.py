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
from lipblend.batch.remote.remote_segments import Parts, RemoteSegments
from lipblend.batch.remote.store_errors import StoppedError
from lipblend.composite_options import usable_processors
from lipblend.errors import LipblendError, OutputError
from lipblend.runtime.child import Child, child_process
from lipblend.runtime.output_lock import LockedError
from lipblend.runtime.progress import OnProgress, Progress, no_progress
from lipblend.segments.job import THREADS
from lipblend.video.probe import probe

LONG = "long"
"""In the details of a job that was not made, because its clip is to be split."""

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
    split_s : float or None
        Jobs at addresses whose clips last longer are not made, but end with `LONG` in their details; None for none.
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
    split_s: float | None = None
    remote: RemoteOptions = field(default_factory=RemoteOptions)


def compose_threads(jobs: int) -> int:
    """Threads that compose in each of so many jobs that share this machine's processors."""
    return max(1, min(THREADS, usable_processors() // max(1, jobs)))


class JobRun:
    """One job; `stop` may be called from another thread.

    Parameters
    ----------
    spec : JobSpec
    options : JobRunOptions
    on_progress : callable
        Called on the thread of `run`.
    step : Step
        With steps of the job there is no lock: who ordered them holds it.
    parts : Parts, optional
        What a job at addresses is rendered from, for its steps after the first.
    """

    def __init__(
        self,
        spec: JobSpec,
        options: JobRunOptions,
        on_progress: OnProgress = no_progress,
        step: Step = "all",
        parts: Parts | None = None,
    ) -> None:
        self._spec, self._options, self._on_progress, self._step = spec, options, on_progress, step
        self._parts = parts
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
            if has_addresses(spec):
                return self._remote() if self._step == "all" else self._remote_step()
            if self._step != "all":
                return self._made(spec, self._order(spec, self._step))
            with locked(spec, self._options.lock_wait_s, self._stopped) as lock:
                self._lost = lambda: lock.lost
                return self._done(spec)
        except _LongClipError:
            return replace(self._ended("cancelled", _CANCELLED), details={LONG: True})
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
        return self._made(spec, self._order(spec, "all" if need.work == "render" else "measure", need.reason))

    def _remote(self) -> JobOutcome:
        """The outcome of a whole job at addresses."""
        options = self._options
        job = RemoteJob(self._spec, options.remote, self._stopped, self._on_progress)
        self._lost = lambda: job.lost

        def make(local: JobSpec) -> JobOutcome:
            if options.split_s is not None and lasts_longer(local, options.split_s):
                raise _LongClipError
            why = look_remote(self._spec, options.remote)[0] or FORCED
            return self._made(local, self._order(local, "all", why))

        return job.run(make, force=options.force, lock_wait_s=options.lock_wait_s)

    def _remote_step(self) -> JobOutcome:
        """The outcome of a step of a job at addresses."""
        options, step, parts = self._options, self._step, self._parts
        assert options.cache is not None  # without it nothing is split
        steps = RemoteSegments(self._spec, options.remote, options.cache, self._stopped, self._on_progress)

        def make(local: JobSpec, each: Step, on_progress: OnProgress) -> JobOutcome:
            return self._made(local, replace(self._order(local, each), shared=False), on_progress)

        if step == "prepare":
            return steps.prepare(make)
        assert parts is not None
        if isinstance(step, range):
            return steps.render(make, step, parts)
        return steps.join(make, parts, force=options.force)

    def _order(self, spec: JobSpec, step: Step, why: str = "") -> JobOrder:
        options = self._options
        return JobOrder(spec, options.cache, options.models, options.jobs, options.threads, step, why)

    def _made(self, spec: JobSpec, order: JobOrder, on_progress: OnProgress | None = None) -> JobOutcome:
        """The outcome of an order of the job, whose files are local in ``spec``."""
        options = self._options
        with ExitStack() as stack:
            within = _step_text(order.step) if order.step == "prepare" != self._step else ""
            name = f"{self._spec.name}{_step_text(self._step)}{within}.log"
            log = None if options.logs is None else options.logs / name
            sink = None if log is None else stack.enter_context(opened_log(log))
            self._pictures = recorded_sequences(spec)  # before they are read
            outcome = self._in_process(order, sink, on_progress or self._on_progress)
        return outcome if log is None else replace(outcome, log=str(log))

    def _in_process(self, order: JobOrder, sink: IO[bytes] | None, on_progress: OnProgress) -> JobOutcome:
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
                answer = self._answer(child, order, on_progress)
            except (LipblendError, StoppedError) as error:  # of whoever is told of the progress
                processes.kill()
                answer = error
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

    def _answer(self, child: Child, order: JobOrder, on_progress: OnProgress) -> Mapping[str, Any] | Exception:
        """What the child ends with; its progress is passed on."""
        child.send(order)
        while isinstance(message := child.receive(), Progress):
            on_progress(message)
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


class _LongClipError(Exception):
    """A clip is to be split."""


def lasts_longer(spec: JobSpec, split_s: float) -> bool:
    """Whether a local clip is longer than that; a file that cannot be read fails later, with its reason."""
    try:
        duration_s = probe(Path(spec.original)).duration_s
    except LipblendError:
        return False
    return duration_s is not None and duration_s > split_s


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
