"""The pool of render workers: starts them, distributes segments, collects packets, and always ends them."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from lipblend.errors import LipblendError
from lipblend.runtime.child import Child, child_process, program
from lipblend.segments.encode import Segment, Step
from lipblend.segments.job import RenderJob
from lipblend.segments.worker import Setup

PROGRAM = program("lipblend.segments.worker", "work", "a render worker")
"""Source code that a worker runs."""

_WAITING_STEPS = 2  # per worker; a worker that is further ahead waits
_STOP_CHECK_S = 0.2


@dataclass(frozen=True)
class _Ended:
    """A worker answers no more."""

    cause: Exception


@dataclass
class _Worker:
    child: Child
    segment: Segment | None = None


class WorkerPool:
    """Render workers as child processes; a context manager that ends them all on exit.

    A worker whose parent has ended exits by itself.

    Parameters
    ----------
    job : RenderJob
    count : int
        Number of workers, at least 1.
    """

    def __init__(self, job: RenderJob, count: int) -> None:
        self._job, self._count = job, count
        self._workers: list[_Worker] = []
        self._answers: queue.Queue[tuple[_Worker, object]] = queue.Queue(_WAITING_STEPS * count)
        self._stopped = threading.Event()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        threads = max(1, (os.cpu_count() or 1) // self._count)
        with ExitStack() as stack:
            stack.callback(self._stopped.set)
            for _ in range(self._count):
                worker = _Worker(stack.enter_context(child_process(PROGRAM, capture=False)))
                self._workers.append(worker)
                listener = threading.Thread(target=self._listen, args=(worker,), name="lipblend-worker", daemon=True)
                listener.start()
            for worker in self._workers:
                self._send(worker, Setup(self._job, threads))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._stack.close()
        self._workers.clear()

    def run(self, segments: Iterable[Segment]) -> Iterator[tuple[Segment, Step]]:
        """Distribute segments in order; yields the steps of all workers until every segment is done.

        Raises
        ------
        LipblendError
            A worker failed (its own error is raised), or was killed.
        """
        waiting = iter(segments)
        for worker in self._workers:
            self._give(worker, waiting)
        while any(worker.segment is not None for worker in self._workers):
            worker, answer = self._answers.get()
            if isinstance(answer, _Ended):
                if worker.segment is not None:
                    raise self._died(worker) from answer.cause
                continue
            if isinstance(answer, BaseException):
                raise answer
            assert isinstance(answer, Step)
            segment = worker.segment
            assert segment is not None
            if answer.done is not None:
                self._give(worker, waiting)
            yield segment, answer

    def _listen(self, worker: _Worker) -> None:
        """Put a worker's answers into the queue, then its end."""
        answer: object = None
        while not isinstance(answer, _Ended):
            try:
                answer = worker.child.receive()
            except Exception as error:  # noqa: BLE001 - a closed pipe or half a message may raise anything
                answer = _Ended(error)
            while not self._stopped.is_set():
                try:
                    self._answers.put((worker, answer), timeout=_STOP_CHECK_S)
                    break
                except queue.Full:
                    continue

    def _give(self, worker: _Worker, waiting: Iterator[Segment]) -> None:
        worker.segment = next(waiting, None)
        self._send(worker, worker.segment)

    def _send(self, worker: _Worker, message: Setup | Segment | None) -> None:
        try:
            worker.child.send(message)
        except OSError as error:
            # It may have sent the reason before it ended.
            sender, answer = self._answers.get()
            while sender is not worker or not isinstance(answer, (BaseException, _Ended)):
                sender, answer = self._answers.get()
            if isinstance(answer, BaseException):
                raise answer from error
            raise self._died(worker) from error

    def _died(self, worker: _Worker) -> LipblendError:
        how, name = worker.child.how_it_ended()
        at = f" at {worker.segment.frames_text}" if worker.segment is not None else ""
        hint = "Render with one process (jobs = 1)."
        if name:
            hint = f"The system may have run out of memory: use fewer processes (jobs was {self._count})."
        return LipblendError(f"a render worker {how}{at}", hint=hint)
