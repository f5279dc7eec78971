"""Which jobs are run, until all have ended, and how a series ends; with a pool that does nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from lipblend.batch.events import Ended, Started
from lipblend.batch.job_spec import JobOutcome, JobSpec, Status
from lipblend.batch.local_pool import OnEvent
from lipblend.batch.results import ResultsFile, last_outcomes
from lipblend.batch.run_batch import BatchRun, Series, chosen
from lipblend.errors import BatchError, GateError, SettingsError


def spec(name: str) -> JobSpec:
    return JobSpec(name, f"{name}.mp4", f"{name}_s.mp4", f"out/{name}.mp4")


def outcome(name: str, status: Status) -> JobOutcome:
    return JobOutcome(name, f"out/{name}.mp4", status)


class Scripted:
    """A pool whose jobs end as their names say, and that notes what it is asked."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event, self.stopped, self.closed = on_event, False, False

    def submit(self, job: JobSpec) -> None:
        self._on_event(Started(job.name))
        status: Status = "cancelled" if self.stopped else job.name.split("-")[0]  # type: ignore[assignment]
        self._on_event(Ended(outcome(job.name, status)))

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def results(tmp_path: Path) -> ResultsFile:
    return ResultsFile(tmp_path / "r.jsonl")


def run(results: ResultsFile, *names: str, fail_fast: bool = False) -> tuple[Series, Scripted]:
    pools: list[Scripted] = []

    def pool(on_event: OnEvent) -> Scripted:
        pools.append(Scripted(on_event))
        return pools[-1]

    with BatchRun(pool, results, fail_fast=fail_fast) as batch:
        for name in names:
            batch.submit([spec(name)])
            while fail_fast and batch.unfinished:
                batch.follow()
        series = batch.finish()
    assert pools[0].closed
    return series, pools[0]


def test_all_jobs_are_followed_to_their_end(results: ResultsFile) -> None:
    series, pool = run(results, "passed-a", "failed-b", "gate-c", "skipped-d")
    assert dict(series.counts) == {"passed": 1, "failed": 1, "gate": 1, "skipped": 1}
    assert not pool.stopped
    assert set(last_outcomes(results.path)) == {"passed-a", "failed-b", "gate-c", "skipped-d"}


def test_fail_fast_stops_the_others_and_leaves_them_out_of_the_results(results: ResultsFile) -> None:
    series, pool = run(results, "passed-a", "failed-b", "passed-c", fail_fast=True)
    assert pool.stopped
    assert [each.status for each in series.outcomes] == ["passed", "failed", "cancelled"]
    assert set(last_outcomes(results.path)) == {"passed-a", "failed-b"}


def test_an_interruption_stops_what_runs(results: ResultsFile) -> None:
    pools: list[Scripted] = []

    def pool(on_event: OnEvent) -> Scripted:
        pools.append(Scripted(on_event))
        return pools[-1]

    def interrupted() -> None:
        with BatchRun(pool, results) as batch:
            batch.submit([spec("passed-a")])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert pools[0].stopped
    assert pools[0].closed
    assert set(last_outcomes(results.path)) == {"passed-a"}  # what had ended is not lost


@pytest.mark.parametrize(
    ("statuses", "error", "text"),
    [
        (("passed", "skipped"), None, ""),
        (("passed", "gate"), GateError, "1 of 2 outputs are below their pass marks"),
        (("failed", "gate"), BatchError, "1 of 2 jobs failed"),
        (("locked", "passed"), BatchError, "1 of 2 jobs are being made by another run"),
        (("failed", "cancelled"), BatchError, "2 of 2 jobs did not end well: 1 failed, 1 were stopped"),
    ],
)
def test_how_a_series_ends(statuses: tuple[Status, ...], error: type[Exception] | None, text: str) -> None:
    series = Series(len(statuses), {str(number): outcome(str(number), each) for number, each in enumerate(statuses)})
    if error is None:
        series.raise_for_status(hint="")
    else:
        with pytest.raises(error, match=text):
            series.raise_for_status(hint="")


def test_jobs_are_chosen_by_name_and_by_how_they_ended_last() -> None:
    jobs = [spec(name) for name in ("intro-1", "intro-2", "end")]
    assert [job.name for job in chosen(jobs, ["intro*"])] == ["intro-1", "intro-2"]
    earlier = {"intro-1": outcome("intro-1", "failed"), "intro-2": outcome("intro-2", "passed")}
    assert [job.name for job in chosen(jobs, [], earlier)] == ["intro-1", "end"]  # which has never ended
    assert [job.name for job in chosen(jobs, ["intro-2"], earlier)] == []
    with pytest.raises(SettingsError, match=r"--only outro\* matches no job"):
        chosen(jobs, ["intro*", "outro*"])
