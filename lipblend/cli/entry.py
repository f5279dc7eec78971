"""Entry point: sets up signals and streams before any slow import."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

EXIT_INTERRUPT = 130
_INTERRUPTED = b"error: interrupted; no unfinished output is left\n"


def exit_on_interrupt(signum: int, frame: FrameType | None) -> None:
    """Handle Ctrl-C while there is nothing to clean up: print one line and exit."""
    with suppress(OSError):
        os.write(2, _INTERRUPTED)
    os._exit(EXIT_INTERRUPT)


def main() -> None:
    """Entry point of the console script and of ``python -m lipblend``."""
    # A shell that starts the program in the background may have set SIGINT to be ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, exit_on_interrupt)

    from lipblend.cli.streams import make_tolerant, occupy_closed_descriptors

    occupy_closed_descriptors()
    make_tolerant()

    from lipblend.cli.junit_case import begin_error_case

    begin_error_case(sys.argv[1:])
    try:
        from lipblend.cli.app import main as run
    except ImportError as error:  # typer, or a package it needs: not even the doctor can run
        from lipblend.selfcheck.findings import REINSTALL

        print(f"error: a package cannot be loaded: {error}. {REINSTALL}", file=sys.stderr)
        sys.exit(1)
    run()
