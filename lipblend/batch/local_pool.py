"""Runs jobs on this machine, some at a time, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Protocol

from lipblend.batch.events import Advanced, Ended, Event, Started
from lipblend.batch.job_process import JobRun, JobRunOptions
from lipblend.batch.job_spec import JobOutcome, JobSpec

OnEvent = Callable[[Event], None]


class Pool(Protocol):
    """Runs jobs that are handed to it, and tells of each: one `Started` at most, and exactly one `Ended`."""

    def submit(self, spec: JobSpec) -> None:
        """Hand over a job; it starts when there is room."""

    def stop(self) -> None:
        """Stop what runs and start nothing more; the jobs end as ``cancelled``. May be called twice."""

    def close(self) -> None:
        """Wait until all jobs have ended, and release what was held."""


class LocalPool:
    """A `Pool` of threads that each look after one process at a time.

    Parameters
    ----------
    workers : int
        Jobs at a time.
    options : JobRunOptions
    on_event : callable
        Called on these threads.
    """

    def __init__(self, workers: int, options: JobRunOptions, on_event: OnEvent) -> None:
        self._options, self._on_event = options, on_event
        self._waiting: SimpleQueue[JobSpec | None] = SimpleQueue()
        self._lock = Lock()
        self._running: set[JobRun] = set()
        self._stopped = False
        self._threads = [Thread(target=self._work, name=f"lipblend-job-{number}") for number in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, spec: JobSpec) -> None:
        """See `Pool`."""
        self._waiting.put(spec)

    def stop(self) -> None:
        """See `Pool`."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for run in running:
            run.stop()

    def close(self) -> None:
        """See `Pool`."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (spec := self._waiting.get()) is not None:
            self._run(spec)

    def _run(self, spec: JobSpec) -> None:
        name = spec.name
        run = JobRun(spec, self._options, lambda progress: self._on_event(Advanced(name, progress)))
        with self._lock:
            self._running.add(run)
            stopped = self._stopped
            if stopped:
                run.stop()
        if not stopped:
            self._on_event(Started(name))
        try:
            outcome = run.run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the series has to learn that the job has ended
            text = " ".join(f"unexpected {type(error).__name__}: {error}".split())
            outcome = JobOutcome(name, spec.output, "failed", f"{text}. This is a bug in lipblend", 1)
        with self._lock:
            self._running.discard(run)
        self._on_event(Ended(outcome))
