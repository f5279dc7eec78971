"""What `probe` reports."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipblend.errors import InputError
from lipblend.picture.formats import ColourTags
from lipblend.picture.layouts import nearest_layout
from lipblend.video.probe import probe
from tests.small_videos import MakeVideo


def test_all_properties_of_a_file(make_video: MakeVideo) -> None:
    path = make_video(
        frames=10,
        start=1024,
        colour=(1, 1, 1, 1),
        sample_aspect=Fraction(4, 3),
        rotation=90,
        audio=("aac", "aac"),
        title="Talk",
        chapters=((0, 200, "one"), (200, 400, "two")),
        subtitles=("mov_text",),
    )
    info = probe(path)
    assert (info.path, info.codec, info.width, info.height) == (path, "h264", 64, 48)
    assert (info.layout.name, info.layout.depth, info.layout.planes, info.source_format) == ("yuv420p", 8, 3, "yuv420p")
    assert (info.time_base, info.frame_rate, info.frame_count) == (Fraction(1, 12800), 25, 10)
    assert info.start_s == 0.08
    assert info.duration_s == 0.4
    assert info.colour == ColourTags(1, 1, 1, 1)
    assert info.sample_aspect == Fraction(4, 3)
    assert info.rotation == 90
    assert [(sound.codec, sound.sample_rate, sound.channels) for sound in info.audio] == [("aac", 44100, 2)] * 2
    assert (info.subtitle_count, info.chapter_count) == (1, 2)
    assert info.metadata["title"] == "Talk"
    assert "mp4" in info.container
    assert probe(str(path)) == info


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation(make_video: MakeVideo, degrees: int) -> None:
    assert probe(make_video(rotation=degrees)).rotation == degrees


def test_untagged(make_video: MakeVideo) -> None:
    info = probe(make_video())
    assert info.colour == ColourTags(2, 2, 2, 0)
    assert info.sample_aspect is None
    assert info.audio == ()


@pytest.mark.parametrize(
    ("source", "name", "depth", "shifts", "planes"),
    [
        ("yuv420p", "yuv420p", 8, (1, 1), 3),
        ("yuvj420p", "yuvj420p", 8, (1, 1), 3),
        ("yuv422p10le", "yuv422p10le", 10, (1, 0), 3),
        ("yuv422p10be", "yuv422p10le", 10, (1, 0), 3),
        ("yuv444p12le", "yuv444p12le", 12, (0, 0), 3),
        ("yuv411p", "yuv411p", 8, (2, 0), 3),
        ("yuv410p", "yuv410p", 8, (2, 2), 3),
        ("yuv440p", "yuv440p", 8, (0, 1), 3),
        ("nv12", "yuv420p", 8, (1, 1), 3),
        ("nv16", "yuv422p", 8, (1, 0), 3),
        ("p010le", "yuv420p10le", 10, (1, 1), 3),
        ("p210le", "yuv422p10le", 10, (1, 0), 3),
        ("yuyv422", "yuv422p", 8, (1, 0), 3),
        ("yuva444p10le", "yuva444p10le", 10, (0, 0), 3),
        ("yuva420p", "yuva420p", 8, (1, 1), 3),
        ("rgba", "yuva444p", 8, (0, 0), 3),
        ("gbrap14le", "yuva444p16le", 16, (0, 0), 3),
        ("rgb24", "yuv444p", 8, (0, 0), 3),
        ("rgb565le", "yuv444p", 8, (0, 0), 3),
        ("gbrp10le", "yuv444p10le", 10, (0, 0), 3),
        ("pal8", "yuv444p", 8, (0, 0), 3),
        ("gray", "gray", 8, (0, 0), 1),
        ("gray10le", "gray10le", 10, (0, 0), 1),
        ("ya8", "yuva444p", 8, (0, 0), 3),
    ],
)
def test_nearest_layout(source: str, name: str, depth: int, shifts: tuple[int, int], planes: int) -> None:
    layout = nearest_layout(source)
    assert (layout.name, layout.depth, layout.planes) == (name, depth, planes)
    assert (layout.chroma_w_shift, layout.chroma_h_shift) == shifts
    assert layout.alpha == ("yuva" in name)


@pytest.mark.parametrize("source", ["grayf32le", "gbrpf32le", "bayer_rggb8"])
def test_formats_without_a_layout(source: str) -> None:
    with pytest.raises(InputError, match=source):
        nearest_layout(source)


def test_missing_empty_folder_and_junk(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        probe(tmp_path / "nowhere.mp4")
    with pytest.raises(InputError, match="is a folder"):
        probe(tmp_path)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with pytest.raises(InputError, match="is empty"):
        probe(empty)
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"not a video at all " * 500)
    with pytest.raises(InputError, match="not a video"):
        probe(junk)


def test_truncated(make_video: MakeVideo, tmp_path: Path) -> None:
    whole = make_video().read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="not a video"):
        probe(cut)


def test_sound_only(tmp_path: Path) -> None:
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 2048), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 44100
        out.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(InputError, match="holds no video: only audio"):
        probe(path)


@pytest.mark.parametrize(("suffix", "codec", "pixel_format"), [("png", "png", "rgb24"), ("jpg", "mjpeg", "yuvj420p")])
def test_a_picture_is_not_a_video(tmp_path: Path, suffix: str, codec: str, pixel_format: str) -> None:
    path = tmp_path / f"picture.{suffix}"
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt, context.time_base = 16, 16, pixel_format, Fraction(1, 25)
    path.write_bytes(b"".join(bytes(packet) for packet in context.encode(av.VideoFrame(16, 16, pixel_format))))
    with pytest.raises(InputError, match="only a picture"):
        probe(path)


def test_colons_in_names_are_not_protocols(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_video().rename(tmp_path / "take:1.mp4")
    monkeypatch.chdir(tmp_path)
    assert probe("take:1.mp4").width == 64


def test_broadcast_clocks_start_at_zero(make_video: MakeVideo) -> None:
    info = probe(make_video("talk.ts", time_base=Fraction(1, 90000), durations=(3600,), start=900000))
    assert info.origin > 1
    assert 0 <= info.start_s < 0.1
