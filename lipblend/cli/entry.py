"""Where the program starts: what has to hold before anything that takes time is imported."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

EXIT_INTERRUPT = 130
_INTERRUPTED = b"error: interrupted; no unfinished output is left\n"


def leave_at_once(signum: int, frame: FrameType | None) -> None:
    """What Ctrl-C does while there is nothing to clean up: one line, and the process ends."""
    with suppress(OSError):
        os.write(2, _INTERRUPTED)
    os._exit(EXIT_INTERRUPT)


def main() -> None:
    """Entry point of the console script and of ``python -m lipblend``."""
    # Ignored where a shell has started it in the background; that is left alone.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave_at_once)

    from lipblend.cli.streams import make_tolerant, occupy_closed_descriptors

    occupy_closed_descriptors()
    make_tolerant()

    from lipblend.cli.junit_case import begin_error_case

    begin_error_case(sys.argv[1:])
    try:
        from lipblend.cli.app import main as run
    except ImportError as error:  # of the command line's own packages: without them not even the doctor runs
        from lipblend.selfcheck.doctor import REINSTALL

        print(f"error: a package cannot be loaded: {error}. {REINSTALL}", file=sys.stderr)
        sys.exit(1)
    run()
