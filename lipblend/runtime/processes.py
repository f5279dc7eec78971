"""Helpers for child processes: blocking signals, forwarding exceptions, describing exit codes."""

from __future__ import annotations

import pickle
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

STOP_SIGNALS = tuple(
    number for number in (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")) if number is not None
)
"""Signals that ask a program to stop."""


@contextmanager
def signals_blocked(*numbers: signal.Signals) -> Iterator[None]:
    """Block signals in the calling thread; processes started inside the block inherit the mask.

    Does nothing on systems without signal masks (Windows).
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def signal_name(exit_code: int | None) -> str:
    """Name of the signal that ended a process with this exit code; empty if none did."""
    if exit_code is None or exit_code >= 0:
        return ""
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"


def picklable_error(error: Exception, where: str) -> Exception:
    """The exception being handled, with its traceback as a note; a `RuntimeError` if it cannot be pickled.

    Parameters
    ----------
    error : Exception
    where : str
        The process, as the note starts: "In a render worker".
    """
    error.add_note(f"{where}:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - an exception's own pickling may raise anything
        plain = RuntimeError(f"{type(error).__name__}: {error}")
        for note in error.__notes__:
            plain.add_note(note)
        return plain
    return error
