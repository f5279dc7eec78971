"""A thread without network, and one without profiling: so are threads started from it, not the rest of the process.

MediaPipe looks up a metrics host of its maker when a task is created, and has no switch against that. On Linux a thread
may install a seccomp filter for itself and its descendants, without any privilege; this one refuses ``socket()``
altogether with EAFNOSUPPORT, as a kernel without networking does. Unix sockets are refused too, since a name
service on the same machine would do the look-up in the thread's stead.

MediaPipe also carries a profiler: for the whole process it lets SIGPROF be ignored, which every process started later
inherits, and gives each of its threads a timer that sends that signal a hundred times a second of processor time. A
second filter lets these calls do nothing, and say that they have done it.

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
    """Whether a thread was cut off from the network.

    Parameters
    ----------
    refused : bool
        True when ``socket()`` fails on the thread from now on.
    reason : str
        Why not, in a few words; empty when `refused`.
    """

    refused: bool
    reason: str


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def refuse_network_on_this_thread() -> NetworkStatus:
    """Make every ``socket()`` of the calling thread, and of threads it starts later, fail. There is no way back.

    Call it on a short-lived thread of its own. It also sets the thread's no_new_privs, so programs started from
    that thread gain nothing from set-user-ID.

    Returns
    -------
    NetworkStatus
        Not refused on other systems and processors than Linux on x86_64 and aarch64, in a 32-bit process, and where
        the kernel or a container forbids filters. Nothing has changed then.
    """
    if not sys.platform.startswith("linux"):
        return NetworkStatus(False, f"not possible on {platform.system() or sys.platform}")
    machine = platform.machine()
    if machine not in _CALLS or ctypes.sizeof(ctypes.c_void_p) != 8:
        return NetworkStatus(False, f"no filter for this processor ({machine})")
    return _install(_filter(*_CALLS[machine]))


def no_profiling_on_this_thread() -> bool:
    """Let calls of the calling thread, and of threads it starts later, set neither timers nor the action of SIGPROF.

    They do nothing, and return as if they had. There is no way back: see `refuse_network_on_this_thread`.

    Returns
    -------
    bool
        Whether it is so; False where no filter can be had, as there.
    """
    machine = platform.machine()
    if not sys.platform.startswith("linux") or machine not in _CALLS or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    return _install(_profiling_filter(_CALLS[machine][0], _SIGACTION[machine], _TIMERS[machine])).refused


def _install(code: bytes) -> NetworkStatus:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.restype = ctypes.c_int
    prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    if prctl(_PR_SET_NO_NEW_PRIVS, 1, None, 0, 0) != 0:
        return _failed("no_new_privs")
    if prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program), 0, 0) != 0:
        return _failed("the filter")
    return NetworkStatus(True, "")


def _filter(arch: int, socket_number: int) -> bytes:
    """Six BPF instructions: another architecture or another call passes, socket() gets EAFNOSUPPORT."""
    instructions = (
        (_LOAD_WORD, 0, 0, _OFFSET_ARCH),
        (_JUMP_IF_EQUAL, 0, 3, arch),
        (_LOAD_WORD, 0, 0, _OFFSET_NUMBER),
        (_JUMP_IF_EQUAL, 0, 1, socket_number),
        (_RETURN, 0, 0, _RET_ERRNO | errno.EAFNOSUPPORT),
        (_RETURN, 0, 0, _RET_ALLOW),
    )
    return _packed(instructions)


def _profiling_filter(arch: int, sigaction: int, timers: Sequence[int]) -> bytes:
    """BPF: calls about timers, and sigaction() for SIGPROF, return 0 without being made; all others pass."""
    calls = len(timers)
    return _packed(
        (
            (_LOAD_WORD, 0, 0, _OFFSET_ARCH),
            (_JUMP_IF_EQUAL, 0, calls + 7, arch),
            (_LOAD_WORD, 0, 0, _OFFSET_NUMBER),
            *((_JUMP_IF_EQUAL, calls - place + 4, 0, number) for place, number in enumerate(timers)),
            (_JUMP_IF_EQUAL, 0, 5, sigaction),
            (_LOAD_WORD, 0, 0, _OFFSET_FIRST_ARGUMENT),
            (_JUMP_IF_EQUAL, 0, 3, signal.SIGPROF),
            (_LOAD_WORD, 0, 0, _OFFSET_SECOND_ARGUMENT),
            (_JUMP_IF_EQUAL, 1, 0, 0),  # no new action: a question only
            (_RETURN, 0, 0, _RET_ERRNO),
            (_RETURN, 0, 0, _RET_ALLOW),
        )
    )


def _packed(instructions: Iterable[tuple[int, int, int, int]]) -> bytes:
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def _failed(what: str) -> NetworkStatus:
    return NetworkStatus(False, f"the system did not allow {what} ({os.strerror(ctypes.get_errno())})")
