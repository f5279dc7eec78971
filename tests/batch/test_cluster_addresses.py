"""`lipblend batch --scheduler` on long clips at addresses: split over workers that share nothing but the store."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from batch_runs import Done, Series, ended, files_in, wait_for
from dask_cluster import STRIKES, Cluster, jobs_of, local_bytes

from lipblend.batch.remote.remote_files import RemoteFile
from lipblend.selfcheck.sample import SamplePair
from tests.object_store import ObjectStore

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="POSIX signals")

# A worker that has a cache and a scratch folder of its own, as on another machine.
OWN_FOLDERS = """
import os
from dataclasses import replace
from pathlib import Path
from lipblend.batch import cluster_worker

JobRun = cluster_worker.JobRun

def own(spec, options, *more):
    folder = Path(os.environ["OWN_FOLDER"])
    remote = replace(options.remote, scratch=folder / "scratch")
    return JobRun(spec, replace(options, cache=folder / "cache", remote=remote), *more)

def dask_setup(worker):
    cluster_worker.JobRun = own
"""


@dataclass
class Machines:
    """Two workers with folders of their own, and the store from which and into which they work."""

    cluster: Cluster
    store: ObjectStore
    strikes: Path
    folder: Path
    place: str = "out"
    started: int = 0

    @property
    def outputs(self) -> Path:
        """Where the store keeps the outputs; only its server may write there."""
        return self.store.folder / "films" / self.place

    def fill(self) -> None:
        """Start workers until there are two."""
        (self.cluster.folder / "own_folders.py").write_text(OWN_FOLDERS, encoding="utf-8")
        told = {"LIPBLEND_STRUCK_FOLDER": str(self.strikes), "LIPBLEND_STRUCK": json.dumps(STRIKES)}
        while len(self.cluster.workers) < 2:
            self.started += 1
            own = {"OWN_FOLDER": str(self.folder / f"machine{self.started}")}
            preload = ("--preload", "struck_child", "--preload", "own_folders")
            self.cluster.add_worker(*preload, **told, **own)

    def words(self, folder: Path) -> list[str]:
        """Of a run."""
        options = self.store.options(folder / "scratch")
        path = folder / "storage.json"
        path.write_text(json.dumps(options.storage), encoding="utf-8")
        return [
            "--scheduler", self.cluster.address, "--split", "1", "--json", "--storage-options", str(path),
            "--scratch", str(options.scratch),
        ]  # fmt: skip

    def run(self, series: Series) -> Done:
        return ended(series.start(*self.words(series.folder)))

    def names(self) -> set[str]:
        """What lies beside the outputs, but for records."""
        folder = self.outputs
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        return {name for name in found if not name.endswith(".lipblend-job.json")}

    def paused_half_way(self, other: str) -> bool:
        """Whether another job has ended, and both workers have paused in this one, after a segment each."""
        parts = sum(name.endswith(".segment") for name in self.names())
        return self.output(other).exists() and len(jobs_of(self.cluster)) == 2 and parts == 2

    def output(self, name: str) -> Path:
        return self.outputs / f"{name}.mp4"


@pytest.fixture
def machines(
    cluster: Cluster, store: ObjectStore, strikes: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machines]:
    made = Machines(cluster, store, strikes, tmp_path_factory.mktemp("machines"))
    for path in strikes.iterdir():
        path.unlink()
    made.fill()
    store.requests.clear()
    yield made
    for worker in list(cluster.workers):  # the next test has machines that know nothing of this one
        cluster.remove(worker)
    wait_for(lambda: cluster.known() == 0)


def listed(series: Series, machines: Machines, pairs: dict[str, SamplePair], tmp_path: Path) -> None:
    """A list of these pairs, which are put into the store."""
    store = machines.store
    options = store.options(tmp_path / "put")
    jobs: dict[str, dict[str, object]] = {}
    for name, pair in pairs.items():
        keys = {"original": f"s3://films/o/{name}.mp4", "synced": f"s3://films/s/{name}.mp4"}
        for key, path in (("original", pair.original), ("synced", pair.synced)):
            RemoteFile(keys[key], options).write(path.read_bytes())
        jobs[name] = {**keys, "output": f"s3://films/{machines.place}/{name}.mp4"}
    series.write(jobs)
    store.requests.clear()


@pytest.mark.slow(25)
def test_a_long_clip_of_a_store_is_split_to_the_same_bytes(
    series: Series, machines: Machines, long_pair: SamplePair, small_pairs: dict[str, SamplePair], tmp_path: Path
) -> None:
    pairs = {"long": long_pair, "torn": long_pair, "a": small_pairs["a"]}
    listed(series, machines, pairs, tmp_path)
    done = machines.run(series)
    assert done.ends == {"long": "passed", "torn": "failed", "a": "passed"}, done.stderr + machines.cluster.log()
    assert done.code == 9
    lines = {line["name"]: line for line in series.results()}
    assert lines["torn"]["reason"] == "its process was killed by SIGSEGV"
    assert lines["long"]["frames"] == 48
    assert "48 of 48 frames were taken from an interrupted run" in lines["long"]["details"]["notes"]
    assert "/machine" not in json.dumps(lines["long"]["details"])  # no paths of scratch folders
    assert machines.names() == {"long.mp4", "a.mp4"}  # also the parts of what failed are gone
    store = machines.store
    assert store.asked("PUT", ".segment") >= 4
    assert store.asked("PUT", ".analysis.npz") == 2  # of each long clip
    made = sorted(machines.folder.glob("machine*/cache/*.analysis.npz"))
    assert store.asked("GET", ".analysis.npz") == len(made) - 3  # all other machines have fetched theirs
    copies = [path for path in machines.folder.glob("machine*/scratch/inputs/*/*.mp4") if path.name == "long.mp4"]
    assert store.asked("GET", "/o/long.mp4") + store.asked("GET", "/s/long.mp4") == len(copies)  # once a machine
    expected = local_bytes(series, {"long": long_pair, "a": small_pairs["a"]}, tmp_path / "alone")
    assert {name: machines.output(name).read_bytes() for name in expected} == expected
    before = files_in(machines.outputs)
    again = machines.run(series)
    assert {name: again.ends[name] for name in ("long", "a")} == {"long": "skipped", "a": "skipped"}
    now = files_in(machines.outputs)
    assert {name: now[name] for name in before} == before


@pytest.mark.slow(30)
@pytest.mark.parametrize("victim", ["worker", "command", "scheduler"])
def test_whatever_is_killed_no_segment_and_no_output_is_lost(
    series: Series,
    machines: Machines,
    long_pair: SamplePair,
    small_pairs: dict[str, SamplePair],
    tmp_path: Path,
    victim: str,
) -> None:
    done_first, half = "a", "half"
    machines.place = f"of-{victim}"
    listed(series, machines, {done_first: small_pairs["a"], half: long_pair}, tmp_path)
    process = series.start(*machines.words(series.folder))
    try:
        wait_for(lambda: machines.paused_half_way(done_first) or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        before = files_in(machines.outputs)
        done = strike(machines, process, victim)
    finally:
        process.kill()
        process.communicate()
    if victim != "worker":
        assert not machines.output(half).exists()
        segments = {name for name in machines.names() if name.endswith(".segment")}
        assert segments
        published = machines.store.asked("PUT", ".segment")
        (machines.strikes / "half.go").touch()
        machines.fill()
        done = machines.run(series)
        assert machines.store.asked("PUT", ".segment") - published == 4 - len(segments)  # the others were taken
        assert done.ends == {done_first: "skipped", half: "passed"}
    assert (done.code, done.ends[half]) == (0, "passed"), done.stderr + machines.cluster.log()
    assert not any("lipblend" in name for name in machines.names())
    now = files_in(machines.outputs)
    assert {name: now[name] for name in before if "half" not in name} == {
        name: each for name, each in before.items() if "half" not in name
    }
    expected = local_bytes(series, {half: long_pair}, tmp_path / "alone")
    assert machines.output(half).read_bytes() == expected[half]


def strike(machines: Machines, process: subprocess.Popen[str], victim: str) -> Done:
    """Kill something while both workers render, and let what is left end."""
    if victim == "scheduler":
        machines.cluster.kill_scheduler()
        done = ended(process)
        assert done.code == 9
        assert "Traceback" not in done.stderr
        for worker in list(machines.cluster.workers):
            machines.cluster.remove(worker)
        machines.cluster.start()
        return done
    (machines.strikes / "half.go").touch()  # for the next attempts
    machines.cluster.remove(machines.cluster.workers[0])
    if victim == "command":
        process.kill()
    done = ended(process)
    wait_for(lambda: not jobs_of(machines.cluster))
    return done
