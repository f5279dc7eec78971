"""Undamaged files that hold more than they show: trimmed by an edit list, or cut within a group of pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.pairing.scan import Scan, Seen, thumbnail
from lipblend.video.info import VideoInfo
from lipblend.video.ordered import frames_at
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from lipblend.video.seeking import WindowReader
from lipblend.video.survey import survey
from tests.edits import EMPTY, with_edits
from tests.small_videos import MakeVideo

STEP = 512
FRAMES = 60
B_FRAMES = {"qp": "0", "preset": "ultrafast", "bf": "2", "g": "24"}
OPEN_GOP = {
    "libx264": {
        "crf": "20",
        "x264-params": "open-gop=1:keyint=20:min-keyint=20:scenecut=0:bframes=3:b-adapt=0:repeat-headers=1",
    },
    "libx265": {
        "crf": "20",
        "x265-params": "log-level=error:keyint=20:min-keyint=20:scenecut=0:open-gop=1:bframes=3:b-adapt=0",
    },
}


def s(frames: float) -> float:
    return frames / 25


# Edits; the frames that they show; time of the first; frames hidden at the start, at the end, between parts.
EDITS = {
    "start": ([(s(10), s(50))], [*range(10, 60)], 0, (10, 0, 0)),
    "start, on a key frame": ([(s(24), s(36))], [*range(24, 60)], 0, (24, 0, 0)),
    "end": ([(0, s(20))], [*range(20)], 0, (0, 40, 0)),
    "both ends": ([(s(10), s(20))], [*range(10, 30)], 0, (10, 30, 0)),
    "delayed": ([(EMPTY, s(5)), (0, s(60))], [*range(60)], 5, None),
    "delayed and start": ([(EMPTY, s(5)), (s(10), s(50))], [*range(10, 60)], 5, (10, 0, 0)),
    "two parts": ([(s(5), s(10)), (s(30), s(10))], [*range(5, 15), *range(30, 40)], 0, (5, 20, 15)),
    "parts in another order": ([(s(30), s(10)), (s(5), s(10))], [*range(30, 40), *range(5, 15)], 0, (5, 20, 15)),
    "a part twice": ([(s(5), s(10)), (s(5), s(10))], [*range(5, 15)] * 2, 0, (5, 45, 0)),
}
edited = pytest.mark.parametrize(("edits", "shown", "first", "hidden"), EDITS.values(), ids=EDITS)


@pytest.fixture
def whole(make_video: MakeVideo) -> Path:
    """60 frames, all different, a key frame every 24, B-frames, with sound."""
    return make_video("whole.mp4", frames=FRAMES, options=B_FRAMES, audio=("aac",), audio_s=2.4)


def contents(path: Path) -> list[bytes]:
    with VideoReader(probe(path)) as reader:
        return [frame.planes[0].tobytes() for frame in reader]


def scanned(info: VideoInfo) -> Scan:
    """The first pass over a file, without faces."""
    scan = Scan(info)
    with VideoReader(info) as reader:
        for _ in scan.record(Seen(f, (), thumbnail(f.planes[0], f.layout.depth)) for f in reader):
            pass
        scan.finish(reader)
    return scan


def copied(
    source: Path, target: Path, packets: Callable[[list[av.Packet]], Sequence[av.Packet]], **more: object
) -> Path:
    """A copy of a video's packets, as a stream copy writes it."""
    with av.open(str(source)) as file, av.open(str(target), "w", **more) as out:
        stream = file.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for packet in packets([packet for packet in file.demux(stream) if packet.size]):
            packet.stream = copy
            out.mux(packet)
    return target


def moved(packets: Sequence[av.Packet], by: int) -> Sequence[av.Packet]:
    for packet in packets:
        packet.pts, packet.dts = packet.pts - by, packet.dts - by
    return packets


@edited
def test_frames_shown_by_an_edit_list_are_read_without_damage(
    whole: Path, tmp_path: Path, edits: list[tuple[float, float]], shown: list[int], first: int, hidden: object
) -> None:
    pictures = contents(whole)
    path = with_edits(whole, tmp_path / "trimmed.mp4", edits)
    info = probe(path)
    with VideoReader(info) as reader:
        got = [(frame.pts, frame.duration, frame.planes[0].tobytes()) for frame in reader]
    assert [picture for _, _, picture in got] == [pictures[index] for index in shown]
    assert [pts for pts, _, _ in got] == [(first + place) * STEP for place in range(len(shown))]
    assert {length for _, length, _ in got} == {STEP}
    assert scanned(info).damage == ()
    assert (info.frame_count, info.coded_frames, info.trimmed) == (len(shown), FRAMES, hidden is not None)
    assert info.duration_s == pytest.approx(s(len(shown)))


@pytest.mark.slow
@edited
def test_the_survey_counts_hidden_frames(
    whole: Path,
    tmp_path: Path,
    edits: list[tuple[float, float]],
    shown: list[int],
    first: int,
    hidden: tuple[int, int, int] | None,
) -> None:
    found = survey(probe(with_edits(whole, tmp_path / "trimmed.mp4", edits)))
    assert found.packets == len(shown)
    if hidden is None:
        assert found.trim is None
        return
    trim = found.trim
    assert trim is not None
    assert trim.coded_frames == FRAMES
    assert (trim.start_frames, trim.end_frames) == hidden[:2]
    assert (trim.start_s, trim.end_s) == (pytest.approx(s(hidden[0])), pytest.approx(s(hidden[1])))
    assert trim.inside_frames == (hidden[2] if len(set(shown)) == len(shown) else 0)
    assert trim.leading_frames == 0


@pytest.mark.slow
@edited
def test_windows_and_jumps_find_the_same_frames_as_the_whole_reading(
    whole: Path, tmp_path: Path, edits: list[tuple[float, float]], shown: list[int], first: int, hidden: object
) -> None:
    path = with_edits(whole, tmp_path / "trimmed.mp4", edits)
    info, pictures = probe(path), contents(path)
    pts = [(first + place) * STEP for place in range(len(shown))]
    for begin in range(0, len(shown) - 4, 4):
        with WindowReader(info, pts[begin], pts[begin + 3]) as reader:
            got = [(frame.pts, frame.planes[0].tobytes()) for frame in reader]
        assert got == list(zip(pts[begin : begin + 4], pictures[begin : begin + 4], strict=True))
    wanted = [len(shown) - 1, 0, 7, 7, 3, len(shown) // 2, 1]
    got = [frame.planes[0].tobytes() for frame in frames_at(info, pts, wanted, exact=True)]
    assert got == [pictures[index] for index in wanted]


def test_a_stream_copy_from_the_middle_of_a_group(whole: Path, tmp_path: Path) -> None:
    """As ``ffmpeg -ss 1.2 -i whole.mp4 -c copy``: packets from the key frame before on, at times before 0."""
    path = copied(whole, tmp_path / "cut.mp4", lambda packets: moved(packets[24:], 30 * STEP))
    info = probe(path)
    assert (info.frame_count, info.coded_frames) == (30, 36)
    assert scanned(info).damage == ()
    assert contents(path) == contents(whole)[30:]


def test_a_trimmed_file_that_is_cut_short_is_still_damaged(whole: Path, tmp_path: Path) -> None:
    fast = {"container_options": {"movflags": "faststart"}}
    path = copied(whole, tmp_path / "cut.mp4", lambda packets: moved(packets[24:], 30 * STEP), **fast)
    assert scanned(probe(path)).damage == ()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    (damage, *_) = scanned(probe(path)).damage
    assert damage.startswith("cut.mp4 is damaged or cut short: ")
    assert damage.endswith(" of 30 frames could be decoded")
    assert survey(probe(path)).trim is not None


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("codec", OPEN_GOP)
@pytest.mark.parametrize("early", [0, 5], ids=["open group", "middle of a group"])
def test_undecodable_leading_pictures_are_not_damage(
    make_video: MakeVideo, tmp_path: Path, codec: str, suffix: str, early: int
) -> None:
    """A cut at the key frame of an open group, or five packets before: what is shown before it cannot be decoded."""
    source = make_video("open.mp4", frames=FRAMES, codec=codec, options=OPEN_GOP[codec], size=(128, 96))
    with av.open(str(source)) as file:
        packets = [packet for packet in file.demux(video=0) if packet.size]
        keys = [place for place, packet in enumerate(packets) if packet.is_keyframe]
        begin = keys[1] - early
        kept = [(packet.pts, packet.dts) for packet in packets[begin:]]
        key_pts = packets[keys[1]].pts
    leading = sum(pts < key_pts for pts, _ in kept)
    assert leading >= 3  # else this tests nothing
    path = copied(source, tmp_path / f"cut.{suffix}", lambda packets: moved(packets[begin:], kept[0][1]))
    info = probe(path)
    found, scan = survey(info), scanned(info)
    assert len(scan) == len(kept) - leading == found.packets
    assert scan.damage == ()
    assert info.frame_count in (None, len(scan))
    trim = found.trim
    assert trim is not None
    assert trim.leading_frames + trim.start_frames == leading
    said = any("was cut within a group of pictures" in warning for warning in info.warnings)
    assert said == (trim.leading_frames > 0)
    if trim.leading_frames:
        assert trim.leading_s == pytest.approx(s((key_pts - min(pts for pts, _ in kept)) / STEP), abs=0.002)


def test_a_missing_end_is_found_despite_leading_pictures(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video("open.mp4", frames=FRAMES, codec="libx264", options=OPEN_GOP["libx264"], size=(128, 96))
    fast = {"container_options": {"movflags": "faststart"}}
    path = copied(source, tmp_path / "cut.mp4", lambda packets: moved(packets[12:], packets[12].dts), **fast)
    assert scanned(probe(path)).damage == ()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    assert any("damaged or cut short" in said for said in scanned(probe(path)).damage)


def test_frames_dropped_while_recording_an_avi_are_not_damage(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video(
        "whole.avi", frames=FRAMES, codec="mpeg4", options={}, time_base=Fraction(1, 25), durations=(1,)
    )
    path = copied(source, tmp_path / "drops.avi", lambda packets: [p for n, p in enumerate(packets) if n % 6 != 3])
    with av.open(str(path)) as file:
        assert file.streams.video[0].frames == FRAMES  # the header counts what was dropped
    info = probe(path)
    assert (info.frame_count, info.trimmed) == (50, False)
    assert scanned(info).damage == ()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert any("damaged or cut short" in said for said in scanned(probe(path)).damage)


def test_the_probe_command_reports_trimming(whole: Path, tmp_path: Path) -> None:
    path = with_edits(whole, tmp_path / "trimmed.mp4", EDITS["both ends"][0])
    text = CliRunner().invoke(app, ["probe", str(path), "--no-faces"], catch_exceptions=False).output
    (line,) = [line for line in text.splitlines() if line.startswith("trimmed")]
    assert line.split(None, 1)[1] == (
        "an edit list hides 10 frames (0.400 s) at the start, 30 frames (1.200 s) at the end "
        "of the 60 frames in the file"
    )
    answer = CliRunner().invoke(app, ["probe", str(path), "--no-faces", "--json"], catch_exceptions=False).output
    timing = json.loads(answer)["timing"]
    assert (timing["frames"], timing["claimed_frames"]) == (20, 20)
    assert timing["trim"] == {
        "coded_frames": 60,
        "start_frames": 10,
        "start_s": 0.4,
        "end_frames": 30,
        "end_s": 1.2,
        "inside_frames": 0,
        "leading_frames": 0,
        "leading_s": 0.0,
    }
    plain = CliRunner().invoke(app, ["probe", str(whole), "--no-faces", "--json"], catch_exceptions=False).output
    assert json.loads(plain)["timing"]["trim"] is None
