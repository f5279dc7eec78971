"""The guard restores whatever a library changes, on every thread."""

from __future__ import annotations

import ctypes
import locale
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from patience import HANG_S

from lipblend.runtime.native import guard
from lipblend.runtime.native.floating import floating_modes
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.runtime.native.privilege import priority_raise_blocked
from lipblend.runtime.native.scheduling import Scheduling, reschedule, scheduling_of, thread_schedulings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the guard reads Linux's /proc")
LIBC = ctypes.CDLL(None)
LIBC.signal.restype, LIBC.signal.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p)
LIBM = ctypes.CDLL("libm.so.6")
UPWARD = {"x86_64": 0x800, "aarch64": 0x400000}.get(os.uname().machine, 0)
ROOT = os.geteuid() == 0


def _handler() -> str:
    """The system's handler of SIGUSR2."""
    lines = Path("/proc/self/status").read_text().splitlines()
    ignored = next(line for line in lines if line.startswith("SigIgn"))
    return str(bool(int(ignored.split()[1], 16) >> (signal.SIGUSR2 - 1) & 1))


def _variable() -> str:
    """The variable as native code sees it."""
    LIBC.getenv.restype = ctypes.c_char_p
    return repr(LIBC.getenv(b"LIPBLEND_TEST_VARIABLE"))


def _fewer_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))


def _other_umask() -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("Umask"))


CHANGES: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "policy": (lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)), lambda: os.sched_getscheduler(0)),
    "processors": (lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}), lambda: os.sched_getaffinity(0)),
    "handler": (lambda: LIBC.signal(signal.SIGUSR2, 1), _handler),
    "mask": (
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1}),
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
    ),
    "rounding": (lambda: LIBM.fesetround(UPWARD), LIBM.fegetround),
    "traps": (lambda: LIBM.feenableexcept(1), LIBM.fegetexcept),
    "umask": (lambda: os.umask(0o077), _other_umask),
    "folder": (lambda: os.chdir("/"), os.getcwd),
    "limits": (_fewer_files, lambda: resource.getrlimit(resource.RLIMIT_NOFILE)),
    "locale": (lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8"), lambda: locale.setlocale(locale.LC_ALL)),
    "environment": (lambda: LIBC.setenv(b"LIPBLEND_TEST_VARIABLE", b"1", 1), _variable),
}


@pytest.fixture(params=CHANGES)
def change(request: pytest.FixtureRequest) -> tuple[Callable[[], object], Callable[[], object]]:
    """A change that a library could make, and how to read it."""
    if request.param == "locale":
        locale.setlocale(locale.LC_ALL, "C")
    if request.param == "traps" and os.uname().machine != "x86_64":
        pytest.skip("AArch64 processors need not have traps")
    return CHANGES[request.param]


def test_changes_are_undone(change: tuple[Callable[[], object], Callable[[], object]]) -> None:
    act, seen = change
    before = seen()
    with process_state_preserved():
        act()
        meanwhile = seen()
    assert seen() == before
    if meanwhile == before:
        assert act is CHANGES["processors"][0]  # there is one only
        assert len(os.sched_getaffinity(0)) == 1


def test_changes_are_undone_after_an_error(change: tuple[Callable[[], object], Callable[[], object]]) -> None:
    act, seen = change
    before = seen()

    def fail() -> None:
        with process_state_preserved():
            act()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert seen() == before


def test_changes_made_through_python_are_kept() -> None:
    before = signal.getsignal(signal.SIGUSR2)
    try:
        with process_state_preserved():
            os.environ["LIPBLEND_TEST_VARIABLE"] = "ours"
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        assert _variable() == repr(b"ours")
        assert _handler() == "True"
        assert signal.getsignal(signal.SIGUSR2) is signal.SIG_IGN
    finally:
        del os.environ["LIPBLEND_TEST_VARIABLE"]
        signal.signal(signal.SIGUSR2, before)


def test_other_and_new_threads_are_restored() -> None:
    ended, numbers = threading.Event(), []

    def wait() -> None:
        numbers.append(threading.get_native_id())
        ended.wait()

    def start() -> None:
        thread = threading.Thread(target=wait)
        thread.start()
        while len(numbers) < len(started) + 1:
            pass
        started.append(thread)

    started: list[threading.Thread] = []
    start()
    before = thread_schedulings()
    try:
        with process_state_preserved():
            reschedule(numbers[0], replace(before[numbers[0]], policy=os.SCHED_BATCH))
            start()
            reschedule(numbers[1], Scheduling(os.SCHED_BATCH, 0, 19, before[numbers[0]].processors))
        after = thread_schedulings()
        assert {number: after[number] for number in before} == before
        assert after[numbers[1]].policy == os.SCHED_BATCH  # a lower priority is allowed
        assert after[numbers[1]].nice == 19
    finally:
        ended.set()
        for thread in started:
            thread.join()


def test_a_new_thread_gets_no_more_than_its_starter() -> None:
    mine = Scheduling(os.SCHED_OTHER, 0, 5, frozenset({0, 1}))
    greedy = Scheduling(os.SCHED_FIFO, 99, -20, frozenset({0, 1, 2, 3}))
    assert guard._limited(greedy, mine) == mine
    modest = Scheduling(os.SCHED_IDLE, 0, 10, frozenset({1}))
    assert guard._limited(modest, mine) == modest
    assert guard._limited(greedy, None) == greedy


def test_overlapping_guards_restore_the_state_before_the_first() -> None:
    home = os.getcwd()
    inside, entered, may_end = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with process_state_preserved():
            os.chdir("/")
            inside.set()
            entered.wait(HANG_S)

    def second() -> None:
        inside.wait(HANG_S)
        with process_state_preserved():
            entered.set()
            may_end.wait(HANG_S)

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(first), pool.submit(second)
        one.result()
        may_end.set()
        two.result()
    try:
        assert os.getcwd() == home
    finally:
        os.chdir(home)


def test_a_failure_to_restore_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(number: int, wanted: Scheduling) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(guard, "reschedule", refuse)
    with (
        pytest.warns(RuntimeWarning, match="the scheduling of a thread \\(Operation not permitted\\)"),
        process_state_preserved(),
    ):
        pass


def test_nested_guards_and_an_unchanged_process() -> None:
    modes, mine = floating_modes(), scheduling_of()
    with process_state_preserved(), process_state_preserved():
        pass
    assert (floating_modes(), scheduling_of()) == (modes, mine)
    assert guard._SHARED.guards == 0


_RISE = """
import os
from lipblend.runtime.native.{module} import {block}
with {block}():
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
        print("risen")
    except PermissionError:
        print("refused")
print(os.sched_getscheduler(0))
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    print("may")
except PermissionError:
    print("may not")
"""


@pytest.mark.parametrize(
    ("module", "block"), [("privilege", "priority_raise_blocked"), ("guard", "process_state_preserved")]
)
def test_priority_cannot_be_raised_inside_but_afterwards(module: str, block: str) -> None:
    plain = "from contextlib import nullcontext as nothing"
    code = _RISE.format(module=module, block=block)
    bare = _RISE.replace("from lipblend.runtime.native.{module} import {block}", plain).format(block="nothing")
    told, free = (
        subprocess.run([sys.executable, "-c", each], capture_output=True, text=True, check=True).stdout.split("\n")
        for each in (code, bare)
    )
    assert told[:2] == ["refused", "0"]
    assert told[2] == free[2]  # as before the block


def test_a_real_time_priority_is_removed() -> None:
    code = _RISE.format(module="guard", block="process_state_preserved")
    unguarded = "from contextlib import nullcontext\nimport lipblend.runtime.native.guard as g\n"
    code = f"{unguarded}g.priority_raise_blocked = nullcontext\n{code}"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split("\n")
    assert told[1] == "0"  # also as root, where it was granted


def test_the_capability_is_dropped_on_one_thread_only() -> None:
    def effective() -> str:
        lines = Path("/proc/thread-self/status").read_text().splitlines()
        return next(line for line in lines if line.startswith("CapEff"))

    with ThreadPoolExecutor(1) as pool:
        before = pool.submit(effective).result()
        with priority_raise_blocked():
            assert pool.submit(effective).result() == before
        assert effective() == before


@pytest.mark.parametrize("fault", [PermissionError(1, "refused"), OSError(38, "not implemented")])
def test_a_system_without_scheduling_information(fault: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(os, "sched_getscheduler", refuse)
        patch.setattr(resource, "getrlimit", refuse)
        with process_state_preserved():
            pass
