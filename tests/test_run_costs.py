"""Time and memory of a run, by structure: what is converted, held and given back. No seconds are judged."""

from __future__ import annotations

import gc
import sys
import time
import weakref
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from patience import HANG_S
from runs import composited

from lipblend import composite_job
from lipblend.analysis import follow
from lipblend.analysis.face_tracks import FaceTable
from lipblend.output.coded import SegmentEncoder
from lipblend.pair import open_pair
from lipblend.picture import picture, planes
from lipblend.picture.patch import Box
from lipblend.plan.make_plan import make_plan
from lipblend.render import face_patch as render
from lipblend.runtime import allocator
from lipblend.runtime.allocator import release_freed_memory
from lipblend.segments import job
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.video import reader
from lipblend.video.probe import probe
from tests.retained_memory import retained_bytes

FRAMES, SIZE = 36, 320
FAST = Settings.model_validate({"encode": {"preset": "ultrafast"}})


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=FRAMES, size=SIZE)


class Converted:
    """Boxes that were turned into RGB, and of those how many were the whole picture."""

    def __init__(self) -> None:
        self.boxes: list[Box | None] = []

    @property
    def whole(self) -> int:
        return sum(box is None or (box.width, box.height) == (SIZE, SIZE) for box in self.boxes)


@pytest.fixture(scope="module")
def analysed(pair: SamplePair, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Converted]:
    """A cache with the pair's analysis, and what was converted for it."""
    folder, converted = tmp_path_factory.mktemp("cache"), Converted()
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((picture, "to_rgb"), (follow, "to_reduced_rgb")):
            inner = getattr(planes, name)

            def noted(*arguments: Any, inner: Any = inner, **options: Any) -> Any:
                converted.boxes.append(arguments[3])
                return inner(*arguments, **options)

            patch.setattr(module, name, noted)
        open_pair(pair.original, pair.synced, cache=folder).analyse(FAST)
    return folder, converted


@pytest.mark.slow
def test_the_analysis_converts_crops_and_not_whole_frames(analysed: tuple[Path, Converted]) -> None:
    converted = analysed[1]
    assert FRAMES <= len(converted.boxes) < 2 * FRAMES
    searches = 1 + int(FRAMES / 25 / FAST.track.search_every_s)
    assert 2 <= converted.whole <= 2 * searches


@pytest.mark.slow
def test_the_second_pass_converts_nothing_and_touches_a_part_only(
    pair: SamplePair, analysed: tuple[Path, Converted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes: list[Box] = []
    inner = render.cut

    def noted(planes: Any, layout: Any, box: Box) -> np.ndarray:
        boxes.append(box)
        return inner(planes, layout, box)

    monkeypatch.setattr(render, "cut", noted)
    monkeypatch.setattr(composite_job, "analyse_apart", None)
    monkeypatch.setattr(planes, "cv2", NoRgb(planes.cv2))
    result = composited(pair.original, pair.synced, tmp_path / "out.mp4", settings=FAST, cache=analysed[0])
    assert result.blended == len(boxes) == FRAMES
    assert max(box.width * box.height for box in boxes) < 0.5 * SIZE * SIZE


class NoRgb:
    """OpenCV without what turns YCbCr into RGB."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        assert name not in ("transform", "cvtColor"), f"cv2.{name} was called on planes"
        return getattr(self._inner, name)


@pytest.mark.slow
@pytest.mark.parametrize("slow", ["encoder", "composer"])
def test_few_frames_are_held_at_a_time_whoever_is_slow(
    slow: str, pair: SamplePair, analysed: tuple[Path, Converted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = 0

    class Counted(reader.Frame):
        def __new__(cls, *_: Any, **__: Any) -> Any:
            made = super().__new__(cls)
            alive.add(made)
            return made

    monkeypatch.setattr(reader, "Frame", Counted)
    holder, name = (SegmentEncoder, "encode") if slow == "encoder" else (job, "render_frame")
    inner = getattr(holder, name)

    def slowly(*arguments: Any, **options: Any) -> Any:
        nonlocal most
        # Whatever may run ahead is given the time for it: until as many are held as the queues let in, at the least.
        waits_until = time.monotonic() + HANG_S
        while not most and len(alive) <= job._QUEUE and time.monotonic() < waits_until:
            time.sleep(0.01)
        time.sleep(0.02)
        most = max(most, len(alive))
        return inner(*arguments, **options)

    monkeypatch.setattr(holder, name, slowly)
    composited(pair.original, pair.synced, tmp_path / "out.mp4", settings=FAST, cache=analysed[0])
    workers = job.THREADS
    # Two queues of decoded frames with one each on the way, and inputs and outputs of the workers.
    bound = 2 * (job._QUEUE + 2) + 3 * (workers + 2)
    assert job._QUEUE < most <= bound < 2 * FRAMES
    gc.collect()
    assert len(alive) == 0


@pytest.mark.slow(2)
def test_the_output_does_not_depend_on_the_number_of_threads(
    pair: SamplePair, analysed: tuple[Path, Converted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lossless = Settings.model_validate({"encode": {"preset": "ultrafast", "crf": 0}})
    before, inside = cv2.getNumThreads(), set()
    seen = []
    for workers, opencv in ((1, 1), (3, before)):
        monkeypatch.setattr(job, "THREADS", workers)
        inner = SegmentEncoder.encode

        def noted(self: Any, frame: Any, inner: Any = inner) -> Any:
            inside.add(cv2.getNumThreads())
            return inner(self, frame)

        output = tmp_path / f"{workers}.mp4"
        with monkeypatch.context() as patch:
            patch.setattr(SegmentEncoder, "encode", noted)
            if opencv > 1:
                patch.setattr(cv2, "setNumThreads", lambda _: None)
            composited(pair.original, pair.synced, output, settings=lossless, cache=analysed[0])
        with reader.VideoReader(probe(output)) as frames:
            seen.append([plane.tobytes() for frame in frames for plane in frame.planes])
    assert seen[0] == seen[1]
    assert inside == {1, before}
    assert cv2.getNumThreads() == before


@pytest.mark.slow
def test_what_is_kept_of_a_frame_is_small_and_does_not_grow(pair: SamplePair, analysed: tuple[Path, Converted]) -> None:
    analysis = open_pair(pair.original, pair.synced, cache=analysed[0]).analyse(FAST)
    plan = make_plan(analysis, FAST)
    mesh = 478 * 2 * 4
    # The meshes, footprints, statistics and membranes of the analysis are in a file; the plan has two meshes per frame.
    fixed = retained_bytes([analysis.original.info, analysis.synced.info, FaceTable()])
    assert 100 < (retained_bytes(analysis) - fixed) / FRAMES < 600
    shot = retained_bytes(plan.rows[0].faces[0].mouth)  # once for all its frames
    assert 2 * mesh < (retained_bytes(plan) - shot) / FRAMES < 2 * mesh + 770 + 3520
    assert not analysis.original.cached
    assert not analysis.synced.cached


def test_what_things_hold_is_counted_once_and_whole() -> None:
    whole = np.zeros((1000, 100))
    for held in ([whole[0], whole[1]], [whole[0], {"again": whole}], whole.T):
        assert 800_000 < retained_bytes(held) < 802_000
    assert retained_bytes([whole.copy(), whole]) > 1_600_000
    assert retained_bytes([np, print, Box]) < 500
    assert retained_bytes(Box(10**30, 1, 2, 3)) > 100


def test_memory_is_given_back_where_the_system_can(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    class Library:
        def malloc_trim(self, pad: int) -> int:
            calls.append(pad)
            return 1

    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda _: Library())
    monkeypatch.setattr(sys, "platform", "linux")
    assert release_freed_memory()
    assert calls == [0]
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda _: object())
    assert not release_freed_memory()
    monkeypatch.setattr(sys, "platform", "win32")
    assert not release_freed_memory()
    assert calls == [0]
