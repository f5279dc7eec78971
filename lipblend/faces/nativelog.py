"""Keep MediaPipe's C++ log lines off the user's screen, without losing anything else that is written there.

The library has no switch for them: they go straight to file descriptor 2, mostly while a task is created and while its
first picture is looked at. Only for those moments the descriptor leads into a temporary file. It belongs to the whole
process, so what other threads write meanwhile lands in that file as well; afterwards everything that is not a log line
of the library is written to the real descriptor, in its order. At other times nothing is redirected.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Not anchored to a line's start: another thread may have left a line unfinished (a progress bar).
_LOG_LINE = re.compile(
    rb"[IWE]\d{4} \d\d:\d\d:\d+\.\d+ +\d+ [\w.\-/]+:\d+\][^\n]*\n?"
    rb"|WARNING: (?:Logging before InitGoogle\(\)|All log messages before absl::InitializeLog\(\))[^\n]*\n?"
    rb"|INFO: Created TensorFlow Lite [^\n]*\n?"
    rb"|=== Source Location Trace: ===[^\n]*\n?(?:[\w.\-/]+\.(?:cc|h):\d+\n?)*"
)
_ONE_AT_A_TIME = threading.RLock()


def without_log_lines(text: bytes) -> bytes:
    """Return `text` without the log lines that MediaPipe, Abseil and TensorFlow Lite are known to write."""
    return _LOG_LINE.sub(b"", text)


@contextmanager
def native_log_hidden() -> Iterator[None]:
    """Hold back file descriptor 2 within the block; on leaving, write to it what is not a native log line.

    Blocks in several threads take turns. Where the process has no descriptor 2, there is nothing to hide and nothing
    is done.
    """
    with _ONE_AT_A_TIME:
        if sys.stderr is not None:
            sys.stderr.flush()
        try:
            real = os.dup(2)
        except OSError:
            yield
            return
        try:
            with tempfile.TemporaryFile() as held:
                os.dup2(held.fileno(), 2)
                try:
                    yield
                finally:
                    if sys.stderr is not None:
                        sys.stderr.flush()
                    os.dup2(real, 2)
                    held.seek(0)
                    _write_all(real, without_log_lines(held.read()))
        finally:
            os.close(real)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
