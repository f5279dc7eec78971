"""A whole series: which jobs are run, until all have ended, and how it ends."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from lipblend.batch.events import Ended, Event
from lipblend.batch.job_process import FORCED, need_of
from lipblend.batch.job_record import read_record
from lipblend.batch.job_spec import DONE, JobOutcome, JobSpec, Need, Status
from lipblend.batch.local_pool import OnEvent, Pool
from lipblend.batch.made_from import sequence_roles
from lipblend.batch.remote.remote_files import RemoteOptions
from lipblend.batch.results import ResultsFile
from lipblend.errors import BatchError, GateError, LipblendError, OutputError, SettingsError

_LOOKING_THREADS = 8
MakePool = Callable[[OnEvent], Pool]


@dataclass
class Series:
    """The outcomes of a series so far, in the order in which the jobs ended.

    Attributes
    ----------
    total : int
        Jobs that were handed over.
    last : dict of str to JobOutcome
        How each job ended last, by name.
    lost : list of str
        Names of jobs whose line could not be written into the results.
    """

    total: int = 0
    last: dict[str, JobOutcome] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    @property
    def outcomes(self) -> list[JobOutcome]:
        """How each job ended last."""
        return list(self.last.values())

    @property
    def counts(self) -> Counter[Status]:
        """Jobs by status."""
        return Counter(outcome.status for outcome in self.outcomes)

    @property
    def failed(self) -> list[JobOutcome]:
        """What is not there as it should be, apart from what is below the gate."""
        return [outcome for outcome in self.outcomes if outcome.status not in DONE and outcome.status != "gate"]

    def raise_for_status(self, *, hint: str, gate_hint: str = "") -> None:
        """Raise an error unless all is well; ``gate_hint`` is for outputs that are all there.

        Raises
        ------
        BatchError
            A job failed, was stopped, or is being made by another run.
        GateError
            All outputs are there, and some are below their pass marks.
        """
        below, failed = self.counts["gate"], self.failed
        if below and all(outcome.status == "cancelled" for outcome in failed):  # the gate has stopped them
            raise GateError(
                f"{below} of {self.total} outputs are below their pass marks",
                hint=hint if failed else gate_hint or hint,
            )
        if failed:
            raise BatchError(f"{len(failed)} of {self.total} jobs {_failed_text(failed)}", hint=hint)
        if self.lost:
            raise OutputError(
                f"{len(self.lost)} lines of the results could not be written", details=tuple(self.lost[:8]), hint=hint
            )


def _failed_text(failed: Sequence[JobOutcome]) -> str:
    words: dict[Status, str] = {
        "failed": "failed",
        "locked": "are being made by another run",
        "cancelled": "were stopped",
    }
    counts = Counter(outcome.status for outcome in failed)
    if len(counts) == 1:
        return words[next(iter(counts))]
    return "did not end well: " + ", ".join(f"{counts[key]} {words[key]}" for key in words if counts[key])


def chosen(
    jobs: Sequence[JobSpec],
    only: Sequence[str] = (),
    earlier: Mapping[str, JobOutcome] | None = None,
    *,
    arriving: bool = False,
) -> list[JobSpec]:
    """The jobs whose names match a pattern of ``only``, and, with ``earlier``, that did not end well or at all.

    Parameters
    ----------
    jobs : sequence of JobSpec
    only : sequence of str
        Shell patterns (``intro*``); empty for all.
    earlier : mapping of str to JobOutcome, optional
        How each job ended last (`lipblend.batch.results.last_outcomes`).
    arriving : bool
        More jobs come later, so a pattern may match none yet.

    Raises
    ------
    SettingsError
        A pattern matches no job.
    """
    unmatched = [pattern for pattern in only if not any(fnmatch.fnmatchcase(job.name, pattern) for job in jobs)]
    if unmatched and not arriving:
        names = ", ".join(job.name for job in jobs[:5]) + (" ..." if len(jobs) > 5 else "")
        raise SettingsError(f"--only {unmatched[0]} matches no job", hint=f"The jobs are {names}.")
    kept = [job for job in jobs if not only or any(fnmatch.fnmatchcase(job.name, pattern) for pattern in only)]
    if earlier is None:
        return kept
    return [job for job in kept if job.name not in earlier or earlier[job.name].status not in DONE]


def made_before(jobs: Sequence[JobSpec]) -> set[str]:
    """Names of jobs whose outputs an earlier run has recorded: their files have been opened then.

    Without those of image sequences, in which a picture may be missing since.
    """
    return {
        job.name
        for job in jobs
        if "://" not in job.output and not sequence_roles(job) and read_record(Path(job.output)) is not None
    }


def to_make(jobs: Sequence[JobSpec], *, force: bool, remote: RemoteOptions | None = None) -> list[tuple[JobSpec, Need]]:
    """Each job with what it would do, and why."""

    def need(job: JobSpec) -> Need:
        try:
            found = need_of(job, remote or RemoteOptions(), store=False)
        except LipblendError as error:
            return Need("render", error.message)
        return Need("render", found.reason or FORCED) if force else found

    with ThreadPoolExecutor(_LOOKING_THREADS, thread_name_prefix="lipblend-look") as threads:
        return list(zip(jobs, threads.map(need, jobs), strict=True))


class BatchRun:
    """Hands jobs to a pool and follows them to their end.

    A context manager; leaving it with an error (Ctrl-C) stops what runs.

    Parameters
    ----------
    make_pool : callable
        Makes the pool, from what it calls with every event.
    results : ResultsFile
    on_event : callable
        Called on this thread, for a table.
    fail_fast : bool
        Stop when a job does not end well.
    series : Series, optional
        Takes the outcomes; a new one by default.

    Attributes
    ----------
    series : Series
    stopped : bool
        A job did not end well, and the others were stopped.
    """

    def __init__(
        self,
        make_pool: MakePool,
        results: ResultsFile,
        on_event: OnEvent = lambda _: None,
        *,
        fail_fast: bool = False,
        series: Series | None = None,
    ) -> None:
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._pool = make_pool(self._events.put)
        self._results, self._on_event, self._fail_fast = results, on_event, fail_fast
        self._unfinished: list[str] = []
        self.series = series or Series()
        self.stopped = False

    def __enter__(self) -> BatchRun:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._pool.stop()
        self._pool.close()
        if kind is not None:
            while not self._events.empty():
                self._take(self._events.get())

    def submit(self, jobs: Sequence[JobSpec]) -> None:
        """Hand over jobs."""
        self.series.total = len({*self.series.last, *self._unfinished, *(job.name for job in jobs)})
        for job in jobs:
            self._unfinished.append(job.name)
            self._pool.submit(job)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Names of the jobs that have not ended."""
        return tuple(self._unfinished)

    def follow(self, *, until_s: float | None = None) -> bool:
        """Wait for the next event; False if none came in time."""
        try:
            event = self._events.get(timeout=until_s)
        except Empty:
            return False
        self._take(event)
        return True

    def finish(self) -> Series:
        """Follow all jobs to their end."""
        while self._unfinished:
            self.follow()
        return self.series

    def _take(self, event: Event) -> None:
        if isinstance(event, Ended):
            outcome = event.outcome
            self.series.last[outcome.name] = outcome
            self._unfinished.remove(outcome.name)
            if outcome.status != "cancelled":
                self._results.add(outcome)
                self.series.lost = self._results.lost
            if self._fail_fast and outcome.status not in (*DONE, "cancelled"):
                self.stopped = True
                self._pool.stop()
        self._on_event(event)
