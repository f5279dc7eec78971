"""`lipblend batch --scheduler` on a Dask cluster of this machine: a scheduler, two workers, and what befalls them."""

from __future__ import annotations

import signal
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest
from batch_runs import Series, ended, wait_for
from dask_cluster import Cluster, jobs_of, jobs_of_name, local_bytes, run

from lipblend.batch.job_spec import DONE
from lipblend.selfcheck.sample import SamplePair

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="POSIX signals")


def names_in(series: Series) -> set[str]:
    """What lies beside the outputs, but for records."""
    names = {path.name for path in (series.folder / "out").iterdir()}
    return {name for name in names if not name.endswith(".lipblend-job.json")}


def test_no_scheduler_and_no_workers_are_told(series: Series, cluster: Cluster) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    silent = socket.socket()  # listens and says nothing: Dask itself would wait for ever
    silent.bind(("127.0.0.1", 0))
    silent.listen()
    mute = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
    words = ("--json", "--scheduler")
    for address, says in (
        ("127.0.0.1:x:y", "no Dask scheduler answers at 127.0.0.1:x:y"),
        (cluster.address, f"the scheduler at {cluster.address} has no worker. Start some: `dask worker"),
        (nobody, f"no Dask scheduler answers at {nobody}"),
        (mute, f"no Dask scheduler answers at {mute}: timed out. Start one with `dask scheduler`"),
    ):
        done = ended(series.start(*words, address))
        assert done.code == 2, done.stderr
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    silent.close()
    assert not (series.folder / "out").exists()


@pytest.mark.slow(6)
def test_a_worker_with_another_version_is_told(series: Series, cluster: Cluster) -> None:
    worker = cluster.add_worker("--preload", "other_code")
    try:
        done = run(series, cluster)
    finally:
        cluster.remove(worker)
    assert done.code == 2
    assert "1 of 1 workers have another version of the program than this machine" in done.stderr
    assert "fedcba9876543210" in done.stderr
    assert not (series.folder / "out").exists()
    wait_for(lambda: cluster.known() == 0)


@pytest.mark.slow(18)
def test_a_long_clip_is_split_over_both_workers_to_the_same_bytes(
    series: Series, two: Cluster, long_pair: SamplePair, small_pairs: dict[str, SamplePair], tmp_path: Path
) -> None:
    series.pairs = {"long": long_pair, "crash": small_pairs["b"], "a": small_pairs["a"]}
    series.write()
    done = run(series, two, "--split", "1")
    assert done.code == 9, two.log()
    assert done.ends == {"long": "passed", "crash": "failed", "a": "passed"}
    lines = {line["name"]: line for line in series.results()}
    assert lines["crash"]["reason"] == "its process was killed by SIGSEGV"
    assert lines["long"]["frames"] == 48
    assert "48 of 48 frames were taken from an interrupted run" in lines["long"]["details"]["notes"]
    logs = {path.name for path in (series.folder / "jobs.logs").iterdir()}
    assert {"long.prepare.log", "long.0.log", "long.2.log", "long.join.log", "crash.log", "a.log"} == logs
    expected = local_bytes(series, {"long": long_pair, "a": small_pairs["a"]}, tmp_path / "alone")
    assert {name: series.output(name).read_bytes() for name in expected} == expected
    again = run(series, two, "--split", "1", "--only", "[la]*")
    assert (again.code, again.ends) == (0, {"long": "skipped", "a": "skipped"})
    assert names_in(series) == {"a.mp4", "long.mp4", ".crash.mp4.lipblend-segments"}  # those of the crash are kept


@pytest.mark.slow(8)
def test_ctrl_c_stops_the_jobs_of_the_cluster(
    series: Series, two: Cluster, strikes: Path, small_pairs: dict[str, SamplePair]
) -> None:
    series.pairs = {"slow": small_pairs["a"], "b": small_pairs["b"]}
    series.write()
    process = series.start("--scheduler", two.address)
    try:
        wait_for(lambda: (strikes / "slow.paused").exists() or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        begun_s = time.monotonic()
        done = ended(process)
        took_s = time.monotonic() - begun_s
    finally:
        process.kill()
        process.wait()
        (strikes / "slow.paused").unlink(missing_ok=True)
    assert done.code == 130, done.stderr
    assert "finished segments are kept" in done.stderr
    assert took_s < 60  # not the ten minutes of the pause
    assert not series.output("slow").exists()
    wait_for(lambda: not jobs_of(two))


@pytest.mark.slow(20)
def test_a_worker_that_is_killed_loses_no_output(
    series: Series, two: Cluster, strikes: Path, small_pairs: dict[str, SamplePair], tmp_path: Path
) -> None:
    series.pairs = {"slow": small_pairs["a"], **{f"{name}{n}": small_pairs[name] for n in "12" for name in "bc"}}
    series.write()
    process = series.start("--scheduler", two.address, "--json")
    try:
        wait_for(lambda: (strikes / "slow.paused").exists() or process.poll() is not None)
        (job,) = jobs_of_name(two, "slow")
        lost = next(each for each in two.workers if job in psutil.Process(each.pid).children(recursive=True))
        (strikes / "slow.go").touch()  # for the second attempt
        two.remove(lost)
        done = ended(process)
    finally:
        process.kill()
        process.wait()
    assert done.code == 0, done.stderr + two.log()
    assert set(done.ends.values()) == {"passed"}
    assert len(done.ends) == len(series.results()) == 5
    expected = local_bytes(series, {"slow": small_pairs["a"], "b1": small_pairs["b"]}, tmp_path / "alone")
    assert {name: series.output(name).read_bytes() for name in expected} == expected
    assert series.output("b2").read_bytes() == expected["b1"]
    assert names_in(series) == {f"{name}.mp4" for name in series.pairs}


@pytest.mark.slow(8)
def test_without_its_scheduler_a_run_ends_and_the_same_list_goes_on(
    series: Series, two: Cluster, strikes: Path, small_pairs: dict[str, SamplePair], long_pair: SamplePair
) -> None:
    """The last test of this file: the cluster is no more."""
    for name in ("slow.go", "slow.paused"):
        (strikes / name).unlink(missing_ok=True)
    series.pairs = {"long": long_pair, "slow": small_pairs["b"], "c": small_pairs["c"]}
    series.write()
    process = series.start("--scheduler", two.address, "--split", "1")
    try:
        wait_for(lambda: (strikes / "slow.paused").exists() or process.poll() is not None)
        assert two.scheduler is not None
        two.scheduler.kill()
        two.scheduler.wait()
        done = ended(process)
    finally:
        process.kill()
        process.wait()
    assert done.code == 9, done.stderr
    assert "Traceback" not in done.stderr
    lines = {line["name"]: line for line in series.results()}
    assert set(lines) == set(series.pairs)
    assert (lines["slow"]["status"], lines["slow"]["exit_code"]) == ("failed", 1)
    assert lines["slow"]["reason"].startswith("the cluster lost it")
    for worker in list(two.workers):
        two.remove(worker)
    again = series.run()
    assert (again.code, again.ends["slow"], set(again.ends.values()) <= DONE) == (0, "passed", True)
