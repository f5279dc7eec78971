"""Output of the commands: results, tables and progress."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from lipblend.runtime.stand_ins import as_given, data_as_given

if TYPE_CHECKING:
    from rich.console import Console as Terminal

    from lipblend.composite_result import CompositeResult
    from lipblend.runtime.progress import Progress

LINE_INTERVAL_S = 10.0
"""Time between two progress lines in a log."""
REFRESH_INTERVAL_S = 0.1
"""Time between two updates of a progress bar."""
UNLIMITED = 10_000
"""Table width in columns when stdout is not a terminal, so that no row is wrapped."""


class Console:
    """Results go to stdout; progress and messages go to stderr.

    Parameters
    ----------
    quiet : bool
        Print only errors (and the JSON object, if requested).
    as_json : bool
        Print exactly one JSON object on stdout.
    on_stderr : bool
        Print results on stderr, because stdout carries the video.

    Temporary videos that stand in for inputs are shown by the names that the user gave.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False, on_stderr: bool = False) -> None:
        self.quiet = quiet
        self.as_json = as_json
        self.on_stderr = on_stderr

    def say(self, text: str) -> None:
        """Print a message."""
        if not self.quiet:
            print(as_given(text), file=sys.stderr if self.as_json or self.on_stderr else sys.stdout)

    def finish(self, data: Mapping[str, Any], text: str) -> None:
        """Print the result of the command: `data` with ``--json``, else `text`."""
        if self.as_json:
            print(json.dumps(data_as_given(data)))  # ASCII, because file names need not be valid UTF-8
        else:
            self.say(text)

    @contextmanager
    def progress(self) -> Iterator[Callable[[Progress], None]]:
        """Yield a progress callback: bars on a terminal, lines at intervals elsewhere, nothing with ``--quiet``."""
        if self.quiet or sys.stderr is None:  # None: closed
            yield lambda _progress: None
        elif sys.stderr.isatty():
            with _progress_bars(sys.stderr) as show:
                yield show
        else:
            yield ProgressLines(sys.stderr, time.monotonic).show


def live_terminal(stream: TextIO) -> Terminal:
    """A terminal for what is drawn again and again. The cursor stays visible: a killed run could not show it."""
    from rich.console import Console as Terminal

    class VisibleCursor(Terminal):
        def show_cursor(self, show: bool = True) -> bool:
            return False

    return VisibleCursor(file=stream, highlight=False)


@contextmanager
def _progress_bars(stream: TextIO) -> Iterator[Callable[[Progress], None]]:
    """One bar per stage."""
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}: {task.percentage:3.0f}%"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[rate]}"),
    )
    with bars.Progress(
        *columns, console=live_terminal(stream), auto_refresh=False, redirect_stdout=False, redirect_stderr=False
    ) as live:
        tasks: dict[str, bars.TaskID] = {}
        started_s: dict[str, float] = {}
        refreshed_s = 0.0

        def show(progress: Progress) -> None:
            nonlocal refreshed_s
            now_s, stage = time.monotonic(), progress.stage
            if stage not in tasks:
                tasks[stage], started_s[stage] = live.add_task(stage, total=progress.total, rate=""), now_s
            rate = _rate_text(progress, now_s - started_s[stage])
            live.update(tasks[stage], total=progress.total, completed=progress.done, rate=rate)
            if progress.done == progress.total or now_s - refreshed_s >= REFRESH_INTERVAL_S:
                refreshed_s = now_s
                live.refresh()

        yield show


class ProgressLines:
    """A line at the start and the end of each stage and every ten seconds in between, for logs.

    Parameters
    ----------
    stream : file
        Output.
    clock : callable
        Monotonic time in seconds.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._stage = ""
        self._started_s = 0.0
        self._printed_s = 0.0

    def show(self, progress: Progress) -> None:
        """Print a line if one is due."""
        now_s = self._clock()
        if progress.stage != self._stage:
            self._stage, self._started_s, self._printed_s = progress.stage, now_s, now_s
            if progress.done == 0:
                print(f"{progress.stage}: started", file=self._stream, flush=True)
        if progress.done > 0 and (progress.done == progress.total or now_s - self._printed_s >= LINE_INTERVAL_S):
            self._printed_s = now_s
            of_total = "" if progress.total is None else f" of {progress.total}"
            rate = _rate_text(progress, now_s - self._started_s)
            line = f"{progress.stage}: {progress.done}{of_total} frames" + (f", {rate}" if rate else "")
            print(line, file=self._stream, flush=True)


def _rate_text(progress: Progress, elapsed_s: float) -> str:
    """``20.0 frames/s, 0:40 left``; empty at the start of a stage."""
    rate = progress.done / elapsed_s if elapsed_s > 0 else 0
    if rate <= 0:
        return ""
    if progress.total is None or progress.done >= progress.total:
        return f"{rate:.1f} frames/s"
    minutes, seconds = divmod(round((progress.total - progress.done) / rate), 60)
    return f"{rate:.1f} frames/s, {minutes}:{seconds:02d} left"


def table_text(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a table: wrapped to the width of the terminal, or one line per row if stdout is not a terminal."""
    from rich.console import Console as Terminal
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*map(Text, row))
    buffer = io.StringIO()
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    Terminal(file=buffer, width=None if on_terminal else UNLIMITED, no_color=True).print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().splitlines())


def composite_summary(result: CompositeResult) -> str:
    """`lipblend.composite_result.summary_text`, loaded when it is needed."""
    from lipblend.composite_result import summary_text

    return summary_text(result)
