"""System call filters for one thread and the threads it starts: no network, no profiling.

MediaPipe looks up a metrics host of its maker when a task is created, and has no switch for that. On Linux a thread
can install a seccomp filter for itself and its descendants without privileges. The first filter makes every
``socket()`` call fail with EAFNOSUPPORT, as in a kernel without networking. Unix sockets fail too, since a name service
on the same machine would do the look-up for the thread.

MediaPipe also contains a profiler. It makes the whole process ignore SIGPROF, which child processes inherit, and gives
each of its threads a timer that sends this signal 100 times per second of processor time. The second filter turns these
calls into no-ops that report success.

Sources: seccomp(2), prctl(2), ``linux/seccomp.h``, ``linux/audit.h``, ``linux/filter.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_RET_ALLOW = 0x7FFF0000
_RET_ERRNO = 0x00050000

_LOAD_WORD = 0x20
_JUMP_IF_EQUAL = 0x15
_RETURN = 0x06
_OFFSET_NUMBER = 0
_OFFSET_ARCH = 4
_OFFSET_FIRST_ARGUMENT, _OFFSET_SECOND_ARGUMENT = 16, 24  # their lower halves

# Machine -> (AUDIT_ARCH_*, number of socket()). 64-bit only: there every socket comes from that one call.
_CALLS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
# Machine -> rt_sigaction(), and timer_create(), timer_settime(), timer_delete(), setitimer().
_SIGACTION = {"x86_64": 13, "aarch64": 134}
_TIMERS = {"x86_64": (222, 223, 226, 38), "aarch64": (107, 110, 111, 103)}


@dataclass(frozen=True)
class NetworkStatus:
    """Whether a thread is cut off from the network.

    Parameters
    ----------
    refused : bool
        True when ``socket()`` fails on the thread from now on.
    reason : str
        Why not; empty when `refused`.
    """

    refused: bool
    reason: str


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def refuse_network_on_this_thread() -> NetworkStatus:
    """Make every ``socket()`` call of this thread, and of threads it starts later, fail. This cannot be undone.

    Call it on a short-lived thread. It also sets the thread's no_new_privs, so programs started from that thread gain
    nothing from set-user-ID.

    Returns
    -------
    NetworkStatus
        Not refused, and nothing changed, on systems other than Linux on x86_64 and aarch64, in a 32-bit process, and
        where the kernel or a container forbids filters.
    """
    if not sys.platform.startswith("linux"):
        return NetworkStatus(False, f"not possible on {platform.system() or sys.platform}")
    machine = platform.machine()
    if not _has_filter(machine):
        return NetworkStatus(False, f"no filter for this processor ({machine})")
    return _install(_network_filter(*_CALLS[machine]))


def no_profiling_on_this_thread() -> bool:
    """Turn calls of this thread, and of threads it starts later, that set timers or the action of SIGPROF into no-ops.

    They report success. This cannot be undone: see `refuse_network_on_this_thread`.

    Returns
    -------
    bool
        False where no filter can be installed.
    """
    machine = platform.machine()
    if not sys.platform.startswith("linux") or not _has_filter(machine):
        return False
    return _install(_profiling_filter(_CALLS[machine][0], _SIGACTION[machine], _TIMERS[machine])).refused


def _has_filter(machine: str) -> bool:
    return machine in _CALLS and ctypes.sizeof(ctypes.c_void_p) == 8


def _install(code: bytes) -> NetworkStatus:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.restype = ctypes.c_int
    prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    if prctl(_PR_SET_NO_NEW_PRIVS, 1, None, 0, 0) != 0:
        return _failure("no_new_privs")
    if prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program), 0, 0) != 0:
        return _failure("the filter")
    return NetworkStatus(True, "")


def _network_filter(arch: int, socket_number: int) -> bytes:
    """BPF: socket() returns EAFNOSUPPORT; other calls and other architectures pass."""
    instructions = (
        (_LOAD_WORD, 0, 0, _OFFSET_ARCH),
        (_JUMP_IF_EQUAL, 0, 3, arch),
        (_LOAD_WORD, 0, 0, _OFFSET_NUMBER),
        (_JUMP_IF_EQUAL, 0, 1, socket_number),
        (_RETURN, 0, 0, _RET_ERRNO | errno.EAFNOSUPPORT),
        (_RETURN, 0, 0, _RET_ALLOW),
    )
    return _pack(instructions)


def _profiling_filter(arch: int, sigaction: int, timers: Sequence[int]) -> bytes:
    """BPF: timer calls, and sigaction() that sets SIGPROF, return 0 without any effect; all others pass."""
    calls = len(timers)
    return _pack(
        (
            (_LOAD_WORD, 0, 0, _OFFSET_ARCH),
            (_JUMP_IF_EQUAL, 0, calls + 7, arch),
            (_LOAD_WORD, 0, 0, _OFFSET_NUMBER),
            *((_JUMP_IF_EQUAL, calls - place + 4, 0, number) for place, number in enumerate(timers)),
            (_JUMP_IF_EQUAL, 0, 5, sigaction),
            (_LOAD_WORD, 0, 0, _OFFSET_FIRST_ARGUMENT),
            (_JUMP_IF_EQUAL, 0, 3, signal.SIGPROF),
            (_LOAD_WORD, 0, 0, _OFFSET_SECOND_ARGUMENT),
            (_JUMP_IF_EQUAL, 1, 0, 0),  # no new action given: a query
            (_RETURN, 0, 0, _RET_ERRNO),
            (_RETURN, 0, 0, _RET_ALLOW),
        )
    )


def _pack(instructions: Iterable[tuple[int, int, int, int]]) -> bytes:
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def _failure(what: str) -> NetworkStatus:
    return NetworkStatus(False, f"the system did not allow {what} ({os.strerror(ctypes.get_errno())})")
