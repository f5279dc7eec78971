"""Early start of the process that analyses the videos.

That process needs most of a second for its imports. Meanwhile this program imports its own modules, probes the videos
and checks the output, so this module imports next to nothing. The process is only started early if it will certainly be
needed: see `is_certainly_uncached`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lipblend.runtime.child import Child, can_start_child, child_process, program

PROGRAM = program("lipblend.analysis.apart", "work", "the process that analyses the videos")
"""Source code that the process runs."""


@contextmanager
def early_process(cache: Path | None, videos: Sequence[Path]) -> Iterator[Child | None]:
    """The process that will analyse these videos if it is certainly needed, else None."""
    if can_start_child() and is_certainly_uncached(cache, videos):
        with child_process(PROGRAM) as child:
            yield child
    else:
        yield None


def is_certainly_uncached(cache: Path | None, videos: Sequence[Path]) -> bool:
    """Whether no cached analysis can be of these videos, judged by file times alone (takes a millisecond).

    True if the cache is empty, or a video has changed since any analysis was stored or used. A copied file counts as
    changed; the process is then started in vain, which costs a little processor time.

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
        return False  # reported where they are opened
    if cache is None:
        return True
    try:
        cached = [entry.stat().st_mtime for entry in cache.iterdir() if entry.is_file()]
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return changed_s > max(cached, default=float("-inf"))
