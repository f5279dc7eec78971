"""Unusual and broken files: absurd sizes and rates, several video streams, interlaced pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags
from av.stream import Disposition

from lipblend.errors import InputError
from lipblend.output.encoding import check_output
from lipblend.video import opening
from lipblend.video.info import VideoInfo
from lipblend.video.opening import MAX_PIXELS, check_size, open_source
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from tests.small_videos import QUICK, SILENT, MakeVideo, rewrite

WIDTH, HEIGHT = b"\xb0\x82\x01\x30", b"\xba\x82\x01\x20"  # Matroska: 304 by 288


def grey(size: tuple[int, int], pix_fmt: str = "yuv420p", level: int = 128) -> av.VideoFrame:
    frame = av.VideoFrame(*size, pix_fmt)
    for plane in frame.planes:
        plane.update(bytes([level]) * plane.buffer_size)
    return frame


def video(
    path: Path, codec: str, *, size: tuple[int, int] = (64, 48), rate: Fraction | int = 25, **fields: object
) -> Path:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *size, pix_fmt
        for name, value in fields.items():
            setattr(context, name, value)
        for index in range(4):
            frame = grey(size, pix_fmt)
            frame.pts, frame.time_base = index, 1 / Fraction(rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def copy(info: VideoInfo, target: Path) -> list[str]:
    check_output(target, info, QUICK, (info.path,))
    return rewrite(info.path, target, audio=SILENT).notes


@pytest.mark.parametrize("claimed", [(30000, 30000), (16385, 288), (304, 20000), (16000, 16000)])
def test_absurd_sizes_are_rejected_with_the_values_and_the_limit(tmp_path: Path, claimed: tuple[int, int]) -> None:
    data = video(tmp_path / "in.mkv", "ffv1", size=(304, 288)).read_bytes()
    assert data.count(WIDTH) == data.count(HEIGHT) == 1
    width, height = (number.to_bytes(2, "big") for number in claimed)
    path = tmp_path / "absurd.mkv"
    path.write_bytes(data.replace(WIDTH, b"\xb0\x82" + width).replace(HEIGHT, b"\xba\x82" + height))
    with pytest.raises(InputError, match=rf"{claimed[0]}x{claimed[1]} are too large.*16384.*100 million") as caught:
        probe(path)
    assert caught.value.hint


def test_decoders_get_the_size_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The header says 304x288 and the pictures are of that size; with a lower limit the decoder itself refuses them.
    path = video(tmp_path / "in.mkv", "mpeg4", size=(304, 288))
    info = probe(path)
    monkeypatch.setitem(opening.DECODER_OPTIONS, "max_pixels", "2000")
    with pytest.raises(InputError, match="no frame can be decoded"):
        probe(path)
    with pytest.raises(InputError, match="cannot read further"), VideoReader(info) as reader:
        list(reader)


@pytest.mark.parametrize("size", [(8, 8), (15, 64), (64, 14)])
def test_tiny_pictures_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=rf"{size[0]}x{size[1]} are too small: the minimum is 16"):
        probe(video(tmp_path / "in.mkv", "ffv1", size=size))


def test_the_limits_themselves_are_allowed() -> None:
    for size in ((16, 16), (16384, 16), (12288, 6480), (10000, MAX_PIXELS // 10000)):
        check_size(Path("x"), *size)


@pytest.mark.parametrize(
    ("rate", "wanted"),
    [
        ("1000000:1", None),
        ("1:0", Fraction(25)),
        ("1:1000", None),
        ("1000:1", Fraction(1000)),
        ("1:60", Fraction(1, 60)),
    ],
)
def test_implausible_rates_are_ignored_and_can_be_written(tmp_path: Path, rate: str, wanted: Fraction | None) -> None:
    path = tmp_path / "in.y4m"
    pictures = (b"FRAME\n" + bytes([128]) * (64 * 48 * 3 // 2)) * 3
    path.write_bytes(f"YUV4MPEG2 W64 H48 F{rate} Ip A1:1 C420\n".encode() + pictures)
    info = probe(path)
    assert info.frame_rate == wanted
    with VideoReader(info) as reader:
        times = [(frame.pts, frame.duration) for frame in reader]
    assert times == [(0, 1), (1, 1), (2, 1)]
    for target in (tmp_path / "out.mp4", tmp_path / "out.mkv"):
        copy(info, target)
        after = probe(target)
        with VideoReader(after) as reader:
            seen = [frame.time_s for frame in reader]
        near = 0.002 if target.suffix == ".mkv" else 1e-9
        if target.suffix == ".mkv" and rate == "1000000:1":
            assert len(seen) == 3  # Matroska counts milliseconds
        else:
            np.testing.assert_allclose(seen, [float(pts * info.time_base) for pts, _ in times], atol=near)


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_interlacing_in_the_header_alone_is_noted_and_kept(tmp_path: Path, order: int) -> None:
    info = probe(video(tmp_path / "in.mkv", "mpeg4", field_order=order))
    assert (info.interlaced, info.interlaced_pictures, info.field_order) == (True, False, order)
    assert info.warnings == (
        "in.mkv is interlaced: both fields are blended as one picture; deinterlace it first for best results",
    )
    notes = copy(info, tmp_path / "out.mkv")
    assert probe(tmp_path / "out.mkv").field_order == order
    assert "the original is interlaced; libx264 stores it as progressive frames" in notes


@pytest.mark.parametrize("tff", [0, 1])
def test_interlaced_pictures_stay_so_in_x264(tmp_path: Path, tff: int) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"x264-params": "tff=1" if tff else "bff=1"})
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = 64, 64, "yuv420p"
        context.flags |= Flags.interlaced_dct
        for index in range(3):
            frame = grey((64, 64))
            frame.pts = index
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    info = probe(path)
    assert info.interlaced_pictures
    assert len(info.warnings) == 1
    assert not any("interlaced" in note for note in copy(info, tmp_path / "out.mkv"))
    after = probe(tmp_path / "out.mkv")
    assert (after.interlaced_pictures, after.field_order) == (True, info.field_order)


def test_progressive_files_have_no_warnings(tmp_path: Path) -> None:
    info = probe(video(tmp_path / "in.mkv", "mpeg4", field_order=1))
    assert (info.interlaced, info.warnings) == (False, ())


def two_streams(path: Path, *, default: int, cover: int | None = None) -> Path:
    """Streams of 64x48 and 96x64 pixels, with a cover picture where wanted."""
    with av.open(str(path), "w") as out:
        streams = []
        for number, size in enumerate([(64, 48), (96, 64)]):
            stream = out.add_stream("mjpeg" if number == cover else "libx264", rate=25)
            context = stream.codec_context
            context.width, context.height = size
            context.pix_fmt = "yuvj420p" if number == cover else "yuv420p"
            stream.disposition = (
                Disposition.attached_pic if number == cover else Disposition.default if number == default else 0
            )
            streams.append((stream, size, 1 if number == cover else 5))
        for stream, size, count in streams:
            for index in range(count):
                frame = grey(size, stream.codec_context.pix_fmt, 100)
                frame.pts = index
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("default", [0, 1])
def test_the_default_of_several_streams_is_used_and_noted(tmp_path: Path, default: int) -> None:
    info = probe(two_streams(tmp_path / "in.mkv", default=default))
    width, height = [(64, 48), (96, 64)][default]
    assert (info.stream_index, info.width, info.height) == (default, width, height)
    assert info.warnings == (f"in.mkv has 2 video streams: stream {default} (h264, {width}x{height}) is used",)
    with VideoReader(info) as reader:
        assert {frame.planes[0].shape for frame in reader} == {(height, width)}


@pytest.mark.parametrize("cover", [0, 1])
def test_a_cover_picture_is_not_the_video(tmp_path: Path, cover: int) -> None:
    path = two_streams(tmp_path / "in.mp4", default=1 - cover, cover=cover)
    with open_source(path) as container:
        assert any(stream.disposition & Disposition.attached_pic for stream in container.streams.video)
    info = probe(path)
    assert (info.codec, info.frame_count, info.warnings) == ("h264", 5, ())
    assert (info.width, info.height) == [(64, 48), (96, 64)][1 - cover]


def test_several_sound_streams_are_listed(make_video: MakeVideo) -> None:
    assert len(probe(make_video(audio=("aac", "aac", "aac"))).audio) == 3


def test_an_address_is_rejected_as_such() -> None:
    for address in ("https://example.org/a.mp4", "rtsp://example.org/live"):
        with pytest.raises(InputError, match="is an address, not a file") as caught:
            open_source(Path(address))
        assert "Download" in caught.value.hint
