"""Segments encoded separately and joined: pictures, times and headers of one stream."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipblend.errors import OutputError
from lipblend.output.coded import CodedPacket, SegmentEncoder
from lipblend.output.extras import moved_chapters
from lipblend.output.joining import Joiner
from lipblend.output.scaling import scaled_info, scaled_picture
from lipblend.output.writer import VideoWriter
from lipblend.segments.encode import Done
from lipblend.segments.job import Tally
from lipblend.segments.segment_files import SegmentFile, SegmentFileWriter
from lipblend.settings import EncodeSettings
from lipblend.video.probe import probe
from tests.small_videos import SILENT, UNEVEN, MakeVideo, assert_same_pictures, frames_of, rewrite

Timeline = Callable[[Path], list[tuple[Fraction, Fraction]]]


def in_segments(source: Path, target: Path, encode: EncodeSettings, length: int) -> None:
    """Encode a video in segments of `length` frames."""
    info, frames = probe(source), list(frames_of(source))
    with VideoWriter(target, info, encode=encode, audio=SILENT, extras_from=info) as writer:
        for start in range(0, len(frames), length):
            part = frames[start : start + length]
            with SegmentEncoder(target, info, encode) as encoder:
                writer.begin_segment([frame.pts for frame in part])
                for frame in part:
                    writer.add_coded(encoder.encode(frame))
                writer.add_coded(encoder.finish())
                writer.end_segment(encoder.header, frames=len(part), end=part[-1].pts + part[-1].duration)


def packets_of(path: Path) -> list[tuple[int | None, int | None, int | None, bool]]:
    with av.open(str(path)) as container:
        return [(p.dts, p.pts, p.duration, p.is_keyframe) for p in container.demux(video=0) if p.size]


@pytest.mark.slow
@pytest.mark.parametrize("durations", [(512,), UNEVEN])
@pytest.mark.parametrize(
    ("encoder", "suffix", "pix_fmt"),
    [
        ("libx264", "mp4", "yuv420p"),
        ("libx264", "mkv", "yuv420p"),
        ("libx265", "mov", "yuv420p10le"),
        ("ffv1", "mkv", "yuv420p"),
        ("prores_ks", "mov", "yuv422p10le"),
    ],
)
def test_joined_segments_have_the_times_of_one_encoder(
    make_video: MakeVideo,
    tmp_path: Path,
    timeline: Timeline,
    encoder: str,
    suffix: str,
    pix_fmt: str,
    durations: tuple[int, ...],
) -> None:
    source = make_video(frames=23, durations=durations, pix_fmt=pix_fmt, rotation=90, colour=(9, 9, 16, 1))
    encode = EncodeSettings(encoder=encoder, crf=0 if encoder == "libx264" else 4, preset="veryfast")
    one, joined = tmp_path / f"one.{suffix}", tmp_path / f"joined.{suffix}"
    rewrite(source, one, encode, SILENT)
    in_segments(source, joined, encode, 9)
    assert timeline(joined) == timeline(one if suffix == "mkv" else source)
    packets = packets_of(joined)
    stamps = [dts for dts, *_ in packets]
    if suffix != "mkv":  # Matroska has no decoding times
        assert all(a < b for a, b in itertools.pairwise(stamps))
        assert stamps == [dts for dts, *_ in packets_of(one)]
    shown = sorted(pts for _, pts, *_ in packets)
    assert {shown[0], shown[9], shown[18]} <= {pts for _, pts, _, key in packets if key}
    after, before = probe(joined), probe(one)
    assert (after.colour, after.rotation, after.frame_rate) == (before.colour, before.rotation, before.frame_rate)
    assert after.duration_s == pytest.approx(probe(source).duration_s, abs=0.001 if suffix == "mkv" else 1e-9)
    if encoder in ("libx264", "ffv1"):  # lossless
        assert_same_pictures(joined, source)


def test_a_lossy_stream_has_b_frames_across_which_segments_do_not_refer(make_video: MakeVideo, tmp_path: Path) -> None:
    """Each segment decoded alone gives what it gives in the joined file."""
    source = make_video(frames=20)
    encode = EncodeSettings(crf=30, preset="veryfast")
    whole = tmp_path / "whole.mp4"
    in_segments(source, whole, encode, 10)
    assert any(pts != dts for dts, pts, *_ in packets_of(whole))
    info, frames = probe(source), list(frames_of(source))
    with SegmentEncoder(whole, info, encode) as encoder:
        packets = [packet for frame in frames[10:] for packet in encoder.encode(frame)] + encoder.finish()
        decoder = av.CodecContext.create("h264", "r")
        decoder.extradata = encoder.header
    pictures = [picture for each in packets for picture in decoder.decode(av.Packet(each.data))] + decoder.decode(None)
    for picture, frame in zip(pictures, list(frames_of(whole))[10:], strict=True):
        np.testing.assert_array_equal(picture.to_ndarray()[:48, :64], frame.planes[0])


def test_another_header_is_refused(make_video: MakeVideo, tmp_path: Path) -> None:
    info = probe(make_video(frames=2))
    out = tmp_path / "out.mp4"
    with VideoWriter(out, info, encode=EncodeSettings(), audio=SILENT, extras_from=None) as writer:
        with pytest.raises(OutputError, match="different headers"):
            writer.end_segment(b"other", frames=1, end=512)
        writer.write(next(frames_of(info.path)))


def coded(*stamps: tuple[int, int]) -> list[CodedPacket]:
    return [CodedPacket(b"x", pts, dts, 1, False) for pts, dts in stamps]


def test_leading_packets_take_the_times_of_the_preceding_pictures() -> None:
    joiner = Joiner()
    joiner.begin([0, 10, 50])
    first = joiner.add(coded((0, -20), (50, -10), (10, 0))) + joiner.end()
    joiner.begin([60, 61, 62])
    second = joiner.add(coded((60, 58), (62, 59))) + joiner.add(coded((61, 60))) + joiner.end()
    assert [packet.dts for packet in first] == [-20, -10, 0]
    assert [packet.dts for packet in second] == [10, 50, 60]
    joiner.begin([63])
    joiner.add(coded((63, 63)))
    joiner.begin([64])
    with pytest.raises(OutputError, match="cannot be joined"):
        joiner.add(coded((50, 64)))


def test_decoding_times_increase_if_there_are_too_few_preceding_pictures() -> None:
    joiner = Joiner()
    joiner.begin([0])
    joiner.add(coded((0, 0)))
    joiner.end()
    joiner.begin([5, 6])
    assert [packet.dts for packet in joiner.add(coded((5, -1), (6, 0))) + joiner.end()] == [1, 2]


def test_segment_files_keep_packets_and_damage_is_detected(tmp_path: Path) -> None:
    path = tmp_path / "a.segment"
    packets = [CodedPacket(bytes([i]) * (i * 100), i * 7, i * 7 - 3, 7, i == 0) for i in range(4)]
    done = Done(Tally(blended=4), b"header")
    with SegmentFileWriter(tmp_path / "out.mp4", path) as writer:
        writer.add(packets)
        assert writer.finish(done) == SegmentFile(path, done)
    assert SegmentFile.load(path) == SegmentFile(path, done)
    assert list(SegmentFile(path, done).packets()) == packets
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[150] ^= 1
    for damaged in (whole[:-1], whole[: len(whole) // 2], bytes(flipped), b"", whole + b"x"):
        path.write_bytes(damaged)
        assert SegmentFile.load(path) is None
    assert SegmentFile.load(tmp_path / "missing") is None


def test_a_part_keeps_its_own_chapters() -> None:
    base = Fraction(1, 10)
    chapters = [{"id": i, "start": 10 * i, "end": 10 * i + 10, "time_base": base, "metadata": {}} for i in range(5)]
    moved = moved_chapters(chapters, origin=Fraction(3, 2), end_s=Fraction(2))
    assert [(each["id"], each["start"], each["end"]) for each in moved] == [(1, 0, 5), (2, 5, 15), (3, 15, 20)]
    assert moved_chapters(chapters, origin=Fraction(0), end_s=None) == chapters


def test_scaled_pictures_keep_their_levels(make_video: MakeVideo) -> None:
    info = probe(make_video(frames=1, size=(66, 50)))
    small = scaled_info(info, Fraction(1, 2))
    assert (small.width, small.height) == (32, 24)
    frame = next(frames_of(info.path))
    picture = scaled_picture(frame.handle, small)
    assert (picture.width, picture.height, picture.format.name) == (32, 24, "yuv420p")
    assert float(picture.to_ndarray()[:24].mean()) == pytest.approx(float(frame.planes[0].mean()), abs=1)
    assert scaled_picture(frame.handle, info) is frame.handle
