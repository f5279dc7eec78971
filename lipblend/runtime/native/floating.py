"""Floating-point modes of the calling thread: rounding, traps, and what becomes of tiny numbers.

A library that turns on "flush to zero" for its own speed changes the results of everything that the thread computes
later. fegetenv(3); glibc's ``fenv_t`` on x86-64 is the 28 bytes of FNSTENV and MXCSR, on AArch64 FPCR and FPSR.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import cache
from typing import Any

# Parts of fenv_t that are modes, not records of what happened: (offset, bytes, bits that count).
_MODES = {
    "x86_64": ((0, 2, 0xFFFF), (28, 4, 0xFFFFFFC0)),
    "aarch64": ((0, 4, 0xFFFFFFFF),),
}
_ROOM = 256


def floating_modes() -> tuple[int, ...]:
    """The modes, as numbers that can be compared and set; empty where they cannot be told."""
    parts = _parts()
    if not parts:
        return ()
    environment = _environment()
    return tuple(int.from_bytes(environment[at : at + size], sys.byteorder) & bits for at, size, bits in parts)


def set_floating_modes(wanted: tuple[int, ...]) -> None:
    """Set what `floating_modes` gave; the records of what happened stay."""
    environment = _environment()
    for (at, size, bits), value in zip(_parts(), wanted, strict=True):
        kept = int.from_bytes(environment[at : at + size], sys.byteorder) & ~bits
        environment[at : at + size] = (kept | value).to_bytes(size, sys.byteorder)
    _library().fesetenv((ctypes.c_char * _ROOM).from_buffer_copy(environment))


def _parts() -> tuple[tuple[int, int, int], ...]:
    known = sys.platform == "linux" and _library() is not None
    return _MODES.get(platform.machine(), ()) if known else ()


def _environment() -> bytearray:
    buffer = ctypes.create_string_buffer(_ROOM)
    _library().fegetenv(buffer)
    return bytearray(buffer.raw)


@cache
def _library() -> Any:
    for name in (None, "libm.so.6"):
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        if hasattr(library, "fegetenv"):
            return library
    return None
