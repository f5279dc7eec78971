"""Places at addresses where the files of a job lie, and a job that is made in a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from lipblend.batch.job_record import write_record
from lipblend.batch.job_spec import JobOutcome, JobSpec
from lipblend.batch.remote.remote_files import RemoteFile, RemoteOptions
from lipblend.batch.remote.remote_job import RemoteJob
from lipblend.batch.remote.remote_record import look_remote
from lipblend.runtime.identity import sha256_of
from lipblend.runtime.progress import no_progress

HEADLINE = {"score": 0.5, "word": "good"}


@dataclass
class Place:
    """Where the files of a test lie: the beginning of all addresses, and how they are reached."""

    root: str
    options: RemoteOptions
    made: list[JobSpec] = field(default_factory=list)

    def put(self, name: str, data: bytes) -> str:
        RemoteFile(f"{self.root}/{name}", self.options).write(data)
        return f"{self.root}/{name}"

    def get(self, name: str) -> bytes | None:
        return RemoteFile(f"{self.root}/{name}", self.options).read()

    def job(self, name: str = "x", **more: object) -> JobSpec:
        made = JobSpec(name, f"{self.root}/a.mp4", f"{self.root}/b.mp4", f"{self.root}/out/{name}.mp4")
        return replace(made, **more)  # type: ignore[arg-type]

    def make(self, local: JobSpec) -> JobOutcome:
        """Make an output in a moment: both inputs in a row."""
        self.made.append(local)
        output = Path(local.output)
        output.write_bytes(Path(local.original).read_bytes() + Path(local.synced).read_bytes())
        page = ""
        if local.report is not None:
            (Path(local.report) / "pictures").mkdir(parents=True, exist_ok=True)
            (Path(local.report) / "pictures" / "1.jpg").write_bytes(b"picture")
            (Path(local.report) / "report.html").write_bytes(b"page")
            page = str(Path(local.report) / "report.html")
        report = sha256_of(Path(page)) if page else ""
        write_record(local, {"status": "passed", "headline": HEADLINE, "measured": True, "report": report})
        details = {"output": local.output, "original": local.original, "notes": [f"read {local.synced}"]}
        return JobOutcome(local.name, local.output, "passed", headline=HEADLINE, report=page, details=details)

    def run(
        self, spec: JobSpec, make: Callable[[JobSpec], JobOutcome] | None = None, *, force: bool = False
    ) -> JobOutcome:
        job = RemoteJob(spec, self.options, Event(), no_progress)
        return job.run(make or self.make, force=force, lock_wait_s=0)

    def why(self, spec: JobSpec) -> str:
        return look_remote(spec, self.options)[0]


def filled(place: Place) -> Place:
    place.put("a.mp4", b"original ")
    place.put("b.mp4", b"synced")
    return place


def other_machine(place: Place, tmp_path: Path) -> Place:
    return replace(place, options=replace(place.options, scratch=tmp_path / "other"), made=[])
