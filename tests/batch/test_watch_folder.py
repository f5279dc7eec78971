"""Pairs that arrive: handed over when they have stopped growing, and again when they change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lipblend.batch.job_spec import JobSpec
from lipblend.batch.watch import FolderWatch


@pytest.fixture
def job(tmp_path: Path) -> JobSpec:
    return JobSpec("a", str(tmp_path / "a.mp4"), str(tmp_path / "s.mp4"), str(tmp_path / "o.mp4"))


def write(path: str, text: str, time_ns: int) -> None:
    Path(path).write_text(text)
    os.utime(path, ns=(time_ns, time_ns))


def test_a_pair_is_ready_when_it_looked_the_same_twice(job: JobSpec) -> None:
    watch = FolderWatch(lambda _: [job])
    assert watch.look() == []
    write(job.original, "x", 1)
    write(job.synced, "y", 1)
    assert watch.look() == []
    write(job.synced, "yy", 2)  # still being written
    assert watch.look() == []
    assert watch.look() == [job]
    assert watch.look() == []  # once


def test_a_changed_input_brings_it_back_but_not_while_it_runs(job: JobSpec) -> None:
    watch = FolderWatch(lambda _: [job])
    for path in job.inputs.values():
        write(path, "x", 1)
    watch.look()
    assert watch.look() == [job]
    write(job.synced, "new", 5)
    assert watch.look() == []
    assert watch.look(["a"]) == []
    assert watch.look() == [job]


def test_empty_and_vanished_files_are_not_ready(job: JobSpec) -> None:
    watch = FolderWatch(lambda _: [job])
    write(job.original, "x", 1)
    write(job.synced, "", 1)
    assert watch.look() == watch.look() == []
    write(job.synced, "y", 1)
    watch.look()
    Path(job.synced).unlink()
    assert watch.look() == []
    write(job.synced, "y", 1)
    assert watch.look() == []
    assert watch.look() == [job]


def test_what_waits_for_its_partner_is_told_when_it_has_waited_for_two_looks(job: JobSpec) -> None:
    read = ["x_o.mp4 waits for x_s*.mp4"]
    watch = FolderWatch(lambda waiting: waiting.extend(read) or [job])
    watch.look()
    assert watch.waiting == ()
    write(job.original, "x", 1)
    watch.look()
    assert watch.waiting == tuple(read)
    watch.look()
    assert watch.waiting == (*read, f"{job.original} waits for {job.synced}")
    write(job.synced, "y", 1)
    watch.look()
    assert watch.waiting == tuple(read)
