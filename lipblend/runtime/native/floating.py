"""Floating-point modes of the calling thread: rounding, traps, denormals.

A library that turns on "flush to zero" changes everything the thread computes afterwards. See fegetenv(3); glibc's
``fenv_t`` is the 28 bytes of FNSTENV plus MXCSR on x86-64, and FPCR and FPSR on AArch64.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import cache
from typing import Any

# The parts of fenv_t that are modes, not status flags: (offset, bytes, bit mask).
_MODES = {"x86_64": ((0, 2, 0xFFFF), (28, 4, 0xFFFFFFC0)), "aarch64": ((0, 4, 0xFFFFFFFF),)}
_BUFFER_BYTES = 256


def floating_modes() -> tuple[int, ...]:
    """The modes, as numbers to compare and to set; empty if they cannot be read."""
    parts = _parts()
    if not parts:
        return ()
    environment = _environment()
    return tuple(int.from_bytes(environment[at : at + size], sys.byteorder) & bits for at, size, bits in parts)


def set_floating_modes(wanted: tuple[int, ...]) -> None:
    """Set modes that `floating_modes` returned; status flags are kept."""
    environment = _environment()
    for (at, size, bits), value in zip(_parts(), wanted, strict=True):
        kept = int.from_bytes(environment[at : at + size], sys.byteorder) & ~bits
        environment[at : at + size] = (kept | value).to_bytes(size, sys.byteorder)
    _library().fesetenv((ctypes.c_char * _BUFFER_BYTES).from_buffer_copy(environment))


def _parts() -> tuple[tuple[int, int, int], ...]:
    supported = sys.platform == "linux" and _library() is not None
    return _MODES.get(platform.machine(), ()) if supported else ()


def _environment() -> bytearray:
    buffer = ctypes.create_string_buffer(_BUFFER_BYTES)
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
