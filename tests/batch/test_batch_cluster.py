"""`lipblend batch --scheduler` on a Dask cluster of this machine: a scheduler, two workers, and what befalls them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from batch_runs import HERE, ROOT, Done, Series, ended, wait_for
from patience import HANG_S

from lipblend.batch.job_spec import DONE
from lipblend.selfcheck.sample import SamplePair

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="POSIX signals")

# A worker of another version: its code has another fingerprint.
OTHER_CODE = """
from lipblend.batch import cluster

def dask_setup(worker):
    cluster.worker_program = lambda: "fedcba9876543210"
"""


@dataclass
class Cluster:
    """A scheduler, and the workers that were started.

    Attributes
    ----------
    folder : Path
        For logs and preloaded modules.
    address : str
    workers : list of Popen
        The nannies.
    """

    folder: Path
    address: str = ""
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def _dask(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        log = self.folder / f"{words[0]}{len(self.workers)}.log"
        paths = os.pathsep.join(map(str, (ROOT, HERE, self.folder)))
        with log.open("ab") as sink:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *words],
                stdout=sink, stderr=sink, cwd=self.folder, env=os.environ | {"PYTHONPATH": paths} | environment,
            )  # fmt: skip

    def start(self) -> None:
        """Start the scheduler on a free port."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        words = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show")
        self.scheduler = self._dask("scheduler", *words)
        wait_for(lambda: _answers(port))

    def add_worker(self, *more: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker, and wait until the scheduler knows it."""
        before = self.known()
        words = ("--nthreads", "1", "--no-dashboard", "--memory-limit", "4GB", "--local-directory", str(self.folder))
        process = self._dask("worker", self.address, *words, *more, **environment)
        self.workers.append(process)
        wait_for(lambda: self.known() > before or process.poll() is not None)
        assert process.poll() is None, self.log()
        return process

    def known(self) -> int:
        """Workers that the scheduler knows."""
        code = "import sys; from distributed import Client; c = Client(sys.argv[1]); print(len(c.nthreads()))"
        words = [sys.executable, "-W", "ignore", "-c", code, self.address]
        return int(subprocess.run(words, capture_output=True, text=True, check=True, timeout=HANG_S).stdout)

    def log(self) -> str:
        """What all have written."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def remove(self, process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
        """End a worker: its nanny and all its children at once."""
        tree = [*psutil.Process(process.pid).children(recursive=True), process] if process.poll() is None else []
        for each in reversed(tree):
            try:
                each.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        process.wait()
        self.workers.remove(process)

    def close(self) -> None:
        """End all."""
        for worker in list(self.workers):
            self.remove(worker)
        if self.scheduler is not None:
            self.scheduler.kill()
            self.scheduler.wait()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    (made.folder / "other_code.py").write_text(OTHER_CODE, encoding="utf-8")
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def two(cluster: Cluster, strikes: Path) -> Cluster:
    """The cluster with two workers, whose jobs can be struck."""
    told = {"LIPBLEND_STRUCK_FOLDER": str(strikes), "LIPBLEND_STRUCK": json.dumps(STRIKES)}
    while len(cluster.workers) < 2:
        cluster.add_worker("--preload", "struck_child", **told)
    return cluster


STRIKES = {"slow": ["pause", "render", 3], "crash": ["crash", "render", 3]}
"""By the names of jobs: a worker's environment cannot be changed later."""


@pytest.fixture(scope="module")
def strikes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("strikes")


def run(series: Series, cluster: Cluster, *more: str) -> Done:
    """In a process of its own: Dask leaves sockets and threads to the interpreter's end."""
    return ended(series.start("--scheduler", cluster.address, "--json", *more))


def local_bytes(series: Series, pairs: dict[str, SamplePair], folder: Path) -> dict[str, bytes]:
    """What one machine makes of the same jobs."""
    alone = Series(folder, series.cache, pairs)
    folder.mkdir()
    alone.write()
    assert alone.run("--quiet").code == 0
    return {name: alone.output(name).read_bytes() for name in pairs}


def names_in(series: Series) -> set[str]:
    """What lies beside the outputs, but for records."""
    names = {path.name for path in (series.folder / "out").iterdir()}
    return {name for name in names if not name.endswith(".lipblend-job.json")}


def test_no_scheduler_and_no_workers_are_told(series: Series, cluster: Cluster) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    words = ("--json", "--scheduler")
    for address, says in (
        ("127.0.0.1:x:y", "no Dask scheduler answers at 127.0.0.1:x:y"),
        (cluster.address, f"the scheduler at {cluster.address} has no worker. Start some: `dask worker"),
        *([(nobody, f"no Dask scheduler answers at {nobody}")]),
    ):
        done = ended(series.start(*words, address))
        assert done.code == 2, done.stderr
        assert says in done.stderr
        assert "Traceback" not in done.stderr
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
    wait_for(lambda: not _jobs_of(two))


def _jobs_of(cluster: Cluster) -> list[psutil.Process]:
    """Processes of jobs that workers have started."""
    children = [child for each in cluster.workers for child in psutil.Process(each.pid).children(recursive=True)]
    found = []
    for child in children:
        try:
            if any("struck_child import" in word for word in child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


@pytest.mark.slow(20)
def test_a_worker_that_is_killed_loses_no_output(
    series: Series, two: Cluster, strikes: Path, small_pairs: dict[str, SamplePair], tmp_path: Path
) -> None:
    series.pairs = {"slow": small_pairs["a"], **{f"{name}{n}": small_pairs[name] for n in "12" for name in "bc"}}
    series.write()
    process = series.start("--scheduler", two.address, "--json")
    try:
        wait_for(lambda: (strikes / "slow.paused").exists() or process.poll() is not None)
        (job,) = _jobs_of_name(two, "slow")
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


def _jobs_of_name(cluster: Cluster, name: str) -> list[psutil.Process]:
    """The process of a job that has paused: the one that has its output's folder of segments open."""
    return [
        each
        for each in _jobs_of(cluster)
        if any(f".{name}.mp4.lipblend-segments" in os.readlink(link) for link in Path(f"/proc/{each.pid}/fd").iterdir())
    ]
