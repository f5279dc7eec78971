"""How much memory a process and those that it started may take."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

import psutil

from lipblend.settings.amount_words import storage_bytes

_EVERY_S = 0.5
_SHARE = 0.9  # of what is free, that jobs may take together
_CGROUP = Path("/sys/fs/cgroup")
_LEAST_BYTES = 500_000_000  # no job gets by with less
_OOM_SCORE = "900"  # of 1000: the system's own guard should take a job rather than what started it


def memory_limit(text: str, workers: int) -> int | None:
    """Bytes that one job may take: a size, ``auto`` (its part of nine tenths of what is free now) or ``off`` (None).

    Raises
    ------
    SettingsError
        It is none of these.
    """
    if text == "off":
        return None
    if text != "auto":
        return storage_bytes(text, "--max-memory") or None
    return max(_LEAST_BYTES, int(_SHARE * free_bytes() / workers))


def free_bytes() -> int:
    """Memory that is free for programs here; within the limit of a container (cgroup v2), if there is one.

    What the container's files take in the cache counts as free: the system gives it back.
    """
    free = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # no such limit
        most = int((_CGROUP / "memory.max").read_text(encoding="ascii"))
        taken = int((_CGROUP / "memory.current").read_text(encoding="ascii")) - _cached_bytes()
        free = min(free, most - max(taken, 0))
    return max(free, 0)


def _cached_bytes() -> int:
    for line in (_CGROUP / "memory.stat").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(" ")
        if name == "file":
            return int(value)
    return 0


class ProcessTree:
    """A process and all that it started, as far as they were seen: also those whose parent has ended. Thread-safe.

    Parameters
    ----------
    pid : int
        Of a process that has not been waited for.
    """

    def __init__(self, pid: int) -> None:
        self._lock = Lock()
        self._known: set[psutil.Process] = set()
        with suppress(psutil.Error):  # it has ended already
            self._known.add(psutil.Process(pid))

    def look(self) -> list[psutil.Process]:
        """Those that run, after another look for what they have started."""
        with self._lock:
            for process in list(self._known):
                with suppress(psutil.Error):
                    self._known.update(process.children(recursive=True))
            # Still the same process, and not another with its number.
            self._known = {process for process in self._known if process.is_running()}
            return list(self._known)

    def kill(self) -> None:
        """Kill all of them; nothing happens to those that have ended."""
        for process in self.look():
            with suppress(psutil.Error):
                process.kill()


class MemoryGuard:
    """Watches a process and all that it started, from a thread; a context manager.

    Parameters
    ----------
    processes : ProcessTree
    limit : int or None
        Bytes, together; None to watch only.
    on_excess : callable
        Called once, on the thread, before they are killed.

    Attributes
    ----------
    peak : int
        Most bytes that were seen.
    exceeded : bool
    """

    def __init__(self, processes: ProcessTree, limit: int | None, on_excess: Callable[[], None] = lambda: None) -> None:
        self._processes, self._limit, self._on_excess = processes, limit, on_excess
        self._stop = Event()
        self._thread = Thread(target=self._watch, name="lipblend-memory", daemon=True)
        self.peak, self.exceeded = 0, False

    def __enter__(self) -> Self:
        for process in self._processes.look():
            with suppress(OSError):  # not on this system, or not allowed
                Path(f"/proc/{process.pid}/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            self.peak = max(self.peak, taken := sum(map(_resident_bytes, self._processes.look())))
            if self._limit is not None and taken > self._limit:
                self.exceeded = True
                self._on_excess()
                self._processes.kill()
                return
            self._stop.wait(_EVERY_S)


def _resident_bytes(process: psutil.Process) -> int:
    """Memory that it holds; shared pages of libraries count for each, which is on the safe side."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
