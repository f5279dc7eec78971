"""What belongs to the process as a whole, and what of the calling thread, besides its scheduling: read, and put back.

The environment and the signal handlers are compared with what Python knows of them: what it changed itself, on any
thread, was not done behind its back and is left alone.
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

_SIGACTION_ROOM = 256  # struct sigaction is 152 bytes in glibc on 64-bit Linux, and smaller elsewhere

_OF_TIMERS = tuple(
    getattr(signal, name) for name in ("SIGPROF", "SIGALRM", "SIGVTALRM") if hasattr(signal, name)
)  # by default they end the process


@dataclass(frozen=True)
class Aspect:
    """One thing that a library could change.

    Attributes
    ----------
    name : str
        As a sentence has it.
    read : callable
        Gives its value, which can be compared; the same value where it cannot be told.
    write : callable
        Sets a value that `read` gave. OSError, ValueError or locale.Error where the system refuses.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], None]


def _umask() -> int | None:
    """From /proc: the call that tells it changes it for a moment, for all threads."""
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
    except OSError:  # it was removed
        return None


def _limits() -> dict[str, tuple[int, int]]:
    if sys.platform == "win32":
        return {}
    import resource

    names = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))
    found = {}
    for name in names:
        with suppress(OSError, ValueError):  # the system does not know, or tell, this one
            found[name] = resource.getrlimit(getattr(resource, name))
    return found


def _set_limits(wanted: dict[str, tuple[int, int]]) -> None:
    if sys.platform != "win32":
        import resource

        for name, limits in wanted.items():
            if resource.getrlimit(getattr(resource, name)) != limits:
                resource.setrlimit(getattr(resource, name), limits)


def _handlers() -> dict[int, tuple[bytes, Any]]:
    """Of each signal: what the system has for it (``struct sigaction``), and what Python knows."""
    if not sys.platform.startswith("linux"):
        return {}
    found = {}
    for number in signal.valid_signals():
        action = ctypes.create_string_buffer(_SIGACTION_ROOM)
        if _library().sigaction(int(number), None, action) == 0:
            found[int(number)] = (action.raw, signal.getsignal(number))
    return found


def _set_handlers(wanted: dict[int, tuple[bytes, Any]]) -> None:
    for number, (action, known) in _handlers().items():
        before, known_before = wanted.get(number, (action, known))
        # Where no filter keeps it from starting, a library's timer would end the process at once.
        deadly = number in _OF_TIMERS and known_before == signal.SIG_DFL
        if action != before and known is known_before and not deadly:
            _library().sigaction(number, before, None)


def _behind_python() -> dict[bytes, bytes | None]:
    """Variables whose value for native code is not the one that Python has; None: it has none."""
    if not sys.platform.startswith("linux"):
        return {}
    pointer = ctypes.POINTER(ctypes.c_char_p).in_dll(_library(), "environ")
    entries: list[bytes] = []
    while pointer and (entry := pointer[len(entries)]) is not None:
        entries.append(entry)
    native = dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)
    ours = dict(os.environb)
    return {name: native.get(name) for name in {*native, *ours} if native.get(name) != ours.get(name)}


def _set_environment(wanted: dict[bytes, bytes | None]) -> None:
    for name in {*_behind_python(), *wanted}:
        value = wanted[name] if name in wanted else os.environb.get(name)
        if value is None:
            os.unsetenv(name)
        else:
            os.putenv(name, value)


def _mask() -> frozenset[int]:
    return (
        frozenset(signal.pthread_sigmask(signal.SIG_BLOCK, ())) if hasattr(signal, "pthread_sigmask") else frozenset()
    )


def _set_mask(wanted: frozenset[int]) -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, wanted)


OF_PROCESS = (
    Aspect("the umask", _umask, lambda mask: _set_umask(mask)),
    Aspect("the current folder", _folder, lambda folder: os.chdir(folder) if folder else None),
    Aspect("the locale", lambda: locale.setlocale(locale.LC_ALL), lambda name: _set_locale(name)),
    Aspect("limits", _limits, _set_limits),
    Aspect("signal handlers", _handlers, _set_handlers),
    Aspect("the environment", _behind_python, _set_environment),
)
"""What all threads share."""

OF_THREAD = (
    Aspect("the signal mask", _mask, _set_mask),
    Aspect("floating-point modes", floating_modes, lambda modes: set_floating_modes(modes) if modes else None),
)
"""What each thread has of its own, and hands on to those that it starts."""


def _set_locale(name: str) -> None:
    locale.setlocale(locale.LC_ALL, name)


@cache
def _library() -> Any:
    return ctypes.CDLL(None)
