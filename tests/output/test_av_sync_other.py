"""Sound of the synced video or of another file, in sync with the picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from av_events import Sound, flash_times, make_clip, make_sound, phone_stamps, sound_span, spread
from av_runs import EVENTS, MAX_PACKET_S, OUTPUTS, STAMPS, assert_in_sync, need, render

from lipblend.output.sound.audio_plan import choose_audio
from lipblend.video.probe import probe

pytestmark = pytest.mark.usefixtures("quick_vp9")


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
