"""How the program ends outside of errors of its own; imports nothing that takes time."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType

EXIT_UNEXPECTED = 1
EXIT_INTERRUPT = 130
EXIT_TERMINATED = 128 + signal.SIGTERM

_INTERRUPTED = b"error: interrupted; no unfinished output is left\n"


def exit_on_interrupt(signum: int, frame: FrameType | None) -> None:
    """Handle Ctrl-C while there is nothing to clean up: print one line and exit."""
    with suppress(OSError):
        os.write(2, _INTERRUPTED)
    os._exit(EXIT_INTERRUPT)
