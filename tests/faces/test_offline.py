"""Threads without network, and without profiling."""

from __future__ import annotations

import errno
import json
import platform
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from lipblend.faces import offline
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.offline import NetworkStatus, no_profiling_on_this_thread, refuse_network_on_this_thread

FILTERED = sys.platform.startswith("linux") and platform.machine() in ("x86_64", "aarch64")
needs_filter = pytest.mark.skipif(not FILTERED, reason="the filter exists for Linux on x86_64 and aarch64")


def on_thread(work: Callable[[], object]) -> object:
    box: list[object] = []
    thread = threading.Thread(target=lambda: box.append(work()))
    thread.start()
    thread.join()
    return box[0]


def open_socket(family: int) -> int:
    """0, or the number of the error."""
    try:
        socket.socket(family, socket.SOCK_DGRAM).close()
    except OSError as error:
        return error.errno or -1
    return 0


@needs_filter
def test_sockets_fail_on_the_thread_and_its_children_only() -> None:
    def filtered() -> tuple[NetworkStatus, list[int], object]:
        status = refuse_network_on_this_thread()
        families = [socket.AF_INET, socket.AF_INET6, socket.AF_UNIX]
        return status, [open_socket(f) for f in families], on_thread(lambda: open_socket(socket.AF_INET))

    status, own, child = on_thread(filtered)  # type: ignore[misc]
    assert status == NetworkStatus(True, "")
    assert own == [errno.EAFNOSUPPORT] * 3
    assert child == errno.EAFNOSUPPORT
    assert open_socket(socket.AF_INET) == 0
    assert on_thread(lambda: open_socket(socket.AF_INET)) == 0


@needs_filter
def test_other_calls_work_under_the_filter() -> None:
    def work() -> bytes:
        refuse_network_on_this_thread()
        with open(__file__, "rb") as stream:
            first = stream.read(3)
        done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True)
        return first + done.stdout

    assert on_thread(work) == b'"""1\n'


@needs_filter
def test_twice_on_one_thread_is_fine() -> None:
    def twice() -> list[bool]:
        return [refuse_network_on_this_thread().refused for _ in range(2)]

    assert on_thread(twice) == [True, True]


@needs_filter
def test_the_landmarker_is_cut_off_and_the_process_is_not(landmarker: FaceLandmarker) -> None:
    assert landmarker.network == NetworkStatus(True, "")
    assert open_socket(socket.AF_INET) == 0


@needs_filter
def test_a_refusing_system_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "_SECCOMP_MODE_FILTER", 99)
    status = on_thread(refuse_network_on_this_thread)
    assert isinstance(status, NetworkStatus)
    assert not status.refused
    assert "did not allow the filter" in status.reason


@pytest.mark.parametrize(
    ("system", "machine", "reason"),
    [("darwin", "arm64", "not possible on"), ("win32", "AMD64", "not possible on"), ("linux", "riscv64", "riscv64")],
)
def test_other_systems_are_reported(system: str, machine: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    status = refuse_network_on_this_thread()
    assert not status.refused
    assert reason in status.reason
    assert not no_profiling_on_this_thread()


@pytest.mark.parametrize(("arch", "number"), offline._CALLS.values(), ids=offline._CALLS)
def test_the_filter_refuses_socket_of_its_architecture_only(arch: int, number: int) -> None:
    program = offline._network_filter(arch, number)

    def verdict(call_arch: int, call_number: int) -> int:
        return run_bpf(program, {0: call_number, 4: call_arch})

    refused = 0x00050000 | errno.EAFNOSUPPORT
    assert verdict(arch, number) == refused
    assert verdict(arch, number + 1) == 0x7FFF0000
    assert verdict(arch ^ 1, number) == 0x7FFF0000


def run_bpf(program: bytes, words: dict[int, int]) -> int:
    """The three kinds of instruction the filter uses."""
    import struct

    instructions = list(struct.iter_unpack("=HBBI", program))
    register, at = 0, 0
    while True:
        code, if_true, if_false, value = instructions[at]
        at += 1
        if code == 0x20:
            register = words[value]
        elif code == 0x15:
            at += if_true if register == value else if_false
        else:
            assert code == 0x06
            return int(value)


PROFILING_CALLS = """
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
    found.append(room.raw[:8] == bytes(8))  # the query returns the default action
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


@needs_filter
def test_timers_and_the_action_of_sigprof_cannot_be_set_on_the_thread() -> None:
    done = subprocess.run([sys.executable, "-c", PROFILING_CALLS], capture_output=True, text=True, check=True)
    filtered, query_works, profiling, other_signal, timer, timer_on_other_thread = json.loads(done.stdout)
    assert filtered
    assert query_works
    assert (profiling, timer) == (False, False)
    assert (other_signal, timer_on_other_thread) == (True, True)
