"""Segments rendered here and by workers; without faces, so that little is computed."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from segment_runs import Stop, job_of, write

from lipblend.errors import InputError, LipblendError
from lipblend.runtime import child, files
from lipblend.runtime.progress import Progress
from lipblend.segments import pool as pool_module
from lipblend.segments.pool import WorkerPool
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader


def times_of(path: Path) -> list[tuple[int, int]]:
    with VideoReader(probe(path)) as reader:
        return [(frame.pts, frame.duration) for frame in reader]


@pytest.fixture(scope="module")
def plain(uneven: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes of it."""
    output = tmp_path_factory.mktemp("plain") / "out.mp4"
    assert write(uneven, output).tally.passed_through == {"no face": 40}
    return output


@pytest.mark.slow(3)
def test_workers_make_the_same_file_and_progress_counts_over_all(
    uneven: Path, plain: Path, tmp_path: Path, children: list[subprocess.Popen[bytes]]
) -> None:
    seen: list[int] = []
    run = write(uneven, tmp_path / "out.mp4", jobs=2, on_progress=lambda p: seen.append(p.done))
    assert (tmp_path / "out.mp4").read_bytes() == plain.read_bytes()
    assert times_of(tmp_path / "out.mp4") == times_of(uneven)
    assert seen == list(range(1, 41))
    assert run.tally.passed_through == {"no face": 40}
    assert len(children) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.slow(3)
def test_an_interrupt_leaves_no_file_and_no_process(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_open_nameless", lambda folder, *_: None)  # as on other systems
    with pytest.raises(KeyboardInterrupt):
        write(uneven, tmp_path / "out.mp4", jobs=2, on_progress=Stop(25, KeyboardInterrupt()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow(3)
def test_a_workers_error_is_raised_as_it_is(
    uneven: Path, tmp_path: Path, children: list[subprocess.Popen[bytes]]
) -> None:
    gone = tmp_path / "gone.mp4"
    gone.write_bytes(uneven.read_bytes())
    job, segments = job_of(gone, tmp_path / "out.mp4")
    gone.unlink()
    with pytest.raises(InputError, match=r"gone\.mp4 does not exist") as caught, WorkerPool(job, 2) as pool:
        list(pool.run(segments))
    assert caught.value.hint == "Check the path."
    assert "In a render worker" in "".join(caught.value.__notes__)


def fake_worker(body: str) -> str:
    """What a worker runs, with this as the body of its ``work`` after it got its set-up."""
    lines = "".join(f"\n    {line}" for line in ["channel.receive()", *body.splitlines()])
    start = pool_module.PROGRAM.replace("from lipblend.segments.worker import work\n", "")
    return start.replace("serve(work", f"import os, pickle, time\ndef work(channel):{lines}\nserve(work")


@pytest.mark.slow
def test_an_end_of_file_that_a_worker_raises_is_its_own_error(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, segments = job_of(uneven, tmp_path / "out.mp4")
    monkeypatch.setattr(pool_module, "PROGRAM", fake_worker("channel.receive()\nraise EOFError('cut short')"))
    with pytest.raises(EOFError, match="cut short"), WorkerPool(job, 1) as pool:
        list(pool.run(segments))


@pytest.mark.slow
def test_a_worker_that_answers_nonsense_is_one_clear_error(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, segments = job_of(uneven, tmp_path / "out.mp4")
    nonsense = "channel.receive()\nchannel.answers.write(b'no pickle')\nchannel.answers.flush()\ntime.sleep(100_000)"
    monkeypatch.setattr(pool_module, "PROGRAM", fake_worker(nonsense))
    monkeypatch.setattr(child, "_END_S", 0.1)
    unreadable = pytest.raises(LipblendError, match="sent an answer that cannot be read at frames 0")
    with unreadable as caught, WorkerPool(job, 1) as pool:
        list(pool.run(segments))
    assert isinstance(caught.value.__cause__, Exception)


@pytest.mark.slow
def test_a_worker_that_dies_while_it_waits_does_not_wait_for_the_others(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, segments = job_of(uneven, tmp_path / "out.mp4")
    dead = tmp_path / "dead"
    # The first to begin ends at once; the other keeps answering until it is killed.
    body = (
        "from lipblend.segments.encode import Step\n"
        f"try: os.mkdir({str(dead)!r})\n"
        "except FileExistsError: pass\n"
        "else: os._exit(3)\n"
        "channel.receive()\n"
        "while True: channel.send(Step(0, []))"
    )
    monkeypatch.setattr(pool_module, "PROGRAM", fake_worker(body))
    with pytest.raises(LipblendError, match="ended with exit code 3"), WorkerPool(job, 2) as pool:
        list(pool.run(segments))


@pytest.mark.slow(3)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_killed_worker_ends_the_run_with_one_clear_error(
    uneven: Path, tmp_path: Path, children: list[subprocess.Popen[bytes]]
) -> None:
    def kill(_: Progress) -> None:
        for process in children:
            process.kill()

    with pytest.raises(LipblendError, match=r"killed by SIGKILL at frames \d+ to \d+") as caught:
        write(uneven, tmp_path / "out.mp4", jobs=2, on_progress=kill)
    assert "jobs" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
