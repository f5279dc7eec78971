"""What `lipblend probe` reports, on files made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from lipblend import probe_report
from lipblend.errors import InputError
from lipblend.faces.census import census
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.models import resolve_model
from lipblend.output.synth import write_clip
from lipblend.probe_report import FileReport, inspect_file
from lipblend.settings import TrackSettings
from lipblend.video.describe import describe_timing
from lipblend.video.probe import probe
from lipblend.video.seeking import MAX_AFTER_KEY, SampleReader, reachable, spread
from lipblend.video.survey import Survey, survey

SIZE = (96, 64)


def level(index: int) -> int:
    """Brightness of picture `index`, so that a decoded one tells which it is."""
    return 20 + 2 * (index % 100)


def encode(
    path: Path,
    stamps: Sequence[int],
    *,
    options: dict[str, str] | None = None,
    rotation: int = 0,
    aspect: Fraction | None = None,
    extras: bool = False,
    last: int = 10,
) -> Path:
    """H.264 with these time stamps in 1/1000 s; with `extras` also sound, a caption, a chapter and a second video."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"qp": "1", "preset": "veryfast", **(options or {})})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.flags |= av.codec.context.Flags.frame_duration
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        if extras:
            sounds = [out.add_stream("aac", rate=48000, layout="stereo") for _ in range(2)]
            sounds[1].metadata["language"] = "deu"
            text = out.add_mux_stream("subrip")
            text.metadata["language"] = "eng"
            second = out.add_stream("ffv1", rate=25)
            second.width, second.height, second.pix_fmt = 32, 32, "yuv420p"
            out.set_chapters(
                [{"id": 1, "start": 40, "end": 80, "time_base": Fraction(1, 1000), "metadata": {"title": "End"}}]
            )
        packets = []
        for index, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(np.full((*SIZE[::-1], 3), level(index), np.uint8), format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            frame.duration = stamps[index + 1] - stamp if index + 1 < len(stamps) else last
            packets += stream.encode(frame.reformat(format="yuv420p"))
        packets += stream.encode(None)
        if extras:
            for sound in sounds:
                quiet = av.AudioFrame.from_ndarray(np.zeros((2, 4800), np.float32), format="fltp", layout="stereo")
                quiet.sample_rate, quiet.pts = 48000, 0
                packets += [*sound.encode(quiet), *sound.encode(None)]
            caption = av.Packet(b"hello")
            caption.stream, caption.time_base, caption.duration = text, Fraction(1, 1000), 50
            caption.pts = caption.dts = 0
            picture = av.VideoFrame(32, 32, "yuv420p")
            picture.pts = 0
            packets += [caption, *second.encode(picture), *second.encode(None)]
        out.mux(packets)
    return path


def look(path: Path, *, faces: bool = False) -> FileReport:
    return inspect_file(path, model=resolve_model("face_landmarker") if faces else None, track=TrackSettings())


def test_an_even_clip_is_constant_and_its_tags_have_names(tmp_path: Path) -> None:
    pictures = [np.full((48, 64, 3), 90 + index, np.uint8) for index in range(12)]
    write_clip(tmp_path / "a.mp4", pictures, frame_rate=Fraction(25), crf=18)
    report = look(tmp_path / "a.mp4")
    assert (report.container_name, report.picture.codec) == ("QuickTime / MOV", "h264")
    assert (report.timing.frames, report.timing.claimed_frames, report.timing.constant) == (12, 12, True)
    assert report.timing.frame_rate == pytest.approx(25)
    assert report.timing.duration_s == pytest.approx(12 / 25)
    picture = report.picture
    assert (picture.range, picture.matrix, picture.primaries, picture.transfer) == ("limited", *["BT.709"] * 3)
    assert (picture.taken_as, picture.hdr, picture.chroma, picture.depth) == ("", "", "4:2:0", 8)
    assert (report.damage.whole, report.damage.decoded_frames, report.faces) == (True, 12, None)
    assert report.chapters == report.subtitles == report.other_streams == report.audio == ()
    assert json.loads(json.dumps(report.to_dict()))["timing"]["frames"] == 12


def test_uneven_frames_are_variable_and_a_late_start_is_shown(tmp_path: Path) -> None:
    stamps = [200, 240, 280, 340, 380, 480]
    report = look(encode(tmp_path / "a.mkv", stamps, last=40))
    timing = report.timing
    assert (timing.frames, timing.constant, timing.first_s) == (6, False, pytest.approx(0.2))
    assert (timing.shortest_s, timing.longest_s) == (pytest.approx(0.04), pytest.approx(0.1))
    assert timing.frame_rate == pytest.approx(5 / 0.28)
    assert timing.duration_s == pytest.approx(0.32)
    assert timing.claimed_frames is None
    picture = report.picture
    assert (picture.matrix, picture.range, picture.taken_as) == ("not tagged", "not tagged", "BT.601, limited range")


def test_stamps_rounded_to_milliseconds_count_as_constant(tmp_path: Path) -> None:
    stamps = [round(index * 1001 / 30) for index in range(30)]
    assert look(encode(tmp_path / "a.mkv", stamps, last=33)).timing.constant is True


def test_missing_and_repeated_stamps_are_counted(tmp_path: Path) -> None:
    info = probe(encode(tmp_path / "a.mkv", [0, 40, 80]))
    found = Survey("", "", (), (), (0, 40, 40, 80), (0,), 6, 2, 0, 40, "")
    timing = describe_timing(info, found)
    assert (timing.frames, timing.missing_stamps, timing.repeated_stamps) == (6, 2, 1)
    nothing = describe_timing(info, Survey("", "", (), (), (), (), 3, 3, 0, 0, ""))
    assert (nothing.constant, nothing.frame_rate, nothing.duration_s) == (None, None, None)


def test_a_turned_picture_with_wide_pixels_is_shown_in_its_size(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", range(0, 400, 40), rotation=90, aspect=Fraction(4, 3))
    picture = look(path).picture
    assert (picture.width, picture.height, picture.rotation) == (*SIZE, 90)
    assert (picture.shown_width, picture.shown_height) == (64, 128)
    assert picture.sample_aspect == "4:3"


def test_every_other_stream_is_listed(tmp_path: Path) -> None:
    report = look(encode(tmp_path / "a.mkv", range(0, 400, 40), extras=True))
    sounds = [(sound["codec"], sound["channels"], sound["language"]) for sound in report.audio]
    assert sounds == [("aac", 2, None), ("aac", 2, "deu")]
    subtitles = [(item["kind"], item["codec"], item["language"]) for item in report.subtitles]
    assert subtitles == [("subtitle", "srt", "eng")]
    assert [(item["kind"], item["codec"]) for item in report.other_streams] == [("video", "ffv1")]
    assert [(item["start_s"], item["title"]) for item in report.chapters] == [(0.04, "End")]
    assert (report.video_stream, report.timing.frames) == (0, 10)


def test_damage_is_counted_and_does_not_stop_the_report(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 255, (64, 96, 3), dtype=np.uint8) for _ in range(30)]
    write_clip(path, noise, frame_rate=Fraction(25), crf=20)
    clean = look(path).damage
    assert (clean.undecodable_packets, clean.concealed_frames, clean.broken_off) == (0, 0, "")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes([0x5A]) * 4000
    path.write_bytes(data)
    report = look(path)
    assert report.damage.undecodable_packets + report.damage.concealed_frames > 0
    assert (report.timing.frames, report.timing.claimed_frames) == (30, 30)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError):
        look(path)


def test_spread_takes_the_middles_and_reachable_stays_near_key_frames() -> None:
    assert spread(range(100), 4) == (12, 37, 62, 87)
    assert spread((5, 6), 4) == (5, 6)
    stamps = tuple(range(0, 1000))
    near = reachable(stamps, (0, 500))
    assert near == (*range(MAX_AFTER_KEY + 1), *range(500, 500 + MAX_AFTER_KEY + 1))
    assert reachable(stamps, ()) == tuple(range(MAX_AFTER_KEY + 1))
    assert reachable(stamps, stamps) == stamps


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("gop", ["12", "1000"])
def test_sampled_pictures_are_the_ones_at_their_time_stamps(tmp_path: Path, suffix: str, gop: str) -> None:
    count = 200
    path = encode(tmp_path / f"a{suffix}", range(0, 40 * count, 40), options={"g": gop, "bf": "2"}, last=40)
    info = probe(path)
    found = survey(info)
    assert found.packets == count
    wanted = spread(reachable(found.stamps, found.keys), 10)
    start = found.stamps[0]
    seen = []
    with SampleReader(info, wanted, found.keys) as reader:
        for frame in reader:
            index = round((frame.pts - start) * info.time_base * 25)
            assert frame.pts in wanted
            assert abs(float(frame.planes[0].mean()) - (16 + level(index) * 219 / 255)) < 1.5
            seen.append(index)
    assert len(seen) == 10
    assert max(seen) > (150 if gop == "12" else 80)
    assert max(seen) <= (count if gop == "12" else MAX_AFTER_KEY)
    back = 50 if suffix == ".ts" else 0  # a seek without an index has to begin two seconds earlier
    assert reader.decoded <= (10 * (12 + back) if gop == "12" else MAX_AFTER_KEY + 1)


def test_long_videos_are_sampled_unless_every_frame_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode(tmp_path / "a.mp4", range(0, 40 * 200, 40), options={"g": "25"}, last=40)
    monkeypatch.setattr(probe_report, "DECODED_PIXELS", 200 * SIZE[0] * SIZE[1] - 1)
    sampled = look(path)
    assert (sampled.damage.whole, sampled.timing.frames) == (False, 200)
    assert 24 <= sampled.damage.decoded_frames <= 200
    asked = inspect_file(path, model=None, track=TrackSettings(), every_frame=True).damage
    assert (asked.whole, asked.decoded_frames) == (True, 200)
    monkeypatch.setattr(probe_report, "DECODED_PIXELS", 200 * SIZE[0] * SIZE[1])
    assert look(path).damage.decoded_frames == 200


def test_a_sample_leaves_out_pictures_that_no_other_one_needs(tmp_path: Path) -> None:
    """The same pictures come, from fewer decoded ones; all of them where every one is referred to."""
    counts = []
    for b_frames in ("0", "3"):
        options = {"g": "60", "bf": b_frames, "x264-params": "b-adapt=0:b-pyramid=none:scenecut=0"}
        path = encode(tmp_path / f"{b_frames}.mp4", range(0, 40 * 120, 40), options=options, last=40)
        info = probe(path)
        found = survey(info)
        wanted = spread(found.stamps, 6)
        with SampleReader(info, wanted, found.keys) as reader:
            seen = [(frame.pts, float(frame.planes[0].mean())) for frame in reader]
        assert [pts for pts, _ in seen] == list(wanted)
        for pts, mean in seen:
            index = round((pts - found.stamps[0]) * info.time_base * 25)
            assert abs(mean - (16 + level(index) * 219 / 255)) < 1.5
        counts.append(reader.decoded)
    assert counts[0] > 2 * counts[1]


@pytest.mark.slow
def test_faces_are_numbered_from_left_to_right(tmp_path: Path, portrait: np.ndarray) -> None:
    head = cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA)
    small = cv2.resize(portrait, (176, 176), interpolation=cv2.INTER_AREA)
    turn = cv2.getRotationMatrix2D((128, 128), -15, 1)  # clockwise on the screen
    tilted = cv2.warpAffine(head, turn, (256, 256), borderMode=cv2.BORDER_REPLICATE)
    pictures = []
    for index in range(20):
        canvas = np.full((256, 640, 3), 110, np.uint8)
        canvas[:, 384:] = tilted
        if index >= 10:
            canvas[40:216, 60 + index : 236 + index] = small
        pictures.append(canvas)
    write_clip(tmp_path / "two.mp4", pictures, frame_rate=Fraction(25), crf=10)
    report = look(tmp_path / "two.mp4", faces=True)
    assert len(report.face_times_s) == 20
    assert report.faces is not None
    left, right = report.faces
    assert (left.index, right.index) == (0, 1)
    assert (left.frames, left.share, right.frames, right.share) == (10, 0.5, 20, 1.0)
    assert 60 < left.x < 250 < 384 < right.x < 640
    assert left.width_px == pytest.approx(220 * 176 / 768, rel=0.12)
    assert right.width_px == pytest.approx(220 * 256 / 768, rel=0.12)
    assert right.tilt_deg - left.tilt_deg == pytest.approx(15, abs=3)
    assert left.width_least_px <= left.width_px <= left.width_most_px


def test_a_clip_without_a_face_says_so(tmp_path: Path) -> None:
    report = look(encode(tmp_path / "a.mp4", range(0, 200, 40)), faces=True)
    assert (report.faces, len(report.face_times_s)) == ((), 5)


def test_the_census_keeps_faces_apart_and_joins_what_moves(
    face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    width = face.face_width_px
    beside = transformed(face, shift=(2.5 * width, 0))
    mirrored = Landmarks((face.points * np.float32([-1, 1]) + np.float32([768, 0])).astype(np.float32))
    pictures = [[beside, transformed(face, shift=(0.1 * width * step, 0))] for step in range(4)]
    found = census(pictures)
    assert [item.frames for item in found] == [4, 4]
    assert found[0].x < found[1].x
    grown = transformed(face, scale=2.5, shift=tuple(-1.5 * face.points.mean(axis=0)))
    assert len(census([[face], [grown]])) == 2
    assert census([[face]])[0].turn_deg == pytest.approx(float(np.degrees(face.yaw_rad)), abs=0.06)
    assert census([[mirrored]])[0].x == pytest.approx(768 - census([[face]])[0].x, abs=0.2)
    assert census([[], []]) == ()


def test_a_file_that_ends_early_has_fewer_frames_than_it_claims(tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.mkv", range(0, 4000, 40), last=40)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    timing = look(cut).timing
    assert 10 < timing.frames < 90
    assert timing.duration_s < 3.8
    assert timing.claimed_duration_s == pytest.approx(4)
