"""Watch which sockets a program opens: an outer seccomp filter reports each call before it is made.

A thread of this process installs the filter and starts the program, which inherits it; the other threads are unfiltered
and answer the reports. Internet sockets are refused, so that nothing leaves the machine. A filter inside the program
takes precedence: calls that it refuses are not reported.

Sources: seccomp(2), seccomp_unotify(2), ``linux/seccomp.h``.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER = 1
_NEW_LISTENER = 1 << 3
_RET_ALLOW = 0x7FFF0000
_RET_USER_NOTIF = 0x7FC00000
_RECEIVE = 0xC0502100
_SEND = 0xC0182101
_CONTINUE = 1
_NOTICE = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")

# Machine -> (AUDIT_ARCH_*, number of seccomp(), numbers of the calls that are watched).
_MACHINES = {
    "x86_64": (0xC000003E, 317, {41: "socket", 42: "connect", 44: "sendto", 46: "sendmsg", 307: "sendmmsg"}),
    "aarch64": (0xC00000B7, 277, {198: "socket", 203: "connect", 206: "sendto", 211: "sendmsg", 269: "sendmmsg"}),
}


@dataclass(frozen=True)
class Call:
    """A reported call; with the family for ``socket``, and the IPv4 address for ``connect``."""

    name: str
    family: int | None = None
    address: str = ""


class CannotWatchError(Exception):
    """The system does not allow watching; the message says why."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def watch(
    arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float, *, let_sockets: bool = False
) -> tuple[list[Call], subprocess.CompletedProcess[str]]:
    """Run a program and list its calls that reach the outer filter.

    With `let_sockets`, sockets are allowed, but only connections to 127.0.0.1.

    Raises
    ------
    CannotWatchError
    subprocess.TimeoutExpired
    """
    if not sys.platform.startswith("linux") or platform.machine() not in _MACHINES:
        raise CannotWatchError(f"no numbers for {platform.machine()} {sys.platform}")
    started: list[tuple[int, subprocess.Popen[str]] | Exception] = []

    def start() -> None:
        try:
            listener = _install()
            started.append(
                (listener, subprocess.Popen(arguments, env=dict(environment), stdout=-1, stderr=-1, text=True))
            )
        except (OSError, CannotWatchError) as error:
            started.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    if isinstance(started[0], Exception):
        raise started[0]
    listener, process = started[0]
    calls: list[Call] = []
    over = threading.Event()
    answering = threading.Thread(target=_answer, args=(listener, calls, over, let_sockets))
    answering.start()
    try:
        out, err = process.communicate(timeout=timeout_s)
    finally:
        process.kill()
        over.set()
        answering.join()
        os.close(listener)
    return calls, subprocess.CompletedProcess(arguments, process.returncode, out, err)


def _install() -> int:
    arch, number, watched = _MACHINES[platform.machine()]
    libc = ctypes.CDLL(None, use_errno=True)
    count = len(watched)
    rows = [(0x20, 0, 0, 4), (0x15, 0, count + 1, arch), (0x20, 0, 0, 0)]
    rows += [(0x15, count - index, 0, call) for index, call in enumerate(watched)]
    rows += [(0x06, 0, 0, _RET_ALLOW), (0x06, 0, 0, _RET_USER_NOTIF)]
    code = b"".join(struct.pack("=HBBI", *row) for row in rows)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(rows), ctypes.addressof(buffer))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise CannotWatchError(f"no_new_privs: {os.strerror(ctypes.get_errno())}")
    listener = int(libc.syscall(number, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program)))
    if listener < 0:
        raise CannotWatchError(f"seccomp listener: {os.strerror(ctypes.get_errno())}")
    return listener


def _answer(listener: int, calls: list[Call], over: threading.Event, let_sockets: bool) -> None:
    names = _MACHINES[platform.machine()][2]
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while not over.is_set():
        events = poll.poll(50)
        if not events:
            continue
        if not events[0][1] & select.POLLIN:
            time.sleep(0.01)  # no process is left under the filter
            continue
        notice = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(listener, _RECEIVE, notice)
            cookie, process, _, number, _, _, *values = _NOTICE.unpack(notice)
            call = _described(names[number], process, values)
            calls.append(call)
            answer = (cookie, 0, -errno.ENETUNREACH, 0) if _is_refused(call, let_sockets) else (cookie, 0, 0, _CONTINUE)
            fcntl.ioctl(listener, _SEND, bytearray(_ANSWER.pack(*answer)))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EINTR):  # the caller was killed meanwhile
                raise


def _described(name: str, process: int, values: list[int]) -> Call:
    if name == "socket":
        return Call(name, values[0])
    if name != "connect":
        return Call(name)
    with open(f"/proc/{process}/mem", "rb") as memory:
        memory.seek(values[1])
        raw = memory.read(values[2])
    family = int.from_bytes(raw[:2], sys.byteorder)
    address = f"{socket.inet_ntoa(raw[4:8])}:{int.from_bytes(raw[2:4], 'big')}" if family == socket.AF_INET else ""
    return Call(name, family, address)


def _is_refused(call: Call, let_sockets: bool) -> bool:
    if not let_sockets:
        return call.family in (socket.AF_INET, socket.AF_INET6)
    if call.name == "socket" or call.family == socket.AF_UNIX:
        return False
    return not call.address.startswith("127.0.0.1:")
