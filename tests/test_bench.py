"""What keeps the program fast and its memory flat, by structure; and the benchmark itself. No seconds are judged."""

from __future__ import annotations

import gc
import json
import runpy
import subprocess
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

from lipblend import compositing
from lipblend.analysis import follow
from lipblend.analysis.cache import analyse_cached
from lipblend.analysis.face_tracks import FaceTable
from lipblend.faces.models import resolve_model
from lipblend.output.coded import SegmentEncoder
from lipblend.picture import planes
from lipblend.picture.patch import Box
from lipblend.plan.make_plan import make_plan
from lipblend.render import frame as render
from lipblend.runtime import allocator
from lipblend.runtime.allocator import release_freed_memory
from tests.retained_memory import retained_bytes
from lipblend.segments import job
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.video import reader
from lipblend.video.probe import probe

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
SCRIPT = SCRIPTS / "bench.py"
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
        for name in ("to_rgb", "to_reduced_rgb"):
            inner = getattr(planes, name)

            def noted(*arguments: Any, inner: Any = inner, **options: Any) -> Any:
                converted.boxes.append(arguments[3])
                return inner(*arguments, **options)

            patch.setattr(follow, name, noted)
        analyse_cached(
            probe(pair.original), probe(pair.synced), model=resolve_model("face_landmarker"), settings=FAST,
            on_frame=lambda _: None, cache=folder,
        )  # fmt: skip
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
    monkeypatch.setattr(compositing, "analyse_apart", None)
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
    analysis = analyse_cached(
        probe(pair.original), probe(pair.synced), model=resolve_model("face_landmarker"), settings=FAST,
        on_frame=lambda _: None, cache=analysed[0],
    )  # fmt: skip
    plan = make_plan(analysis, FAST)
    mesh = 478 * 2 * 4
    # The analysis' meshes, footprints, statistics and membranes lie in a file; the plan has two meshes a frame.
    fixed = retained_bytes([analysis.original.info, analysis.synced.info, FaceTable()])
    assert 100 < (retained_bytes(analysis) - fixed) / FRAMES < 600
    assert 2 * mesh < retained_bytes(plan) / FRAMES < 2 * mesh + 770 + 3500
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


@pytest.fixture(scope="module")
def bench() -> dict[str, Any]:
    """The benchmark with its runs and clips, which are programs of their own."""
    found = [runpy.run_path(str(SCRIPTS / name)) for name in ("bench_clips.py", "bench_runs.py", "bench.py")]
    return {name: each for names in found for name, each in names.items()}


@pytest.mark.slow(5)
def test_the_benchmark_measures_made_clips_against_the_floor(bench: dict[str, Any], tmp_path: Path) -> None:
    original, synced = bench["make_pair"](tmp_path, 240, 1.0, 8)
    assert probe(original).upright_size == probe(synced).upright_size == (426, 240)
    settings = ("encode.preset=ultrafast", "track.no_face=copy")
    pair = bench["measured"]("small", original, synced, tmp_path, settings, ("floor", "cold"))
    runs = pair["runs"]
    assert [run["frames"] for run in runs.values()] == [8, 8]
    assert runs["cold"]["blended"] == 8
    assert set(runs["cold"]["stages_s"]) >= {"read", "face model", "compose", "encode"}
    assert runs["cold"]["peak_mb"] >= runs["cold"]["own_mb"] > 50  # two processes
    assert 50 < runs["cold"]["first_pass_mb"] < runs["cold"]["peak_mb"]
    assert runs["floor"]["first_pass_mb"] == 0
    assert runs["floor"]["wall_ratio"] == runs["floor"]["cpu_ratio"] == 1
    assert runs["cold"]["cpu_ratio"] == pytest.approx(runs["cold"]["cpu_s"] / runs["floor"]["cpu_s"], abs=0.01)
    assert json.loads(json.dumps(pair)) == pair
    held = pair["retained"]
    # Of eight frames; what the analysis found of each lies in a file.
    assert 4 * held["while rendering"] < held["plan"] < 20_000
    assert held["analysis"] < 2_500
    shown = bench["table"]([pair])
    assert "| small | floor |" in shown
    assert "| small | cold |" in shown
    assert "| face model |" in shown
    assert "Milliseconds" in shown
    assert "Milliseconds" not in bench["table"]([{"clip": "small", "runs": {"floor": runs["floor"]}}])


LARGE_MB = 600
RUN_IN_A_LARGE_PROCESS = """
import json, pathlib, runpy, sys
held = b"1" * (int(sys.argv[2]) << 20)
run = runpy.run_path(sys.argv[1])["child"]
print(json.dumps(run("cached", *map(pathlib.Path, sys.argv[3:]), ["encode.preset=ultrafast"])))
"""


@pytest.mark.slow(6)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="what a process has had is asked of /proc")
def test_no_process_is_charged_with_the_memory_of_the_one_that_started_it(
    bench: dict[str, Any], tmp_path: Path
) -> None:
    original, synced = bench["make_pair"](tmp_path, 240, 1.0, 4)
    held = b"1" * (LARGE_MB << 20)
    runs = bench["measured"]("small", original, synced, tmp_path, ("encode.preset=ultrafast",), ("floor", "reference"))
    del held
    assert all(50 < run["own_mb"] == run["peak_mb"] < LARGE_MB for run in runs["runs"].values())
    # The run itself is large here, and starts the first pass.
    words = [sys.executable, "-c", RUN_IN_A_LARGE_PROCESS, str(SCRIPTS / "bench_runs.py"), str(LARGE_MB)]
    words += map(str, (original, synced, tmp_path))
    run = json.loads(subprocess.run(words, capture_output=True, text=True, check=True, timeout=HANG_S).stdout)
    assert 50 < run["first_pass_mb"] < LARGE_MB < run["own_mb"] < run["peak_mb"]


def test_the_peak_of_a_process_where_the_system_does_not_note_it(bench: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t  12288 kB\nVmRSS:\t 8192 kB\n", encoding="utf-8")
    (tmp_path / "short").write_text("Name:\tpython\n", encoding="utf-8")
    assert bench["own_peak_mb"](tmp_path / "status") == 12
    assert bench["own_peak_mb"](tmp_path / "short") == bench["own_peak_mb"](tmp_path / "none") > 50


def test_pairs_that_are_done_outlive_one_that_fails(
    bench: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(name: str, *_: Any) -> dict[str, Any]:
        if name.startswith("2160p"):
            raise SystemExit("no memory")
        return {"clip": name, "runs": {}}

    main = bench["main"]
    monkeypatch.setitem(main.__globals__, "measured", measured)
    monkeypatch.setitem(main.__globals__, "apart", lambda *_: ["original.mp4", "synced.mp4"])
    with pytest.raises(SystemExit, match="no memory"):
        main(["--heights", "480", "720", "2160", "--json", str(tmp_path / "out.json")])
    pairs = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["pairs"]
    assert [pair["clip"].split(",")[0] for pair in pairs] == ["480p", "720p"]


@pytest.mark.slow
def test_the_references_and_longer_clips_of_the_benchmark(bench: dict[str, Any], tmp_path: Path) -> None:
    original, synced = bench["make_pair"](tmp_path, 240, 0.5, 8)
    long = tmp_path / "long.mp4"
    bench["repeat"](original, long, 3)
    with reader.VideoReader(probe(long)) as frames:
        stamps = [frame.pts for frame in frames]
    assert len(stamps) == 24
    assert len(set(np.diff(stamps).tolist())) == 1
    assert bench["reference"](original, synced, tmp_path / "out.mp4", FAST) == 8
    assert probe(tmp_path / "out.mp4").upright_size == (426, 240)


@pytest.mark.slow
def test_a_run_that_fails_says_why(bench: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"floor failed:[\s\S]*No such file"):
        bench["measured"]("none", tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path, (), ("floor",))


def test_the_benchmark_says_how_it_is_used() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, timeout=HANG_S)
    assert done.returncode == 0
    assert "--clips" in done.stdout
    assert "SUPPRESS" not in done.stdout
