"""Frames as the reader delivers them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipblend.errors import InputError
from lipblend.picture.formats import ColourTags
from lipblend.picture.layouts import nearest_layout, to_layout
from lipblend.video.probe import probe
from lipblend.video.reader import Frame, VideoReader, plane_views
from tests.small_videos import UNEVEN, MakeVideo


def frames_of(path: Path, **options: int) -> list[Frame]:
    with VideoReader(probe(path), **options) as reader:
        return list(reader)


def unpadded(plane: av.video.plane.VideoPlane, bits: int) -> bytes:
    depth = 2 if bits > 8 else 1
    rows = bytes(plane)
    starts = range(0, plane.height * plane.line_size, plane.line_size)
    return b"".join(rows[start : start + plane.width * depth] for start in starts)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "gray", "gray10le"])
@pytest.mark.parametrize("size", [(64, 48), (62, 50)])
def test_planes_are_the_decoded_samples(make_video: MakeVideo, pix_fmt: str, size: tuple[int, int]) -> None:
    path = make_video(pix_fmt=pix_fmt, size=size, frames=3)
    with av.open(str(path)) as container:
        expected = [
            [unpadded(plane, frame.format.components[0].bits) for plane in frame.planes]
            for frame in container.decode(video=0)
        ]
    got = frames_of(path)
    assert len(got) == 3
    for frame, want in zip(got, expected, strict=True):
        assert frame.planes[0].shape == size[::-1]
        assert frame.planes[0].dtype == (np.uint16 if frame.layout.depth > 8 else np.uint8)
        assert [plane.tobytes() for plane in frame.planes] == want


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_uneven_times(make_video: MakeVideo, suffix: str) -> None:
    path = make_video(f"uneven.{suffix}", frames=21, durations=UNEVEN, start=507)
    info = probe(path)
    frames = frames_of(path)
    lengths = [UNEVEN[index % len(UNEVEN)] for index in range(21)]
    starts = 507 + np.cumsum([0, *lengths[:-1]])
    unit = 0.001 * 12800 if suffix == "mkv" else 0
    assert [frame.index for frame in frames] == list(range(21))
    scale = float(info.time_base * 12800)
    np.testing.assert_allclose([frame.pts * scale for frame in frames], starts, atol=unit)
    np.testing.assert_allclose([frame.duration * scale for frame in frames], lengths, atol=2 * unit)
    np.testing.assert_allclose([frame.time_s for frame in frames], starts / 12800, atol=unit / 12800 + 1e-12)
    assert info.start_s == frames[0].time_s


def test_frame_limit(make_video: MakeVideo) -> None:
    path = make_video(frames=6)
    assert len(frames_of(path, frame_limit=4)) == 4
    assert len(frames_of(path, frame_limit=0)) == 0
    assert len(frames_of(path, frame_limit=99)) == 6


def test_planes_are_read_only_until_writable(make_video: MakeVideo) -> None:
    # Pictures that come again are predicted from those eight before, which have been written to by then.
    path = make_video(frames=120, cycle=8, options={"preset": "medium", "bf": "0", "refs": "10", "qp": "10"})
    clean = [np.array(frame.planes[0]) for frame in frames_of(path)]
    with VideoReader(probe(path)) as reader:
        for frame in reader:
            with pytest.raises(ValueError, match="read-only"):
                frame.planes[0][0, 0] = 1
            # What is written must not reach the pictures that are predicted from this one.
            np.testing.assert_array_equal(frame.planes[0], clean[frame.index])
            out = frame.writable()
            assert (out.index, out.pts, out.duration) == (frame.index, frame.pts, frame.duration)
            for plane in out.planes:
                plane[...] = 77


def test_planes_outlive_the_reader(make_video: MakeVideo) -> None:
    path = make_video(frames=5)
    first = [np.array(frame.planes[0]) for frame in frames_of(path)]
    kept = frames_of(path)
    for frame, want in zip(kept, first, strict=True):
        np.testing.assert_array_equal(frame.planes[0], want)


def test_damaged_packets_are_counted_and_left_out(make_video: MakeVideo) -> None:
    path = make_video("talk.mkv", codec="mjpeg", pix_fmt="yuvj420p", options={})
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        victim = bytes(packets[4])
    at = data.index(victim)
    data[at : at + len(victim)] = bytes(len(victim))
    path.write_bytes(data)
    with VideoReader(probe(path)) as reader:
        frames = list(reader)
    assert (len(frames), reader.corrupt_packets) == (9, 1)
    assert [frame.index for frame in frames] == list(range(9))
    assert frames[4].pts - frames[3].pts == 80


@pytest.mark.parametrize(("packed", "planar"), [("nv12", "yuv420p"), ("p010le", "yuv420p10le"), ("nv16", "yuv422p")])
@pytest.mark.parametrize("value_range", [0, 1, 2])
def test_semi_planar_pictures_are_converted_without_loss(packed: str, planar: str, value_range: int) -> None:
    picture = av.VideoFrame(64, 48, planar)
    layout = nearest_layout(packed)
    rng = np.random.default_rng(3)
    for view in plane_views(picture, layout, writable=True):
        view[...] = rng.integers(0, layout.code_max + 1, view.shape)
    converted = picture.reformat(format=packed)
    back = to_layout(converted, layout, ColourTags(1, 1, 1, value_range))
    assert back.format.name == planar
    for got, want in zip(
        plane_views(back, layout, writable=False), plane_views(picture, layout, writable=False), strict=True
    ):
        np.testing.assert_array_equal(got, want)


def test_rgb_is_tagged_as_what_it_becomes(tmp_path: Path) -> None:
    path = tmp_path / "rgb.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.codec_context.width, stream.codec_context.height, stream.codec_context.pix_fmt = 32, 32, "bgr0"
        red = np.zeros((32, 32, 3), np.uint8)
        red[..., 0] = 255
        picture = av.VideoFrame.from_ndarray(red, format="rgb24").reformat(format="bgr0")
        out.mux([*stream.encode(picture), *stream.encode(None)])
    info = probe(path)
    assert (info.layout.name, info.colour.matrix, info.colour.range) == ("yuv444p", 6, 1)
    (frame,) = frames_of(path)
    codes = [int(plane[9, 9]) for plane in frame.planes]
    np.testing.assert_allclose(codes, [81, 90, 240], atol=1)
    assert (int(frame.handle.colorspace), int(frame.handle.color_range)) == (6, 1)


def test_converted_pictures_carry_the_tags_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "packed.mov"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("rawvideo", rate=25)
        stream.codec_context.width, stream.codec_context.height, stream.codec_context.pix_fmt = 32, 32, "yuyv422"
        picture = av.VideoFrame(32, 32, "yuyv422")
        picture.planes[0].update(bytes([90]) * picture.planes[0].buffer_size)
        out.mux([*stream.encode(picture), *stream.encode(None)])
    info = probe(path)
    assert (info.source_format, info.layout.name) == ("yuyv422", "yuv422p")
    (frame,) = frames_of(path)
    handle = frame.handle
    tags = ColourTags(
        int(handle.colorspace), int(handle.color_primaries), int(handle.color_trc), int(handle.color_range)
    )
    assert tags == info.colour == ColourTags(2, 2, 2, 0)
    assert {int(plane.max()) for plane in frame.planes} == {int(plane.min()) for plane in frame.planes} == {90}


def test_a_reader_is_used_once_and_inside_with(make_video: MakeVideo) -> None:
    reader = VideoReader(probe(make_video()))
    with pytest.raises(RuntimeError, match="with-block"):
        iter(reader)
    with reader:
        list(reader)
        with pytest.raises(RuntimeError, match="once"):
            iter(reader)


def test_a_change_of_size_is_refused(tmp_path: Path, make_video: MakeVideo) -> None:
    parts = [make_video(f"{width}.mkv", size=(width, 48), frames=3) for width in (64, 80)]
    joined = tmp_path / "joined.h264"
    with joined.open("wb") as file:
        for part in parts:
            with av.open(str(part)) as container:
                annex_b = av.BitStreamFilterContext("h264_mp4toannexb", container.streams.video[0])
                for packet in container.demux(video=0):
                    if packet.size:
                        file.write(b"".join(bytes(out) for out in annex_b.filter(packet)))
    info = probe(joined)
    with VideoReader(info) as reader, pytest.raises(InputError, match="size changes from"):
        list(reader)


def test_missing_times_are_replaced(tmp_path: Path, make_video: MakeVideo) -> None:
    bare = tmp_path / "bare.h264"
    with av.open(str(make_video("talk.mkv", frames=7))) as container:
        annex_b = av.BitStreamFilterContext("h264_mp4toannexb", container.streams.video[0])
        packets = [packet for packet in container.demux(video=0) if packet.size]
        bare.write_bytes(b"".join(bytes(out) for packet in packets for out in annex_b.filter(packet)))
    frames = frames_of(bare)
    steps = np.diff([frame.time_s for frame in frames])
    assert len(frames) == 7
    assert (steps > 0).all()


def test_broadcast_times_start_near_zero(make_video: MakeVideo) -> None:
    path = make_video("talk.ts", time_base=Fraction(1, 90000), durations=(3600,), start=900000)
    frames = frames_of(path)
    assert 0 <= frames[0].time_s < 0.1
    np.testing.assert_allclose(np.diff([frame.time_s for frame in frames]), 0.04)


def test_a_deleted_file_is_an_input_error(make_video: MakeVideo) -> None:
    path = make_video()
    info = probe(path)
    path.unlink()
    with pytest.raises(InputError, match="does not exist"), VideoReader(info):
        pass
