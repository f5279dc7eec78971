"""Read and set the scheduling of threads (Linux only; elsewhere nothing is read or set).

Policy, priority, nice value and CPU affinity are per thread (sched(7)). A new thread inherits those of its creator.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

LOW_POLICIES = tuple(getattr(os, name) for name in ("SCHED_BATCH", "SCHED_IDLE") if hasattr(os, name))
"""Policies that give a thread less processor time than the default one."""


@dataclass(frozen=True)
class Scheduling:
    """Scheduling of one thread.

    Attributes
    ----------
    policy : int
        ``os.SCHED_OTHER`` and others, with ``SCHED_RESET_ON_FORK`` if set.
    priority : int
        1 to 99 for real-time policies, else 0.
    nice : int
        -20 (most processor time) to 19.
    processors : frozenset of int
        Those it may run on.
    """

    policy: int
    priority: int
    nice: int
    processors: frozenset[int]


def scheduling_of(thread: int = 0) -> Scheduling | None:
    """Scheduling of a thread (0: the calling thread); None if it has ended or cannot be read."""
    if sys.platform != "linux":
        return None
    try:
        return Scheduling(
            os.sched_getscheduler(thread),
            os.sched_getparam(thread).sched_priority,
            os.getpriority(os.PRIO_PROCESS, thread),
            frozenset(os.sched_getaffinity(thread)),
        )
    except OSError:
        return None


def thread_schedulings() -> dict[int, Scheduling]:
    """Scheduling of all threads of this process, by thread id."""
    if sys.platform != "linux":
        return {}
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/task")]
    except OSError:  # /proc is not there
        numbers = [0]
    return {number: scheduling for number in numbers if (scheduling := scheduling_of(number)) is not None}


def reschedule(thread: int, wanted: Scheduling) -> None:
    """Set the scheduling of a thread. Does nothing if it is set already, or the thread has ended.

    Raises
    ------
    OSError
        The system does not allow it.
    """
    current = scheduling_of(thread)
    if sys.platform != "linux" or current is None or current == wanted:
        return
    try:
        if (current.policy, current.priority) != (wanted.policy, wanted.priority):
            os.sched_setscheduler(thread, wanted.policy, os.sched_param(wanted.priority))
        if current.nice != wanted.nice:
            os.setpriority(os.PRIO_PROCESS, thread, wanted.nice)
        if current.processors != wanted.processors:
            os.sched_setaffinity(thread, wanted.processors)
    except ProcessLookupError:
        return
