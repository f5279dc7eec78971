"""Hide MediaPipe's C++ log lines, without losing anything else written to standard error.

The library has no switch for them. They go straight to file descriptor 2, mostly while a task is created and while its
first picture is processed. During these moments the descriptor points to a temporary file. As it belongs to the whole
process, the file also receives what other threads write; afterwards everything but the library's log lines is written
to the real descriptor, in order. At other times nothing is redirected.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Not anchored to the start of a line: another thread may have left an unfinished one (a progress bar).
_LOG_LINE = re.compile(
    rb"[IWE]\d{4} \d\d:\d\d:\d+\.\d+ +\d+ [\w.\-/]+:\d+\][^\n]*\n?"
    rb"|WARNING: (?:Logging before InitGoogle\(\)|All log messages before absl::InitializeLog\(\))[^\n]*\n?"
    rb"|INFO: Created TensorFlow Lite [^\n]*\n?"
    rb"|=== Source Location Trace: ===[^\n]*\n?(?:[\w.\-/]+\.(?:cc|h):\d+\n?)*"
)
_LOCK = threading.RLock()


def without_log_lines(text: bytes) -> bytes:
    """Remove the log lines of MediaPipe, Abseil and TensorFlow Lite."""
    return _LOG_LINE.sub(b"", text)


@contextmanager
def native_log_hidden() -> Iterator[None]:
    """Capture file descriptor 2 within the block; on exit, write to it everything but native log lines.

    Blocks in several threads take turns. Without a descriptor 2, nothing is done.
    """
    with _LOCK:
        if sys.stderr is not None:
            sys.stderr.flush()
        try:
            real = os.dup(2)
        except OSError:
            yield
            return
        try:
            with tempfile.TemporaryFile() as captured:
                os.dup2(captured.fileno(), 2)
                try:
                    yield
                finally:
                    if sys.stderr is not None:
                        sys.stderr.flush()
                    os.dup2(real, 2)
                    captured.seek(0)
                    _write_all(real, without_log_lines(captured.read()))
        finally:
            os.close(real)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
