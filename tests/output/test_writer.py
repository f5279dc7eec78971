"""The writer: times, pictures and tags are kept, and nothing is left of an unfinished output."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipblend.errors import InputError, OutputError, SettingsError
from lipblend.output.coded import correct_decoding_time
from lipblend.output.sound.audio_plan import AudioPlan, choose_audio
from lipblend.output.writer import VideoWriter
from lipblend.picture.formats import ColourTags
from lipblend.picture.patch import Box
from lipblend.picture.planes import add_delta
from lipblend.runtime import files
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from lipblend.video.reader import Frame, VideoReader
from tests.small_videos import LOSSLESS, QUICK, SILENT, UNEVEN, MakeVideo, assert_same_pictures, frames_of, rewrite

Timeline = Callable[[Path], list[tuple[Fraction, Fraction]]]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "m4v"])
@pytest.mark.parametrize("start", [0, 507])
@pytest.mark.parametrize("durations", [(512,), UNEVEN])
@pytest.mark.parametrize("time_base", [Fraction(1, 12800), Fraction(1, 90000), Fraction(1001, 60000)])
def test_times_are_kept(
    make_video: MakeVideo,
    tmp_path: Path,
    timeline: Timeline,
    suffix: str,
    start: int,
    durations: tuple[int, ...],
    time_base: Fraction,
) -> None:
    if time_base.numerator != 1:
        start, durations = start // 500, tuple(max(1, length // 333) for length in durations)
    source = make_video(frames=23, start=start, durations=durations, time_base=time_base)
    target = tmp_path / f"out.{suffix}"
    writer = rewrite(source, target)
    before, after = timeline(source), timeline(target)
    tolerance = Fraction(1, 1000) if suffix == "mkv" else Fraction(0)
    assert writer.frames_written == len(after) == len(before) == 23
    for (first, first_length), (second, second_length) in zip(before, after, strict=True):
        assert abs(first - second) <= tolerance
        assert abs(first_length - second_length) <= 2 * tolerance
    assert probe(target).duration_s == pytest.approx(probe(source).duration_s, abs=float(tolerance) + 1e-9)


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_the_last_picture_keeps_its_length_with_b_frames(
    make_video: MakeVideo, tmp_path: Path, timeline: Timeline, encoder: str
) -> None:
    source = make_video(frames=27, durations=(*[512] * 20, 1024, 512, 1536, 700, 900, 333, 2048), start=507)
    target = tmp_path / "out.mp4"
    rewrite(source, target, EncodeSettings(encoder=encoder, preset="veryfast", crf=20))
    assert timeline(target) == timeline(source)
    assert timeline(target)[-1][1] == Fraction(2048, 12800)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "gray", "yuv420p10le", "yuv422p10le"])
@pytest.mark.parametrize(("encoder", "suffix"), [("libx264", "mp4"), ("libx264", "mkv"), ("ffv1", "mkv")])
def test_lossless_is_bit_exact(make_video: MakeVideo, tmp_path: Path, pix_fmt: str, encoder: str, suffix: str) -> None:
    source = make_video(pix_fmt=pix_fmt, frames=6, colour=(1, 1, 1, 2 if pix_fmt.startswith("yuvj") else 1))
    target = tmp_path / f"out.{suffix}"
    rewrite(source, target, EncodeSettings(encoder=encoder, preset="ultrafast", crf=0))
    assert_same_pictures(source, target)
    assert probe(target).colour == probe(source).colour


def test_changed_pictures_are_written_as_they_are(make_video: MakeVideo, tmp_path: Path) -> None:
    source, target = make_video(frames=8, pix_fmt="yuv420p10le"), tmp_path / "out.mkv"
    info = probe(source)
    handed_in = []
    with (
        VideoReader(info) as reader,
        VideoWriter(target, info, encode=LOSSLESS, audio=SILENT, extras_from=info) as writer,
    ):
        for frame in reader:
            out = frame.writable()
            add_delta(out.planes, out.layout, Box(8, 8, 40, 40), np.full((32, 32, 3), 5, np.float32))
            handed_in.append([plane.copy() for plane in out.planes])
            writer.write(out)
    for want, got in zip(handed_in, frames_of(target), strict=True):
        for a, b in zip(want, got.planes, strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(AssertionError):
        assert_same_pictures(source, target)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("colour", [(1, 1, 1, 1), (6, 6, 6, 1), (5, 5, 1, 1), (9, 9, 16, 1), (2, 2, 2, 0)])
def test_colour_tags_shape_and_rotation_are_kept(
    make_video: MakeVideo, tmp_path: Path, suffix: str, colour: tuple[int, int, int, int]
) -> None:
    source = make_video(colour=colour, sample_aspect=Fraction(4, 3), rotation=270, frames=4)
    target = tmp_path / f"out.{suffix}"
    rewrite(source, target)
    original, result = probe(source), probe(target)
    assert result.colour == original.colour == ColourTags(*colour)
    assert result.sample_aspect == Fraction(4, 3)
    assert (result.rotation, result.display_matrix) == (270, original.display_matrix)


def test_picture_types_are_the_encoders_own(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video(frames=12, options={"preset": "ultrafast", "g": "1"})
    target = tmp_path / "out.mp4"
    rewrite(source, target)
    with av.open(str(target)) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert sum(keys) == 1


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "ffv1", "mpeg4", "libsvtav1", "libvpx-vp9"])
def test_encoders(make_video: MakeVideo, tmp_path: Path, encoder: str) -> None:
    if encoder not in av.codecs_available:
        pytest.skip(f"{encoder} is not built in")
    source, target = make_video(frames=4, size=(128, 96)), tmp_path / "out.mkv"
    writer = rewrite(source, target, EncodeSettings(encoder=encoder, preset="ultrafast", crf=30))
    assert len(list(frames_of(target))) == 4
    ignored = [note for note in writer.notes if "ignored" in note]
    assert bool(ignored) == (encoder in ("ffv1", "mpeg4", "libvpx-vp9"))


def test_crf_reaches_the_encoder(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video(frames=8)
    sizes = []
    for crf in (5, 45):
        target = tmp_path / f"{crf}.mp4"
        rewrite(source, target, EncodeSettings(preset="ultrafast", crf=crf))
        sizes.append(target.stat().st_size)
    assert sizes[0] > 2 * sizes[1]


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_a_crf_beyond_the_encoders_scale_is_refused(encoder: str, make_video: MakeVideo, tmp_path: Path) -> None:
    source, target = make_video(frames=2), tmp_path / "out.mkv"
    rewrite(source, target, EncodeSettings(encoder=encoder, preset="ultrafast", crf=51))
    target.unlink()
    with pytest.raises(SettingsError, match="takes crf 0 to 51, not 55"):
        rewrite(source, target, EncodeSettings(encoder=encoder, preset="ultrafast", crf=55))
    assert not target.exists()


@pytest.mark.parametrize(
    ("pts", "dts", "corrected"),
    [(512, 512, 512), (512, -1024, -1024), (512, 1024, 512), (512, -9007336695791136, 512), (None, 3, 3)],
)
def test_impossible_decoding_times_are_replaced(pts: int | None, dts: int, corrected: int) -> None:
    packet = av.Packet(b"x")
    packet.pts, packet.dts, packet.time_base = pts, dts, Fraction(1, 12800)
    correct_decoding_time(packet)
    assert (packet.pts, packet.dts) == (pts, corrected)


@pytest.mark.slow
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit, SystemExit])
@pytest.mark.parametrize("after", [0, 1, 6])
def test_nothing_is_left_behind_after_an_exception(
    make_video: MakeVideo, tmp_path: Path, error: type[BaseException], after: int
) -> None:
    source = make_video(frames=8, audio=("aac",))
    target = tmp_path / "out.mp4"
    target.write_bytes(b"what was there before")
    info = probe(source)
    plan = choose_audio(info, info, "original")

    def break_off() -> None:
        with (
            VideoReader(info) as reader,
            VideoWriter(target, info, encode=QUICK, audio=plan, extras_from=info) as writer,
        ):
            for frame in reader:
                if frame.index == after:
                    raise error
                writer.write(frame)

    with pytest.raises(error):
        break_off()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["original.mp4", "out.mp4"]
    assert target.read_bytes() == b"what was there before"


def test_a_generator_closed_in_the_middle_leaves_nothing(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_open_nameless", lambda folder, *_: None)
    info = probe(make_video(frames=8))

    def render() -> Iterator[int]:
        with (
            VideoReader(info) as reader,
            VideoWriter(tmp_path / "out.mp4", info, encode=QUICK, audio=SILENT, extras_from=info) as writer,
        ):
            for frame in reader:
                writer.write(frame)
                yield frame.index

    running = render()
    assert [next(running) for _ in range(3)] == [0, 1, 2]
    assert len(list(tmp_path.iterdir())) == 2
    running.close()
    assert [path.name for path in tmp_path.iterdir()] == ["original.mp4"]


@pytest.mark.parametrize("nameless", [True, False])
def test_the_output_appears_only_at_the_end(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool
) -> None:
    if not nameless:
        monkeypatch.setattr(files, "_open_nameless", lambda folder, *_: None)
    can_be_nameless = files._open_nameless(tmp_path) is not None
    info = probe(make_video(frames=3))
    target = tmp_path / "out.mp4"
    with (
        VideoReader(info) as reader,
        VideoWriter(target, info, encode=QUICK, audio=SILENT, extras_from=info) as writer,
    ):
        for frame in reader:
            writer.write(frame)
        hidden = [path.name for path in tmp_path.iterdir() if path.name != "original.mp4"]
        assert not target.exists()
        assert len(hidden) == (0 if nameless and can_be_nameless else 1)
        assert all(name.startswith(".") for name in hidden)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["original.mp4", "out.mp4"]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_full_disk_is_an_output_error(make_video: MakeVideo, tmp_path: Path, suffix: str) -> None:
    source = make_video(frames=30, size=(256, 256))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            rewrite(source, tmp_path / f"out.{suffix}", LOSSLESS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["original.mp4"]


def test_no_picture_at_all_is_an_output_error(make_video: MakeVideo, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no frame to write"):
        rewrite(make_video(), tmp_path / "out.mp4", limit=0)
    assert [path.name for path in tmp_path.iterdir()] == ["original.mp4"]


def test_a_folder_that_vanished_is_an_output_error(make_video: MakeVideo, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        rewrite(make_video(), tmp_path / "gone" / "out.mp4")


def test_a_source_of_sound_that_vanished_is_an_input_error(make_video: MakeVideo, tmp_path: Path) -> None:
    info: VideoInfo = probe(make_video())
    plan = AudioPlan(tmp_path / "gone.wav", 0, "file", ())
    writer = VideoWriter(tmp_path / "out.mp4", info, encode=QUICK, audio=plan, extras_from=info)
    with pytest.raises(InputError, match="does not exist"), writer:
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["original.mp4"]


@pytest.mark.slow(4)
def test_memory_stays_flat(make_video: MakeVideo, tmp_path: Path) -> None:
    """Resident memory after 100 frames and after 900 of one run, in pages of a 640x360 clip."""
    info = probe(make_video(frames=50, size=(640, 360), cycle=1, options={"preset": "ultrafast", "crf": "30"}))
    resident = []
    step = 512
    with VideoWriter(tmp_path / "out.mp4", info, encode=QUICK, audio=SILENT, extras_from=info) as writer:
        for lap in range(18):
            with VideoReader(info) as reader:
                for frame in reader:
                    writer.write(
                        Frame(
                            index=0,
                            pts=(lap * 50 + frame.index) * step,
                            duration=step,
                            time_s=0.0,
                            planes=frame.planes,
                            layout=frame.layout,
                            handle=frame.handle,
                        )
                    )
            resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize())
    picture = 640 * 360 * 3 // 2
    assert resident[-1] - resident[2] < 40 * picture
