"""Whole runs on invalid time stamps and streams."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import kills
import numpy as np
import pytest
import seeds
from stream_runs import rewritten, run, times

from lipblend import composite_job
from lipblend.errors import InputError, LipblendError, OutputError
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

STEP = Fraction(1, 25)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("seeds")
    seeds.make_seeds(place)
    return place


@pytest.fixture(autouse=True)
def always_blended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run all stages on clips paired with themselves, although nothing changes in them."""
    monkeypatch.setattr(composite_job, "without_faces", lambda plan, **_: plan)


def even(count: int, start: Fraction = Fraction(0)) -> list[Fraction]:
    return [start + index * STEP for index in range(count)]


@pytest.mark.slow
def test_a_first_frame_before_zero_is_not_hidden(folder: Path, tmp_path: Path) -> None:
    """An mp4 without its header is read as a raw stream; FFmpeg guesses a start after its first frame."""
    raw = tmp_path / "raw.mp4"
    raw.write_bytes((folder / "mpeg4.mp4").read_bytes()[580:])
    with av.open(str(raw)) as file:
        first = next(frame for frame in file.decode(video=0))
        assert file.start_time / av.time_base > first.pts * first.time_base  # the premise of this test
    assert probe(raw).start_s == 0
    done = run(raw, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert sum(1 for _ in file.decode(video=0)) == done.frames == 5


@pytest.mark.slow(2)
def test_a_clock_that_restarts_is_continued_for_picture_and_sound(folder: Path, tmp_path: Path) -> None:
    joined = tmp_path / "joined.ts"
    joined.write_bytes((folder / "face.ts").read_bytes() * 3)
    for suffix in (".mp4", ".mkv"):
        out = tmp_path / f"out{suffix}"
        done = run(joined, out)
        assert done.frames == done.blended == 15
        assert any("time stamp not later than the one before" in note for note in done.notes)
        start = times(out)[0]
        assert [round(float(time - start), 3) for time in times(out)] == [float(time) for time in even(15)]
        with av.open(str(out)) as file:
            stamps = [float(packet.pts * packet.time_base) for packet in file.demux(audio=0) if packet.size]
        assert len(stamps) == 30
        assert np.diff(stamps) == pytest.approx(1024 / 44100, abs=0.0011)


@pytest.mark.slow
def test_one_backward_time_stamp_moves_only_one_frame(folder: Path, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "back.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width = stream.height = seeds.SIDE
        stream.pix_fmt = "yuv420p"
        for index, picture in enumerate(seeds.faces(6)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, STEP
            for packet in stream.encode(frame):
                out.mux(packet)
    data = (tmp_path / "back.mkv").read_bytes()
    # SimpleBlock: track 1, then the time stamp. The third frame's 80 ms become 10 ms.
    assert data.count(b"\x81\x00\x50\x00") == 1
    (tmp_path / "back.mkv").write_bytes(data.replace(b"\x81\x00\x50\x00", b"\x81\x00\x0a\x00"))
    done = run(tmp_path / "back.mkv", tmp_path / "out.mkv")
    assert done.frames == 6
    got = times(tmp_path / "out.mkv")
    assert [got[index] for index in (0, 1, 4, 5)] == [even(6)[index] for index in (0, 1, 4, 5)]
    assert got == sorted(set(got))
    assert any("back.mkv: " in note and "time stamp" in note for note in done.notes)


@pytest.mark.slow
def test_a_jump_of_ten_hours_is_kept(folder: Path, tmp_path: Path) -> None:
    def jump(index: int, packet: av.Packet) -> None:
        if index == 2:
            packet.pts += int(36000 / packet.time_base)
            packet.dts = packet.pts

    source = rewritten(folder / "face.mkv", tmp_path / "jump.mkv", jump)
    for name in ("out.mp4", "out.mkv"):
        assert run(source, tmp_path / name).frames == 3
        assert [round(float(time), 3) for time in times(tmp_path / name)] == [0, 0.04, 36000.08]


@pytest.mark.slow
def test_a_jump_that_the_container_cannot_hold_is_an_error(folder: Path, tmp_path: Path) -> None:
    def jump(index: int, packet: av.Packet) -> None:
        if index == 2:
            packet.pts += int(3_000_000_000 / packet.time_base)
            packet.dts = packet.pts

    source = rewritten(folder / "face.mkv", tmp_path / "jump.mkv", jump)
    assert (probe(source).duration_s or 1) > 0
    with pytest.raises(OutputError, match=r"does not accept the time stamps.*\.mkv"):
        run(source, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["jump.mkv"]


@pytest.mark.slow
def test_an_edit_list_that_starts_late_is_honoured(folder: Path, tmp_path: Path) -> None:
    """The first two frames are in the file, but hidden."""
    data = bytearray((folder / "face.mp4").read_bytes())
    at = data.index(b"elst") + 4
    count = int.from_bytes(data[at + 4 : at + 8], "big")
    assert count == 1
    media_time = int.from_bytes(data[at + 12 : at + 16], "big")
    data[at + 12 : at + 16] = (media_time + 2 * 512).to_bytes(4, "big")
    (tmp_path / "late.mp4").write_bytes(data)
    done = run(tmp_path / "late.mp4", tmp_path / "out.mp4")
    with VideoReader(probe(folder / "face.mp4")) as whole, VideoReader(probe(tmp_path / "late.mp4")) as late:
        shown = [frame.planes[0].copy() for frame in whole][2:]
        for wanted, frame in zip(shown, late, strict=True):
            np.testing.assert_array_equal(wanted, frame.planes[0])
    assert done.frames == 3
    assert times(tmp_path / "out.mp4") == even(3)


def test_a_video_of_one_frame(folder: Path, tmp_path: Path) -> None:
    done = run(folder / "one.mp4", tmp_path / "out.mp4")
    assert (done.frames, done.blended) == (1, 1)
    assert times(tmp_path / "out.mp4") == [0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["face.mp4", "face.ts", "mpeg4.mp4", "prores.mov"])
def test_damage_in_the_middle_is_concealed_and_counted(folder: Path, tmp_path: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    with av.open(str(folder / name)) as file:
        packets = [packet for packet in file.demux(video=0) if packet.size]
        largest = max(packets[1:], key=lambda packet: packet.size)
        at, size = largest.pos, largest.size
    source = tmp_path / name
    # Every 188th byte of a transport stream starts a packet header.
    for place in range(at + size // 3, at + size - 4, 47):
        if data[place] != 0x47:
            data[place] ^= 0x55
    source.write_bytes(data)
    done = run(source, tmp_path / "out.mov", folder / name)
    assert done.frames == len(times(folder / name))
    assert f"{name}: 1 frames are damaged" in done.notes


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("sound.m4a", (b"", b""), "holds no video: only audio"),
        ("face.mp4", (b"avc1", b"zzzz"), "no decoder for its video stream"),
    ],
)
def test_no_video_to_decode(folder: Path, tmp_path: Path, name: str, changed: tuple[bytes, bytes], said: str) -> None:
    source = tmp_path / name
    source.write_bytes((folder / name).read_bytes().replace(*changed))
    for pair in ((source, folder / "face.mp4"), (folder / "face.mp4", source)):
        with pytest.raises(InputError, match=said):
            run(pair[0], tmp_path / "out.mp4", pair[1])
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_an_unknown_sound_codec_does_not_stop_the_video(folder: Path, tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "odd.mov"
    source.write_bytes((folder / "face.mov").read_bytes().replace(b"sowt", b"zzzz"))
    assert any(audio.codec != "pcm_s16le" for audio in probe(source).audio)
    done = run(source, tmp_path / f"out{suffix}")
    assert done.frames == 4
    with av.open(str(tmp_path / f"out{suffix}")) as file:
        kept = len(file.streams.audio)
    assert kept or any("sound stream" in note for note in done.notes)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_absurd_dimensions_are_refused_without_allocating_memory(tmp_path: Path) -> None:
    source = tmp_path / "huge.avi"
    with av.open(str(source), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width = stream.height = seeds.SIDE
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(seeds.faces(1)[0], format="rgb24").reformat(format="yuv420p")
        frame.pts = 0
        out.mux([*stream.encode(frame), *stream.encode(None)])
    small, huge = (seeds.SIDE.to_bytes(4, "little") * 2, (14000).to_bytes(4, "little") * 2)
    data = source.read_bytes()
    assert small in data
    source.write_bytes(data.replace(small, huge))
    measure = (
        "import sys\nfrom pathlib import Path\nfrom lipblend.errors import InputError\n"
        "from lipblend.video.probe import probe\n"
        "try:\n    probe(Path(sys.argv[1]))\nexcept InputError as error:\n    print(error)\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    words = [sys.executable, "-c", measure, str(source)]
    said = subprocess.run(words, capture_output=True, text=True, check=True, env=kills.environment()).stdout
    assert "14000x14000 are too large" in said
    assert int(said.split()[-2]) < 250_000


def test_a_changing_picture_size_is_refused(folder: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.ts"
    with av.open(str(small), "w", format="mpegts") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width = stream.height = seeds.SIDE // 2
        stream.pix_fmt = "yuv420p"
        for index, picture in enumerate(seeds.faces(5)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(width=seeds.SIDE // 2, height=seeds.SIDE // 2, format="yuv420p")
            frame.pts, frame.time_base = index, STEP
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    source = tmp_path / "grows.ts"
    source.write_bytes((folder / "face.ts").read_bytes() + small.read_bytes())
    small.unlink()
    with pytest.raises(LipblendError, match="picture size changes from 128x128 to 64x64") as caught:
        run(source, tmp_path / "out.mp4")
    assert caught.value.exit_code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["grows.ts"]


@pytest.mark.slow(3)
@pytest.mark.parametrize("grows", ["original", "synced"])
def test_a_file_that_grows_during_the_run_is_read_as_it_was_at_the_start(
    folder: Path, tmp_path: Path, grows: str
) -> None:
    whole = (folder / "face.ts").read_bytes()
    growing, still = tmp_path / "growing.ts", tmp_path / "still.ts"
    # Longer than the readers' queues when the first frame is reported.
    growing.write_bytes(whole * 8)
    still.write_bytes(whole * 8)
    plain = run(still, tmp_path / "plain.mp4", still)
    calls: list[object] = []

    def grow(progress: object) -> None:
        calls.append(progress)
        if len(calls) < 400:  # or a reader that follows the file would never end
            with growing.open("ab") as file:
                file.write(whole * 4)

    pair = (growing, still) if grows == "original" else (still, growing)
    done = run(pair[0], tmp_path / "out.mp4", pair[1], on_progress=grow)
    assert growing.stat().st_size > 30 * len(whole)
    assert len(times(tmp_path / "out.mp4")) == done.frames == plain.frames
    assert done.blended == plain.blended


@pytest.mark.slow
def test_a_file_that_shrinks_during_the_run_is_an_error(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "shrinks.ts"
    source.write_bytes((folder / "face.ts").read_bytes() * 8)

    # The readers run ahead and buffer small files, so the file is cut before they start.
    real = composite_job.make_plan

    def cut(*arguments: object, **options: object) -> object:
        source.write_bytes((folder / "face.ts").read_bytes())
        return real(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composite_job, "make_plan", cut)
        with pytest.raises(InputError, match="changed while it was being read"):
            run(source, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["shrinks.ts"]


@pytest.mark.slow
def test_a_pair_with_two_chroma_grids(folder: Path, tmp_path: Path) -> None:
    """ProRes 4:2:2 and H.264 4:2:0, both ways: boxes aligned to one grid are misaligned on the other."""
    for pair in (("prores.mov", "face.mp4"), ("face.mp4", "prores.mov")):
        done = run(folder / pair[0], tmp_path / "out.mov", folder / pair[1])
        assert done.blended >= 2
