"""Exit codes and error messages of the commands, and the handling of signals."""

from __future__ import annotations

import functools
import json
import os
import re
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

from lipblend.cli.exit_codes import EXIT_INTERRUPT, EXIT_TERMINATED, EXIT_UNEXPECTED, exit_on_interrupt
from lipblend.cli.junit_case import write_error_case
from lipblend.cli.streams import report_lost_output
from lipblend.errors import LipblendError, OutputError
from lipblend.runtime.stand_ins import data_as_given

P = ParamSpec("P")
R = TypeVar("R")

DEBUG_VARIABLE = "LIPBLEND_DEBUG"


def handle_errors(*, stdout_required: bool) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a command: exceptions become a message on stderr and an exit code.

    If the command has a parameter ``as_json`` that is set, the error is also printed as a JSON object on stdout; if it
    has a parameter ``junit``, it is also written there. With ``LIPBLEND_DEBUG=1`` in the environment the traceback is
    printed first.

    Parameters
    ----------
    stdout_required : bool
        Whether the exit code is 7 if stdout cannot be written. Commands that write files may lose what they print.
    """

    def decorate(command: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with _interruptible():
                try:
                    result = command(*args, **kwargs)
                except typer.Exit as stop:
                    if stop.exit_code == 0:
                        _check_stdout(stdout_required)
                    raise
                except BaseException as error:
                    failure = _describe(error)
                    if failure is None:
                        raise
                    _report(failure, kwargs)
                    raise typer.Exit(failure.exit_code) from error
                _check_stdout(stdout_required)
                return result

        return run

    return decorate


@dataclass(frozen=True)
class _Failure:
    """An error as it is reported."""

    kind: str
    message: str
    exit_code: int
    text: str
    hint: str = ""
    details: tuple[str, ...] = ()


def _describe(error: BaseException) -> _Failure | None:
    """Describe what ended a command; None for exceptions that the command line reports itself."""
    if isinstance(error, ImportError):
        broken = import_failure(error)
        return _Failure("ImportError", broken.message, EXIT_UNEXPECTED, str(broken), broken.hint)
    if isinstance(error, LipblendError):
        hint = name_flags(error.hint, beside=f"{error.message} {' '.join(error.details)}")
        text = str(LipblendError(error.message, hint=hint, details=error.details))
        return _Failure(type(error).__name__, error.message, error.exit_code, text, hint, error.details)
    if isinstance(error, KeyboardInterrupt):
        return _Failure("Interrupted", "interrupted", EXIT_INTERRUPT, "interrupted; no unfinished output is left")
    if isinstance(error, SystemExit) and error.code == EXIT_TERMINATED:
        return _Failure("Terminated", "terminated", EXIT_TERMINATED, "terminated; no unfinished output is left")
    if not isinstance(error, Exception):
        return None
    what = " ".join(f"{type(error).__name__}: {error}".split())
    hint = f"This is a bug in lipblend. Please report it with the traceback that {DEBUG_VARIABLE}=1 prints."
    return _Failure(type(error).__name__, what, EXIT_UNEXPECTED, f"unexpected {what}. {hint}", hint)


def name_flags(hint: str, *, beside: str = "") -> str:
    """Add the command-line flags of the settings named in a hint, where hint and message do not name them."""
    keys = dict.fromkeys(re.findall(r"\b[a-z]+\.[a-z_]+\b", hint))
    if not keys:
        return hint
    try:
        from lipblend.settings.catalogue import setting_specs
    except ImportError:  # a broken installation
        return hint
    flags = {key: setting_specs()[key].flag for key in keys if key in setting_specs()}
    named = [f"{flag} sets {key}." for key, flag in flags.items() if flag and flag not in f"{hint} {beside}"]
    return " ".join([hint, *named])


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C unwind a command; outside of it, the program simply exits (`lipblend.cli.entry`)."""
    if signal.getsignal(signal.SIGINT) is not exit_on_interrupt:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, exit_on_interrupt)


def _check_stdout(required: bool) -> None:
    """Exit with code 7 if stdout could not be written but had to be."""
    if report_lost_output() and required:
        raise typer.Exit(OutputError.exit_code)


def import_failure(error: ImportError) -> LipblendError:
    """The error for a package, or a system library it needs, that is missing or broken."""
    what = " ".join(str(error).split())
    return LipblendError(f"a package cannot be loaded: {what}", hint="Run `lipblend doctor` to see how to fix it.")


def _report(failure: _Failure, options: Mapping[str, object]) -> None:
    failure = _Failure(**{name: data_as_given(value) for name, value in asdict(failure).items()})
    if os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
        traceback.print_exc(file=sys.stderr)
    print(f"error: {failure.text}", file=sys.stderr)
    if options.get("as_json"):
        fields = asdict(failure)
        del fields["text"]
        print(json.dumps({"error": {"type": fields.pop("kind"), **fields}}))
    junit = options.get("junit")
    if isinstance(junit, Path):
        write_error_case(junit, failure.kind, failure.text)


def run_script(task: Callable[[], object]) -> int:
    """Run the task of a project script, print what stopped it, and return the exit code."""
    try:
        task()
    except LipblendError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPT
    return 0


def exit_now(code: int) -> NoReturn:
    """Exit without the interpreter's shutdown, after all clean-up.

    After an interruption, the shutdown unloads libraries while their threads still work, and sometimes crashes (seen
    once in about thirty runs under load).
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a closed pipe or stream
            stream.flush()
    os._exit(code)


def unwind_on_sigterm() -> None:
    """Turn SIGTERM and SIGHUP into ``SystemExit(143)``, so that temporary files are removed.

    A SIGHUP that is already ignored, as under nohup, stays ignored.
    """

    def stop(signum: int, frame: FrameType | None) -> None:
        signal.signal(signum, signal.SIG_IGN)  # a second signal must not interrupt the clean-up
        raise SystemExit(EXIT_TERMINATED)

    signal.signal(signal.SIGTERM, stop)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, stop)
