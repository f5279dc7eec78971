"""What runs on a worker of a Dask cluster: one job, or a step of it, in a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from lipblend.batch.job_child import Step
from lipblend.batch.job_process import JobRun, JobRunOptions, compose_threads
from lipblend.batch.job_spec import JobOutcome, JobSpec
from lipblend.batch.remote.remote_segments import Parts
from lipblend.errors import LipblendError
from lipblend.runtime.progress import Progress

TOPIC = "lipblend-jobs"
"""Of the events in which workers tell of their jobs."""

_STOP_EVERY_S = 1.0


@dataclass(frozen=True)
class ClusterOrder:
    """What a worker is to do, ready for pickling.

    Attributes
    ----------
    spec : JobSpec
        Its paths are those of the workers.
    options : JobRunOptions
    stop : str
        Name of the Dask event that stops it.
    step : Step
        What of the job.
    parts : Parts or None
        As in `lipblend.batch.job_process.JobRun`.
    """

    spec: JobSpec
    options: JobRunOptions
    stop: str
    step: Step = "all"
    parts: Parts | None = None


def run_on_worker(order: ClusterOrder) -> JobOutcome:
    """Run one job, or a step of it, in a process of its own; called by Dask, on a thread of a worker."""
    from distributed import get_worker

    worker = get_worker()

    def tell(progress: Progress) -> None:
        say(worker, order, **vars(progress))

    threads = compose_threads(worker.state.nthreads)
    memory = _memory_of(worker, order.options.max_memory)
    options = replace(order.options, max_memory=memory, threads=threads)
    run = JobRun(order.spec, options, tell, order.step, order.parts)
    say(worker, order)
    with _stopping(run.stop, order.stop):
        return run.run()


def say(worker: Any, order: ClusterOrder, **more: object) -> None:
    """Tell whoever runs the series of a job.

    Raises
    ------
    LipblendError
        The scheduler is gone: nobody would learn how the job ends.
    """
    try:
        worker.log_event(TOPIC, {"name": order.spec.name, "stop": order.stop, **more})
    except (OSError, RuntimeError) as error:  # the connection, or all of the worker, is closed
        raise LipblendError(
            f"it was stopped, since the scheduler of the cluster is gone ({type(error).__name__}: {error})",
            hint="Finished segments are kept: start the cluster again, and run the same command.",
        ) from error


@contextmanager
def _stopping(stop: Callable[[], None], event: str) -> Iterator[None]:
    """Call ``stop`` when the Dask event is set."""
    from distributed import Event as DaskEvent
    from distributed import get_client

    done = threading.Event()
    asked = DaskEvent(event, client=get_client())  # this thread has a worker, the one that watches has none

    def watch() -> None:
        while not done.wait(_STOP_EVERY_S):
            if asked.is_set():
                stop()
                return

    thread = threading.Thread(target=watch, name="lipblend-stop", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _memory_of(worker: Any, limit: int | None) -> int | None:
    """Bytes for one job: a given limit, and no more than the worker's own shared by its threads."""
    whole = worker.memory_manager.memory_limit
    own = int(whole / max(1, worker.state.nthreads)) if whole else None
    return min((each for each in (limit, own) if each is not None), default=None)
