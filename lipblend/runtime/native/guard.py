"""Guard the start of a native library: afterwards the process state is as it was.

Known changes are prevented (`lipblend.runtime.native.privilege`). Any others are undone, on all threads. Threads that
the library has started may have no more privileges than the thread that started it.
"""

from __future__ import annotations

import locale
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from lipblend.runtime.native.privilege import priority_raise_blocked
from lipblend.runtime.native.scheduling import LOW_POLICIES, Scheduling, reschedule, scheduling_of, thread_schedulings
from lipblend.runtime.native.state import PROCESS_STATE, THREAD_STATE, Aspect

Values = tuple[Any, ...]


@dataclass
class _Shared:
    """State before the first of several overlapping guards; later guards may see changes of a library."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    guards: int = 0
    process: Values = ()
    threads: dict[int, Scheduling] = field(default_factory=dict)


_SHARED = _Shared()


@contextmanager
def process_state_preserved() -> Iterator[None]:
    """Start a native library inside the block; on exit the process state is restored.

    Restored are the scheduling (policy, priority, nice value, CPU affinity) of every thread; signal handlers and the
    calling thread's signal mask and floating-point modes; locale, umask, current folder, limits and environment. New
    threads lose real-time policies and nice values below the calling thread's.

    Blocks may be nested and may overlap on several threads. Changes that other threads of the program make meanwhile
    are undone too, except for signal handlers and environment, so keep blocks short. What the system refuses to restore
    is reported as a RuntimeWarning. Costs about a millisecond.
    """
    thread = threading.get_native_id()
    thread_state = _read(THREAD_STATE)
    scheduling = scheduling_of()
    _enter(thread)
    try:
        with priority_raise_blocked():
            yield
    finally:
        failed = _restore(THREAD_STATE, thread_state)
        with _SHARED.lock:
            failed += _restore(PROCESS_STATE, _SHARED.process)
            failed += _restore_scheduling(_SHARED.threads, scheduling)
            _SHARED.guards -= 1
        if failed:
            text = f"a native library changed the process, and this could not be restored: {', '.join(failed)}"
            warnings.warn(text, RuntimeWarning, stacklevel=3)


def _enter(thread: int) -> None:
    with _SHARED.lock:
        if not _SHARED.guards:
            _SHARED.process, _SHARED.threads = _read(PROCESS_STATE), thread_schedulings()
        elif thread not in _SHARED.threads and (scheduling := scheduling_of()) is not None:
            _SHARED.threads[thread] = scheduling
        _SHARED.guards += 1


def _read(aspects: Sequence[Aspect]) -> Values:
    return tuple(aspect.read() for aspect in aspects)


def _restore(aspects: Sequence[Aspect], values: Values) -> list[str]:
    """Restore what has changed; returns descriptions of what cannot be restored."""
    failed = []
    for aspect, value in zip(aspects, values, strict=True):
        try:
            if aspect.read() != value:
                aspect.write(value)
        except (OSError, ValueError, locale.Error) as error:
            failed.append(f"{aspect.name} ({error})")
    return failed


def _restore_scheduling(saved: dict[int, Scheduling], starter: Scheduling | None) -> list[str]:
    """Restore the scheduling of all threads; returns descriptions of what cannot be restored."""
    failed = []
    for thread, current in thread_schedulings().items():
        wanted = saved[thread] if thread in saved else _limited(current, starter)
        try:
            reschedule(thread, wanted)
        except OSError as error:
            failed.append(f"the scheduling of a thread ({error.strerror})")
    return list(dict.fromkeys(failed))


def _limited(current: Scheduling, starter: Scheduling | None) -> Scheduling:
    """Scheduling of a new thread, limited to its starter's. It may take less: x265 lowers its own threads."""
    if starter is None:
        return current
    if current.policy in LOW_POLICIES:
        starter = replace(starter, policy=current.policy, priority=current.priority)
    return replace(
        starter,
        nice=max(current.nice, starter.nice),
        processors=current.processors & starter.processors or starter.processors,
    )
