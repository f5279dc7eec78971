"""How much memory a process and those that it started may take."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
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
    """Memory that is free for programs here; within the limit of a container (cgroup v2), if there is one."""
    free = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # no such limit
        most = int((_CGROUP / "memory.max").read_text(encoding="ascii"))
        free = min(free, most - int((_CGROUP / "memory.current").read_text(encoding="ascii")))
    return max(free, 0)


class MemoryGuard:
    """Watches a process and all that it started, from a thread; a context manager.

    Parameters
    ----------
    pid : int
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

    def __init__(self, pid: int, limit: int | None, on_excess: Callable[[], None] = lambda: None) -> None:
        self._pid, self._limit, self._on_excess = pid, limit, on_excess
        self._stop = Event()
        self._thread = Thread(target=self._watch, name="lipblend-memory", daemon=True)
        self.peak, self.exceeded = 0, False

    def __enter__(self) -> Self:
        with suppress(OSError):  # not on this system, or not allowed
            Path(f"/proc/{self._pid}/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            processes = tree(self._pid)
            self.peak = max(self.peak, taken := sum(map(_resident_bytes, processes)))
            if self._limit is not None and taken > self._limit:
                self.exceeded = True
                self._on_excess()
                kill(processes)
                return
            self._stop.wait(_EVERY_S)


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that it started, those first; empty if it has ended."""
    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.Error:
        return []


def kill(processes: list[psutil.Process]) -> None:
    """Kill processes that may have ended already."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()


def _resident_bytes(process: psutil.Process) -> int:
    """Memory that it holds; shared pages of libraries count for each, which is on the safe side."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
