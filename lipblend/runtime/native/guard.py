"""The guard around the start of a native library: afterwards the process is as it was before.

What is known to happen is kept from happening (`lipblend.runtime.native.privilege`); whatever a library changes all
the same is put back, on all threads. Threads that it has started for itself are as the thread that started it, at most.
"""

from __future__ import annotations

import locale
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from lipblend.runtime.native.privilege import priority_not_raised
from lipblend.runtime.native.scheduling import LESS_THAN_OTHERS, Scheduling, reschedule, scheduling_of, threads
from lipblend.runtime.native.state import OF_PROCESS, OF_THREAD, Aspect

Values = tuple[Any, ...]


@dataclass
class _Shared:
    """What was found before the first of the guards that overlap: the only one that can be sure of it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    guards: int = 0
    process: Values = ()
    threads: dict[int, Scheduling] = field(default_factory=dict)


# The process has one state; guards on several threads must not take each other's middle for the beginning.
_SHARED = _Shared()


@contextmanager
def process_kept() -> Iterator[None]:
    """Start a native library within the block; on leaving it, the process is as it was.

    Scheduling (policy, priority, nice value, processors) of every thread; signal handlers and the calling thread's
    signal mask; its floating-point modes; locale, umask, current folder, limits, and environment. Of threads that are
    new, real-time policies and nice values below the calling thread's are taken away: they may take less, not more.

    Blocks may be nested and overlap on several threads. What another thread of the program changes meanwhile is put
    back as well, but for signal handlers and environment: keep blocks short. What the system does not let be put back
    is told as a RuntimeWarning. Costs about a millisecond.
    """
    number = threading.get_native_id()
    own = _read(OF_THREAD)
    mine = scheduling_of()
    _enter(number)
    try:
        with priority_not_raised():
            yield
    finally:
        failed = _put_back(OF_THREAD, own)
        with _SHARED.lock:
            failed += _put_back(OF_PROCESS, _SHARED.process)
            failed += _rescheduled(_SHARED.threads, mine)
            _SHARED.guards -= 1
        if failed:
            text = f"a native library changed the process, and this could not be put back: {', '.join(failed)}"
            warnings.warn(text, RuntimeWarning, stacklevel=3)


def _enter(number: int) -> None:
    with _SHARED.lock:
        if not _SHARED.guards:
            _SHARED.process, _SHARED.threads = _read(OF_PROCESS), threads()
        elif number not in _SHARED.threads and (mine := scheduling_of()) is not None:
            _SHARED.threads[number] = mine
        _SHARED.guards += 1


def _read(aspects: Sequence[Aspect]) -> Values:
    return tuple(aspect.read() for aspect in aspects)


def _put_back(aspects: Sequence[Aspect], values: Values) -> list[str]:
    """Put back what is not as it was; returns what cannot be, in words."""
    failed = []
    for aspect, value in zip(aspects, values, strict=True):
        try:
            if aspect.read() != value:
                aspect.write(value)
        except (OSError, ValueError, locale.Error) as error:
            failed.append(f"{aspect.name} ({error})")
    return failed


def _rescheduled(before: dict[int, Scheduling], starter: Scheduling | None) -> list[str]:
    """Put the scheduling of threads back; returns what cannot be, in words."""
    failed = []
    for number, found in threads().items():
        wanted = before[number] if number in before else _at_most(found, starter)
        try:
            reschedule(number, wanted)
        except OSError as error:
            failed.append(f"the scheduling of a thread ({error.strerror})")
    return list(dict.fromkeys(failed))


def _at_most(found: Scheduling, starter: Scheduling | None) -> Scheduling:
    """What a new thread may have: x265 gives its own threads less than their share, which is its own affair."""
    if starter is None:
        return found
    if found.policy in LESS_THAN_OTHERS:
        starter = replace(starter, policy=found.policy, priority=found.priority)
    return replace(
        starter,
        nice=max(found.nice, starter.nice),
        processors=found.processors & starter.processors or starter.processors,
    )
