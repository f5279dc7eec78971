"""A thread that may not raise its own priority, though it runs as root.

SVT-AV1 makes the thread that opens it a real-time one of the highest priority whenever it runs as root (``geteuid``,
``pthread_setschedparam``), and all its own threads inherit that. The right to do so, ``CAP_SYS_NICE``, belongs to each
thread, may be laid down for a while, and may be taken up again as long as it stays among the permitted ones.

Sources: capabilities(7), capget(2), ``linux/capability.h``; SVT-AV1 4.1, ``Source/Lib/Globals/enc_handle.c``.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_VERSION_3 = 0x20080522
_CAP_SYS_NICE = 23


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("thread", ctypes.c_int))


class _Sets(ctypes.Structure):
    """32 capabilities; two of them make all 64."""

    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def priority_not_raised() -> Iterator[None]:
    """Within the block the calling thread, and threads that it starts, cannot get a higher priority.

    Nothing changes where the thread has no such right, and on other systems than Linux. A limit RLIMIT_RTPRIO that
    allows real-time priorities to everybody is not seen to here.
    """
    before = _capabilities()
    if before is None or not before[0].effective >> _CAP_SYS_NICE & 1:
        yield
        return
    _set_effective(before, before[0].effective & ~(1 << _CAP_SYS_NICE))
    try:
        yield
    finally:
        _set_effective(before, before[0].effective)


def _capabilities() -> ctypes.Array[_Sets] | None:
    """The calling thread's; None where they cannot be had."""
    capget = getattr(ctypes.CDLL(None), "capget", None) if sys.platform == "linux" else None
    if capget is None:
        return None
    sets = (_Sets * 2)()
    header = _Header(_VERSION_3, 0)
    return sets if capget(ctypes.byref(header), sets) == 0 else None


def _set_effective(sets: ctypes.Array[_Sets], effective: int) -> None:
    wanted = type(sets).from_buffer_copy(sets)
    wanted[0].effective = effective
    header = _Header(_VERSION_3, 0)
    # Laying a right down, and taking up one that is permitted, cannot fail.
    ctypes.CDLL(None).capset(ctypes.byref(header), wanted)
