"""Copies without names: the same pictures and sound, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipblend.errors import InputError, OutputError
from lipblend.output.anonymous import copy_anonymous, playback_notes, played_suffix, without_sei
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe

ONE, W = 1 << 16, 1 << 30
TURNED = (0, ONE, 0, -ONE, 0, 0, 0, 0, W)
WORD = "zebramethod"


def make(path: Path, codec: str, sound: str | None = "aac", *, pix_fmt: str = "yuv420p") -> Path:
    """Twenty pictures with B-frames, odd shape, turned, and tags wherever there is a place for them."""
    with av.open(str(path), "w") as out:
        out.metadata.update({"title": WORD, "comment": WORD, "encoder": WORD, "artist": WORD})
        options = {"libx264": {"crf": "20"}, "libx265": {"crf": "28", "x265-params": "log-level=error"}}.get(codec, {})
        video = out.add_stream(codec, rate=25, options=options)
        video.width, video.height, video.pix_fmt = 64, 48, pix_fmt
        video.codec_context.sample_aspect_ratio = Fraction(4, 3)
        video.codec_context.color_primaries = video.codec_context.color_trc = video.codec_context.colorspace = 1
        video.metadata.update({"title": WORD, "handler_name": WORD, "language": "swa"})
        if path.suffix in (".mp4", ".mkv"):
            video.set_display_matrix(TURNED)
        audio = out.add_stream(sound, rate=48000, layout="stereo") if sound else None
        if audio:
            audio.metadata.update({"title": WORD, "handler_name": WORD})
        out.set_chapters([{"id": 1, "start": 0, "end": 20, "time_base": Fraction(1, 25), "metadata": {"title": WORD}}])
        for index in range(20):
            picture = np.full((48, 64, 3), 40 + 8 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
            frame.pts = index
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if audio:
            wave = 0.1 * np.sin(np.arange(38400) / 20).astype(np.float32)
            for start in range(0, 38400, 960):
                kind = {"aac": "fltp", "libopus": "flt", "pcm_s16le": "s16"}[sound or ""]
                part = np.stack([wave[start : start + 960]] * 2)
                if kind == "s16":
                    part = (part * 32767).astype(np.int16)
                block = av.AudioFrame.from_ndarray(
                    part if kind == "fltp" else np.ascontiguousarray(part.T.reshape(1, -1)),
                    format=kind,
                    layout="stereo",
                )
                block.sample_rate, block.pts, block.time_base = 48000, start, Fraction(1, 48000)
                out.mux(audio.encode(block))
            out.mux(audio.encode(None))
    return path


def played(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    """Times and content of what is decoded."""
    with av.open(str(path)) as file:
        frames: Iterable = file.decode(video=0) if kind == "video" else file.decode(audio=0)
        return [(frame.pts * frame.time_base, frame.to_ndarray().tobytes()) for frame in frames]


def shape(info: VideoInfo) -> tuple[object, ...]:
    return info.codec, info.upright_size, info.sample_aspect, info.rotation, info.colour, info.frame_rate


CASES = [
    ("in.mp4", "libx264", "aac"), ("in.mkv", "libx264", "aac"), ("in.mp4", "libx265", "aac"),
    ("in.webm", "libvpx-vp9", "libopus"), ("in.mp4", "libx264", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "codec", "sound"), CASES)
def test_the_copy_plays_the_same_and_identifies_nothing(
    tmp_path: Path, name: str, codec: str, sound: str | None
) -> None:
    source = make(tmp_path / name, codec, sound)
    info = probe(source)
    target = tmp_path / f"copy{played_suffix(info)}"
    copy_anonymous(source, target)
    before, after = played(source, "video"), played(target, "video")
    assert [content for _, content in before] == [content for _, content in after]
    assert max(abs(a[0] - b[0]) for a, b in zip(before, after, strict=True)) <= Fraction(1, 1000)
    if sound:
        heard, copied = played(source, "audio"), played(target, "audio")
        assert [content for _, content in heard] == [content for _, content in copied]
        assert abs(heard[0][0] - copied[0][0]) <= Fraction(1, 1000)
    assert shape(probe(target)) == shape(info)
    data = target.read_bytes().lower()
    # WebM has to name its muxer: "Lavf", without a version.
    for word in (WORD, "lavc", "x264", "x265", "swa", *(("lavf",) if target.suffix == ".mp4" else ())):
        assert word.encode() not in data, word
    assert WORD.encode() in source.read_bytes()
    with av.open(str(target)) as file:
        assert not file.chapters()
        assert len(file.streams) == (2 if sound else 1)
        assert {*file.metadata} <= {"major_brand", "minor_version", "compatible_brands", "encoder"}


def test_the_sound_can_be_left_out(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", "libx264")
    copy_anonymous(source, tmp_path / "copy.mp4", sound=False)
    assert not probe(tmp_path / "copy.mp4").audio
    assert played(source, "video") == played(tmp_path / "copy.mp4", "video")


def test_a_codec_that_browsers_do_not_play_is_refused(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", "ffv1")
    with pytest.raises(InputError, match="browsers do not play ffv1"):
        copy_anonymous(source, tmp_path / "copy.mp4")
    assert not (tmp_path / "copy.mp4").exists()


def test_a_wrong_suffix_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", "libx264")
    with pytest.raises(OutputError, match=r"needs the suffix \.mp4"):
        copy_anonymous(source, tmp_path / "copy.webm")
    with pytest.raises(OutputError, match="cannot copy"):
        copy_anonymous(source, tmp_path / "no" / "copy.mp4")


def test_only_supplemental_units_are_taken_out() -> None:
    parameters, information = b"\0\0\0\1" + bytes([32 << 1, 1, 7]), bytes([0, 0, 1, 39 << 1, 1, 5, 3, 0])
    assert without_sei(parameters + information + parameters) == parameters * 2
    assert without_sei(b"\1" + parameters + information) == b"\1" + parameters + information
    assert without_sei(b"") == b""


def test_playback_notes(tmp_path: Path) -> None:
    assert playback_notes(probe(make(tmp_path / "a.mp4", "libx264"))) == []
    notes = playback_notes(probe(make(tmp_path / "b.mkv", "libx264", "pcm_s16le", pix_fmt="yuv444p")))
    assert notes == ["yuv444p pictures do not play on every phone", "pcm_s16le sound does not play in every browser"]
    assert playback_notes(probe(make(tmp_path / "c.mp4", "libx265"))) == ["H.265 plays in some browsers only"]
