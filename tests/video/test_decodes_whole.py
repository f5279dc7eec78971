"""Files that decode whole, and what is said of those that do not."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from small_videos import MakeVideo, rewrite

from lipblend.settings import EncodeSettings
from lipblend.video.decodes_whole import decodes_whole


def changed(path: Path, kind: str, at: float, count: int = 200) -> Path:
    """A copy whose end is cut off, or with bytes changed, at a share of its length."""
    data = bytearray(path.read_bytes())
    start = int(len(data) * at)
    if kind == "cut":
        del data[start:]
    else:
        data[start : start + count] = bytes(byte ^ 0x5A for byte in data[start : start + count])
    target = path.with_name(f"changed{path.suffix}")
    target.write_bytes(data)
    return target


def index_first(path: Path) -> Path:
    """A copy that begins with its index, so that it opens even if its end is missing."""
    target = path.with_name("first.mp4")
    with av.open(str(path)) as source, av.open(str(target), "w", container_options={"movflags": "faststart"}) as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return target


@pytest.mark.parametrize(
    ("name", "encoder"), [("a.mp4", "libx264"), ("a.mkv", "libx265"), ("a.webm", "libvpx-vp9"), ("b.mkv", "ffv1")]
)
@pytest.mark.parametrize("frames", [None, 40])
def test_what_lipblend_writes_decodes_whole(name: str, encoder: str, frames: int | None, make_video: MakeVideo) -> None:
    source = make_video(frames=40, audio=("aac", "mp3"), audio_s=1.6, durations=(512, 1024, 700))
    output = source.with_name(name)
    rewrite(source, output, EncodeSettings(encoder=encoder, **({"preset": "ultrafast"} if "x26" in encoder else {})))
    assert decodes_whole(output, frames=frames) == ""
    assert decodes_whole(output, frames=41) == "40 of 41 frames can be decoded"


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("at", [0.3, 0.7])
def test_a_file_cut_short_does_not(suffix: str, at: float, make_video: MakeVideo) -> None:
    path = make_video(f"a.{suffix}", frames=100, audio=("aac",), audio_s=4.0)
    whole = index_first(path) if suffix == "mp4" else path
    assert decodes_whole(whole) == ""
    reason = decodes_whole(changed(whole, "cut", at))
    assert ("of 100 frames can be decoded" if suffix == "mp4" else "s of 4.0 s are missing") in reason
    assert "of sound stream 1" in reason
    assert "of 100 frames can be decoded" in decodes_whole(changed(path, "cut", at), frames=100) or suffix == "mp4"


def test_a_file_without_its_index_does_not(make_video: MakeVideo) -> None:
    path = changed(make_video(frames=20), "cut", 0.9)
    assert decodes_whole(path).startswith(f"{path} is not a readable video")


def test_changed_bytes_of_a_picture_are_noticed(make_video: MakeVideo) -> None:
    path = make_video(frames=20, size=(320, 240))
    assert decodes_whole(path) == ""
    assert "packets cannot be decoded" in decodes_whole(changed(path, "bytes", 0.5))


def test_changed_bytes_of_the_sound_are_noticed(make_video: MakeVideo) -> None:
    path = make_video(frames=2, size=(32, 32), audio=("aac",), audio_s=4.0)
    assert decodes_whole(path) == ""
    assert "of sound stream 1 cannot be decoded" in decodes_whole(changed(path, "bytes", 0.6, 3000))


def test_what_is_missing_or_no_video_is_said(tmp_path: Path) -> None:
    assert "does not exist" in decodes_whole(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").write_bytes(b"")
    assert "is empty" in decodes_whole(tmp_path / "a.mp4")
