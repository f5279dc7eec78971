"""Whole runs in segments: the same pictures with any number of workers, after an interruption, and in parts."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from runs import composited

from lipblend.analysis.cache import analyse_cached
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.composite_options import DebugOptions
from lipblend.composite_result import CompositeResult
from lipblend.errors import OutputError, SettingsError
from lipblend.runtime.progress import Progress
from lipblend.segments.kept_segments import KeptSegments, segments_folder
from lipblend.segments.pool import WorkerPool
from lipblend.segments.proxy_size import ProxySize
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.settings.frame_range import FrameRange
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

FRAMES = 20
LOSSLESS = {"encode": {"preset": "ultrafast", "crf": 0, "segment_s": 0.5}}


def run(pair: SamplePair, output: Path, groups: dict[str, object] | None = None, **more: object) -> CompositeResult:
    settings = Settings.model_validate(groups or LOSSLESS)
    return composited(pair.original, pair.synced, output, settings=settings, **more)


def planes_of(path: Path) -> list[tuple[np.ndarray, ...]]:
    with VideoReader(probe(path)) as reader:
        return [tuple(plane.copy() for plane in frame.planes) for frame in reader]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=FRAMES, size=320)


@pytest.fixture(scope="module")
def whole(pair: SamplePair, tmp_path_factory: pytest.TempPathFactory) -> CompositeResult:
    return run(pair, tmp_path_factory.mktemp("whole") / "out.mp4")


@pytest.mark.slow(3)
def test_two_workers_make_the_same_file(pair: SamplePair, whole: CompositeResult, tmp_path: Path) -> None:
    stale = KeptSegments(tmp_path / "out.mp4", {"settings": "others"})
    stale.open()
    stale.path(0).write_bytes(b"x")
    stale.release()
    done = run(pair, tmp_path / "out.mp4", jobs=3)
    assert any("2 of 3 processes rendered" in note for note in done.notes)
    assert done.output.read_bytes() == whole.output.read_bytes()
    assert done.blended == whole.blended == FRAMES
    assert list(tmp_path.iterdir()) == [done.output]


def test_a_stopped_run_goes_on_and_gives_the_same_file(
    pair: SamplePair, whole: CompositeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.mp4"

    def mended(*given: object, **named: object) -> ClipAnalysis:
        analysis = analyse_cached(*given, **named)
        return dataclasses.replace(analysis, original=dataclasses.replace(analysis.original, exact=False))

    monkeypatch.setattr("lipblend.pair.analyse_cached", mended)
    monkeypatch.setattr(WorkerPool, "__enter__", lambda pool: pytest.fail("workers were started"))

    def stop(progress: object) -> None:
        if progress.stage == "render" and progress.done == 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(pair, output, resume=True, jobs=2, on_progress=stop)
    assert list(tmp_path.iterdir()) == [segments_folder(output)]
    seen: list[str] = []
    other = {"encode": {**LOSSLESS["encode"], "crf": 1}}
    with pytest.raises(SettingsError, match="created with different inputs") as caught:
        run(pair, output, other, resume=True, on_progress=lambda p: seen.append(p.stage))
    assert (caught.value.details, seen) == (("encode.crf: 0.0; now 1.0",), [])
    rendered: list[int] = []
    done = run(
        pair,
        output,
        resume=True,
        jobs=2,
        on_progress=lambda p: rendered.append(p.done) if p.stage == "render" else None,
    )
    assert rendered == list(range(12, FRAMES + 1))
    assert f"12 of {FRAMES} frames were taken from an interrupted run" in done.notes
    assert any("cannot be sought" in note for note in done.notes)  # so that no worker was started
    assert (done.blended, done.frames) == (FRAMES, FRAMES)
    assert output.read_bytes() == whole.output.read_bytes()
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.slow
def test_segments_of_other_settings_are_replaced_on_request(
    pair: SamplePair, whole: CompositeResult, tmp_path: Path
) -> None:
    stale = KeptSegments(tmp_path / "out.mp4", {"encode.crf": "1.0"})
    stale.open()
    stale.path(0).write_bytes(b"x")
    stale.path(1).write_bytes(b"y")
    with pytest.raises(OutputError, match="another run is using the kept segments"):
        run(pair, tmp_path / "out.mp4", resume=True, replace_kept=True)
    stale.release()
    done = run(pair, tmp_path / "out.mp4", resume=True, replace_kept=True)
    assert "2 kept segments were made from other inputs, settings or versions, and removed" in done.notes
    assert done.output.read_bytes() == whole.output.read_bytes()
    assert list(tmp_path.iterdir()) == [done.output]


def sound_of(path: Path) -> tuple[float, np.ndarray]:
    """Time of the first sample in seconds, and all samples."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    return float(frames[0].pts * frames[0].time_base), np.concatenate([f.to_ndarray() for f in frames], axis=1)[0]


@pytest.mark.slow
def test_a_part_has_the_pixels_of_the_whole_and_its_own_stretch_of_sound(
    pair: SamplePair, whole: CompositeResult, tmp_path: Path
) -> None:
    done = run(pair, tmp_path / "part.mp4", frames=FrameRange(-15, 17), debug=DebugOptions(tmp_path / "d"))
    assert done.frames == 12
    assert done.duration_s == pytest.approx(12 / 25)
    assert any("frames 5 to 16 of 20" in note for note in done.notes)
    for part, full in zip(planes_of(done.output), planes_of(whole.output)[5:17], strict=True):
        for a, b in zip(part, full, strict=True):
            np.testing.assert_array_equal(a, b)
    info = probe(done.output)
    assert info.start_s == 0
    assert info.duration_s == pytest.approx(12 / 25)
    assert info.audio[0].duration_s == pytest.approx(12 / 25, abs=0.05)
    rate = info.audio[0].sample_rate
    (start, ours), (whole_start, theirs) = sound_of(done.output), sound_of(whole.output)
    first, count = round((0.1 - start) * rate), round(0.3 * rate)
    there = round((0.1 + 5 / 25 - whole_start) * rate)
    assert np.abs(theirs).max() > 0.05
    np.testing.assert_allclose(
        ours[first : first + count], theirs[there : there + count], atol=0.01
    )  # AAC makes up its noise
    names = sorted(path.name for path in (tmp_path / "d").iterdir())
    assert (len(names), names[0], names[4]) == (4 * 12 + 2, "000000_alpha.png", "000001_alpha.png")
    assert (tmp_path / "d" / "frames.csv").read_text().splitlines()[1].startswith("0,0.000000,5,5,blended")
    with pytest.raises(SettingsError, match="20 frames, 0 to 19"):
        run(pair, tmp_path / "out.mp4", frames=FrameRange(30, None))


@pytest.mark.slow(10)
def test_the_beginning_alone_is_analysed_where_that_is_all_that_is_needed(tmp_path: Path) -> None:
    longer = make_sample(tmp_path / "longer", frames=75, size=320)
    analysed: list[int] = []

    def seen(progress: Progress) -> None:
        if progress.stage == "analyse":
            analysed.append(progress.done)

    done = run(longer, tmp_path / "part.mp4", frames=FrameRange(2, Fraction(8, 25)), on_progress=seen)
    assert (done.frames, done.blended) == (6, 6)
    assert 8 < max(analysed) < 60
    assert "a part only: frames 2 to 7" in done.notes
    assert any(note.startswith("only the first ") for note in done.notes)
    assert not any("before the original" in note for note in done.notes)  # it is the window that ends there
    info = probe(done.output)
    assert info.audio[0].duration_s == pytest.approx(6 / 25, abs=0.05)
    (last,) = (planes[0] for planes in planes_of(done.output)[-1:])
    original = planes_of(longer.original)[7][0]
    assert np.array_equal(last[:40], original[:40])  # the frame that was asked for
    assert not np.array_equal(last, original)


def test_a_proxy_is_smaller_and_says_so(pair: SamplePair, whole: CompositeResult, tmp_path: Path) -> None:
    medium = {"encode": {"preset": "medium"}}
    done = run(pair, tmp_path / "proxy.mp4", medium, proxy=ProxySize(Fraction(160)), frames=FrameRange(0, 6))
    info = probe(done.output)
    assert (info.width, info.height) == (done.width, done.height) == (160, 160)
    assert any("a proxy" in note and "160x160 instead of 320x320" in note and "veryfast" in note for note in done.notes)
    small, large = planes_of(done.output)[3][0], planes_of(whole.output)[3][0].astype(float)
    halved = large.reshape(160, 2, 160, 2).mean((1, 3))
    assert float(np.abs(small - halved).mean()) < 2


def test_what_does_not_go_together_is_refused_at_once(pair: SamplePair, tmp_path: Path) -> None:
    half, part = ProxySize(Fraction(1, 2)), FrameRange(0, 5)
    for options, says in (
        ({"jobs": 0}, "out of range"),
        ({"jobs": 2, "debug": DebugOptions(tmp_path / "d")}, "debug pictures"),
        ({"resume": True, "debug": DebugOptions(tmp_path / "d")}, "debug pictures"),
        ({"measure": True, "frames": part}, "measured"),
        ({"measure": True, "proxy": half}, "measured"),
        ({"proxy": ProxySize(Fraction(320))}, "no smaller"),
        ({"proxy": ProxySize(Fraction(999, 1000))}, "no smaller"),
    ):
        with pytest.raises(SettingsError, match=says) as caught:
            run(pair, tmp_path / "out.mp4", on_progress=lambda p: pytest.fail("no work"), **options)
        assert caught.value.hint
    assert list(tmp_path.iterdir()) == []
