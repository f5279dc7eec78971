"""Whole runs on the self-made sample pair, and on the real clips where they are at hand."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from runs import composited

from lipblend import composite_job
from lipblend.composite_options import DebugOptions
from lipblend.errors import InputError, InputMismatchError, LipblendError, ModelError, NoFaceError, OutputError
from lipblend.output.synth import write_clip
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

CLIPS = Path(__file__).resolve().parents[2] / "shared" / "clips"
FAST = {"encode": {"preset": "ultrafast"}}
LOSSLESS = {"encode": {"preset": "ultrafast", "crf": 0}}


def run(original: Path, synced: Path, output: Path, groups: dict[str, object] | None = None, **more: object):
    return composited(original, synced, output, settings=Settings.model_validate(groups or FAST), **more)


def planes_of(path: Path) -> list[tuple[np.ndarray, ...]]:
    with VideoReader(probe(path)) as reader:
        return [tuple(plane.copy() for plane in frame.planes) for frame in reader]


def times_of(path: Path) -> list[Fraction]:
    info = probe(path)
    with VideoReader(info) as reader:
        return [frame.pts * info.time_base for frame in reader]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=24, size=480)


@pytest.fixture(scope="module")
def result(sample: SamplePair, tmp_path_factory: pytest.TempPathFactory):
    return run(sample.original, sample.synced, tmp_path_factory.mktemp("out") / "out.mp4")


def test_every_frame_is_blended_at_its_own_time_with_the_originals_sound(sample: SamplePair, result) -> None:
    assert result.frames == result.blended == 24
    assert result.passed_through == {}
    assert result.fallbacks == {}
    assert times_of(result.output) == times_of(sample.original)
    before, after = probe(sample.original), probe(result.output)
    assert (after.width, after.height, after.layout, after.colour) == (
        before.width,
        before.height,
        before.layout,
        before.colour,
    )
    assert after.duration_s == pytest.approx(before.duration_s, abs=0.001)
    assert result.audio == "original"
    assert [a.codec for a in after.audio] == [a.codec for a in before.audio]
    assert result.duration_s == pytest.approx(24 / 25)


def test_the_result_is_nearer_the_truth_than_either_input_about_the_mouth(sample: SamplePair, result) -> None:
    truth, synced, out, original = (planes_of(p) for p in (sample.truth, sample.synced, result.output, sample.original))
    error = {"out": 0.0, "synced": 0.0, "original": 0.0}
    for index, (x0, y0, x1, y1) in enumerate(sample.patch_boxes):
        # The middle of the generator's box: below it the sample's own jaw warp moves the collar too.
        w, h = x1 - x0, y1 - y0
        middle = (slice(y0, y0 + int(0.7 * h)), slice(x0 + int(0.2 * w), x1 - int(0.2 * w)))
        for name, video in (("out", out), ("synced", synced), ("original", original)):
            error[name] += float(np.square(video[index][0][middle].astype(float) - truth[index][0][middle]).mean())
    # The patch is a 96 px one: what is left is blur that no blend can undo.
    assert error["out"] < 0.75 * error["synced"]
    assert error["out"] < 0.5 * error["original"]


@pytest.fixture
def blended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of two equal videos go through all stages, although there is nothing to take over."""
    monkeypatch.setattr(composite_job, "without_faces", lambda plan, **_: plan)


@pytest.mark.slow(2)
def test_two_equal_videos_are_not_called_blended(sample: SamplePair, tmp_path: Path) -> None:
    done = run(sample.original, sample.original, tmp_path / "out.mp4", LOSSLESS)
    assert (done.blended, done.passed_through) == (0, {"face not changed": 24})
    assert any("identical in both videos: all frames are the original's own" in note for note in done.notes)
    for out, plain in zip(planes_of(done.output), planes_of(sample.original), strict=True):
        np.testing.assert_array_equal(out[0], plain[0])


@pytest.mark.slow(3)
@pytest.mark.usefixtures("blended_all_the_same")
def test_synced_equal_to_original_decodes_to_exactly_the_originals_pixels(sample: SamplePair, tmp_path: Path) -> None:
    for name, encoder in (("a.mp4", "libx264"), ("b.mkv", "ffv1")):
        groups = {"encode": {"encoder": encoder, "crf": 0, "preset": "ultrafast"}}
        done = run(sample.original, sample.original, tmp_path / name, groups)
        assert done.blended == 24
        for out, plain in zip(planes_of(tmp_path / name), planes_of(sample.original), strict=True):
            for a, b in zip(out, plain, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.slow(2)
def test_far_from_the_face_every_pixel_is_the_originals(sample: SamplePair, tmp_path: Path) -> None:
    run(sample.original, sample.synced, tmp_path / "out.mp4", LOSSLESS)
    for index, (out, plain) in enumerate(zip(planes_of(tmp_path / "out.mp4"), planes_of(sample.original), strict=True)):
        x0, y0, x1, y1 = sample.patch_boxes[index]
        keep = np.ones(plain[0].shape, bool)
        keep[max(y0 - 60, 0) : y1 + 80, max(x0 - 60, 0) : x1 + 60] = False
        np.testing.assert_array_equal(out[0][keep], plain[0][keep])
        assert not np.array_equal(out[0], plain[0])


@pytest.mark.slow(2)
@pytest.mark.parametrize("timeline", ["original", "synced"])
def test_a_sound_file_does_not_lengthen_the_output(sample: SamplePair, tmp_path: Path, timeline: str) -> None:
    voice = tmp_path / "voice.mp4"
    wave = np.sin(np.arange(4 * 48000) / 20).astype(np.float32) * 0.3
    write_clip(voice, [np.zeros((64, 64, 3), np.uint8)] * 100, frame_rate=Fraction(25), crf=30, sound=wave)
    groups = {**LOSSLESS, "audio": {"source": str(voice)}, "pair": {"timeline": timeline}}
    done = run(sample.original, sample.synced, tmp_path / "out.mp4", groups)
    assert done.audio == "file"
    (sound,) = probe(done.output).audio
    assert sound.duration_s == pytest.approx(0.96, abs=0.05)
    (note,) = (note for note in done.notes if note.startswith("voice.mp4 is 3.0"))
    assert note.endswith("longer than the video: the sound was cut")


@pytest.mark.slow(4)
def test_an_audio_and_tail_choice_reach_the_output(sample: SamplePair, tmp_path: Path) -> None:
    short = tmp_path / "short.mp4"
    with VideoReader(probe(sample.synced)) as reader:
        pictures = [np.ascontiguousarray(np.repeat(frame.planes[0][..., None], 3, 2)) for frame in reader][:18]
    write_clip(short, pictures, frame_rate=Fraction(25), crf=12)
    kept = run(sample.original, short, tmp_path / "kept.mp4")
    assert (kept.frames, kept.passed_through) == (24, {"no synced frame": 6})
    cut = run(
        sample.original, short, tmp_path / "cut.mp4", {**FAST, "pair": {"tail": "trim"}, "audio": {"source": "none"}}
    )
    assert cut.frames == len(times_of(cut.output)) == 18
    assert probe(cut.output).audio == ()
    heard = run(sample.original, short, tmp_path / "heard.mp4", {**FAST, "pair": {"tail": "trim"}})
    assert probe(heard.output).audio[0].duration_s == pytest.approx(18 / 25, abs=0.03)
    heard.output.unlink()
    with pytest.raises(InputMismatchError, match="6 of 24 frames"):
        run(sample.original, short, tmp_path / "error.mp4", {**FAST, "pair": {"tail": "error"}})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.mp4", "kept.mp4", "short.mp4"]


@pytest.mark.slow
def test_debug_pictures_of_every_blended_frame(sample: SamplePair, tmp_path: Path) -> None:
    run(sample.original, sample.synced, tmp_path / "out.mp4", debug=DebugOptions(tmp_path / "debug"))
    names = sorted(path.name for path in (tmp_path / "debug").iterdir())
    assert len(names) == 4 * 24 + 2
    assert names[-2:] == ["frames.csv", "in_front"]
    assert len(list((tmp_path / "debug" / "in_front").iterdir())) == 24
    assert names[:4] == ["000000_alpha.png", "000000_mask.png", "000000_overlay.png", "000000_ring.png"]


@pytest.mark.slow(3)
@pytest.mark.apart
def test_progress_counts_both_passes(sample: SamplePair, tmp_path: Path) -> None:
    seen: dict[str, list[int]] = {"analyse": [], "render": []}
    run(sample.original, sample.synced, tmp_path / "out.mp4", on_progress=lambda p: seen[p.stage].append(p.done))
    assert seen == {"analyse": list(range(1, 25)), "render": list(range(1, 25))}


def _grey(path: Path, *, side: int = 128) -> Path:
    write_clip(path, [np.full((side, side, 3), 90 + i, np.uint8) for i in range(6)], frame_rate=Fraction(25), crf=20)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ("no face", NoFaceError),
        ("size", InputMismatchError),
        ("suffix", OutputError),
        ("model", ModelError),
        ("folder", OutputError),
    ],
)
def test_what_cannot_be_done_ends_in_its_own_error_and_leaves_nothing(
    case: str, wanted: type[LipblendError], sample: SamplePair, tmp_path: Path
) -> None:
    plain = _grey(tmp_path / "grey.mp4")
    before = sorted(tmp_path.iterdir())
    original, synced, output, more = {
        "no face": (plain, plain, "out.mp4", {}),
        "size": (sample.original, plain, "out.mp4", {}),
        "suffix": (sample.original, sample.synced, "out.xyz", {}),
        "model": (sample.original, sample.synced, "out.mp4", {"models": plain}),
        "folder": (sample.original, sample.synced, "missing/out.mp4", {}),
    }[case]
    with pytest.raises(wanted) as caught:
        run(original, synced, tmp_path / output, **more)
    assert caught.value.hint
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.slow(2)
def test_interrupt_leaves_no_file(sample: SamplePair, tmp_path: Path) -> None:
    def stop(progress: object) -> None:
        if progress.stage == "render" and progress.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(sample.original, sample.synced, tmp_path / "out.mp4", on_progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow(3)
def test_a_truncated_original_is_noted(sample: SamplePair, tmp_path: Path) -> None:
    whole = tmp_path / "whole.mkv"
    run(sample.original, sample.original, whole)
    cut = tmp_path / "cut.mkv"
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    done = run(cut, sample.synced, tmp_path / "out.mp4")
    assert done.frames < 20
    assert any("cut.mkv is damaged or cut short" in note for note in done.notes)
    (tmp_path / "out.mp4").unlink()
    with pytest.raises(InputError, match="damaged") as caught:
        run(cut, sample.synced, tmp_path / "out.mp4", {**FAST, "read": {"strict": True}})
    assert any("cut.mkv" in line for line in caught.value.details)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.slow(2)
def test_a_library_that_could_not_be_kept_from_the_network_is_noted(
    sample: SamplePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lipblend import composite_job
    from lipblend.analysis.analyse import analyse
    from lipblend.faces import vision_task
    from lipblend.faces.offline import NetworkStatus, refuse_network_on_this_thread

    def refused_without_saying_so() -> NetworkStatus:
        refuse_network_on_this_thread()
        return NetworkStatus(False, "no filter here")

    monkeypatch.setattr(vision_task, "refuse_network_on_this_thread", refused_without_saying_so)
    monkeypatch.setattr(composite_job, "analyse_apart", analyse)  # here, where it is patched
    done = run(sample.original, sample.synced, tmp_path / "out.mp4")
    assert any("could not be kept off the network (no filter here)" in note for note in done.notes)


def test_the_public_names_are_there_each_time() -> None:
    import lipblend

    assert "__version__" in lipblend.__all__
    assert lipblend.__version__
    for name in set(lipblend.__all__) - {"__version__"}:
        assert getattr(lipblend, name) is getattr(lipblend, name)
        assert not isinstance(getattr(lipblend, name), type(lipblend))
    with pytest.raises(AttributeError):
        _ = lipblend.nothing


def cut(source: Path, target: Path, pictures: int) -> Path:
    """The first packets of a clip, as they are: so many pictures and the sound that goes with them."""
    with av.open(str(source)) as file, av.open(str(target), "w") as out:
        copies = {stream.index: out.add_stream_from_template(stream) for stream in file.streams}
        for packet in file.demux():
            video = packet.stream.type == "video"
            if packet.size and (pictures > 0 or not video):
                pictures -= video
                packet.stream = copies[packet.stream_index]
                out.mux(packet)
            elif packet.size:
                break
    return target


@pytest.mark.slow(4)
@pytest.mark.usefixtures("blended_all_the_same")
@pytest.mark.skipif(not CLIPS.is_dir(), reason="the real clips are not at hand")
@pytest.mark.parametrize("name", ["small_face", "glasses_smile"])
def test_real_clips_with_themselves_come_back_exactly(name: str, tmp_path: Path) -> None:
    clip = cut(CLIPS / f"{name}.mp4", tmp_path / "in.mp4", 30)
    done = run(clip, clip, tmp_path / "out.mp4", LOSSLESS)
    assert done.blended == done.frames
    assert times_of(done.output) == times_of(clip)
    for out, plain in zip(planes_of(done.output), planes_of(clip), strict=True):
        for a, b in zip(out, plain, strict=True):
            np.testing.assert_array_equal(a, b)
