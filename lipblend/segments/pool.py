"""Worker processes: started, given segments, listened to, and ended whatever happens."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from lipblend.errors import LipblendError
from lipblend.runtime.processes import killer, signals_held
from lipblend.segments.encode import Segment, Step
from lipblend.segments.job import RenderJob
from lipblend.segments.worker import Setup, work

_LAST_WORDS_S = 5.0


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    segment: Segment | None = None


class WorkerPool:
    """Render processes; a context manager that ends them all on leaving.

    They are started anew (no fork: decoders and encoders hold threads), import what rendering needs, and ignore
    Ctrl-C, which reaches the parent. A worker whose parent is gone ends by itself.

    Parameters
    ----------
    job : RenderJob
    count : int
        How many, at least 1.
    """

    def __init__(self, job: RenderJob, count: int) -> None:
        self._job, self._count = job, count
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        threads = max(1, (os.cpu_count() or 1) // self._count)
        try:
            with signals_held(signal.SIGINT):
                for _ in range(self._count):
                    here, there = context.Pipe()
                    process = context.Process(target=work, args=(there,), name="lipblend-render", daemon=True)
                    process.start()
                    there.close()  # so that the end of the worker is the end of the pipe
                    self._workers.append(_Worker(process, here))
            for worker in self._workers:
                self._send(worker, Setup(self._job, threads))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def run(self, segments: Iterable[Segment]) -> Iterator[tuple[Segment, Step]]:
        """Hand out segments in order; yields what workers say of theirs, until all are done.

        Raises
        ------
        LipblendError
            A worker failed (its own error), or was killed.
        """
        waiting = iter(segments)
        for worker in self._workers:
            self._give(worker, waiting)
        while busy := {worker.connection: worker for worker in self._workers if worker.segment is not None}:
            for ready in wait(list(busy)):
                worker = next(each for connection, each in busy.items() if connection is ready)
                segment = worker.segment
                assert segment is not None
                try:
                    message: Step | BaseException = worker.connection.recv()
                except (EOFError, OSError) as error:
                    raise self._died(worker) from error
                if isinstance(message, BaseException):
                    raise message
                if message.done is not None:
                    self._give(worker, waiting)
                yield segment, message

    def _give(self, worker: _Worker, waiting: Iterator[Segment]) -> None:
        worker.segment = next(waiting, None)
        self._send(worker, worker.segment)

    def _send(self, worker: _Worker, message: Setup | Segment | None) -> None:
        try:
            worker.connection.send(message)
        except OSError as error:
            # It may have said why before it ended.
            while worker.connection.poll():
                try:
                    said = worker.connection.recv()
                except (EOFError, OSError):
                    break
                if isinstance(said, BaseException):
                    raise said from error
            raise self._died(worker) from error

    def _died(self, worker: _Worker) -> LipblendError:
        worker.process.join(_LAST_WORDS_S)
        code = worker.process.exitcode
        at = f" at {worker.segment.frames_text}" if worker.segment is not None else ""
        name = killer(code)
        if name:
            return LipblendError(
                f"a render worker was killed by {name}{at}",
                hint=f"The system may have run out of memory: try fewer --jobs than {self._count}.",
            )
        return LipblendError(
            f"a render worker ended{at} with exit code {code}",
            hint="Try --jobs 1. In a script of your own, call composite() below `if __name__ == '__main__':`.",
        )

    def _end(self) -> None:
        for worker in self._workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_LAST_WORDS_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.process.close()
        self._workers.clear()
