"""How the process's memory is kept."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h
_KEPT_BYTES = 64 << 20
_PAD_BYTES = 16 << 20
_LARGEST_BYTES = 32 << 20  # the most that glibc takes; whole pictures of up to 8 million floats


def keep_freed_memory() -> bool:
    """Let the C allocator keep what is freed for the next picture, rather than give it back to the system.

    Planes of a few hundred kilobytes come and go by the dozen a frame; by default each costs a system call, and a page
    fault for every 4 kB that is written. Only glibc has this setting.

    Returns
    -------
    bool
        Whether it was made.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = ((_M_TRIM_THRESHOLD, _KEPT_BYTES), (_M_TOP_PAD, _PAD_BYTES), (_M_MMAP_THRESHOLD, _LARGEST_BYTES))
    return all(mallopt(name, value) == 1 for name, value in wanted)
