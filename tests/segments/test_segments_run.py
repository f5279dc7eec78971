"""Segments rendered here and by workers, kept and taken up again; without faces, so that little is computed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lipblend.errors import InputError, LipblendError, OutputError, SettingsError
from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.picture.frame_mapping import UNMOVED
from lipblend.plan.frame_plan import FramePlan
from lipblend.runtime import child, files
from lipblend.runtime.progress import Progress
from lipblend.segments import pool as pool_module
from lipblend.segments.encode import Segment
from lipblend.segments.job import RenderJob
from lipblend.segments.kept_segments import KeptSegments, digest, remove_segments, run_key, segments_folder
from lipblend.segments.pool import WorkerPool
from lipblend.segments.segment_run import SegmentRun
from lipblend.segments.spans import segment_spans
from lipblend.settings import EncodeSettings, Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from lipblend.video.video import Video

SILENT = AudioPlan(None, None, "none", ())
SETTINGS = Settings(encode=EncodeSettings(preset="veryfast", crf=20))


def job_of(source: Path, output: Path) -> tuple[RenderJob, list[Segment]]:
    """A job that copies every frame of a video, in four segments."""
    info = probe(source)
    with VideoReader(info) as reader:
        stamps = [(frame.pts, frame.duration) for frame in reader]
    pts = np.array([stamp for stamp, _ in stamps])
    rows = [FramePlan(index, -1, (), "no face") for index in range(len(stamps))]
    job = RenderJob(Video(info, pts, True), Video(info, pts, True), UNMOVED, SETTINGS, info, output)
    spans = segment_spans(len(rows), Fraction(25), 0.4)
    return job, [Segment(i, s.start, rows[s.start : s.stop], stamps[s.start : s.stop]) for i, s in enumerate(spans)]


@contextmanager
def closing_empty(kept: KeptSegments) -> Iterator[None]:
    try:
        yield
    finally:
        kept.close_empty()


def write(source: Path, output: Path, **options: object) -> SegmentRun:
    job, segments = job_of(source, output)
    run = SegmentRun(job, segments, **options)
    kept = options.get("kept")
    with (
        closing_empty(kept) if isinstance(kept, KeptSegments) else nullcontext(),
        VideoWriter(output, job.target, encode=SETTINGS.encode, audio=SILENT, extras_from=None) as writer,
    ):
        run.write(writer)
    return run


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


class _Stop:
    """Raises what it is given when so many frames are done."""

    def __init__(self, at: int, error: BaseException) -> None:
        self.at, self.error = at, error

    def __call__(self, progress: Progress) -> None:
        if progress.done == self.at:
            raise self.error


@pytest.mark.slow(3)
def test_an_interrupt_leaves_no_file_and_no_process(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_open_nameless", lambda folder, *_: None)  # as on other systems
    with pytest.raises(KeyboardInterrupt):
        write(uneven, tmp_path / "out.mp4", jobs=2, on_progress=_Stop(25, KeyboardInterrupt()))
    assert list(tmp_path.iterdir()) == []


def kept_for(output: Path, **more: str) -> KeptSegments:
    kept = KeptSegments(output, {"settings": "these"})
    kept.open(**more)
    return kept


def test_a_stopped_run_goes_on_from_its_finished_segments(uneven: Path, plain: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        write(uneven, output, kept=kept_for(output, plan="a"), on_progress=_Stop(25, KeyboardInterrupt()))
    folder = segments_folder(output)
    assert sorted(path.name for path in folder.iterdir()) == ["000000.segment", "000001.segment", "key.json"]
    assert list(tmp_path.iterdir()) == [folder]
    (folder / "000000.segment").write_bytes(b"damaged")
    seen: list[int] = []
    run = write(uneven, output, kept=kept_for(output, plan="a"), on_progress=lambda p: seen.append(p.done))
    assert run.reused == 10
    assert seen == list(range(10, 41))
    assert run.tally.passed_through == {"no face": 40}
    assert output.read_bytes() == plain.read_bytes()
    remove_segments(output)
    assert list(tmp_path.iterdir()) == [output]


def test_segments_with_a_different_key_are_rejected(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    first = kept_for(output, plan="a")
    first.path(0).write_bytes(b"x")
    first.release()
    with pytest.raises(SettingsError, match="created with different inputs") as caught:
        KeptSegments(output, {"settings": "others"})
    assert caught.value.details == ("settings: these; now others",)
    with pytest.raises(SettingsError, match="created with different inputs"):
        kept_for(output, plan="b")
    (segments_folder(output) / "key.json").write_text("{")
    anew = kept_for(output, plan="b")
    assert anew.finished(0) is None  # without a key nothing in there is of use
    assert json.loads((segments_folder(output) / "key.json").read_text()) == {"settings": "these", "plan": "b"}
    anew.close_empty()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no locks on folders there")
def test_segments_in_use_by_a_run_are_left_alone(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    kept = kept_for(output)
    kept.path(0).write_bytes(b"x")
    with pytest.raises(OutputError, match="another run is using the kept segments"):
        KeptSegments(output, {"settings": "these"})
    remove_segments(output)  # what a run without --resume does when it is done
    assert kept.path(0).read_bytes() == b"x"
    kept.release()
    KeptSegments(output, {"settings": "these"})
    remove_segments(output)
    assert list(tmp_path.iterdir()) == []


def test_names_of_any_length_have_a_folder(tmp_path: Path) -> None:
    long = [tmp_path / f"{letter * 240}.mp4" for letter in "ab"]
    for output in long:
        remove_segments(output)
        kept_for(output).release()
    assert sorted(tmp_path.iterdir()) == sorted(map(segments_folder, long))
    assert segments_folder(Path("a.mp4")).name == ".a.mp4.lipblend-segments"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
def test_kept_segments_are_closed_once_they_are_whole(uneven: Path, tmp_path: Path) -> None:
    open_files: list[int] = []
    output = tmp_path / "out.mp4"
    seen = lambda _: open_files.append(len(os.listdir("/proc/self/fd")))  # noqa: E731
    write(uneven, output, kept=kept_for(output), on_progress=seen)
    assert open_files[-1] <= open_files[0]


def test_the_key_holds_files_and_what_changes_pictures(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"abc")

    def key(settings: Settings = SETTINGS, **more: object) -> dict[str, str]:
        return run_key({"original": file, "no model": Path("none")}, settings, **more)

    assert key() == key()
    assert "no model" not in key()
    before = key()
    os.utime(file, (1, 1))
    assert key() != before
    before = key()
    file.write_bytes(b"abd")
    os.utime(file, (1, 1))
    assert key() != before  # of the same size and time
    assert key(SETTINGS.model_copy(update={"encode": EncodeSettings(crf=3)})) != key()
    muted = SETTINGS.model_copy(update={"audio": SETTINGS.audio.model_copy(update={"source": "none"})})
    assert key(muted) == key()
    assert key(frames="1:2") != key()


def test_digests_go_by_content() -> None:
    row = FramePlan(1, 2, (), "why")
    assert digest([row, np.arange(3.0)]) == digest([replace(row), np.arange(3.0)])
    values = [
        row,
        replace(row, reason="else"),
        [row],
        np.arange(3),
        np.arange(3.0),
        1,
        1.0,
        "1",
        None,
        (1, 2),
        ((1,), 2),
    ]
    assert len({digest(value) for value in values}) == len(values)
    with pytest.raises(TypeError):
        digest(object())


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
