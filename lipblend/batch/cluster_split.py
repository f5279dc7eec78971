"""One long clip on a cluster: its analysis, its segments on all workers, and their joining.

Who runs this holds the output's lock from the first step to the last; the steps themselves have none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from lipblend.batch.job_child import Step
from lipblend.batch.job_process import JobRunOptions
from lipblend.batch.job_spec import JobOutcome, JobSpec
from lipblend.batch.local_output import existing_local, locked
from lipblend.batch.remote.remote_job import RemoteJob
from lipblend.batch.remote.remote_lock import RemoteLock
from lipblend.batch.remote.remote_record import has_addresses
from lipblend.batch.remote.remote_segments import Parts, parts_folder
from lipblend.errors import LipblendError
from lipblend.runtime.progress import no_progress

if TYPE_CHECKING:
    from distributed import Future

OrderStep = Callable[[Step, Parts | None], "Future"]
"""Hands a step of the job to the cluster."""


def run_split(
    spec: JobSpec, options: JobRunOptions, stopped: Event, order: OrderStep, threads: Callable[[], int]
) -> JobOutcome:
    """The outcome of a job whose segments are rendered by all workers.

    Parameters
    ----------
    spec : JobSpec
    options : JobRunOptions
    stopped : Event
        Ends waiting for the lock.
    order : callable
    threads : callable
        How many tasks the workers run at a time, now.

    Raises
    ------
    LipblendError
        The output is locked, or a store does not answer.
    Exception
        Whatever Dask raises when it has lost a step.
    """
    if not has_addresses(spec):
        with locked(spec, options.lock_wait_s, stopped):
            return (None if options.force else existing_local(spec)) or _steps(order, threads, None)
    job = RemoteJob(spec, options.remote, stopped, no_progress)
    with job.locked(options.lock_wait_s) as lock:
        fresh = None if options.force else job.existing()
        outcome = fresh or _steps(order, threads, lock if isinstance(lock, RemoteLock) else None, at_address=True)
        if outcome.status == "failed":  # those of an interrupted run are kept for the next one
            with suppress(LipblendError):  # the reason why it failed is the one to tell
                parts_folder(spec, options.remote).remove_within()
        return outcome


def _steps(
    order: OrderStep, threads: Callable[[], int], lock: RemoteLock | None, *, at_address: bool = False
) -> JobOutcome:
    prepared: JobOutcome = order("prepare", None).result()
    if prepared.status != "passed":
        return prepared
    parts = Parts.of(prepared) if at_address else None
    count = int(prepared.details["segments"]) if parts is None else parts.count
    spans = np.array_split(np.arange(count), min(count, max(1, threads())))
    for outcome in _all_of([order(range(int(span[0]), int(span[-1]) + 1), parts) for span in spans]):
        if outcome.status != "passed":
            return outcome
    if lock is not None:
        lock.check_held()
    joined: JobOutcome = order("join", parts).result()
    return joined


def _all_of(futures: list[Future]) -> list[JobOutcome]:
    """The outcomes of some steps, when all have ended; raises the first error of one that was lost."""
    outcomes, lost = list[JobOutcome](), list[Exception]()
    for future in futures:
        try:
            outcomes.append(future.result())
        except Exception as error:  # noqa: BLE001 - what a lost worker or a broken cluster raises
            lost.append(error)
    if lost:
        raise lost[0]
    return outcomes
