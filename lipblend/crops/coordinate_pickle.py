"""Reading coordinate lists that were pickled, without running anything that a pickle may name.

Only tuples, lists and numbers load. NumPy's scalars, which such lists often hold, are decoded here from their bytes;
no function of NumPy, nor of any other module, is called.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from typing import Any

_NUMBERS = {
    "i1": "b",
    "i2": "h",
    "i4": "i",
    "i8": "q",
    "u1": "B",
    "u2": "H",
    "u4": "I",
    "u8": "Q",
    "f4": "f",
    "f8": "d",
}


class _NumberKind:
    """Stands for NumPy's dtype: remembers the code and the byte order."""

    def __init__(self, code: str, *_: object) -> None:
        if not isinstance(code, str) or code not in _NUMBERS:
            raise pickle.UnpicklingError(f"a number of kind {str(code)[:20]!r}")
        self.code, self.order = code, "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = ">" if state[1] == ">" else "<"


def _scalar(kind: _NumberKind, content: bytes) -> int | float:
    """Stands for NumPy's scalar constructor."""
    if not isinstance(kind, _NumberKind) or not isinstance(content, bytes):
        raise pickle.UnpicklingError("a number without kind")
    number: int | float = struct.unpack(kind.order + _NUMBERS[kind.code], content)[0]
    return number


_ALLOWED = {
    ("numpy", "dtype"): _NumberKind,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not loaded")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: object) -> Any:
        raise pickle.UnpicklingError("it refers to something outside the file")


def _check_memo(content: bytes) -> None:
    """Refuse a pickle that numbers more objects than it has bytes: the table of them would take the memory."""
    for code, argument, _ in pickletools.genops(content):
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(str(argument)) > len(content):
            raise pickle.UnpicklingError(f"it numbers {argument} objects")


def load_coordinates(content: bytes) -> Any:
    """What a pickle holds, if it is made of lists, tuples and numbers only.

    Raises
    ------
    ValueError
        It is damaged, or names anything else.
    """
    try:
        _check_memo(content)
        return _Reader(io.BytesIO(content)).load()
    except (
        pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError, TypeError, ValueError,
        RecursionError, MemoryError, OverflowError, struct.error, UnicodeDecodeError,
    ) as error:  # fmt: skip
        raise ValueError(str(error) or type(error).__name__) from error
