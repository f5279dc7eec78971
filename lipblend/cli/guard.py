"""How a command ends: errors become one line and an exit code, and signals unwind like any other exception."""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn, ParamSpec, TypeVar

import typer

from lipblend.errors import LipblendError

P = ParamSpec("P")
R = TypeVar("R")

DEBUG_VARIABLE = "LIPBLEND_DEBUG"
EXIT_UNEXPECTED = 1
EXIT_INTERRUPT = 130
EXIT_TERMINATED = 128 + signal.SIGTERM


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command so that whatever stops it ends as a message on stderr and the right exit code.

    A command with a parameter ``as_json`` that is set also prints the error as one JSON object on stdout.
    With ``LIPBLEND_DEBUG=1`` in the environment the traceback comes first.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        as_json = bool(kwargs.get("as_json"))
        try:
            return command(*args, **kwargs)
        except (typer.Exit, BrokenPipeError):
            raise
        except LipblendError as error:
            _report(
                type(error).__name__, error.message, error.hint, error.details, error.exit_code, str(error), as_json
            )
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            _report(
                "Interrupted",
                "interrupted",
                "",
                (),
                EXIT_INTERRUPT,
                "interrupted; no unfinished output is left",
                as_json,
            )
            raise typer.Exit(EXIT_INTERRUPT) from error
        except SystemExit as error:
            if error.code == EXIT_TERMINATED:
                text = "terminated; no unfinished output is left"
                _report("Terminated", "terminated", "", (), EXIT_TERMINATED, text, as_json)
            raise
        except ImportError as error:
            broken = unimportable(error)
            _report("ImportError", broken.message, broken.hint, (), EXIT_UNEXPECTED, str(broken), as_json)
            raise typer.Exit(EXIT_UNEXPECTED) from error
        except Exception as error:
            what = " ".join(f"{type(error).__name__}: {error}".split())
            hint = f"This is a bug in lipblend: please report it with the traceback that {DEBUG_VARIABLE}=1 prints."
            _report(type(error).__name__, what, hint, (), EXIT_UNEXPECTED, f"unexpected {what}. {hint}", as_json)
            raise typer.Exit(EXIT_UNEXPECTED) from error

    return run


def unimportable(error: ImportError) -> LipblendError:
    """Say that a package, or a system library that it needs, is missing or broken."""
    what = " ".join(str(error).split())
    return LipblendError(f"a package cannot be loaded: {what}", hint="Run `lipblend doctor` to see how to mend it.")


def _report(
    kind: str, message: str, hint: str, details: tuple[str, ...], exit_code: int, text: str, as_json: bool
) -> None:
    if os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
        traceback.print_exc(file=sys.stderr)
    print(f"error: {text}", file=sys.stderr)
    if as_json:
        fault = {"type": kind, "message": message, "hint": hint, "details": details, "exit_code": exit_code}
        print(json.dumps({"error": fault}))


def ended(task: Callable[[], object]) -> int:
    """Do what a script of the project's is for, and say what stopped it: the exit code."""
    try:
        task()
    except LipblendError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPT
    return 0


def leave(code: int) -> NoReturn:
    """End the process at once, when all that has to be cleaned up has been.

    The interpreter's own shutdown takes libraries down in any order while their threads still work on what was
    interrupted, and now and then crashes there (seen once in about thirty runs under load).
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a closed pipe, a closed stream
            stream.flush()
    os._exit(code)


def unwind_on_sigterm() -> None:
    """Turn SIGTERM (and a closed terminal's SIGHUP) into ``SystemExit(143)``, so that temporary files are removed.

    A SIGHUP that is ignored already, as under nohup, stays ignored.
    """

    def stop(signum: int, frame: FrameType | None) -> None:
        signal.signal(signum, signal.SIG_IGN)  # a second one must not cut the clean-up short
        raise SystemExit(EXIT_TERMINATED)

    signal.signal(signal.SIGTERM, stop)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, stop)
