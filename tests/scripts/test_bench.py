"""The benchmark: its clips, runs, measurements and table."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patience import HANG_S

from lipblend.settings import Settings
from lipblend.video import reader
from lipblend.video.probe import probe

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SCRIPT = SCRIPTS / "bench.py"
FAST = Settings.model_validate({"encode": {"preset": "ultrafast"}})


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
    pair = bench["measure"]("small", original, synced, tmp_path, settings, ("floor", "cold"))
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
run = runpy.run_path(sys.argv[1])["run"]
print(json.dumps(run("cached", *map(pathlib.Path, sys.argv[3:]), ["encode.preset=ultrafast"])))
"""


@pytest.mark.slow(6)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="what a process has had is asked of /proc")
def test_no_process_is_charged_with_the_memory_of_the_one_that_started_it(
    bench: dict[str, Any], tmp_path: Path
) -> None:
    original, synced = bench["make_pair"](tmp_path, 240, 1.0, 4)
    held = b"1" * (LARGE_MB << 20)
    runs = bench["measure"]("small", original, synced, tmp_path, ("encode.preset=ultrafast",), ("floor", "reference"))
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
    def measure(name: str, *_: Any) -> dict[str, Any]:
        if name.startswith("2160p"):
            raise SystemExit("no memory")
        return {"clip": name, "runs": {}}

    main = bench["main"]
    monkeypatch.setitem(main.__globals__, "measure", measure)
    monkeypatch.setitem(main.__globals__, "run_script", lambda *_: ["original.mp4", "synced.mp4"])
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
        bench["measure"]("none", tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path, (), ("floor",))


def test_the_benchmark_says_how_it_is_used() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, timeout=HANG_S)
    assert done.returncode == 0
    assert "--clips" in done.stdout
    assert "SUPPRESS" not in done.stdout
