"""The first pass's process, started before it is known what it is to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sameness import same
from typer.testing import CliRunner

from lipblend import composite_job, compositing
from lipblend import pair as opened
from lipblend.analysis import apart, cache
from lipblend.analysis.apart import analyse_apart
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.early import PROGRAM, early_process, is_certainly_uncached
from lipblend.cli.app import app
from lipblend.errors import LipblendError
from lipblend.faces.models import resolve_model
from lipblend.runtime.child import child_process
from lipblend.selfcheck.sample import SamplePair
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo

ROOT = Path(__file__).resolve().parents[2]
MODEL = resolve_model("face_landmarker")


@pytest.mark.slow(2)
def test_a_process_that_waited_finds_the_same(
    videos: tuple[VideoInfo, VideoInfo], analysis: ClipAnalysis, children: list[subprocess.Popen[bytes]]
) -> None:
    done: list[int] = []
    with child_process(PROGRAM) as process:
        found = analyse_apart(*videos, model=MODEL, settings=Settings(), on_frame=done.append, process=process)
    assert same(found, analysis)
    assert done == list(range(1, 7))
    assert len(children) == 1


def test_one_that_died_while_it_waited_is_one_clear_error(videos: tuple[VideoInfo, VideoInfo]) -> None:
    with child_process("raise SystemExit(3)") as process:
        process.process.wait()
        with pytest.raises(LipblendError, match="ended with exit code 3, after 0 of 6 frames"):
            analyse_apart(*videos, model=MODEL, settings=Settings(), on_frame=lambda _: None, process=process)


@pytest.mark.parametrize(
    ("kept_at", "new"), [((), True), ((50.0,), True), ((50.0, 99.0), True), ((101.0,), False), ((50.0, 101.0), False)]
)
def test_videos_newer_than_all_that_is_kept_are_surely_new(
    kept_at: tuple[float, ...], new: bool, tmp_path: Path
) -> None:
    videos, folder = [tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "kept"
    for video, changed_s in zip(videos, (20.0, 100.0), strict=True):
        video.write_bytes(b"x")
        os.utime(video, (changed_s, changed_s))
    assert is_certainly_uncached(None, videos)
    assert is_certainly_uncached(folder, videos), "there is no such folder yet"
    folder.mkdir()
    for number, used_s in enumerate(kept_at):
        entry = folder / f"{number}{cache.SUFFIX}"
        entry.write_bytes(b"x")
        os.utime(entry, (used_s, used_s))
    assert is_certainly_uncached(folder, videos) == new
    assert not is_certainly_uncached(None, [*videos, tmp_path / "missing.mp4"])
    assert not is_certainly_uncached(None, [videos[0], tmp_path])


def test_without_an_interpreter_none_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    monkeypatch.setattr(sys, "executable", "")
    with early_process(None, [tmp_path / "a.mp4"]) as process:
        assert process is None


@pytest.mark.slow(3)
@pytest.mark.apart
def test_a_run_uses_the_one_that_waits_and_a_second_run_starts_none(
    pair: SamplePair, tmp_path: Path, children: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["composite", str(pair.original), str(pair.synced), "--cache", str(tmp_path / "kept")]
    monkeypatch.setattr(apart, "child_process", None)  # whoever starts another one fails
    done = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "one.mp4")])
    assert done.exit_code == 0, done.output
    assert len(children) == 1
    done = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "two.mp4")])
    assert done.exit_code == 0, done.output
    assert len(children) == 1
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_one_that_is_not_needed_has_ended_before_rendering(
    pair: SamplePair, analysis: ClipAnalysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "analyse_cached", lambda *_, **__: analysis)
    plan, ended = composite_job.make_plan, []

    def planned(*given: object, **named: object) -> object:
        ended.append(process.process.returncode is not None)
        return plan(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(composite_job, "make_plan", planned)
    with child_process(PROGRAM) as process:
        compositing.composite(pair.original, pair.synced, tmp_path / "out.mp4", settings=Settings(), process=process)
    assert ended == [True]


def test_a_run_that_fails_first_leaves_none(
    pair: SamplePair, tmp_path: Path, children: list[subprocess.Popen[bytes]]
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 50)
    done = CliRunner().invoke(app, ["composite", str(pair.original), str(broken), "-o", str(tmp_path / "out.mp4")])
    assert done.exit_code == 3
    assert len(children) == 1


@pytest.mark.slow(3)
@pytest.mark.apart
def test_it_is_started_before_the_run_has_imported_what_it_needs(pair: SamplePair, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom lipblend.runtime import child\nstart = child._start\n"
        "def noted(*given):\n"
        "    print(*(name in sys.modules for name in ('lipblend.compositing', 'cv2', 'av')), file=sys.stderr)\n"
        "    return start(*given)\n"
        "child._start = noted\nfrom lipblend.cli.app import main\nmain()\n"
    )
    words = ["composite", str(pair.original), str(pair.synced), "-o", str(tmp_path / "out.mp4"), "--no-cache", "-q"]
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr.split() == ["False"] * 3
