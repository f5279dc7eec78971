"""What is seen of a series while it runs: a live table on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

from lipblend.batch.events import Advanced, Ended, Event, Started
from lipblend.batch.job_spec import JobOutcome, Status
from lipblend.cli.console import LINE_INTERVAL_S, REFRESH_INTERVAL_S, live_terminal

STATUS_WORDS: Mapping[Status, str] = {
    "passed": "done", "skipped": "up to date", "gate": "below gate", "failed": "failed", "locked": "locked",
    "cancelled": "stopped",
}  # fmt: skip
_MAX_ROWS = 30


@dataclass
class _Running:
    """A job that runs: when it and its stage began, and how far it is."""

    started_s: float
    stage: str = ""
    stage_s: float = 0.0
    done: int = 0
    total: int | None = None

    def advance(self, event: Advanced, now_s: float) -> None:
        progress = event.progress
        if progress.stage != self.stage:
            self.stage, self.stage_s = progress.stage, now_s
        self.done, self.total = progress.done, progress.total

    def columns(self, now_s: float) -> tuple[str, str, str, str]:
        """Stage, frames, frames per second and time left in the stage."""
        elapsed_s = now_s - self.stage_s
        rate = self.done / elapsed_s if self.stage and elapsed_s > 0.5 and self.done else 0.0
        total = "" if self.total is None else f"/{self.total}"
        left = clock_text((self.total - self.done) / rate) if rate and self.total is not None else ""
        return (
            self.stage or "starting",
            f"{self.done}{total}" if self.stage else "",
            f"{rate:.1f}" if rate else "",
            left,
        )


class BatchState:
    """What has happened so far.

    Parameters
    ----------
    clock : callable
        Monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.started_s, self.total = clock, clock(), 0
        self.running: dict[str, _Running] = {}
        self.counts: Counter[Status] = Counter()
        self._made_s: list[float] = []

    def take(self, event: Event) -> None:
        """Keep what an event says."""
        if isinstance(event, Started):
            self.running[event.name] = _Running(self.clock())
        elif isinstance(event, Advanced):
            if event.name in self.running:  # one that was stopped may tell a little more
                self.running[event.name].advance(event, self.clock())
        else:
            self.running.pop(event.outcome.name, None)
            self.counts[event.outcome.status] += 1
            if event.outcome.status not in ("skipped", "cancelled"):
                self._made_s.append(event.outcome.seconds)

    @property
    def ended(self) -> int:
        """Jobs that have ended."""
        return sum(self.counts.values())

    def left_s(self) -> float | None:
        """Time left for all, from the mean of the jobs that were made; None before the first of them."""
        if not self._made_s or not self.running:
            return None
        return sum(self._made_s) / len(self._made_s) * (self.total - self.ended) / len(self.running)

    def headline(self) -> str:
        """``12 of 40: 9 done, 2 up to date, 1 failed; 3:20 left``."""
        parts = ", ".join(f"{self.counts[key]} {word}" for key, word in STATUS_WORDS.items() if self.counts[key])
        left_s = self.left_s()
        left = f"; about {clock_text(left_s)} left" if left_s is not None and self.ended < self.total else ""
        return f"{self.ended} of {self.total}{': ' if parts else ''}{parts}{left}"


def outcome_text(outcome: JobOutcome) -> str:
    """``intro  done  12.3 s  250 frames  headline 83``."""
    parts = [outcome.name, STATUS_WORDS[outcome.status]]
    if outcome.status in ("passed", "gate", "failed"):
        parts.append(f"{outcome.seconds:.1f} s")
    if outcome.frames:
        parts.append(f"{outcome.frames} frames")
    if outcome.headline is not None and outcome.headline.get("score") is not None:
        parts.append(f"headline {outcome.headline['score']:.0f} ({outcome.headline.get('word', '')})")
    if outcome.reason and outcome.status != "skipped":
        parts.append(f"why: {outcome.reason}" if outcome.status == "passed" else outcome.reason)
    return "  ".join(parts)


def clock_text(seconds: float) -> str:
    """``1:05:09`` or ``3:20``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class BatchLines:
    """A line when a job ends, and every ten seconds what runs.

    Parameters
    ----------
    state : BatchState
    stream : file
    """

    def __init__(self, state: BatchState, stream: TextIO) -> None:
        self._state, self._stream, self._printed_s = state, stream, state.clock()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        state = self._state
        state.take(event)
        now_s = state.clock()
        if isinstance(event, Ended):
            self._print(f"[{state.ended}/{state.total}] {outcome_text(event.outcome)}", now_s)
        elif isinstance(event, Advanced) and now_s - self._printed_s >= LINE_INTERVAL_S:
            each = (f"{name} {' '.join(filter(None, job.columns(now_s)[:2]))}" for name, job in state.running.items())
            self._print(f"{state.headline()}; running: {', '.join(each)}", now_s)

    def _print(self, text: str, now_s: float) -> None:
        self._printed_s = now_s
        print(text, file=self._stream, flush=True)


@contextmanager
def batch_view(state: BatchState, *, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """Yield what shows events: a table on a terminal, lines elsewhere, nothing if quiet."""
    if quiet or sys.stderr is None:
        yield state.take
    elif sys.stderr.isatty():
        with _live_table(state, sys.stderr) as show:
            yield show
    else:
        yield BatchLines(state, sys.stderr)


@contextmanager
def _live_table(state: BatchState, stream: TextIO) -> Iterator[Callable[[Event], None]]:
    """A table of the jobs that run, below lines of those that have ended."""
    from rich.live import Live
    from rich.text import Text

    terminal = live_terminal(stream)
    with Live(console=terminal, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        refreshed_s = 0.0

        def show(event: Event) -> None:
            nonlocal refreshed_s
            state.take(event)
            now_s = state.clock()
            if isinstance(event, Ended) or now_s - refreshed_s >= REFRESH_INTERVAL_S:
                refreshed_s = now_s
                live.update(_table(state, now_s), refresh=True)
            if isinstance(event, Ended):
                terminal.print(Text(outcome_text(event.outcome)))  # last: it draws the table below it once more

        yield show
        live.update(_table(state, state.clock()), refresh=True)


def _table(state: BatchState, now_s: float) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(
        "job", "stage", "frames", "fps", "left", box=None, pad_edge=False, padding=(0, 2, 0, 0),
        caption=state.headline(), caption_justify="left",
    )  # fmt: skip
    for name, job in list(state.running.items())[:_MAX_ROWS]:
        table.add_row(*map(Text, (name, *job.columns(now_s))))
    return table
