"""The stages of a job as lines of its log."""

from __future__ import annotations

import time
from collections.abc import Callable

from lipblend.runtime.progress import Progress


class StageLines:
    """A line when a stage begins, and one with its frames and its time when it has ended.

    Parameters
    ----------
    say : callable
        Takes each line.
    clock : callable
        Monotonic time in seconds.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._stage, self._done, self._began_s = "", 0, 0.0

    def take(self, progress: Progress) -> None:
        """Note what is told of a stage."""
        if progress.stage != self._stage:
            self.end()
            self._stage, self._began_s = progress.stage, self._clock()
            self._say(f"{progress.stage}: started")
        self._done = progress.done

    def end(self) -> None:
        """End the stage that is on; nothing happens if there is none."""
        if self._stage:
            self._say(f"{self._stage}: {self._done} done in {self._clock() - self._began_s:.1f} s")
        self._stage = ""
