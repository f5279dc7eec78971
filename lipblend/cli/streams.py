"""Make stdout and stderr tolerate being closed, full or unread. Imports almost nothing, as it runs first."""

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
    """Writes to a descriptor until that fails, then discards everything.

    Parameters
    ----------
    descriptor : int
        Stays open when the sink is closed.

    Attributes
    ----------
    fault : OSError or None
        The first error.
    reported : bool
        The error has been reported.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.fault: OSError | None = None
        self.reported = False

    def write(self, data: ReadableBuffer, /) -> int:
        content = bytes(data)
        while self.fault is None:
            try:
                return os.write(self._descriptor, content)
            except BlockingIOError:  # a full non-blocking pipe
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
    """Writes everything at once; a bare `Sink` may write only a part."""

    def write(self, data: ReadableBuffer, /) -> int:
        count = super().write(data)
        self.flush()
        return count


def occupy_closed_descriptors() -> None:
    """Open the null device in place of a closed stdin, stdout or stderr.

    Otherwise the next file opened would get that descriptor, and output of libraries would go into it.
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
    """Replace ``sys.stdout`` and ``sys.stderr`` by streams on a `Sink`; characters they cannot encode are escaped."""
    sys.stdout = _tolerant(sys.stdout, 1)
    sys.stderr = _tolerant(sys.stderr, 2)


def _tolerant(stream: TextIO | None, number: int) -> TextIO:
    if sink_of(stream) is not None:
        return cast(TextIO, stream)
    if stream is not None and not isinstance(stream, io.TextIOWrapper):  # replaced by a caller, such as a test
        return stream
    if stream is not None:
        with suppress(OSError, ValueError):
            stream.flush()
            number = stream.fileno()
    sink = Sink(number)
    unbuffered = stream is not None and stream.write_through  # python -u
    return io.TextIOWrapper(
        _Unbuffered(sink) if unbuffered else io.BufferedWriter(sink),
        encoding="utf-8" if stream is None else stream.encoding,
        errors="backslashreplace",
        line_buffering=number == 2 or sink.isatty(),
        write_through=unbuffered,
    )


def sink_of(stream: TextIO | None) -> Sink | None:
    """The `Sink` that a stream writes to, or None."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, Sink) else None


def lost_output() -> OSError | None:
    """The error that stopped writing to stdout; None if all was written, or the reader closed it (``| head -1``)."""
    sink = sink_of(sys.stdout)
    if sink is None:
        return None
    sys.stdout.flush()
    return None if isinstance(sink.fault, BrokenPipeError) else sink.fault


def report_lost_output() -> bool:
    """Report on stderr that stdout could not be written. Returns whether it did; False if reported before."""
    fault, sink = lost_output(), sink_of(sys.stdout)
    if fault is None or sink is None or sink.reported:
        return False
    sink.reported = True
    print(f"error: standard output cannot be written: {fault.strerror or fault}", file=sys.stderr)
    return True
