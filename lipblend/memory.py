"""Memory: what an object holds, and what is free handed back to the system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping
from types import FunctionType, ModuleType

import numpy as np


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


def retained_bytes(thing: object) -> int:
    """Memory that an object holds: arrays with the memory that they are views of, containers, objects' fields.

    What is met several times counts once. Functions, classes and modules count nothing.
    """
    seen: set[int] = set()
    total, waiting = 0, [thing]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | ModuleType | FunctionType):
            continue
        seen.add(id(each))
        total += sys.getsizeof(each)
        if isinstance(each, np.ndarray):
            if each.base is not None:
                waiting.append(each.base)
        elif isinstance(each, Mapping):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple | set | frozenset):
            waiting += each
        elif hasattr(each, "__dict__"):
            waiting.append(vars(each))
    return total
