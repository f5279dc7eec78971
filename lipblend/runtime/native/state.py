"""Read and restore the state of the process and of the calling thread (except scheduling).

Environment and signal handlers are compared with Python's own view: changes made through Python, on any thread, are
kept.
"""

from __future__ import annotations

import ctypes
import locale
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lipblend.runtime.native.floating import floating_modes, set_floating_modes

_SIGACTION_BYTES = 256  # struct sigaction is 152 bytes in glibc on 64-bit Linux, and smaller elsewhere

_TIMER_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGPROF", "SIGALRM", "SIGVTALRM") if hasattr(signal, name)
)  # their default action ends the process


@dataclass(frozen=True)
class Aspect:
    """One piece of state that a library could change.

    Attributes
    ----------
    name : str
        As used in a sentence.
    read : callable
        Returns its value, which can be compared; a constant if it cannot be read.
    write : callable
        Sets a value that `read` returned. Raises OSError, ValueError or locale.Error if the system refuses.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], None]


def _umask() -> int | None:
    """Read from /proc, as os.umask would change it for a moment for all threads."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1], 8) for line in lines if line.startswith("Umask:")), None)


def _set_umask(wanted: int | None) -> None:
    if wanted is not None:
        os.umask(wanted)


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # the folder was removed
        return None


def _limits() -> dict[str, tuple[int, int]]:
    if sys.platform == "win32":
        return {}
    import resource

    names = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))
    found = {}
    for name in names:
        with suppress(OSError, ValueError):  # unknown to the system, or not readable
            found[name] = resource.getrlimit(getattr(resource, name))
    return found


def _set_limits(wanted: dict[str, tuple[int, int]]) -> None:
    if sys.platform != "win32":
        import resource

        for name, limits in wanted.items():
            if resource.getrlimit(getattr(resource, name)) != limits:
                resource.setrlimit(getattr(resource, name), limits)


def _handlers() -> dict[int, tuple[bytes, Any]]:
    """For each signal: the system's handler (``struct sigaction``) and Python's."""
    if not sys.platform.startswith("linux"):
        return {}
    found = {}
    for number in signal.valid_signals():
        action = ctypes.create_string_buffer(_SIGACTION_BYTES)
        if _library().sigaction(int(number), None, action) == 0:
            found[int(number)] = (action.raw, signal.getsignal(number))
    return found


def _set_handlers(wanted: dict[int, tuple[bytes, Any]]) -> None:
    for number, (action, python_handler) in _handlers().items():
        wanted_action, wanted_handler = wanted.get(number, (action, python_handler))
        # A timer that the library has started would end the process under the default action.
        deadly = number in _TIMER_SIGNALS and wanted_handler == signal.SIG_DFL
        if action != wanted_action and python_handler is wanted_handler and not deadly:
            _library().sigaction(number, wanted_action, None)


def _native_environment() -> dict[bytes, bytes | None]:
    """Variables whose native value differs from Python's; None: not set natively."""
    if not sys.platform.startswith("linux"):
        return {}
    pointer = ctypes.POINTER(ctypes.c_char_p).in_dll(_library(), "environ")
    entries: list[bytes] = []
    while pointer and (entry := pointer[len(entries)]) is not None:
        entries.append(entry)
    native = dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)
    python = dict(os.environb)
    return {name: native.get(name) for name in {*native, *python} if native.get(name) != python.get(name)}


def _set_environment(wanted: dict[bytes, bytes | None]) -> None:
    for name in {*_native_environment(), *wanted}:
        value = wanted[name] if name in wanted else os.environb.get(name)
        if value is None:
            os.unsetenv(name)
        else:
            os.putenv(name, value)


def _mask() -> frozenset[int]:
    if not hasattr(signal, "pthread_sigmask"):
        return frozenset()
    return frozenset(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def _set_mask(wanted: frozenset[int]) -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, wanted)


def _set_locale(name: str) -> None:
    locale.setlocale(locale.LC_ALL, name)


PROCESS_STATE = (
    Aspect("the umask", _umask, _set_umask),
    Aspect("the current folder", _folder, lambda folder: os.chdir(folder) if folder else None),
    Aspect("the locale", lambda: locale.setlocale(locale.LC_ALL), _set_locale),
    Aspect("limits", _limits, _set_limits),
    Aspect("signal handlers", _handlers, _set_handlers),
    Aspect("the environment", _native_environment, _set_environment),
)
"""Shared by all threads."""

THREAD_STATE = (
    Aspect("the signal mask", _mask, _set_mask),
    Aspect("floating-point modes", floating_modes, lambda modes: set_floating_modes(modes) if modes else None),
)
"""Per thread, and inherited by the threads it starts."""


@cache
def _library() -> Any:
    return ctypes.CDLL(None)
