"""A Dask cluster of this machine for tests: a scheduler, its workers, and the jobs that they run."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from batch_runs import HERE, ROOT, Done, Series, ended, wait_for
from patience import HANG_S

from lipblend.selfcheck.sample import SamplePair

# A worker of another version: its code has another fingerprint.
OTHER_CODE = """
from lipblend.batch import cluster

def dask_setup(worker):
    cluster.worker_program = lambda: "fedcba9876543210"
"""

STRIKES = {
    "slow": ["pause", "render", 3],
    "crash": ["crash", "render", 3],
    "half": ["pause", "render", 15],
    "torn": ["crash", "render", 15],
}
"""By the names of jobs: a worker's environment cannot be changed later."""


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
        """Start the scheduler on a free port; again on the one it had."""
        if not self.address:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        port = int(self.address.rpartition(":")[2])
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

    def kill_scheduler(self) -> None:
        """End it at once, and then the workers that are left without one."""
        assert self.scheduler is not None
        self.scheduler.kill()
        self.scheduler.wait()

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


def jobs_of(cluster: Cluster) -> list[psutil.Process]:
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


def jobs_of_name(cluster: Cluster, name: str) -> list[psutil.Process]:
    """The process of a job that has paused: the one that has its output's folder of segments open."""
    return [
        each
        for each in jobs_of(cluster)
        if any(f".{name}.mp4.lipblend-segments" in os.readlink(link) for link in Path(f"/proc/{each.pid}/fd").iterdir())
    ]
