"""Hash values by content, whatever process or machine made them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def digest(value: Any) -> str:
    """Hash dataclasses, arrays, sequences, mappings with sorted keys and plain values by content.

    Raises
    ------
    TypeError
        A value of another type.
    """
    state = hashlib.blake2b(digest_size=16)
    _update(state, value)
    return state.hexdigest()


def _update(state: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        state.update(f"<{value.dtype}{value.shape}>".encode())
        state.update(np.ascontiguousarray(value).tobytes())
    elif dataclasses.is_dataclass(value):
        state.update(f"({type(value).__name__}".encode())
        for field in dataclasses.fields(value):
            _update(state, getattr(value, field.name))
    elif isinstance(value, Mapping):
        state.update(f"{{{len(value)}".encode())
        for key in sorted(value):
            _update(state, key)
            _update(state, value[key])
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        state.update(f"[{len(value)}".encode())
        for item in value:
            _update(state, item)
    else:
        if not isinstance(value, (int, float, str, type(None), np.generic)):
            raise TypeError(f"{type(value).__name__} cannot be hashed by content")
        state.update(f"{type(value).__name__}:{value!r};".encode())
