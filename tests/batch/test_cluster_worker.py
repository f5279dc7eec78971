"""What a worker of a cluster says when nobody hears it any more."""

from __future__ import annotations

import pytest
from batch_runs import Series

from lipblend.batch.cluster_worker import ClusterOrder, say
from lipblend.batch.job_process import JobRun, JobRunOptions
from lipblend.batch.listing.job_list import read_jobs
from lipblend.runtime.progress import Progress


class Closed:
    """A worker whose scheduler is gone."""

    def log_event(self, *_: object) -> None:
        raise RuntimeError("Event loop is closed")


@pytest.mark.slow(3)
def test_a_worker_without_its_scheduler_says_so(series: Series) -> None:
    series.write({"a": {}})
    (spec,) = read_jobs(series.folder / "jobs.yaml")
    options = JobRunOptions(cache=series.cache)

    def tell(progress: Progress) -> None:
        say(Closed(), ClusterOrder(spec, options, "stop"), **vars(progress))

    outcome = JobRun(spec, options, tell).run()
    assert outcome.status == "failed"
    assert outcome.reason.startswith("it was stopped, since the scheduler of the cluster is gone (RuntimeError: Event")
    assert "nonsense" not in outcome.reason
    assert not series.output("a").exists()
