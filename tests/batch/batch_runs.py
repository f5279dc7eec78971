"""A folder with a list of jobs, and runs of `lipblend batch` in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import struck_child
from patience import HANG_S
from typer.testing import CliRunner

from lipblend.batch import job_process
from lipblend.cli.app import app
from lipblend.selfcheck.sample import SamplePair

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LIST = "jobs.yaml"
RESULTS = "jobs.results.jsonl"
SETTINGS = {"track.min_face_px": 20, "encode.preset": "veryfast", "encode.threads": 1, "encode.segment_s": 0.5}
PROGRAM = """
import sys
sys.path.insert(0, {here!r})
import struck_child
struck_child.dask_setup(None)
from lipblend.cli.entry import main
main()
"""


@dataclass(frozen=True)
class Done:
    """How a run ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def data(self) -> dict[str, Any]:
        """What it printed with ``--json``."""
        return json.loads(self.stdout)

    @property
    def ends(self) -> dict[str, str]:
        """Status of each job."""
        return {job["name"]: job["status"] for job in self.data["jobs"]}


@dataclass
class Series:
    """A list in a folder of its own.

    Attributes
    ----------
    folder, cache : Path
    pairs : mapping of str to SamplePair
        A job of that name for each; the list is written by `write`.
    environment : dict of str to str
        More of it, for runs in other processes.
    """

    folder: Path
    cache: Path
    pairs: Mapping[str, SamplePair]
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, jobs: Mapping[str, Mapping[str, object]] | None = None, **defaults: object) -> None:
        """Write the list: the jobs of these names, with more keys; by default all, with none."""
        entries = []
        for name, more in ({key: {} for key in self.pairs} if jobs is None else jobs).items():
            pair = self.pairs.get(name)
            files = {} if pair is None else {"original": str(pair.original), "synced": str(pair.synced)}
            entries.append({"name": name, "output": f"out/{name}.mp4", **files, **more})
        settings = {**SETTINGS, **defaults.pop("settings", {})}  # type: ignore[dict-item]
        text = json.dumps({"defaults": {"settings": settings, **defaults}, "jobs": entries})
        (self.folder / LIST).write_text(text, encoding="utf-8")  # JSON is YAML

    def output(self, name: str) -> Path:
        """Of a job."""
        return self.folder / "out" / f"{name}.mp4"

    def arguments(self, *more: str) -> list[str]:
        """Of a run with a cache of analyses."""
        return ["batch", str(self.folder / LIST), "--cache", str(self.cache), "--workers", "1", *more]

    def run(self, *more: str) -> Done:
        """A run in this process, with ``--json``."""
        done = CliRunner().invoke(app, [*self.arguments(*more), "--json"])
        return Done(done.exit_code, done.stdout, done.stderr)

    def start(self, *more: str) -> subprocess.Popen[str]:
        """A run in a process of its own, whose jobs can be struck."""
        words = [sys.executable, "-c", PROGRAM.format(here=str(HERE)), *self.arguments(*more)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | self.environment
        pipe = subprocess.PIPE
        return subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=self.folder)

    def results(self) -> list[dict[str, Any]]:
        """The lines of all runs."""
        return [json.loads(line) for line in (self.folder / RESULTS).read_text(encoding="utf-8").splitlines()]

    def strike(self, monkeypatch: pytest.MonkeyPatch, **what: tuple[str, str, int] | tuple[str]) -> None:
        """Let something happen to jobs of later runs; see `struck_child`."""
        told = {name: (*strike, "", 0)[:3] for name, strike in what.items()}
        self.environment = {
            struck_child.VARIABLE: json.dumps(told),
            "LIPBLEND_STRUCK_FOLDER": str(self.folder),
        }
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(job_process, "CHILD", struck_child.CHILD)

    def wait_paused(self, name: str, process: subprocess.Popen[str]) -> None:
        """Until a job has paused."""
        wait_for(lambda: (self.folder / f"{name}.paused").exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()

    def let_go(self, name: str) -> None:
        """Let a job go on that has paused."""
        (self.folder / f"{name}.go").touch()


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it is true."""
    end_s = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.02)


def has_ended(pid: int) -> bool:
    """Whether a process runs no more; one whose parent is gone may stay a zombie, where nobody asks for its end."""
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return True


def ended(process: subprocess.Popen[str]) -> Done:
    """Wait for the end of a run."""
    stdout, stderr = process.communicate(timeout=HANG_S)
    return Done(process.returncode, stdout, stderr)


def files_in(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time of change and content of every file below a folder."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}
