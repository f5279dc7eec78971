"""Pairs that arrive in a folder: each is handed over once its files have stopped changing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lipblend.batch.job_spec import JobSpec
from lipblend.batch.listing.list_paths import is_address
from lipblend.runtime.stand_ins import is_pattern
from lipblend.video.numbered_files import matching_numbers, numbered_path

_State = tuple[tuple[int, int], ...]
"""Size in bytes and time of change in nanoseconds of each input."""


class FolderWatch:
    """Looks for jobs that are ready.

    A job is ready when all its inputs are there and looked the same at two looks in a row. It is handed over once, and
    again when an input has changed since.

    Parameters
    ----------
    read : callable
        Reads the list anew: the jobs that its patterns match now. The list that it is given takes a line for each file
        that has no partner yet.

    Attributes
    ----------
    waiting : tuple of str
        These lines, as far as they were the same at the last two looks.
    """

    def __init__(self, read: Callable[[list[str]], Sequence[JobSpec]]) -> None:
        self._read = read
        self.waiting: tuple[str, ...] = ()
        self._lonely: list[str] = []
        self._seen: dict[str, _State] = {}
        self._handed_over: dict[str, _State] = {}

    def look(self, running: Sequence[str] = ()) -> list[JobSpec]:
        """The jobs that have become ready; those that are ``running``, by name, come at a later look.

        Raises
        ------
        SettingsError
            The list cannot be read.
        """
        ready, seen, lonely = [], dict[str, _State](), list[str]()
        for job in self._read(lonely):
            key = job.output  # names may change as more pairs arrive
            state = _state(job)
            if state is None:
                lonely += _lacking(job)
                continue
            seen[key] = state
            steady = self._seen.get(key) == state and all(size for size, _ in state)
            if steady and self._handed_over.get(key) != state and job.name not in running:
                self._handed_over[key] = state
                ready.append(job)
        self.waiting = tuple(text for text in dict.fromkeys(lonely) if text in self._lonely)
        self._seen, self._lonely = seen, lonely
        return ready


def _lacking(job: JobSpec) -> Iterator[str]:
    """``a.mp4 waits for b.mp4``, for each input that is missing beside one that is there."""
    local = [path for path in job.inputs.values() if not is_address(path)]
    there = [path for path in local if Path(path).exists() or (is_pattern(Path(path)) and matching_numbers(Path(path)))]
    return (f"{there[0]} waits for {path}" for path in local if there and path not in there)


def _state(job: JobSpec) -> _State | None:
    """None if an input is missing; of those at addresses nothing is asked."""
    try:
        return tuple(_file_state(Path(path)) for path in job.inputs.values() if not is_address(path))
    except OSError:
        return None


def _file_state(path: Path) -> tuple[int, int]:
    """Size and time of a file; of the pictures of a sequence their sum and the latest."""
    if not is_pattern(path):
        status = path.stat()
        return status.st_size, status.st_mtime_ns
    found = [numbered_path(path, number).stat() for number in matching_numbers(path)]
    if not found:
        raise FileNotFoundError(path)
    return sum(status.st_size for status in found), max(status.st_mtime_ns for status in found)
