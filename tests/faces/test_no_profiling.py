"""A thread whose calls set neither timers nor the action of SIGPROF."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lipblend.faces.offline import no_profiling_on_this_thread

_CALLS = """
import ctypes, json, signal, sys, threading
from lipblend.faces.offline import no_profiling_on_this_thread
libc = ctypes.CDLL(None)
libc.signal.restype, libc.signal.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p)
found = []
def work():
    found.append(no_profiling_on_this_thread())
    libc.signal(signal.SIGPROF, 1)
    libc.signal(signal.SIGUSR1, 1)
    signal.setitimer(signal.ITIMER_PROF, 1000.0)
    room = ctypes.create_string_buffer(b"x" * 200, 200)
    libc.sigaction(signal.SIGPROF, None, room)
    found.append(room.raw[:8] == bytes(8))  # the action is told, and is the default one
thread = threading.Thread(target=work)
thread.start()
thread.join()
with open("/proc/self/status") as status:
    ignored = int(next(line for line in status if line.startswith("SigIgn")).split()[1], 16)
bit = lambda number: bool(ignored >> (number - 1) & 1)
found += [bit(signal.SIGPROF), bit(signal.SIGUSR1), signal.getitimer(signal.ITIMER_PROF)[0] > 0]
signal.setitimer(signal.ITIMER_PROF, 1000.0)
found.append(signal.getitimer(signal.ITIMER_PROF)[0] > 0)
print(json.dumps(found))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="seccomp is Linux's")
def test_timers_and_the_action_of_sigprof_cannot_be_set_on_the_thread_and_all_else_can() -> None:
    done = subprocess.run([sys.executable, "-c", _CALLS], capture_output=True, text=True, check=True)
    filtered, told, profiling, other, timer, timer_elsewhere = json.loads(done.stdout)
    assert filtered
    assert told
    assert (profiling, timer) == (False, False)
    assert (other, timer_elsewhere) == (True, True)


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert not no_profiling_on_this_thread()
