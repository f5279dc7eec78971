"""How a command ends: errors become one line and an exit code, and signals unwind like any other exception."""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn, ParamSpec, TypeVar

import typer

from lipblend.cli.entry import EXIT_INTERRUPT, leave_at_once
from lipblend.cli.junit_case import write_error_case
from lipblend.cli.streams import tell_of_lost_output
from lipblend.errors import LipblendError, OutputError

P = ParamSpec("P")
R = TypeVar("R")

DEBUG_VARIABLE = "LIPBLEND_DEBUG"
EXIT_UNEXPECTED = 1
EXIT_TERMINATED = 128 + signal.SIGTERM


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command so that whatever stops it ends as a message on stderr and the right exit code.

    A command with a parameter ``as_json`` that is set also prints the error as one JSON object on stdout; one with a
    parameter ``junit`` writes it there too. With ``LIPBLEND_DEBUG=1`` in the environment the traceback comes first.

    What such a command prints is what it is for: where standard output cannot take it, the exit code is 7.
    """
    return _guarded(command, prints=True)


def guarded_maker(command: Callable[P, R]) -> Callable[P, R]:
    """`guarded`, for a command that makes files: what it prints besides may be lost without changing the exit code."""
    return _guarded(command, prints=False)


def _guarded(command: Callable[P, R], *, prints: bool) -> Callable[P, R]:
    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with _interruptible():
            try:
                result = command(*args, **kwargs)
            except typer.Exit as ending:
                if ending.exit_code == 0:
                    _hold_output(prints)
                raise
            except BaseException as error:
                fault = _fault_of(error)
                if fault is None:
                    raise
                _report(fault, kwargs)
                raise typer.Exit(fault.exit_code) from error
            _hold_output(prints)
            return result

    return run


@dataclass(frozen=True)
class _Fault:
    """What is said of an error: its kind, words and exit code."""

    kind: str
    message: str
    exit_code: int
    text: str
    hint: str = ""
    details: tuple[str, ...] = ()


def _fault_of(error: BaseException) -> _Fault | None:
    """What ended a command, in words; None for what says so itself."""
    if isinstance(error, ImportError):
        broken = unimportable(error)
        return _Fault("ImportError", broken.message, EXIT_UNEXPECTED, str(broken), broken.hint)
    if isinstance(error, LipblendError):
        kind = type(error).__name__
        return _Fault(kind, error.message, error.exit_code, str(error), error.hint, error.details)
    if isinstance(error, KeyboardInterrupt):
        return _Fault("Interrupted", "interrupted", EXIT_INTERRUPT, "interrupted; no unfinished output is left")
    if isinstance(error, SystemExit) and error.code == EXIT_TERMINATED:
        return _Fault("Terminated", "terminated", EXIT_TERMINATED, "terminated; no unfinished output is left")
    if not isinstance(error, Exception):
        return None
    what = " ".join(f"{type(error).__name__}: {error}".split())
    hint = f"This is a bug in lipblend: please report it with the traceback that {DEBUG_VARIABLE}=1 prints."
    return _Fault(type(error).__name__, what, EXIT_UNEXPECTED, f"unexpected {what}. {hint}", hint)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C unwinds a command; before and after it, the program simply ends (`lipblend.cli.entry`)."""
    if signal.getsignal(signal.SIGINT) is not leave_at_once:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, leave_at_once)


def _hold_output(prints: bool) -> None:
    """End with exit code 7 where standard output did not take what the command is for."""
    if tell_of_lost_output() and prints:
        raise typer.Exit(OutputError.exit_code)


def unimportable(error: ImportError) -> LipblendError:
    """Say that a package, or a system library that it needs, is missing or broken."""
    what = " ".join(str(error).split())
    return LipblendError(f"a package cannot be loaded: {what}", hint="Run `lipblend doctor` to see how to mend it.")


def _report(fault: _Fault, options: Mapping[str, object]) -> None:
    if os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
        traceback.print_exc(file=sys.stderr)
    print(f"error: {fault.text}", file=sys.stderr)
    if options.get("as_json"):
        said = asdict(fault)
        del said["text"]
        print(json.dumps({"error": {"type": said.pop("kind"), **said}}))
    junit = options.get("junit")
    if isinstance(junit, Path):
        write_error_case(junit, fault.kind, fault.text)


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
