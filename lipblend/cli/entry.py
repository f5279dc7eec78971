"""Entry point: sets up signals and streams before any slow import."""

from __future__ import annotations

import signal
import sys

from lipblend.cli.exit_codes import exit_on_interrupt


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
