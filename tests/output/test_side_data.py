"""Side data of pictures: kept, or a note says that it is lost."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from lipblend.settings import EncodeSettings
from lipblend.video.probe import probe
from tests.small_videos import SILENT, MakeVideo, rewrite


def captioned(source: Path, target: Path) -> Path:
    """The same H.264 video with two caption bytes in every picture (ATSC A/53 in an SEI unit)."""
    with av.open(str(source)) as file, av.open(str(target), "w") as out:
        stream = file.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for index, packet in enumerate(packet for packet in file.demux(stream) if packet.size):
            words = bytes([0x42, 0xFF, 0xFC, 0x94, 0x2C, 0xFD, 0x80 | index, 0x80, 0xFF])
            content = b"\xb5\x00\x31GA94\x03" + words
            unit = b"\x06\x04" + bytes([len(content)]) + content + b"\x80"
            made = av.Packet(len(unit).to_bytes(4, "big") + unit + bytes(packet))
            made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
            made.time_base, made.is_keyframe, made.stream = packet.time_base, packet.is_keyframe, copy
            out.mux(made)
    return target


def captions(path: Path) -> list[bytes]:
    with av.open(str(path)) as file:
        return [bytes(data) for frame in file.decode(video=0) for data in frame.side_data if data.type.name == "A53_CC"]


def written(source: Path, out: Path, encoder: str) -> list[str]:
    encode = EncodeSettings(encoder=encoder, preset="ultrafast")
    return rewrite(source, out, encode, SILENT, writable=True).notes


def test_libx264_keeps_closed_captions(make_video: MakeVideo, tmp_path: Path) -> None:
    source = captioned(make_video("plain.mp4"), tmp_path / "captions.mp4")
    assert probe(source).captions
    notes = written(source, tmp_path / "out.mp4", "libx264")
    assert not any("captions" in note for note in notes)
    assert captions(tmp_path / "out.mp4") == captions(source)
    assert len(captions(source)) == 10


@pytest.mark.parametrize("encoder", ["libx265", "libsvtav1", "ffv1"])
def test_a_note_says_where_closed_captions_are_lost(make_video: MakeVideo, tmp_path: Path, encoder: str) -> None:
    source = captioned(make_video("plain.mp4"), tmp_path / "captions.mp4")
    notes = written(source, tmp_path / "out.mkv", encoder)
    said = f"closed captions of the original are not kept: {encoder} does not write them (libx264 does)"
    assert said in notes
    assert captions(tmp_path / "out.mkv") == []
    assert not any("captions" in note for note in written(make_video("plain.mp4"), tmp_path / "out.mkv", encoder))


@pytest.mark.parametrize("suffix", ["mov", "mkv"])
def test_a_note_says_that_the_start_timecode_is_lost(make_video: MakeVideo, tmp_path: Path, suffix: str) -> None:
    plain = make_video("plain.mp4")
    timed = tmp_path / f"timed.{suffix}"
    with av.open(str(plain)) as file, av.open(str(timed), "w") as out:
        out.metadata["timecode"] = "01:00:00:00"
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index, frame in enumerate(file.decode(video=0)):
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    note = "the original's start timecode is not kept"
    assert note in written(timed, tmp_path / "out.mov", "libx264")
    assert note not in written(plain, tmp_path / "out.mov", "libx264")


def test_a_note_names_other_data_that_is_lost(make_video: MakeVideo, tmp_path: Path) -> None:
    clock = {"time_base": Fraction(1, 25), "durations": (1,)}
    source = make_video("timed.mkv", codec="mpeg2video", options={"gop_timecode": "01:00:00:00"}, **clock)
    assert probe(source).data_dropped == ("timecodes of the pictures",)
    note = "side data of the original's pictures is not kept: timecodes of the pictures"
    assert note in written(source, tmp_path / "out.mkv", "libx264")
