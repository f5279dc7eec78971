"""Memory that is free, handed back to the system."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> bool:
    """Return what was freed to the system, where its C library (glibc) keeps it for later.

    The face models and their threads leave more than 100 MB behind that nothing uses any more while frames are
    rendered and encoded. malloc_trim(3).

    Returns
    -------
    bool
        Whether something was returned; False where the C library has no such call.
    """
    if not sys.platform.startswith("linux"):
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))
