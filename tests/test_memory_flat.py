"""While frames are rendered, nothing that was found out about them stays in memory, however many there are."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from longer import longer

from lipblend import compositing
from lipblend.analysis import plan as planning
from lipblend.analysis.analyse import analyse
from lipblend.analysis.clip import ClipAnalysis
from lipblend.analysis.plan import PlanRow, make_plan
from lipblend.faces.models import resolve_model
from lipblend.media.probe import probe
from lipblend.memory import retained_bytes
from lipblend.render import Picture
from lipblend.sample import SamplePair, make_sample
from lipblend.segments.job import RenderJob
from lipblend.settings import Settings
from lipblend.stored import StoredSequence

FRAMES = 10
FAST = Settings.model_validate({"encode": {"preset": "ultrafast"}})


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=FRAMES, size=320)


@pytest.fixture(scope="module")
def analysis(pair: SamplePair) -> ClipAnalysis:
    model = resolve_model("face_landmarker")
    return analyse(probe(pair.original), probe(pair.synced), model=model, settings=FAST, on_frame=lambda _: None)


class RenderingError(Exception):
    """Raised where rendering would begin."""


@pytest.mark.slow
@pytest.mark.parametrize("measure", [False, True])
def test_little_a_frame_is_held_once_rendering_begins(
    measure: bool, pair: SamplePair, analysis: ClipAnalysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: dict[int, int] = {}

    class Run:
        """Stands for the run: counts what its caller holds."""

        def __init__(self, job: RenderJob, segments: Sequence[Any], **_: object) -> None:
            values = dict(sys._getframe(1).f_locals)
            assert isinstance(values["plan"].rows, StoredSequence)
            held[len(values["plan"].rows)] = retained_bytes([values, job, segments])
            raise RenderingError

    monkeypatch.setattr(compositing, "SegmentRun", Run)
    for times in (10, 40):
        monkeypatch.setattr(compositing, "analyse_apart", lambda *_, **__: longer(analysis, times))  # noqa: B023
        with pytest.raises(RenderingError):
            compositing.composite(
                pair.original, pair.synced, tmp_path / "out.mp4", settings=FAST, measure=measure, jobs=1
            )
    (few, held_few), (many, held_many) = sorted(held.items())
    assert (few, many) == (10 * FRAMES, 40 * FRAMES)
    # Time stamps and indices: 8 bytes each in arrays, 32 in the pairs of the segments' stamps.
    assert (held_many - held_few) / (many - few) < 400


def test_the_rows_in_a_file_are_the_rows_in_memory_and_render_alike(
    pair: SamplePair, analysis: ClipAnalysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = StoredSequence[PlanRow]()
    plan = make_plan(analysis, FAST, into=there)
    here = make_plan(analysis, FAST)
    assert plan.rows is there
    assert plan.notes == here.notes
    ours, theirs = probe(pair.original), probe(pair.synced)
    found = analysis.alignment.mapping
    job = RenderJob(
        ours, theirs, analysis.original_pts, analysis.synced_pts, (True, True), found, FAST, ours, Path("out.mp4")
    )
    seen = [[_planes(job.picture(frame)) for frame, _ in job.rendered(rows, None)] for rows in (here.rows, there)]
    assert seen[0] == seen[1]
    assert len(seen[0]) == FRAMES
    assert retained_bytes(there) < 12_000 < retained_bytes(here.rows) / 5  # the file's own buffer


def _planes(picture: Picture) -> list[bytes]:
    return [plane.tobytes() for plane in picture.planes]


@pytest.mark.slow(2)
def test_planning_into_a_file_holds_no_rows(analysis: ClipAnalysis, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, times = longer(analysis, 40), 40 * FRAMES
    make_plan(analysis, FAST, into=StoredSequence())  # what is made once
    peaks = []
    inner = planning.velocity

    def last_step(*given: Any) -> Any:
        """What comes after it is the making of the rows."""
        tracemalloc.reset_peak()
        return inner(*given)

    monkeypatch.setattr(planning, "velocity", last_step)
    for rows in (None, StoredSequence[PlanRow]()):
        tracemalloc.start()
        try:
            plan = make_plan(whole, FAST, into=rows)
            peaks.append([number / times for number in tracemalloc.get_traced_memory()])
        finally:
            tracemalloc.stop()
        assert len(plan.rows) == times
        del plan
    (held, peak), (held_stored, peak_stored) = peaks
    mesh = 478 * 2 * 4
    assert held > 2.4 * mesh
    assert held_stored < 200
    # Both meshes of all frames of the shot, their colours and fields, and no rows beside them.
    assert peak_stored < 2.9 * mesh < 4.5 * mesh < peak
