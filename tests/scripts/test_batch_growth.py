"""The model of how a series grows: parts of a clip add up, and transfer alone depends on the number of workers."""

from __future__ import annotations

import pytest
from script_loading import load_script

from lipblend.batch.job_spec import JobOutcome

STAGES = {"small pictures": 0.1, "to RGB": 0.1, "to reduced RGB": 0.0, "face model": 1.5, "measure": 0.2, "align": 0.1}


def test_parts_add_up_and_keep_their_shares() -> None:
    script = load_script("batch_growth")
    outcome = JobOutcome("a", "a.mp4", "passed", seconds=9.0, details={"analyse_seconds": 4.0, "render_seconds": 3.0})
    cold = {"stages_s": {**STAGES, "read": 3.0, "compose": 2.0, "encode": 1.0, "plan": 0.5}}
    cached = {"stages_s": {"read": 1.0, "compose": 2.0, "encode": 2.0, "plan": 1.0}}
    parts = script.parts_of(outcome, cold, cached)
    assert sum(parts.values()) == pytest.approx(outcome.seconds)
    assert parts["start"] == pytest.approx(2)
    assert parts["decode"] == pytest.approx(2 + 0.5)  # 2 of 4 busy seconds in 4; 1 of 6 in 3
    assert parts["analysis"] == pytest.approx(2)
    assert parts["compose"] == parts["encode"] == pytest.approx(1)


def test_the_storage_limits_many_workers_and_the_link_few() -> None:
    script = load_script("batch_growth")
    clip = script.Clip({"compose": 9.0}, moved=100.0)
    assert clip.throughput(1, storage=1000, link=100) == pytest.approx(1 / 10)
    assert clip.throughput(10, storage=1000, link=100) == pytest.approx(10 / 10)
    assert clip.throughput(10_000, storage=1000, link=100) <= 1000 / 100
    assert clip.most_workers(storage=1000) == pytest.approx(90)
