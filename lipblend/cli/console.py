"""What a command says while it works and when it is done."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from tqdm import tqdm

if TYPE_CHECKING:
    from lipblend.composite_result import CompositeResult
    from lipblend.runtime.progress import Progress

PLAIN_LINE_EVERY_S = 10.0


class Console:
    """Results go to stdout; progress and everything that only accompanies them goes to stderr.

    Parameters
    ----------
    quiet : bool
        Say nothing but errors (and the JSON object, when asked for).
    as_json : bool
        stdout carries exactly one JSON object.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.quiet = quiet
        self.as_json = as_json

    def say(self, text: str) -> None:
        """Print a line that a person reads."""
        if not self.quiet:
            print(text, file=sys.stderr if self.as_json else sys.stdout)

    def finish(self, data: Mapping[str, Any], text: str) -> None:
        """Print the command's result: `data` as JSON when asked for, `text` otherwise."""
        if self.as_json:
            print(json.dumps(data))  # ASCII: file names need not be UTF-8
        else:
            self.say(text)

    @contextmanager
    def progress(self) -> Iterator[Callable[[Progress], None]]:
        """Yield a callback that shows progress: a bar on a terminal, a line now and then elsewhere, or nothing."""
        if self.quiet or sys.stderr is None:  # closed
            yield lambda _progress: None
        elif sys.stderr.isatty():
            with _Bars(sys.stderr) as bars:
                yield bars.show
        else:
            yield PlainProgress(sys.stderr, time.monotonic).show


class _Bars:
    """One tqdm bar a stage."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._stage = ""
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> _Bars:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, progress: Progress) -> None:
        """Move the bar of the stage that `progress` speaks of, which is begun when it is a new one."""
        if self._bar is None or progress.stage != self._stage:
            if self._bar is not None:
                self._bar.close()
            self._stage = progress.stage
            self._bar = tqdm(
                total=progress.total, desc=progress.stage, unit=" frames", file=self._stream, dynamic_ncols=True
            )
        self._bar.total = progress.total
        self._bar.update(progress.done - self._bar.n)


class PlainProgress:
    """A line at the start and the end of each stage and every ten seconds between, for logs.

    Parameters
    ----------
    stream : file
        Where the lines go.
    clock : callable
        Returns seconds that only grow.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._stage = ""
        self._began_s = 0.0
        self._printed_s = 0.0

    def show(self, progress: Progress) -> None:
        """Take note of `progress`, and print a line when one is due."""
        now_s = self._clock()
        if progress.stage != self._stage:
            self._stage, self._began_s, self._printed_s = progress.stage, now_s, now_s
            if progress.done == 0:
                print(f"{progress.stage}: begins", file=self._stream, flush=True)
        if progress.done > 0 and (progress.done == progress.total or now_s - self._printed_s >= PLAIN_LINE_EVERY_S):
            self._printed_s = now_s
            print(_progress_line(progress, now_s - self._began_s), file=self._stream, flush=True)


def _progress_line(progress: Progress, elapsed_s: float) -> str:
    of_total = "" if progress.total is None else f" of {progress.total}"
    line = f"{progress.stage}: {progress.done}{of_total} frames"
    if elapsed_s > 0:
        rate = progress.done / elapsed_s
        line += f", {rate:.1f} frames/s"
        if progress.total is not None and progress.done < progress.total:
            minutes, seconds = divmod(round((progress.total - progress.done) / rate), 60)
            line += f", {minutes}:{seconds:02d} left"
    return line


def composite_summary(result: CompositeResult) -> str:
    """Write the closing summary of a composite, a fact a line."""
    passed = sum(result.passed_through.values())
    reasons = ", ".join(f"{reason} {count}" for reason, count in result.passed_through.items() if count)
    per_frame = f", {result.seconds / result.frames:.3f} s a frame" if result.frames else ""
    lines = [
        f"{result.output}  {result.width}x{result.height}, {result.frames} frames, {result.duration_s:.2f} s",
        f"  blended         {result.blended} frames",
        f"  passed through  {passed} frames" + (f" ({reasons})" if reasons else ""),
        f"  time line       {result.timeline}",
        f"  audio           {result.audio}",
        f"  time            {result.seconds:.1f} s (analyse {result.analyse_seconds:.1f} s, "
        f"render {result.render_seconds:.1f} s{per_frame})",
    ]
    lines += [f"  fell back       {what}: {count} frames" for what, count in result.fallbacks.items() if count]
    lines += [f"  note            {note}" for note in result.notes]
    return "\n".join(lines)
