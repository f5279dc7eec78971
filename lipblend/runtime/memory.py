"""How much memory an object holds."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import FunctionType, ModuleType

import numpy as np


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
