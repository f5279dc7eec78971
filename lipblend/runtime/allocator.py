"""Tune the C allocator (glibc only)."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8  # malloc.h
_KEPT_BYTES = 64 << 20
_PAD_BYTES = 16 << 20
_ARENAS = 2
# A patch is smaller, x264's pictures are larger (9 MB each at 1080p). At 32 MB those lay on the heap too, which grew by
# a few MB in 100 frames, and by 20 MB with a second segment's encoder.
_MAX_HEAP_BLOCK_BYTES = 6 << 20


def keep_freed_memory() -> bool:
    """Let glibc keep freed memory for the next frame instead of returning it to the system.

    Dozens of planes of a few hundred kilobytes are allocated per frame. By default each costs a system call, and a page
    fault for every 4 kB written.

    Returns
    -------
    bool
        Whether the options were set.
    """
    mallopt = _glibc("mallopt")
    if mallopt is None:
        return False
    options = (
        (_M_ARENA_MAX, _ARENAS),  # instead of up to eight per core: threads share freed memory
        (_M_TRIM_THRESHOLD, _KEPT_BYTES),
        (_M_TOP_PAD, _PAD_BYTES),
        (_M_MMAP_THRESHOLD, _MAX_HEAP_BLOCK_BYTES),
    )
    return all(mallopt(name, value) == 1 for name, value in options)


def release_freed_memory() -> bool:
    """Return freed memory to the system (malloc_trim(3)).

    The face models and their threads leave more than 100 MB of freed memory that rendering and encoding do not use.

    Returns
    -------
    bool
        Whether memory was returned; False if the C library has no such call.
    """
    trim = _glibc("malloc_trim")
    return trim is not None and bool(trim(0))


def _glibc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
