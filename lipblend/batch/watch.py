"""Pairs that arrive in a folder: each is handed over once its files have stopped changing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lipblend.batch.job_spec import JobSpec
from lipblend.batch.listing.list_paths import is_address

_State = tuple[tuple[int, int], ...]
"""Size in bytes and time of change in nanoseconds of each input."""


class FolderWatch:
    """Looks for jobs that are ready.

    A job is ready when all its inputs are there and looked the same at two looks in a row. It is handed over once, and
    again when an input has changed since.

    Parameters
    ----------
    read : callable
        Reads the list anew: the jobs that its patterns match now.
    """

    def __init__(self, read: Callable[[], Sequence[JobSpec]]) -> None:
        self._read = read
        self._seen: dict[str, _State] = {}
        self._handed_over: dict[str, _State] = {}

    def look(self, running: Sequence[str] = ()) -> list[JobSpec]:
        """The jobs that have become ready; those that are ``running``, by name, come at a later look.

        Raises
        ------
        SettingsError
            The list cannot be read.
        """
        ready, seen = [], dict[str, _State]()
        for job in self._read():
            key = job.output  # names may change as more pairs arrive
            state = _state(job)
            if state is None:
                continue
            seen[key] = state
            steady = self._seen.get(key) == state and all(size for size, _ in state)
            if steady and self._handed_over.get(key) != state and job.name not in running:
                self._handed_over[key] = state
                ready.append(job)
        self._seen = seen
        return ready


def _state(job: JobSpec) -> _State | None:
    """None if an input is missing; of those at addresses nothing is asked."""
    try:
        found = [Path(path).stat() for path in job.inputs.values() if not is_address(path)]
    except OSError:
        return None
    return tuple((status.st_size, status.st_mtime_ns) for status in found)
