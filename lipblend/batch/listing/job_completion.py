"""Jobs of a list with what a run adds to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lipblend.batch.job_spec import JobSpec

ENCODER_THREADS = 4
"""Of jobs whose list does not say: the bytes depend on their number, and machines should agree."""


def completed(jobs: Sequence[JobSpec], *, gate: bool, index: Path | None) -> list[JobSpec]:
    """Jobs with what the command adds: the gate, reports for the index page, and how many threads the encoder has."""

    def complete(job: JobSpec) -> JobSpec:
        report = job.report
        if report is None and index is not None:
            report = str(index.absolute() / job.name)
        settings = {"encode.threads": ENCODER_THREADS, **job.settings}
        return replace(job, gate=job.gate or gate, report=report, settings=settings)

    return [complete(job) for job in jobs]
