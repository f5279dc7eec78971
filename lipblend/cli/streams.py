"""Standard output and standard error that may be closed, full, or read by nobody: none of that stops the work.

Imports next to nothing, as it comes before everything else.
"""

from __future__ import annotations

import io
import os
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STANDARD = (0, 1, 2)
"""Descriptors of standard input, output and error."""


class Sink(io.RawIOBase):
    """Writes to a descriptor until that fails; from then on everything is swallowed.

    Parameters
    ----------
    descriptor : int
        Stays open when the sink is closed.

    Attributes
    ----------
    fault : OSError or None
        What went wrong first.
    told : bool
        Somebody has dealt with that.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.fault: OSError | None = None
        self.told = False

    def write(self, data: ReadableBuffer, /) -> int:
        content = bytes(data)
        while self.fault is None:
            try:
                return os.write(self._descriptor, content)
            except BlockingIOError:  # a pipe that does not block, and is full
                select.select([], [self._descriptor], [])
            except OSError as error:
                self.fault = error
        return len(content)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor


class _Unbuffered(io.BufferedWriter):
    """Hands on what is written at once, whole: a bare `Sink` may take a part only."""

    def write(self, data: ReadableBuffer, /) -> int:
        count = super().write(data)
        self.flush()
        return count


def occupy_closed_descriptors() -> None:
    """Put the null device where standard input, output or error is closed.

    The next file that is opened would get the number otherwise, and what a library prints would go into it.
    """
    for number in STANDARD:
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)


def make_tolerant() -> None:
    """Replace ``sys.stdout`` and ``sys.stderr`` by streams on a `Sink` that show any text (odd names as escapes)."""
    sys.stdout = _tolerant(sys.stdout, 1)
    sys.stderr = _tolerant(sys.stderr, 2)


def _tolerant(stream: TextIO | None, number: int) -> TextIO:
    if sink_of(stream) is not None:
        return cast(TextIO, stream)
    if stream is not None and not isinstance(stream, io.TextIOWrapper):  # somebody else's, such as a test's
        return stream
    if stream is not None:
        with suppress(OSError, ValueError):
            stream.flush()
            number = stream.fileno()
    sink = Sink(number)
    at_once = stream is not None and stream.write_through  # python -u
    return io.TextIOWrapper(
        _Unbuffered(sink) if at_once else io.BufferedWriter(sink),
        encoding="utf-8" if stream is None else stream.encoding,
        errors="backslashreplace",
        line_buffering=number == 2 or sink.isatty(),
        write_through=at_once,
    )


def sink_of(stream: TextIO | None) -> Sink | None:
    """The `Sink` that a stream writes to, if it does."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, Sink) else None


def lost_output() -> OSError | None:
    """Why standard output did not take all that was printed; None where it did, or where its reader has left.

    A reader that leaves (``| head -1``) has what it wanted.
    """
    sink = sink_of(sys.stdout)
    if sink is None:
        return None
    sys.stdout.flush()
    return None if isinstance(sink.fault, BrokenPipeError) else sink.fault


def tell_of_lost_output() -> bool:
    """Say on standard error, once, that standard output did not take all; whether that was so."""
    fault, sink = lost_output(), sink_of(sys.stdout)
    if fault is None or sink is None or sink.told:
        return False
    sink.told = True
    print(f"error: standard output cannot be written: {fault.strerror or fault}", file=sys.stderr)
    return True
