"""Whole runs with ``track.ranges``: the original's bits outside, and the same with segments, resuming and parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from runs import composited

from lipblend.composite_result import CompositeResult
from lipblend.plan.frame_plan import OUTSIDE_RANGES
from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.settings.frame_range import FrameRange
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

FRAMES, INSIDE = 30, range(8, 24)
ENCODE = {"encoder": "ffv1", "segment_s": 0.5}


def run(pair: SamplePair, output: Path, ranges: str = "0.32-0.96", **more: object) -> CompositeResult:
    settings = Settings.model_validate({"track": {"ranges": ranges}, "encode": ENCODE})
    return composited(pair.original, pair.synced, output, settings=settings, **more)


def pictures(path: Path) -> list[bytes]:
    with VideoReader(probe(path)) as reader:
        return [b"".join(np.ascontiguousarray(plane).tobytes() for plane in frame.planes) for frame in reader]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("ranges"), frames=FRAMES, size=320)


@pytest.mark.slow(6)
def test_outside_the_ranges_no_bit_changes_and_inside_the_frames_are_those_of_a_whole_run(
    pair: SamplePair, tmp_path: Path
) -> None:
    done, whole = run(pair, tmp_path / "part.mkv"), run(pair, tmp_path / "whole.mkv", "all")
    assert (done.blended, dict(done.passed_through)) == (len(INSIDE), {OUTSIDE_RANGES: FRAMES - len(INSIDE)})
    original, ours, full = (pictures(path) for path in (pair.original, done.output, whole.output))
    assert [a == b for a, b in zip(ours, original, strict=True)] == [frame not in INSIDE for frame in range(FRAMES)]
    alike = [frame for frame in INSIDE if ours[frame] == full[frame]]
    assert alike == list(INSIDE[4:-4])  # four frames of fade (track.ramp_s) on both sides
    judged = evaluate(pair.original, pair.synced, done.output, options=EvaluateOptions(matte="settings"),
                      settings=Settings.model_validate({"track": {"ranges": "0.32-0.96"}}))  # fmt: skip
    assert judged.record.passed_through == {OUTSIDE_RANGES: FRAMES - len(INSIDE)}
    shares = [verdict.value for verdict in judged.record.verdicts if verdict.key == "passed_through"]
    assert shares == [0.0]


@pytest.mark.slow(6)
def test_ranges_work_with_parts_jobs_and_resuming(pair: SamplePair, tmp_path: Path) -> None:
    done = run(pair, tmp_path / "a.mkv")
    again = run(pair, tmp_path / "b.mkv", jobs=2)
    assert pictures(again.output) == pictures(done.output)
    part = run(pair, tmp_path / "c.mkv", frames=FrameRange(4, 18))
    assert pictures(part.output) == pictures(done.output)[4:18]

    def stop(progress: object) -> None:
        if progress.stage == "render" and progress.done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(pair, tmp_path / "d.mkv", resume=True, on_progress=stop)
    resumed = run(pair, tmp_path / "d.mkv", resume=True)
    assert any("taken from an interrupted run" in note for note in resumed.notes)
    assert pictures(resumed.output) == pictures(done.output)
