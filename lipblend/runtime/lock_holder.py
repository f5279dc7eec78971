"""Who holds a lock file: which process of which machine, and whether it still runs."""

from __future__ import annotations

import os
import re
import socket
import sys
import uuid
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

import psutil
from flufl.lock import SEP

_MAX_HOST_CHARS = 40
_MAX_LOCK_BYTES = 10_000
_STATE, _START = 0, 19  # fields of /proc/PID/stat after the name in brackets; see proc(5)


@dataclass(frozen=True)
class LockHolder:
    """What a lock file says, and when it was last refreshed.

    Attributes
    ----------
    text : str
        Content of the lock file: path of its claim, with `identity`, process id and a random number.
    refreshed_ns : int
        Modification time in nanoseconds, in the clock of the file system.
    host, machine : str
        Name of the host, and a digest that tells machines (and containers) with one name apart.
    pid : int
    started : str
        When the process started, in any unit; it tells processes that had one id after the other apart.
    """

    text: str
    refreshed_ns: int
    host: str = ""
    machine: str = ""
    pid: int = 0
    started: str = ""

    @property
    def is_gone(self) -> bool | None:
        """Whether the process has ended, and its id may be another's; None if this cannot be told from here."""
        if self.machine != machine_digest():
            return None
        started = start_of(self.pid)
        if started is None:
            return True
        return started != self.started if started and self.started else None

    @property
    def who(self) -> str:
        """``process 123 on host``, for messages."""
        return f"process {self.pid} on {self.host}" if self.host else "a process that the lock does not name"


def look_at(lock_file: Path) -> LockHolder | None:
    """The holder of a lock file; None if there is no such file.

    The file is opened, since network file systems bring what they know of a file up to date only then.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    try:
        with lock_file.open("rb") as file:
            refreshed_ns = os.fstat(file.fileno()).st_mtime_ns
            text = file.read(_MAX_LOCK_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return None
    parts = text.rsplit(SEP, 3)
    names = parts[1].split(",") if len(parts) == 4 else []
    if len(names) != 3 or not re.fullmatch(r"[0-9]{1,10}", parts[2]):
        return LockHolder(text, refreshed_ns)  # cut short by a crash, or not ours
    host, machine, started = names
    return LockHolder(text, refreshed_ns, host, machine, int(parts[2]), started)


def identity() -> str:
    """This process without its id, as claims name it: host, machine and start, separated by commas."""
    host = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())[:_MAX_HOST_CHARS]
    return f"{host},{machine_digest()},{start_of(os.getpid()) or ''}"


@cache
def machine_digest() -> str:
    """Digest of what process ids are unique in: the machine since it was started, and the container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = f"{boot} {os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        space = f"{socket.gethostname()} {uuid.getnode()}"
    return blake2b(space.encode(errors="replace"), digest_size=6).hexdigest()


def start_of(pid: int) -> str | None:
    """When a process started; empty if it runs, but does not tell; None if it does not run, or is only to be reaped."""
    if sys.platform.startswith("linux"):
        # In ticks since the machine was started: psutil's time would move when the clock is set.
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # it is gone, or hidden from other users
            return "" if psutil.pid_exists(pid) else None
        return None if fields[_STATE] in "ZX" else fields[_START]
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return ""
