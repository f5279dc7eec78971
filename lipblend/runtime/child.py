"""A child process that runs a function of this program, and talks with it in pickled messages.

The child is this program's own interpreter with this program's module path. It gets messages through its standard
input, which stays open for as long as the parent lives, and answers through a pipe that was its standard output. It
never gets Ctrl-C, SIGTERM and SIGHUP, which reach the parent, and is killed when the parent leaves the with-block.
This module imports next to nothing, so that a child can be started before the parent has imported what it needs.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from lipblend.errors import LipblendError
from lipblend.runtime.files import temporary_file
from lipblend.runtime.processes import STOP_SIGNALS, picklable_error, signal_name, signals_blocked

_HOME = str(Path(__file__).parents[2])  # where lipblend is found, even if that was by the current folder
_END_S = 10.0
_LAST_LINES = 5


def program(module: str, function: str, role: str) -> str:
    """The source code that a child runs: ``function(channel)`` of a module of this program.

    ``role`` names the child in the tracebacks of its errors: "a render worker".
    """
    # Not `python -m`, which would look for modules in the current folder first.
    return f"""
import os, pickle, sys
answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)  # what a library prints must not come between the answers
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # after small matrix products its threads go on spinning
sys.path[:] = pickle.load(sys.stdin.buffer)
from lipblend.runtime.child import serve
from {module} import {function}
serve({function}, answers, {role!r})
"""


class ParentGoneError(Exception):
    """The parent has ended."""


class Channel:
    """The child's end: messages in, answers out.

    Attributes
    ----------
    questions, answers : binary file
    """

    def __init__(self, questions: IO[bytes], answers: IO[bytes]) -> None:
        self.questions, self.answers = questions, answers

    def receive(self) -> Any:
        """Wait for the next message; ParentGoneError when the parent has ended."""
        try:
            return pickle.load(self.questions)
        except EOFError as error:
            raise ParentGoneError from error

    def send(self, message: object) -> None:
        """Answer; BrokenPipeError when the parent has ended, or wants no more."""
        pickle.dump(message, self.answers)
        self.answers.flush()

    @contextmanager
    def last_answer(self, message: object) -> Iterator[IO[bytes]]:
        """Send a last message, then bytes; an error on the way ends the process with exit code 1."""
        self.send(message)
        try:
            yield self.answers
        except BrokenPipeError:
            raise
        except Exception:  # noqa: BLE001 - the parent already reads bytes: it takes the error from standard error
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)


def serve(function: Callable[[Channel], None], answers: IO[bytes], role: str) -> NoReturn:
    """Run a function in a child, send its error to the parent if it fails, and end the process."""
    for number in STOP_SIGNALS:  # for systems where they cannot be blocked from the start
        signal.signal(number, signal.SIG_IGN)
    channel = Channel(sys.stdin.buffer, answers)
    with suppress(BrokenPipeError):  # the parent has ended, or wants no more
        try:
            function(channel)
        except (BrokenPipeError, ParentGoneError):
            pass
        except Exception as error:  # noqa: BLE001 - every failure has to reach the parent, which raises it
            channel.send(picklable_error(error, f"In {role}"))
        answers.flush()
    sys.stderr.flush()
    # At once: unloading libraries while their threads still run crashes now and then.
    os._exit(0)


@dataclass(frozen=True)
class Child:
    """The parent's end of a child process.

    Attributes
    ----------
    process : subprocess.Popen
        Its standard input and output are pipes.
    errors : file or None
        What it writes to its standard error; None if that is the parent's own.
    """

    process: subprocess.Popen[bytes]
    errors: IO[bytes] | None = None

    @property
    def answers(self) -> IO[bytes]:
        """Where its answers come from."""
        assert self.process.stdout is not None
        return self.process.stdout

    def send(self, message: object) -> None:
        """Send a message; OSError if the child has ended."""
        assert self.process.stdin is not None
        pickle.dump(message, self.process.stdin)
        self.process.stdin.flush()

    def receive(self) -> Any:
        """Wait for the next answer; any exception if the child has ended, or answers nonsense."""
        return pickle.load(self.answers)

    def how_it_ended(self) -> tuple[str, str]:
        """Wait for its end. Returns a phrase for an error message, and the name of the signal that killed it."""
        try:
            code = self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "sent an answer that cannot be read", ""
        name = signal_name(code)
        return f"was killed by {name}" if name else f"ended with exit code {code}", name

    def last_lines(self) -> tuple[str, ...]:
        """The last lines of its standard error."""
        if self.errors is None:
            return ()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").split("\n")
        return tuple(line for line in lines if line.strip())[-_LAST_LINES:]

    def pass_errors_on(self) -> None:
        """Copy its standard error to this process's, if there is one."""
        if self.errors is None:
            return
        self.errors.seek(0)
        if (text := self.errors.read()) and sys.stderr is not None:
            with suppress(OSError, ValueError):  # closed
                sys.stderr.write(text.decode(errors="replace"))
                sys.stderr.flush()

    def end(self) -> None:
        """Kill it and wait for its end; nothing happens if it has ended."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what could not be written is lost with it
                    pipe.close()
        self.process.wait()


def can_start_child() -> bool:
    """Whether there is an interpreter to start; not if the program is frozen or embedded."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


@contextmanager
def child_process(source: str, *, capture: bool = True, log: IO[bytes] | None = None) -> Iterator[Child]:
    """Start a child that runs `program`'s source code; it is killed when the with-block is left.

    Parameters
    ----------
    source : str
    capture : bool
        Keep what it writes to its standard error for `Child.last_lines`, instead of writing it to this process's.
    log : binary file, optional
        Receives what it writes to its standard error, in the place of both.

    Raises
    ------
    LipblendError
        It cannot be started.
    OutputError
        No temporary file can be written.
    """
    with ExitStack() as stack:
        errors = log if log is not None else stack.enter_context(temporary_file()) if capture else None
        with signals_blocked(*STOP_SIGNALS):
            child = Child(_start(source, errors), errors)
            stack.callback(child.end)
        with suppress(OSError):  # it has ended already: whoever sends it a message will notice
            child.send([*filter(None, sys.path), _HOME])
        yield child


def _start(source: str, errors: IO[bytes] | None) -> subprocess.Popen[bytes]:
    # It gets this process's own module path; a relative one in the environment may lead elsewhere by now.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-P", "-c", source]
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment)
    except OSError as error:
        raise LipblendError(
            f"a process of this program cannot be started: {error.strerror or error}",
            details=(f"program: {sys.executable or 'unknown'}",),
            hint="Check how much memory and how many processes the system allows.",
        ) from error
