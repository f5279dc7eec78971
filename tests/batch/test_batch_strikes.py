"""What `lipblend batch` survives: crashes, greedy jobs, kills, Ctrl-C, two runs at once, and a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from batch_runs import Series, ended, files_in, has_ended, wait_for

from lipblend.segments.kept_segments import segments_folder
from lipblend.selfcheck.sample import SamplePair
from lipblend.video.decodes_whole import decodes_whole

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="POSIX signals and limits")
OTHERS_PASS = {"a": "passed", "c": "passed"}


@pytest.fixture
def with_long(series: Series, long_pair: SamplePair) -> Series:
    """Job b is the long one."""
    series.pairs = {**series.pairs, "b": long_pair}
    series.write()
    return series


@contextmanager
def started(series: Series, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own; killed at the end, if it has not ended."""
    process = series.start(*more)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow(5)
def test_a_crash_in_native_code_ends_one_job(series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    series.strike(monkeypatch, b=("crash", "render", 3))
    done = series.run()
    assert (done.code, done.ends) == (9, {**OTHERS_PASS, "b": "failed"})
    (failed,) = [line for line in series.results() if line["name"] == "b"]
    assert failed["reason"] == "its process was killed by SIGSEGV"
    assert "error: its process was killed by SIGSEGV" in Path(failed["log"]).read_text(encoding="utf-8")
    assert not series.output("b").exists()
    series.strike(monkeypatch)
    assert series.run().ends == {"a": "skipped", "b": "passed", "c": "skipped"}


@pytest.mark.slow(4)
def test_a_job_that_eats_memory_is_stopped_alone(series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    series.write({"a": {}, "b": {}})
    series.strike(monkeypatch, a=("eat", "render", 3))
    done = series.run("--max-memory", "1500M")
    assert (done.code, done.ends) == (9, {"a": "failed", "b": "passed"})
    reason = series.results()[0]["reason"]
    assert "1.5 GB" in reason
    assert "--max-memory" in reason


@pytest.mark.slow(3)
def test_fail_fast_stops_what_runs_and_starts_nothing_more(series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    series.strike(monkeypatch, a=("pause", "render", 3), b=("crash", "render", 3))
    done = series.run("--fail-fast", "--workers", "2")
    assert (done.code, done.ends) == (9, {"a": "cancelled", "b": "failed", "c": "cancelled"})
    assert [line["name"] for line in series.results()] == ["b"]
    assert not list((series.folder / "out").glob("[!.]*"))


@pytest.mark.slow(8)
def test_two_runs_of_one_list_do_not_trample_each_other(series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    series.strike(monkeypatch, a=("pause", "render", 3))
    with started(series) as first:
        series.wait_paused("a", first)
        monkeypatch.undo()
        second = series.run()
        assert (second.code, second.ends) == (9, {"a": "locked", "b": "passed", "c": "passed"})
        (locked,) = [line for line in series.results() if line["status"] == "locked"]
        assert "is being written by another run" in locked["reason"]
        assert str(first.pid) in locked["reason"]
        before = files_in(series.folder / "out")
        series.let_go("a")
        assert ended(first).code == 0
    now = files_in(series.folder / "out")
    assert all(now[f"{name}.mp4"] == before[f"{name}.mp4"] for name in "bc")
    assert series.run().ends == dict.fromkeys("abc", "skipped")


@pytest.mark.slow(9)
def test_a_killed_run_goes_on_where_it_was(with_long: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    with_long.strike(monkeypatch, b=("pause", "render", 30))
    with started(with_long) as process:
        with_long.wait_paused("b", process)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        wait_for(lambda: all(has_ended(child.pid) for child in children))
    monkeypatch.undo()
    kept = sorted(path.name for path in segments_folder(with_long.output("b")).glob("*.segment"))
    assert kept == ["000000.segment", "000001.segment"]
    assert not with_long.output("b").exists()
    before = files_in(with_long.folder / "out")
    done = with_long.run()
    assert (done.code, done.ends) == (0, {"a": "skipped", "b": "passed", "c": "passed"})
    (resumed,) = [job for job in done.data["jobs"] if job["name"] == "b"]
    assert "24 of 48 frames were taken from an interrupted run" in resumed["details"]["notes"]
    now = files_in(with_long.folder / "out")
    assert now["a.mp4"] == before["a.mp4"]
    assert {name for name in now if not name.endswith(".lipblend-job.json")} == {"a.mp4", "b.mp4", "c.mp4"}
    in_parts = with_long.output("b").read_bytes()
    assert with_long.run("--force", "--only", "b").ends == {"b": "passed"}
    assert with_long.output("b").read_bytes() == in_parts


@pytest.mark.slow(3)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_leaves_no_process_and_no_half_output(
    with_long: Series, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    with_long.strike(monkeypatch, b=("pause", "render", 30))
    with started(with_long) as process:
        with_long.wait_paused("b", process)
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.send_signal(number)
        done = ended(process)
    assert done.code == code
    assert "finished segments are kept" in done.stderr
    assert "Traceback" not in done.stderr
    wait_for(lambda: all(has_ended(child.pid) for child in children))
    names = {path.name for path in (with_long.folder / "out").iterdir()}
    assert names == {"a.mp4", ".a.mp4.lipblend-job.json", segments_folder(with_long.output("b")).name}
    assert [line["name"] for line in with_long.results()] == ["a"]


@pytest.mark.slow(6)
def test_a_full_disk_fails_jobs_and_the_same_command_goes_on(series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in, where nobody may mount a file system: files cannot grow."""
    series.strike(monkeypatch, b=("full",))
    done = series.run()
    assert (done.code, done.ends) == (9, {**OTHERS_PASS, "b": "failed"})
    (failed,) = [line for line in series.results() if line["name"] == "b"]
    assert "File too large" in failed["reason"]
    assert not series.output("b").exists()
    series.strike(monkeypatch)
    assert series.run().ends == {"a": "skipped", "b": "passed", "c": "skipped"}
    assert decodes_whole(series.output("b"), frames=10) == ""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 100 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=100k", "lipblend-test", str(place)]
    if os.geteuid() or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow(6)
def test_a_full_disk_of_the_scratch_folder(series: Series, small_disk: Path, tmp_path: Path) -> None:
    """Inputs at addresses of 30 to 60 kB do not fit beside each other there."""
    jobs: dict[str, dict[str, object]] = {}
    for name, pair in series.pairs.items():
        jobs[name] = {"original": f"file://{pair.original}", "synced": f"file://{pair.synced}"}
        jobs[name]["output"] = f"file://{tmp_path / 'published' / name}.mp4"
    series.write(jobs)
    scratch = ("--scratch", str(small_disk / "scratch"))
    subprocess.run(["mount", "-o", "remount,size=60k", str(small_disk)], check=True)
    done = series.run(*scratch)
    assert done.code == 9
    reasons = {line["name"]: line["reason"] for line in series.results() if line["status"] == "failed"}
    assert reasons
    assert all("No space left on device" in reason for reason in reasons.values()), reasons
    published = tmp_path / "published"
    whole = {name: status for name, status in done.ends.items() if status == "passed"}
    before = files_in(published) if published.is_dir() else {}
    assert {name for name in before if name.endswith(".mp4")} == {f"{name}.mp4" for name in whole}
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    again = series.run(*scratch)
    assert again.code == 0, again.stderr
    assert again.ends == {name: "skipped" if name in whole else "passed" for name in "abc"}
    now = files_in(published)
    assert {name: now[name] for name in before} == before
    assert all(decodes_whole(published / f"{name}.mp4", frames=10) == "" for name in "abc")


@pytest.mark.slow(6)
def test_a_disk_that_is_really_full(series: Series, small_disk: Path) -> None:
    series.write(output=str(small_disk / "{name}.mp4"))
    text = (series.folder / "jobs.yaml").read_text().replace('"out/', f'"{small_disk}/')
    (series.folder / "jobs.yaml").write_text(text)
    done = series.run()
    assert done.code == 9
    assert "failed" in done.ends.values()
    reasons = [line["reason"] for line in series.results() if line["status"] == "failed"]
    assert all("No space left on device" in reason for reason in reasons), reasons
    whole = [name for name, status in done.ends.items() if status == "passed"]
    before = files_in(small_disk)
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    again = series.run()
    assert (again.code, again.stderr.count("failed")) == (0, 0)
    assert {name for name, status in again.ends.items() if status == "skipped"} == set(whole)
    now = files_in(small_disk)
    assert all(now[f"{name}.mp4"] == before[f"{name}.mp4"] for name in whole)
    assert all(decodes_whole(small_disk / f"{name}.mp4", frames=10) == "" for name in "abc")
    assert {name for name in now if not name.endswith(".lipblend-job.json")} == {f"{name}.mp4" for name in "abc"}
