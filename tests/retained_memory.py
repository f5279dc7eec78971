"""How much memory an object holds."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import FunctionType, ModuleType

import numpy as np


def retained_bytes(thing: object) -> int:
    """Bytes held by an object: its arrays with their base arrays, its containers and its fields.

    Each object counts once. Functions, classes and modules do not count.
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
