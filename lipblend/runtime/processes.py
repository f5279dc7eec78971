"""What all processes of our own share: started without signals, their errors brought home, their ends in words."""

from __future__ import annotations

import pickle
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

STOPPING = tuple(
    number for number in (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")) if number is not None
)
"""Signals that ask a program to stop."""


@contextmanager
def signals_held(*numbers: signal.Signals) -> Iterator[None]:
    """Hold signals back from the calling thread; processes started meanwhile never get them.

    Where the system has no such masks (Windows), nothing is held.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def killer(code: int | None) -> str:
    """The name of the signal that ended a process of this exit code; empty where none did."""
    if code is None or code >= 0:
        return ""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def sendable(error: Exception, where: str) -> Exception:
    """The error being handled, with its traceback as a note; in words where it cannot be pickled.

    Parameters
    ----------
    error : Exception
    where : str
        Which process, as the note begins: "In a render worker".
    """
    error.add_note(f"{where}:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - whatever an exception's own pickling may raise
        plain = RuntimeError(f"{type(error).__name__}: {error}")
        for note in error.__notes__:
            plain.add_note(note)
        return plain
    return error
