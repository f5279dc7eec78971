"""The process of the first pass, started before it is known what it is to analyse.

It takes most of a second until it has imported what it needs. Meanwhile the program that started it imports its own
modules, probes the videos and checks the output; so this module imports next to nothing. It must only be started early
if it will surely be needed: see `is_surely_new`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lipblend.runtime.child import Child, can_start_child, child_process, program

PROGRAM = program("lipblend.analysis.apart", "work", "the process that analyses the videos")
"""What the process runs."""


@contextmanager
def process_if_new(cache: Path | None, videos: Sequence[Path]) -> Iterator[Child | None]:
    """A process for the first pass of these videos if it will surely be needed, else None."""
    if can_start_child() and is_surely_new(cache, videos):
        with child_process(PROGRAM) as child:
            yield child
    else:
        yield None


def is_surely_new(cache: Path | None, videos: Sequence[Path]) -> bool:
    """Whether no cached analysis can be of these videos, judged by file times alone, within a millisecond.

    That is so if none is cached, or if one of the videos has changed since the last one was cached or used. A copied
    file counts as changed: the process is then started for nothing, which costs a little processor time and no more.

    Parameters
    ----------
    cache : Path or None
        Folder of cached analyses.
    videos : sequence of Path
    """
    try:
        if not all(path.is_file() for path in videos):
            return False
        changed_s = max(path.stat().st_mtime for path in videos)
    except OSError:
        return False  # whatever is wrong with them is reported where they are opened
    if cache is None:
        return True
    try:
        cached = [entry.stat().st_mtime for entry in cache.iterdir() if entry.is_file()]
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return changed_s > max(cached, default=float("-inf"))
