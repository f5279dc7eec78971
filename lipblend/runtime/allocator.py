"""How the C allocator (glibc's; others are left alone) keeps the process's memory."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8  # malloc.h
_KEPT_BYTES = 64 << 20
_PAD_BYTES = 16 << 20
_ARENAS = 2
# A patch is smaller, x264's pictures are larger (9 MB each at 1080p). With 32 MB these lay in the heap as well, which
# grew by a few MB in 100 frames, and by 20 with a second segment's encoder.
_LARGEST_BYTES = 6 << 20


def keep_freed_memory() -> bool:
    """Let the C allocator keep what is freed for the next picture, rather than give it back to the system.

    Planes of a few hundred kilobytes come and go by the dozen a frame; by default each costs a system call, and a page
    fault for every 4 kB that is written. Only glibc has this setting.

    Returns
    -------
    bool
        Whether it was made.
    """
    mallopt = _glibc("mallopt")
    if mallopt is None:
        return False
    # Two arenas instead of up to eight a core: threads share what was freed.
    wanted = (
        (_M_ARENA_MAX, _ARENAS),
        (_M_TRIM_THRESHOLD, _KEPT_BYTES),
        (_M_TOP_PAD, _PAD_BYTES),
        (_M_MMAP_THRESHOLD, _LARGEST_BYTES),
    )
    return all(mallopt(name, value) == 1 for name, value in wanted)


def give_back() -> bool:
    """Return what was freed to the system, where its C library (glibc) keeps it for later.

    The face models and their threads leave more than 100 MB behind that nothing uses any more while frames are
    rendered and encoded. malloc_trim(3).

    Returns
    -------
    bool
        Whether something was returned; False where the C library has no such call.
    """
    trim = _glibc("malloc_trim")
    return trim is not None and bool(trim(0))


def _glibc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
