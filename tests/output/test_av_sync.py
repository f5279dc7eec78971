"""Sound and picture stay in sync: flashes and tones of the same moments are found again in the output."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av_events import (
    Sound,
    flash_times,
    make_clip,
    move_edits,
    phone_stamps,
    spread,
    tone_times,
    with_other_sound_stamps,
)
from av_runs import CLOSE_S, EVENTS, OUTPUTS, STAMPS, assert_in_sync, need, render

from lipblend.output.sound.routes import PcmRoute
from lipblend.video.probe import probe

pytestmark = pytest.mark.usefixtures("quick_vp9")


@pytest.fixture(scope="module")
def ten_minutes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    stamps = [1001 * index for index in range(17982)]
    events = [6, *(int(index) for index in np.linspace(100, 17957, 60))]
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return make_clip(path, stamps, events, time_base=Fraction(1, 30000)), len(events)


@pytest.mark.thorough
def test_ten_minutes_at_29_97(ten_minutes: tuple[Path, int], tmp_path: Path) -> None:
    source, events = ten_minutes
    target = tmp_path / "out.mkv"
    render(source, target)
    times = flash_times(target)
    assert times[0] < 1
    assert times[-1] > 599
    assert probe(target).frame_count in (17982, None)
    assert_in_sync(target, events)


SOURCES = [
    *(("mp4", codec) for codec in ("aac", "libopus", "libmp3lame", "flac", "ac3", "pcm_s16le")),
    *(("mkv", codec) for codec in ("aac", "libopus", "libmp3lame", "flac", "ac3", "pcm_s24le")),
    *(("ts", codec) for codec in ("aac", "libmp3lame", "ac3")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("before", "codec"), SOURCES)
def test_a_variable_rate_clip_with_every_sound(tmp_path: Path, before: str, codec: str) -> None:
    need(codec)
    source = make_clip(tmp_path / f"in.{before}", STAMPS, EVENTS, sound=Sound(codec))
    assert_in_sync(source, len(EVENTS))
    for after in OUTPUTS:
        render(source, tmp_path / f"out.{after}")
        assert_in_sync(tmp_path / f"out.{after}", len(EVENTS))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sound", "start"),
    [
        ((0.33, None), 0), ((-0.333, None), 0), ((0.0, None), 30000), ((0.8, None), 30000), ((0.0, 4.0), 0),
        ((0.0, 7.0), 0),
    ],
    ids=["sound late", "sound early", "picture late", "both late", "sound short", "sound long"],
)  # fmt: skip
@pytest.mark.parametrize("before", ["mp4", "mkv"])
@pytest.mark.parametrize("codec", ["aac", "libmp3lame", "libopus", "flac", "ac3", "pcm_s16le"])
def test_sound_that_starts_or_ends_elsewhere(
    tmp_path: Path, before: str, codec: str, sound: tuple[float, float | None], start: int
) -> None:
    need(codec)
    stamps = phone_stamps(5, start=start)
    events = spread(stamps, 1.1, 3.7, 4)
    source = make_clip(tmp_path / f"in.{before}", stamps, events, sound=Sound(codec, *sound))
    for after in ("mp4", "mkv", "webm"):
        target = tmp_path / f"out.{after}"
        render(source, target)
        assert_in_sync(target, len(events))
        assert probe(target).start_s == pytest.approx(probe(source).start_s, abs=0.001)


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["aac", "libmp3lame", "libopus", "ac3"])
@pytest.mark.parametrize("cut_s", [0.0, 1.0])
def test_edit_lists(tmp_path: Path, codec: str, cut_s: float) -> None:
    need(codec)
    # Even steps: FFmpeg moves a picture that an edit list cuts through to the cut.
    stamps, events = [3000 * index for index in range(150)], [45, 70, 100, 140]
    source = make_clip(tmp_path / "in.mp4", stamps, events, sound=Sound(codec))
    move_edits(source, round(cut_s * 90000), round(cut_s * 48000))
    before = flash_times(source)
    assert before[0] == pytest.approx(1.5 - cut_s, abs=1e-4)
    for after in OUTPUTS:
        render(source, tmp_path / f"out.{after}")
        assert_in_sync(tmp_path / f"out.{after}", 4)
        np.testing.assert_allclose(flash_times(tmp_path / f"out.{after}"), before, atol=0.001)


@pytest.mark.slow
def test_a_codec_delay_of_another_length(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", STAMPS, EVENTS)
    move_edits(source, 0, 2112 - 1024)  # Apple's: the sound now comes 1088 samples early, and has to stay so
    for after in OUTPUTS:
        target = tmp_path / f"out.{after}"
        render(source, target)
        np.testing.assert_allclose(tone_times(target) - flash_times(target), -1088 / 48000, atol=CLOSE_S)


@pytest.mark.slow
@pytest.mark.parametrize("clock_s", [0, 3600, 95000, 95441])  # the last one passes the clock's end, 2**33 / 90000 s
@pytest.mark.parametrize("codec", ["aac", "ac3"])
def test_a_broadcast_clock_that_starts_anywhere(tmp_path: Path, clock_s: int, codec: str) -> None:
    options = {"output_ts_offset": str(clock_s)}
    source = make_clip(tmp_path / "in.ts", STAMPS, EVENTS, sound=Sound(codec), options=options)
    for after in OUTPUTS:
        render(source, tmp_path / f"out.{after}")
        assert_in_sync(tmp_path / f"out.{after}", len(EVENTS))
        assert flash_times(tmp_path / f"out.{after}")[-1] < 5


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["aac", "libopus", "flac", "pcm_s16le", "pcm_u8"])
def test_a_gap_in_the_sound(tmp_path: Path, codec: str) -> None:
    need(codec)
    events = [*spread(STAMPS, 0.6, 1.6, 2), *spread(STAMPS, 3.0, 4.6, 3)]
    whole = make_clip(tmp_path / "whole.mkv", STAMPS, events, sound=Sound(codec))
    source = with_other_sound_stamps(whole, tmp_path / "in.mkv", hole_s=(2.0, 2.6))
    for after in OUTPUTS:
        render(source, tmp_path / f"out.{after}")
        assert_in_sync(tmp_path / f"out.{after}", 5)


def test_uncompressed_sound_continues_when_its_clock_is_reset(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", STAMPS, EVENTS, sound=Sound("pcm_s16le"))
    second = b"\1\0" * 2 * 48000
    with av.open(str(source)) as read, av.open(str(tmp_path / "out.mov"), "w") as out:
        sound = read.streams.audio[0]
        route = PcmRoute(sound, out.add_stream_from_template(sound), Fraction(0), from_s=Fraction(0), fill=True)
        made = []
        for start_ms in (0, 1000, 0, 1000, 2000):
            packet = av.Packet(second)
            packet.time_base, packet.pts, packet.dts = Fraction(1, 1000), start_ms, start_ms
            made += [(each.pts, each.duration) for each in route.packets(packet)]
    assert made == [(48000 * second, 48000) for second in range(5)]


def test_a_gap_of_hours_is_not_filled(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mkv", STAMPS, EVENTS, sound=Sound("pcm_s16le"))
    source = with_other_sound_stamps(whole, tmp_path / "in.mkv", later_s=3600)
    render(source, tmp_path / "out.mov")
    assert (tmp_path / "out.mov").stat().st_size < 2 * whole.stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["aac", "libopus", "pcm_s16le"])
@pytest.mark.parametrize("speed", [0.99, 1.01])
def test_sound_whose_clock_runs_at_another_speed(tmp_path: Path, codec: str, speed: float) -> None:
    need(codec)
    whole = make_clip(tmp_path / "whole.mkv", STAMPS, EVENTS, sound=Sound(codec))
    source = with_other_sound_stamps(whole, tmp_path / "in.mkv", speed=speed)
    apart = tone_times(source) - flash_times(source)
    assert abs(apart[-1]) > 0.04
    for after in OUTPUTS:
        target = tmp_path / f"out.{after}"
        render(source, target)
        np.testing.assert_allclose(tone_times(target) - flash_times(target), apart, atol=CLOSE_S)
