"""The process of the first pass, started before it is known what it is to do.

It takes most of a second until it has imported what it needs. Meanwhile the program that started it imports its own
modules, probes the videos and checks the output; so this module imports next to nothing. Who starts it early has to be
sure that it will be needed: see `is_surely_new`.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lipblend.errors import LipblendError
from lipblend.runtime.processes import STOPPING, signals_held
from lipblend.runtime.spill import temporary_file

PROGRAM = """
import os, pickle, sys
answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)  # what a library prints must not come between the answers
sys.path[:] = pickle.load(sys.stdin.buffer)
from lipblend.analysis.apart import work
work(answers)
"""
"""What the process runs. Not ``-m``, which would look for modules in the current folder first."""

_HOME = str(Path(__file__).parents[2])  # where lipblend is found, should the current folder have led to it


@dataclass(frozen=True)
class Started:
    """A process that waits for its task.

    Attributes
    ----------
    process : subprocess.Popen
        Its standard input and output are pipes.
    errors : file
        What it says on its standard error.
    """

    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def end(self) -> None:
        """End it, and wait for that; nothing happens to one that has ended."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what could not be written goes with it
                    pipe.close()
        self.process.wait()


def can_be_started() -> bool:
    """Whether there is an interpreter of our own; not where the program is frozen or embedded."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


@contextmanager
def process_started(program: str) -> Iterator[Started]:
    """A process that runs a program (`PROGRAM`); it is ended when the with-block is left.

    It never gets Ctrl-C, SIGTERM and SIGHUP, which reach this process.

    Raises
    ------
    LipblendError
        It cannot be started.
    OutputError
        No temporary file can be written.
    """
    with ExitStack() as stack:
        errors = stack.enter_context(temporary_file())
        with signals_held(*STOPPING):
            started = Started(_start(program, errors), errors)
            stack.callback(started.end)
        with suppress(OSError):  # it is gone already: who gives it a task will find that out
            _tell_paths(started.process)
        yield started


@contextmanager
def process_if_new(cache: Path | None, videos: Sequence[Path]) -> Iterator[Started | None]:
    """A process for the first pass of these videos if it will surely be needed, else None."""
    if can_be_started() and is_surely_new(cache, videos):
        with process_started(PROGRAM) as started:
            yield started
    else:
        yield None


def is_surely_new(cache: Path | None, videos: Sequence[Path]) -> bool:
    """Whether no analysis that is kept can be of these videos, told by times alone, within a millisecond.

    So it is where none are kept, or one of the videos has changed since the last one was kept or used. A copy counts as
    changed: then the process is started for nothing, which costs a little time of a processor and no more.

    Parameters
    ----------
    cache : Path or None
        Folder of kept analyses.
    videos : sequence of Path
    """
    try:
        if not all(path.is_file() for path in videos):
            return False
        changed_s = max(path.stat().st_mtime for path in videos)
    except OSError:
        return False  # whatever is wrong with them is said where they are opened
    if cache is None:
        return True
    try:
        kept = [entry.stat().st_mtime for entry in cache.iterdir() if entry.is_file()]
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return changed_s > max(kept, default=float("-inf"))


def _start(program: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    # It is told this process's own module path; a relative one in the environment may lead elsewhere by now.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [sys.executable, "-P", "-c", program]
    try:
        return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment)
    except OSError as error:
        raise LipblendError(
            f"the process that looks at the videos cannot be started: {error.strerror or error}",
            details=(f"program: {sys.executable or 'unknown'}",),
            hint="Check how much memory and how many processes the system allows.",
        ) from error


def _tell_paths(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    pickle.dump([*filter(None, sys.path), _HOME], process.stdin)
    process.stdin.flush()
