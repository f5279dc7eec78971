"""How the system schedules the threads of this process. Linux only: elsewhere nothing is known and nothing is done.

Linux keeps policy, priority, nice value and processors for each thread (sched(7)), and gives a new thread those of the
one that starts it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

LESS_THAN_OTHERS = tuple(getattr(os, name) for name in ("SCHED_BATCH", "SCHED_IDLE") if hasattr(os, name))
"""Policies that give a thread less than the usual one does."""


@dataclass(frozen=True)
class Scheduling:
    """How one thread is scheduled.

    Attributes
    ----------
    policy : int
        ``os.SCHED_OTHER`` ..., with ``SCHED_RESET_ON_FORK`` where it is set.
    priority : int
        Of the real-time policies, 1 to 99; 0 for the others.
    nice : int
        -20 (most processor time) to 19.
    processors : frozenset of int
        Those that it may run on.
    """

    policy: int
    priority: int
    nice: int
    processors: frozenset[int]


def scheduling_of(thread: int = 0) -> Scheduling | None:
    """How a thread is scheduled (0: the calling one); None where there is none of that number, or no telling."""
    if sys.platform != "linux":
        return None
    try:
        return Scheduling(
            os.sched_getscheduler(thread),
            os.sched_getparam(thread).sched_priority,
            os.getpriority(os.PRIO_PROCESS, thread),
            frozenset(os.sched_getaffinity(thread)),
        )
    except OSError:  # it has ended, or the system does not tell
        return None


def threads() -> dict[int, Scheduling]:
    """All threads of this process by their numbers."""
    if sys.platform != "linux":
        return {}
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/task")]
    except OSError:  # /proc is not there
        numbers = [0]
    return {number: found for number in numbers if (found := scheduling_of(number)) is not None}


def reschedule(thread: int, wanted: Scheduling) -> None:
    """Schedule a thread as wanted. Nothing happens where it is so already, or the thread is gone.

    Raises
    ------
    OSError
        The system does not allow it.
    """
    found = scheduling_of(thread)
    if sys.platform != "linux" or found is None or found == wanted:
        return
    try:
        if (found.policy, found.priority) != (wanted.policy, wanted.priority):
            os.sched_setscheduler(thread, wanted.policy, os.sched_param(wanted.priority))
        if found.nice != wanted.nice:
            os.setpriority(os.PRIO_PROCESS, thread, wanted.nice)
        if found.processors != wanted.processors:
            os.sched_setaffinity(thread, wanted.processors)
    except ProcessLookupError:
        return
