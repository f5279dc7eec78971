"""What is seen of a series while it runs: its state, lines in a log, and the table on a pseudo terminal."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

import pytest

from lipblend.batch.events import Advanced, Ended, Event, Started
from lipblend.batch.job_spec import JobOutcome, Status
from lipblend.cli.batch_table import BatchLines, BatchState, batch_view, clock_text, outcome_text
from lipblend.runtime.progress import Progress

HIDE_CURSOR = "\x1b[?25l"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(clock: Clock) -> BatchState:
    made = BatchState(clock)
    made.total = 4
    return made


def ended(name: str, status: Status, **more: object) -> Ended:
    return Ended(JobOutcome(name, f"{name}.mp4", status, **more))  # type: ignore[arg-type]


def test_the_headline_counts_and_estimates(state: BatchState) -> None:
    assert state.headline() == "0 of 4"
    state.take(Started("a"))
    state.take(Started("b"))
    assert state.left_s() is None  # nothing was made yet
    state.take(ended("a", "skipped", seconds=0.1))
    assert state.left_s() is None  # what is up to date says nothing about the others
    state.take(Started("c"))
    state.take(ended("b", "passed", seconds=40.0))
    state.take(Started("d"))
    assert state.left_s() == 40.0  # two at a time
    assert state.headline() == "2 of 4: 1 done, 1 up to date; about 0:40 left"
    state.take(ended("c", "failed", seconds=20.0))
    state.take(ended("d", "gate", seconds=20.0))
    assert (state.running, state.ended) == ({}, 4)
    assert state.headline() == "4 of 4: 1 done, 1 up to date, 1 below gate, 1 failed"


def test_a_running_job_tells_rate_and_time_left_of_its_stage(state: BatchState, clock: Clock) -> None:
    state.take(Started("a"))
    assert state.running["a"].columns(clock.now_s) == ("starting", "", "", "")
    clock.now_s += 30
    state.take(Advanced("a", Progress("analyse", 0, 500)))
    assert state.running["a"].columns(clock.now_s) == ("analyse", "0/500", "", "")
    clock.now_s += 10
    state.take(Advanced("a", Progress("analyse", 100, 500)))
    assert state.running["a"].columns(clock.now_s) == ("analyse", "100/500", "10.0", "0:40")
    state.take(Advanced("a", Progress("render", 0, None)))
    clock.now_s += 2
    state.take(Advanced("a", Progress("render", 50, None)))
    assert state.running["a"].columns(clock.now_s) == ("render", "50", "25.0", "")


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (
            JobOutcome("a", "a.mp4", "passed", seconds=12.34, frames=250, headline={"score": 82.6, "word": "good"}),
            "a  done  12.3 s  250 frames  headline 83 (good)",
        ),
        (
            JobOutcome("a", "a.mp4", "gate", "below its pass marks", seconds=1, frames=2, headline={"score": None}),
            "a  below gate  1.0 s  2 frames  below its pass marks",
        ),
        (JobOutcome("a", "a.mp4", "skipped", "up to date", seconds=0.2, frames=9), "a  up to date  9 frames"),
        (JobOutcome("a", "a.mp4", "failed", "its process died", seconds=0.5), "a  failed  0.5 s  its process died"),
        (JobOutcome("a", "a.mp4", "locked", "by host"), "a  locked  by host"),
        (JobOutcome("a", "a.mp4", "cancelled", "stopped"), "a  stopped  stopped"),
    ],
)
def test_an_outcome_is_one_line(outcome: JobOutcome, text: str) -> None:
    assert outcome_text(outcome) == text


def test_hours_and_minutes() -> None:
    assert [clock_text(seconds) for seconds in (0, 59.6, 200, 3909)] == ["0:00", "1:00", "3:20", "1:05:09"]


def test_a_log_gets_a_line_for_each_job_and_one_every_ten_seconds(state: BatchState, clock: Clock) -> None:
    stream = io.StringIO()
    show = BatchLines(state, stream)
    show(Started("a"))
    show(Started("b"))
    for done in range(1, 13):
        clock.now_s += 1
        show(Advanced("a", Progress("render", done, 100)))
    show(ended("a", "passed", seconds=12.0, frames=100))
    assert stream.getvalue().splitlines() == [
        "0 of 4; running: a render 10/100, b starting",
        "[1/4] a  done  12.0 s  100 frames",
    ]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TextIO, Callable[[], str]]]:
    """A terminal, and what closes it and returns all that was written to it."""
    pty = pytest.importorskip("pty", reason="needs pseudo terminals")
    master, slave = pty.openpty()
    written: list[bytes] = []

    def read() -> None:
        while True:
            try:
                block = os.read(master, 4096)
            except OSError:  # the other end is closed
                return
            if not block:
                return
            written.append(block)

    reader = threading.Thread(target=read)
    reader.start()
    stream = os.fdopen(slave, "w")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")

    def all_of_it() -> str:
        stream.close()
        reader.join()
        return b"".join(written).decode()

    yield stream, all_of_it
    stream.close()
    reader.join()
    os.close(master)


EVENTS: tuple[Event, ...] = (
    Started("intro"),
    Advanced("intro", Progress("render", 7, 250)),
    Started("outro"),
    ended("intro", "failed", seconds=1.5, reason="[red]no face[/red] was found"),
    Advanced("outro", Progress("analyse", 3, 250)),
)


def test_a_terminal_gets_a_table_below_what_has_ended(
    terminal: tuple[TextIO, Callable[[], str]], monkeypatch: pytest.MonkeyPatch, state: BatchState
) -> None:
    stream, written = terminal
    monkeypatch.setattr(sys, "stderr", stream)
    with batch_view(state, quiet=False) as show:
        for event in EVENTS:
            show(event)
    text = written()
    assert HIDE_CURSOR not in text  # a run that is killed could not show it again
    lines = [" ".join(line.split()) for line in ESCAPES.sub("", text).replace("\r", "\n").split("\n")]
    assert "job stage frames fps left" in lines
    ended_at = lines.index("intro failed 1.5 s [red]no face[/red] was found")
    assert "outro analyse 3/250" in lines[ended_at:]  # the last state is shown, however short ago the one before was
    assert not [line for line in lines[ended_at + 1 :] if line.startswith("intro")]
    assert any(line.startswith("1 of 4: 1 failed") for line in lines[ended_at:])


def test_quiet_shows_nothing_but_keeps_count(
    terminal: tuple[TextIO, Callable[[], str]], monkeypatch: pytest.MonkeyPatch, state: BatchState
) -> None:
    stream, written = terminal
    monkeypatch.setattr(sys, "stderr", stream)
    with batch_view(state, quiet=True) as show:
        for event in EVENTS:
            show(event)
    assert written() == ""
    assert state.counts["failed"] == 1


def test_without_a_terminal_there_are_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, state: BatchState
) -> None:
    with batch_view(state, quiet=False) as show:
        for event in EVENTS:
            show(event)
    assert capsys.readouterr().err == "[1/4] intro  failed  1.5 s  [red]no face[/red] was found\n"
    monkeypatch.setattr(sys, "stderr", None)  # closed
    with batch_view(state, quiet=False) as show:
        show(EVENTS[0])
    assert "intro" in state.running
