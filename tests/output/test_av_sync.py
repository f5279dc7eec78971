"""Sound and picture stay in sync: flashes and tones of the same moments are found again in the output."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av_events import (
    Sound,
    flash_times,
    make_clip,
    make_sound,
    move_edits,
    phone_stamps,
    sound_span,
    spread,
    tone_times,
    with_other_sound_stamps,
)

from lipblend.output import encoding
from lipblend.output.sound.audio_plan import AudioPlan, choose_audio
from lipblend.output.sound.routes import PcmRoute
from lipblend.settings import EncodeSettings
from lipblend.video.probe import probe
from tests.small_videos import QUICK, rewrite

FRAME_S = 1001 / 30000
# A tenth of a frame; the promise is one. What was measured: 0.1 ms (mp4, mov), 1.4 ms (Matroska counts milliseconds).
CLOSE_S = 0.003
OUTPUTS = ("mp4", "mov", "mkv", "webm")
MAX_PACKET_S = {
    "aac": 1024 / 48000,
    "libopus": 0.02,
    "libmp3lame": 1152 / 48000,
    "ac3": 1536 / 48000,
    "flac": 0.096,
}
STAMPS = phone_stamps(5)
EVENTS = spread(STAMPS, 0.6, 4.6, 6)


@pytest.fixture(autouse=True)
def quick_vp9(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quality of VP9 does not matter here."""
    options = encoding.encoder_options

    def quick(encode: EncodeSettings, codec: av.Codec, depth: int) -> tuple[dict[str, str], list[str]]:
        given, notes = options(encode, codec, depth)
        return given | ({"deadline": "realtime", "cpu-used": "8"} if codec.name == "libvpx-vp9" else {}), notes

    monkeypatch.setattr(encoding, "encoder_options", quick)


def render(source: Path, target: Path, plan: AudioPlan | None = None, **more: object) -> list[str]:
    """Write every frame of a clip again; returns the writer's notes."""
    webm = target.suffix == ".webm"
    encode = EncodeSettings(encoder="libvpx-vp9", crf=40) if webm else QUICK
    info = probe(source)
    return rewrite(source, target, encode, plan or choose_audio(info, info, "auto"), **more).notes


def assert_in_sync(path: Path, events: int, *, close_s: float = CLOSE_S) -> None:
    flashes, tones = flash_times(path), tone_times(path)
    assert len(flashes) == len(tones) == events
    apart = np.abs(tones - flashes).max()
    print(f"largest |flash - tone| {1000 * apart:.3f} ms over {events} events")
    assert apart <= min(close_s, FRAME_S)


def need(codec: str) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"{codec} is not built in")


@pytest.fixture(scope="module")
def ten_minutes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    stamps = [1001 * index for index in range(17982)]
    events = [6, *(int(index) for index in np.linspace(100, 17957, 60))]
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return make_clip(path, stamps, events, time_base=Fraction(1, 30000)), len(events)


@pytest.mark.slow(8)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_ten_minutes_at_29_97(ten_minutes: tuple[Path, int], tmp_path: Path, suffix: str) -> None:
    source, events = ten_minutes
    target = tmp_path / f"out.{suffix}"
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


def moved(path: Path, offset_s: float, codec: str) -> tuple[Path, float]:
    """A synced video whose first frame belongs so many seconds into the original; and the exact number."""
    if offset_s > 0:
        skipped = next(index for index, stamp in enumerate(STAMPS) if stamp >= offset_s * 90000)
        stamps = [stamp - STAMPS[skipped] for stamp in STAMPS[skipped:]]
        events, exact = [event - skipped for event in EVENTS if event > skipped], STAMPS[skipped] / 90000
    else:
        before = [3000 * index for index in range(round(-offset_s * 30))]
        stamps = before + [stamp + 3000 * len(before) for stamp in STAMPS]
        events, exact = [event + len(before) for event in EVENTS], -len(before) / 30
    return make_clip(path, stamps, events, sound=Sound(codec)), exact


@pytest.mark.slow
@pytest.mark.parametrize("start", [0, 30000])
@pytest.mark.parametrize("offset_s", [0.5, -0.5])
@pytest.mark.parametrize(
    ("before", "codec"),
    [
        ("mp4", "aac"), ("mp4", "libmp3lame"), ("mp4", "flac"), ("mkv", "aac"), ("mkv", "libopus"),
        ("mkv", "pcm_s16le"), ("ts", "ac3"),
    ],
)  # fmt: skip
def test_the_synced_sound_at_an_offset(tmp_path: Path, before: str, codec: str, offset_s: float, start: int) -> None:
    need(codec)
    original = make_clip(tmp_path / "in.mp4", [stamp + start for stamp in STAMPS], EVENTS, sound=None)
    synced, exact = moved(tmp_path / f"synced.{before}", offset_s, codec)
    plan = choose_audio(probe(original), probe(synced), "auto", timeline="original", offset_s=exact)
    for after in OUTPUTS:
        target = tmp_path / f"out.{after}"
        render(original, target, plan)
        assert_in_sync(target, len(EVENTS))
        assert probe(target).start_s == pytest.approx(start / 90000, abs=0.001)
        first, _ = sound_span(target)
        expected = max(offset_s, 0)
        # Where the output's clock is not at 0, the silence of a codec's lead-in may come before; but no tone does.
        lead_in = 0.06 if offset_s > 0 or start else 0.001
        assert expected - lead_in <= first <= expected + MAX_PACKET_S.get(codec, 0) + 0.035


@pytest.mark.slow
@pytest.mark.parametrize("before", ["mp4", "mkv", "ts"])
def test_the_synced_timeline_with_the_synced_sound(tmp_path: Path, before: str) -> None:
    original = make_clip(tmp_path / "in.mp4", STAMPS, EVENTS)
    stamps = [3003 * index + 9009 for index in range(120)]
    synced = make_clip(tmp_path / f"synced.{before}", stamps, [30, 60, 100])
    plan = choose_audio(probe(original), probe(synced), "auto", timeline="synced", offset_s=0.7)
    for after in OUTPUTS:
        target = tmp_path / f"out.{after}"
        render(synced, target, plan)
        assert_in_sync(target, 3)


@pytest.mark.slow
def test_the_originals_sound_on_the_synced_timeline_starts_with_its_picture(tmp_path: Path) -> None:
    original = make_clip(tmp_path / "in.mp4", [stamp + 30000 for stamp in STAMPS], EVENTS)
    synced = make_clip(tmp_path / "synced.mkv", STAMPS, EVENTS, sound=None)
    plan = choose_audio(probe(original), probe(synced), "original", timeline="synced", offset_s=0.7)
    for after in OUTPUTS:
        target = tmp_path / f"out.{after}"
        render(synced, target, plan)
        assert_in_sync(target, len(EVENTS))
        assert sound_span(target)[0] >= -0.001


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "codec"), [("a.wav", "pcm_s16le"), ("a.m4a", "aac"), ("a.mp3", "libmp3lame"), ("a.flac", "flac")]
)
@pytest.mark.parametrize("start", [0, 30000])
def test_a_sound_file(tmp_path: Path, name: str, codec: str, start: int) -> None:
    need(codec)
    original = make_clip(tmp_path / "in.mp4", [stamp + start for stamp in STAMPS], EVENTS, sound=None)
    sound = make_sound(tmp_path / name, [STAMPS[event] / 90000 for event in EVENTS], codec=codec, to_s=5)
    plan = choose_audio(probe(original), probe(original), str(sound))
    for after in OUTPUTS:
        render(original, tmp_path / f"out.{after}", plan)
        assert_in_sync(tmp_path / f"out.{after}", len(EVENTS))


@pytest.mark.slow
@pytest.mark.parametrize("after", OUTPUTS)
@pytest.mark.parametrize("codec", ["aac", "libopus", "libmp3lame", "flac", "ac3", "pcm_s16le"])
def test_trimmed_sound_ends_within_a_packet_of_the_last_picture(tmp_path: Path, after: str, codec: str) -> None:
    need(codec)
    source = make_clip(tmp_path / "in.mkv", STAMPS, EVENTS, sound=Sound(codec))
    target = tmp_path / f"out.{after}"
    notes = render(source, target, limit=70, trim=True)
    end = STAMPS[70] / 90000
    packet = MAX_PACKET_S.get(codec, 8192 / 48000) + (0.03 if any("re-encoded" in note for note in notes) else 0)
    assert end - 0.002 <= sound_span(target)[1] <= end + packet + 0.002
    assert_in_sync(target, sum(event < 70 for event in EVENTS))


@pytest.mark.slow(8)
@pytest.mark.parametrize(("source", "suffix"), [("original", "mp4"), ("synced", "mkv")])
def test_a_whole_run_on_a_variable_rate_clip(portrait: np.ndarray, tmp_path: Path, source: str, suffix: str) -> None:
    from lipblend import Settings, composite

    still = cv2.resize(portrait, (320, 320), interpolation=cv2.INTER_AREA)
    talking = still.copy()
    talking[135:185, 120:200] = cv2.GaussianBlur(still[131:181, 120:200], (0, 0), 1.5)
    stamps = phone_stamps(3)
    events = spread(stamps, 0.5, 2.7, 4)
    original = make_clip(tmp_path / "original.mp4", stamps, events, picture=still)
    synced = make_clip(tmp_path / "synced.mkv", stamps, events, picture=talking, sound=Sound("flac", to_s=3.3))
    settings = Settings.model_validate({"encode": {"preset": "ultrafast"}, "audio": {"source": source}})
    done = composite(original, synced, tmp_path / f"out.{suffix}", settings=settings)
    assert done.frames == len(stamps)
    assert done.blended == done.frames
    assert done.audio == source
    assert_in_sync(done.output, len(events))
    np.testing.assert_allclose(flash_times(done.output), flash_times(original), atol=0.001)
