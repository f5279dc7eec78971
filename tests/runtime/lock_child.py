"""Processes that lock an output: ``hold OUTPUT``, ``contend OUTPUT TIMES`` or ``crash OUTPUT TIMES``."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from lipblend.runtime.output_lock import LockedError, OutputLock

OVERLAP = 3


def hold(output: Path) -> None:
    """Hold it until standard input ends."""
    with OutputLock(output):
        print("held", flush=True)
        sys.stdin.read()


def alone(output: Path) -> bool:
    """Whether nobody else is between the same two lines."""
    mark = output.with_suffix(".mark")
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    time.sleep(0.003)
    mark.unlink()
    return True


def contend(output: Path, times: int) -> int:
    """Hold it so many times, each shortly."""
    while times:
        try:
            with OutputLock(output):
                if not alone(output):
                    return OVERLAP
                times -= 1
        except LockedError:
            pass
        time.sleep(0.001)
    return 0


def crash(output: Path, times: int) -> int:
    """Let so many children hold it, which are killed before they give it back."""
    while times:
        child = os.fork()
        if child == 0:
            try:
                OutputLock(output).acquire()
            except LockedError:
                os._exit(0)
            if not alone(output):
                os._exit(OVERLAP)
            os.kill(os.getpid(), signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            return os.WEXITSTATUS(status)
        times -= os.WIFSIGNALED(status)
    return 0


if __name__ == "__main__":
    target = Path(sys.argv[2])
    if sys.argv[1] == "hold":
        hold(target)
    else:
        sys.exit({"contend": contend, "crash": crash}[sys.argv[1]](target, int(sys.argv[3])))
