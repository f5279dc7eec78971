"""While frames are rendered, nothing that was found out about them stays in memory, however many there are."""

from __future__ import annotations

import gc
import io
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from longer import longer
from runs import composited
from sameness import same

import lipblend.analysis.analyse as analysing
from lipblend import composite_job, compositing
from lipblend.analysis.analyse import analyse
from lipblend.analysis.archive import from_file, to_file
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.faces.models import resolve_model
from lipblend.pairing.alignment import Alignment
from lipblend.pairing.scan import Scan
from lipblend.picture.picture import Picture
from lipblend.plan.frame_plan import FramePlan
from lipblend.plan.make_plan import make_plan
from lipblend.runtime.files import temporary_file
from lipblend.runtime.spill import StoredRows, StoredSequence
from lipblend.segments.job import RenderJob
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import PairSettings, Settings
from lipblend.stages.masks import footprint
from lipblend.video.probe import probe
from tests.retained_memory import retained_bytes

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
        """Stands for the run: counts what its callers hold."""

        def __init__(self, job: RenderJob, segments: Sequence[Any], **_: object) -> None:
            callers = [dict(sys._getframe(1).f_locals), dict(sys._getframe(2).f_locals)]
            plan = callers[1]["plan"]
            assert isinstance(plan.rows, StoredSequence)
            held[len(plan.rows)] = retained_bytes([callers, job, segments])
            raise RenderingError

    monkeypatch.setattr(compositing, "SegmentRun", Run)
    for times in (10, 40):
        monkeypatch.setattr(composite_job, "analyse_apart", lambda *_, **__: longer(analysis, times))  # noqa: B023
        with pytest.raises(RenderingError):
            composited(pair.original, pair.synced, tmp_path / "out.mp4", settings=FAST, measure=measure, jobs=1)
    (few, held_few), (many, held_many) = sorted(held.items())
    assert (few, many) == (10 * FRAMES, 40 * FRAMES)
    # Time stamps and indices: 8 bytes each in arrays, 32 in the pairs of the segments' stamps.
    assert (held_many - held_few) / (many - few) < 400


def test_the_rows_in_a_file_are_the_rows_in_memory_and_render_alike(
    pair: SamplePair, analysis: ClipAnalysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = StoredSequence[FramePlan]()
    plan = make_plan(analysis, FAST, into=there)
    here = make_plan(analysis, FAST)
    assert plan.rows is there
    assert plan.notes == here.notes
    target = probe(pair.original)
    job = RenderJob(analysis.original, analysis.synced, analysis.mapping, FAST, target, Path("out.mp4"))
    seen = [
        [_planes(job.original.picture(frame)) for frame, _ in job.render(rows, None)] for rows in (here.rows, there)
    ]
    assert seen[0] == seen[1]
    assert len(seen[0]) == FRAMES
    assert retained_bytes(there) < 12_000 < retained_bytes(here.rows) / 5  # the file's own buffer


def _planes(picture: Picture) -> list[bytes]:
    return [plane.tobytes() for plane in picture.planes]


@pytest.mark.slow(2)
def test_planning_into_a_file_holds_no_rows(analysis: ClipAnalysis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "_MAX_CELLS_IN_MEMORY", 50_000)  # it is reached by far longer clips otherwise
    make_plan(longer(analysis, 2), FAST, into=StoredSequence())  # what is made once
    peaks = {}
    for times in (40, 80):
        whole = longer(analysis, times)
        tracemalloc.start()
        try:
            plan = make_plan(whole, FAST, into=StoredSequence())
            gc.collect()
            held, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(plan.rows) == times * FRAMES
        assert held / len(plan.rows) < 200
        peaks[len(plan.rows)] = peak
    (few, least), (many, most) = sorted(peaks.items())
    # No meshes, no footprints and no fields: two meshes alone would be 7,648 bytes.
    assert (most - least) / (many - few) < 3500, peaks


@pytest.mark.slow
def test_little_a_frame_is_held_by_the_first_pass(pair: SamplePair, monkeypatch: pytest.MonkeyPatch) -> None:
    held: dict[str, object] = {}
    inner = analysing.align

    def measured(ours: Scan, theirs: Scan, settings: PairSettings) -> Alignment:
        held.update(sys._getframe(1).f_locals)
        return inner(ours, theirs, settings)

    monkeypatch.setattr(analysing, "align", measured)
    model = resolve_model("face_landmarker")
    found = analyse(probe(pair.original), probe(pair.synced), model=model, settings=FAST, on_frame=lambda _: None)
    # Two small pictures, two meshes and what was measured would be 25,000 bytes a frame.
    for part in (held["original"], held["synced"], held["measures"]):
        lists = [each for each in vars(part).values() if isinstance(each, list | dict | np.ndarray)]
        assert retained_bytes(lists) / FRAMES < 400, type(part)
    few, many = (retained_bytes(longer(found, times).tracks) for times in (10, 40))
    assert 0 < (many - few) / (30 * FRAMES) < 400
    assert (retained_bytes(found.tracks) - few) / FRAMES < 400
    for scan in (held["original"], held["synced"]):
        assert isinstance(scan, Scan)
        assert isinstance(scan.thumbs, StoredRows)
        assert isinstance(scan.faces, StoredSequence)
        assert len(scan.thumbs) == len(scan.faces) == FRAMES


@pytest.mark.slow
def test_an_analysis_is_kept_and_read_without_being_held(analysis: ClipAnalysis) -> None:
    peaks: dict[int, tuple[int, int, int]] = {}
    for times in (40, 160):
        whole = longer(analysis, times)
        with temporary_file() as file:
            tracemalloc.start()
            try:
                to_file(whole, "key", file)
                _, written = tracemalloc.get_traced_memory()
                tracemalloc.reset_peak()
                file.seek(0)
                with io.BufferedReader(file) as source:  # type: ignore[type-var]
                    again = from_file(source, "key", whole.original.info, whole.synced.info)
                held, read = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert same(again.tracks, whole.tracks)
            peaks[times * FRAMES] = written, read, held
    (few, least), (many, most) = sorted(peaks.items())
    grown = [(high - low) / (many - few) for low, high in zip(least, most, strict=True)]
    assert max(grown) < 3000, grown
