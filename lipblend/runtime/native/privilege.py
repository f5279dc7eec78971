"""Prevent a thread from raising its own priority, even as root.

When run as root, SVT-AV1 gives the thread that opens it the highest real-time priority (``geteuid``,
``pthread_setschedparam``), and its own threads inherit it. The required capability, ``CAP_SYS_NICE``, is per thread. It
can be dropped from the effective set and raised again while it stays in the permitted set.

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
    """32 capabilities; two of these hold all 64."""

    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def priority_raise_blocked() -> Iterator[None]:
    """Within the block, the calling thread and the threads it starts cannot raise their priority.

    Does nothing if the thread lacks the capability, and on systems other than Linux. A limit RLIMIT_RTPRIO that permits
    real-time priorities without the capability is not handled.
    """
    saved = _capabilities()
    if saved is None or not saved[0].effective >> _CAP_SYS_NICE & 1:
        yield
        return
    _set_effective(saved, saved[0].effective & ~(1 << _CAP_SYS_NICE))
    try:
        yield
    finally:
        _set_effective(saved, saved[0].effective)


def _capabilities() -> ctypes.Array[_Sets] | None:
    """Capabilities of the calling thread; None if they cannot be read."""
    capget = getattr(ctypes.CDLL(None), "capget", None) if sys.platform == "linux" else None
    if capget is None:
        return None
    sets = (_Sets * 2)()
    header = _Header(_VERSION_3, 0)
    return sets if capget(ctypes.byref(header), sets) == 0 else None


def _set_effective(sets: ctypes.Array[_Sets], effective: int) -> None:
    changed = type(sets).from_buffer_copy(sets)
    changed[0].effective = effective
    header = _Header(_VERSION_3, 0)
    # Dropping a capability, or raising a permitted one, cannot fail.
    ctypes.CDLL(None).capset(ctypes.byref(header), changed)
