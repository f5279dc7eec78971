"""Jobs on the machines of a Dask cluster: whole clips one a task, long ones in segments."""

from __future__ import annotations

import logging
import socket
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lipblend.analysis.cache import WHOLE_PACKAGE, code_fingerprint
from lipblend.batch.cluster_split import run_split
from lipblend.batch.cluster_worker import TOPIC, ClusterOrder, run_on_worker
from lipblend.batch.events import Advanced, Ended, Started
from lipblend.batch.job_child import Step
from lipblend.batch.job_process import LONG, JobRunOptions, lasts_longer
from lipblend.batch.job_spec import JobOutcome, JobSpec
from lipblend.batch.local_pool import OnEvent
from lipblend.batch.remote.remote_record import has_addresses
from lipblend.batch.remote.remote_segments import Parts
from lipblend.errors import LipblendError, SettingsError
from lipblend.runtime.output_lock import LockedError
from lipblend.runtime.progress import Progress

if TYPE_CHECKING:
    from distributed import Client, Future

RETRIES = 3
"""How often a task is given to another worker when one is lost."""

LOCK_WAIT_S = 90.0
"""How long a job waits for its output's lock, which a lost machine holds for at most a minute."""

_SPLIT_AT_A_TIME = 16
_CONNECT_S = 4.0
_INSTALL = 'Install it with `pip install ".[cluster]"` in the checkout.'


def connect(address: str) -> Client:
    """A client of a scheduler, once every worker has the same program as this machine.

    Parameters
    ----------
    address : str
        ``tcp://host:port``.

    Raises
    ------
    SettingsError
        Dask is missing; nothing answers there; there is no worker, or one has another version of the program.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise SettingsError("--scheduler needs Dask, which is not installed", hint=_INSTALL) from error
    _check_answers(address)
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it says of a lost scheduler, jobs say
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False, name="lipblend-batch")
    except Exception as error:
        raise _no_scheduler(address, error) from error
    try:
        _check_workers(client, address)
    except BaseException:
        client.close()
        raise
    return client


def _check_answers(address: str) -> None:
    """Look whether a scheduler is there: Dask would wait long for one, and for ever for what listens and says nothing.

    Raises
    ------
    SettingsError
        Nothing answers in time, or it is no address.
    """
    try:
        place = urlsplit(address)
        if not place.hostname or not place.port:
            raise ValueError("it is not written as tcp://HOST:PORT")
        with socket.create_connection((place.hostname, place.port), timeout=_CONNECT_S / 2) as connection:
            if place.scheme == "tcp" and not connection.recv(1):  # there a scheduler speaks first
                raise ConnectionError("it is no Dask scheduler that listens there")
    except (OSError, ValueError) as error:
        raise _no_scheduler(address, error) from error


def _no_scheduler(address: str, error: Exception) -> SettingsError:
    return SettingsError(
        f"no Dask scheduler answers at {address}: {' '.join(str(error).split()) or type(error).__name__}",
        hint="Start one with `dask scheduler`, which prints its address, and workers with `dask worker ADDRESS`.",
    )


def _check_workers(client: Client, address: str) -> None:
    found = client.run(worker_program)
    if not found:
        raise SettingsError(f"the scheduler at {address} has no worker", hint=f"Start some: `dask worker {address}`.")
    own = worker_program()
    unlike = [f"{name}: {text}" for name, text in found.items() if text != own]
    if unlike:
        raise SettingsError(
            f"{len(unlike)} of {len(found)} workers have another version of the program than this machine ({own})",
            details=tuple(unlike[:8]),
            hint="Install the same version everywhere.",
        )


def worker_program() -> str:
    """What this machine's program is: its code, on which every byte of an output depends."""
    return code_fingerprint(WHOLE_PACKAGE)[:16]


class DaskPool:
    """A `lipblend.batch.local_pool.Pool` on a cluster.

    Parameters
    ----------
    client : Client
        Closed with the pool.
    options : JobRunOptions
        Its folders are on paths that all machines share.
    on_event : callable
        Called on threads of the client.
    split_s : float or None
        Clips that last longer are rendered in segments by several workers; None for none.
    """

    def __init__(self, client: Client, options: JobRunOptions, on_event: OnEvent, split_s: float | None) -> None:
        self._client, self._on_event, self._split_s = client, on_event, split_s
        self._options = replace(options, lock_wait_s=LOCK_WAIT_S, split_s=split_s)
        self._stop = f"lipblend-stop-{uuid.uuid4().hex}"
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._futures: dict[str, tuple[str, Future]] = {}
        self._started: set[str] = set()
        self._done: set[str] = set()
        self._splitting = ThreadPoolExecutor(_SPLIT_AT_A_TIME, thread_name_prefix="lipblend-split")
        self._open = threading.Semaphore(0)
        self._count = 0
        client.subscribe_topic(TOPIC, self._told)

    def submit(self, spec: JobSpec) -> None:
        """See `Pool`."""
        self._count += 1
        try:
            if self._split_s is not None and not has_addresses(spec) and lasts_longer(spec, self._split_s):
                self._splitting.submit(self._run_split, spec)
                return
            future = self._task(spec, "all")
        except Exception as error:  # noqa: BLE001 - a scheduler that is gone, a job that cannot be sent
            self._ended(spec, self._lost(spec, error))
            return
        future.add_done_callback(lambda done: self._whole_ended(spec, done))

    def stop(self) -> None:
        """See `Pool`."""
        from distributed import Event as DaskEvent

        with self._lock:
            if self._stopped.is_set():
                return
            self._stopped.set()
            # Those that run are stopped by their workers, and tell how they ended.
            waiting = [future for name, future in self._futures.values() if name not in self._started]
        with suppress(OSError, TimeoutError):  # the scheduler is gone, and with it the jobs
            DaskEvent(self._stop, client=self._client).set()
            self._client.cancel(waiting)

    def close(self) -> None:
        """See `Pool`."""
        for _ in range(self._count):
            self._open.acquire()
        self._splitting.shutdown()
        self._client.close()

    def _task(self, spec: JobSpec, step: Step, parts: Parts | None = None) -> Future:
        key = f"lipblend-{spec.name}-{step}-{uuid.uuid4().hex}"
        order = ClusterOrder(spec, self._options, self._stop, step, parts)
        with self._lock:
            if self._stopped.is_set():
                raise CancelledError
            future = self._client.submit(run_on_worker, order, key=key, retries=RETRIES, pure=False)
            self._futures[key] = spec.name, future
        return future

    def _told(self, event: tuple[float, Any]) -> None:
        """What a worker says of a job."""
        _, said = event
        if not isinstance(said, Mapping) or said.get("stop") != self._stop:
            return
        name = str(said["name"])
        with self._lock:
            if name in self._done:
                return
            is_new = name not in self._started
            self._started.add(name)
        if is_new:
            self._on_event(Started(name))
        if "stage" in said:
            self._on_event(Advanced(name, Progress(said["stage"], said["done"], said["total"])))

    def _ended(self, spec: JobSpec, outcome: JobOutcome) -> None:
        with self._lock:
            self._done.add(spec.name)
            done = [key for key, (_, future) in self._futures.items() if future.done()]
            for key in done:
                del self._futures[key]  # lets the cluster forget it
        self._on_event(Ended(outcome))
        self._open.release()

    def _whole_ended(self, spec: JobSpec, future: Future) -> None:
        """A task of a whole job has ended; a clip at an address may have turned out to be long."""
        outcome = self._outcome_of(spec, future)
        if LONG in outcome.details:
            self._splitting.submit(self._run_split, spec)
        else:
            self._ended(spec, outcome)

    def _run_split(self, spec: JobSpec) -> None:
        """One long clip: its analysis, its segments on all workers, and their joining."""
        try:
            outcome = run_split(
                spec,
                self._options,
                self._stopped,
                lambda step, parts: self._task(spec, step, parts),
                lambda: sum(self._client.nthreads().values()),
            )
        except LockedError as error:
            outcome = JobOutcome(spec.name, spec.output, "locked", error.message, error.exit_code)
        except LipblendError as error:
            outcome = JobOutcome(spec.name, spec.output, "failed", str(error), error.exit_code)
        except Exception as error:  # noqa: BLE001 - every job has to end, or the series would wait for ever
            outcome = self._lost(spec, error)
        self._ended(spec, outcome)

    def _outcome_of(self, spec: JobSpec, future: Future) -> JobOutcome:
        """The outcome that a task has, or that tells how it was lost; waits for its end."""
        try:
            outcome: JobOutcome = future.result()
        except Exception as error:  # noqa: BLE001 - what a lost worker or a broken cluster raises
            return self._lost(spec, error)
        return outcome

    def _lost(self, spec: JobSpec, error: Exception) -> JobOutcome:
        if isinstance(error, CancelledError) and self._stopped.is_set():
            return JobOutcome(spec.name, spec.output, "cancelled")
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return JobOutcome(spec.name, spec.output, "failed", f"the cluster lost it: {text}", LipblendError.exit_code)
