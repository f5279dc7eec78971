"""The output's sound: chosen, copied or re-encoded, in sync; with tags, chapters and subtitles."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipblend.output.sound.audio_plan import choose_audio, length_notes
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from tests.small_videos import MakeVideo, rewrite

Samples = Callable[..., tuple[Fraction, np.ndarray]]


def onset_s(start: Fraction, wave: np.ndarray, rate: int) -> float:
    return float(start) + float(np.argmax(np.abs(wave).max(axis=0) > 0.1)) / rate


@pytest.mark.parametrize("before", ["mp4", "mkv"])
@pytest.mark.parametrize("after", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("codec", ["aac", "flac", "libopus", "pcm_s16le"])
@pytest.mark.parametrize("start", [0, 507])
def test_copied_sound_is_identical_and_in_sync(
    make_video: MakeVideo, tmp_path: Path, samples: Samples, before: str, after: str, codec: str, start: int
) -> None:
    source = make_video(f"original.{before}", audio=(codec,), start=start, frames=12)
    target = tmp_path / f"out.{after}"
    writer = rewrite(source, target)
    if any("re-encoded" in note for note in writer.notes):
        pytest.skip(f"{after} cannot hold {codec}")
    (start_s, wave), (copied_start_s, copied) = samples(source), samples(target)
    if (codec, before, after) == ("libopus", "mkv", "mp4"):
        # mp4 says how long the last packet lasts; FFmpeg's decoder gives all of it all the same.
        assert 0 <= copied.shape[1] - wave.shape[1] < 960
        copied = copied[:, : wave.shape[1]]
    np.testing.assert_array_equal(wave, copied)
    offset = start_s - Fraction(probe(source).start_s) - (copied_start_s - Fraction(probe(target).start_s))
    assert abs(offset) <= Fraction(2, 1000) if "mkv" in (before, after) else abs(offset) <= Fraction(1, 20000)


@pytest.mark.parametrize("seconds", [0.1, 1.5])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sound_shorter_or_longer_than_the_picture_is_kept_whole(
    make_video: MakeVideo, tmp_path: Path, samples: Samples, seconds: float, suffix: str
) -> None:
    source = make_video(audio=("aac",), audio_s=seconds)
    target = tmp_path / f"out.{suffix}"
    rewrite(source, target)
    np.testing.assert_array_equal(samples(source)[1], samples(target)[1])


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_trimmed_sound_ends_with_the_picture(
    make_video: MakeVideo, tmp_path: Path, samples: Samples, suffix: str
) -> None:
    source = make_video(frames=25, audio=("aac",), audio_s=1.0)
    target = tmp_path / f"out.{suffix}"
    rewrite(source, target, limit=10, trim=True)
    start, wave = samples(target)
    end = float(start) + wave.shape[1] / 44100
    assert 0.4 - 0.001 <= end <= 0.4 + 1024 / 44100 + 0.001
    np.testing.assert_array_equal(wave, samples(source)[1][:, : wave.shape[1]])


def test_all_sound_streams_of_the_original_are_kept(make_video: MakeVideo, tmp_path: Path, samples: Samples) -> None:
    source, target = make_video(audio=("aac", "aac", "flac")), tmp_path / "out.mkv"
    rewrite(source, target)
    assert [sound.codec for sound in probe(target).audio] == ["aac", "aac", "flac"]
    for number in range(3):
        np.testing.assert_array_equal(samples(source, number)[1], samples(target, number)[1])


@pytest.mark.parametrize(("start", "synced_start"), [(0, 0), (5120, 0), (0, 5120)])
def test_sound_of_the_synced_video_follows_its_picture(
    make_video: MakeVideo, tmp_path: Path, samples: Samples, start: int, synced_start: int
) -> None:
    original = make_video(start=start)
    # The tone begins 0.1 s after the first picture of the synced video.
    synced = make_video(
        "synced.mp4", start=synced_start, audio=("pcm_s16le",), audio_start_s=synced_start / 12800 + 0.1
    )
    plan = choose_audio(probe(original), probe(synced), "synced")
    assert plan.taken == "synced"
    target = tmp_path / "out.mp4"
    rewrite(original, target, audio=plan)
    first, wave = samples(target)
    assert onset_s(first, wave, 44100) == pytest.approx(start / 12800 + 0.1, abs=0.002)


def test_a_sound_file_starts_with_the_picture(make_video: MakeVideo, tmp_path: Path, samples: Samples) -> None:
    original = make_video(start=5120)
    sound = tmp_path / "voice.wav"
    tone = 0.4 * np.sin(np.arange(22050) * 0.1)
    with av.open(str(sound), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=44100)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray((tone * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = 44100
        out.mux([*stream.encode(frame), *stream.encode(None)])
    plan = choose_audio(probe(original), probe(original), str(sound))
    assert (plan.taken, plan.source, plan.stream_index) == ("file", sound, 0)
    target = tmp_path / "out.mov"
    rewrite(original, target, audio=plan)
    start, wave = samples(target)
    assert float(start) == pytest.approx(0.4, abs=1e-4)
    np.testing.assert_array_equal(wave, samples(sound)[1])


def test_sound_that_does_not_fit_is_re_encoded_and_noted(
    make_video: MakeVideo, tmp_path: Path, samples: Samples
) -> None:
    source = make_video(audio=("aac",), audio_start_s=0.1, audio_s=0.6, frames=20)
    target = tmp_path / "out.webm"
    writer = rewrite(source, target, EncodeSettings(encoder="libvpx-vp9", crf=40))
    assert any("re-encoded from aac to libopus" in note for note in writer.notes)
    assert probe(target).audio[0].codec in ("opus", "libopus")
    start, wave = samples(target)
    assert onset_s(start, wave, 48000) == pytest.approx(0.1, abs=0.01)
    assert wave.shape[1] / 48000 + float(start) == pytest.approx(0.7, abs=0.05)


def test_sound_re_encoded_follows_its_picture(make_video: MakeVideo, tmp_path: Path, samples: Samples) -> None:
    original = make_video(start=0)
    synced = make_video("synced.mkv", start=5120, audio=("libopus",), audio_start_s=0.5)
    plan = choose_audio(probe(original), probe(synced), "synced")
    target = tmp_path / "out.mov"
    writer = rewrite(original, target, audio=plan)
    assert any("re-encoded" in note for note in writer.notes)
    start, wave = samples(target)
    assert onset_s(start, wave, 48000) == pytest.approx(0.1, abs=0.01)


def test_tags_chapters_and_languages_are_kept(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video(audio=("aac",), title="Talk", chapters=((0, 200, "one"), (200, 400, "two")))
    for suffix in ("mp4", "mov", "mkv"):
        target = tmp_path / f"out.{suffix}"
        writer = rewrite(source, target)
        assert writer.notes == []
        assert probe(target).metadata["title"] == "Talk"
        with av.open(str(target)) as container:
            chapters = [
                (
                    chapter["metadata"]["title"],
                    chapter["start"] * chapter["time_base"],
                    chapter["end"] * chapter["time_base"],
                )
                for chapter in container.chapters()
            ]
        assert chapters == [("one", 0, Fraction(1, 5)), ("two", Fraction(1, 5), Fraction(2, 5))]


def test_trimmed_chapters_end_with_the_picture(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video(chapters=((0, 200, "one"), (200, 300, "two"), (300, 400, "three")))
    target = tmp_path / "out.mp4"
    rewrite(source, target, limit=6, trim=True)
    with av.open(str(target)) as container:
        ends = [(c["metadata"]["title"], c["end"] * c["time_base"]) for c in container.chapters()]
    assert ends == [("one", Fraction(1, 5)), ("two", Fraction(6, 25))]


@pytest.mark.parametrize(
    ("codec", "before", "after", "kept"),
    [
        ("mov_text", "mp4", "mp4", True),
        ("mov_text", "mp4", "mov", True),
        ("mov_text", "mp4", "mkv", False),
        ("subrip", "mkv", "mkv", True),
        ("ass", "mkv", "mkv", True),
        ("subrip", "mkv", "mp4", False),
    ],
)
def test_subtitles(make_video: MakeVideo, tmp_path: Path, codec: str, before: str, after: str, kept: bool) -> None:
    source = make_video(f"original.{before}", subtitles=(codec,))
    target = tmp_path / f"out.{after}"
    writer = rewrite(source, target)
    assert probe(target).subtitle_count == int(kept)
    assert any("subtitle" in note and "dropped" in note for note in writer.notes) != kept
    if kept:
        with av.open(str(target)) as container:
            text = [
                (packet.pts * packet.time_base, packet.duration * packet.time_base)
                for packet in container.demux(subtitles=0)
                if b"hello" in bytes(packet)
            ]
        assert text == [(Fraction(1, 10), Fraction(1, 5))]


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "words"), [(3.0, "is 2."), (1.0, ""), (0.5, "ends 0.")])
@pytest.mark.parametrize("suffix", ["mp4", "wav"])
def test_a_note_gives_the_length_of_a_sound_file_that_does_not_fit(
    make_video: MakeVideo, tmp_path: Path, seconds: float, words: str, suffix: str
) -> None:
    picture = probe(make_video(frames=25))
    sound = make_video("voice.mp4", frames=25, audio=("aac",), audio_s=seconds)
    if suffix == "wav":
        sound = tmp_path / "voice.wav"
        with av.open(str(sound), "w") as container:
            stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
            for start in range(0, round(8000 * seconds), 400):
                block = av.AudioFrame.from_ndarray(np.zeros((1, 400), np.int16), format="s16", layout="mono")
                block.rate, block.pts = 8000, start
                container.mux(stream.encode(block))
            container.mux(stream.encode(None))
    plan = choose_audio(picture, picture, str(sound))
    notes = length_notes(plan, Fraction(1))
    assert len(notes) == bool(words)
    assert all(note.startswith(f"voice.{suffix} {words}") for note in notes)
    assert length_notes(choose_audio(picture, picture, "none"), Fraction(1)) == ()


def test_the_position_of_the_sound(make_video: MakeVideo) -> None:
    early, late = probe(make_video("a.mp4", audio=("aac",))), probe(make_video("b.mp4", audio=("aac",), start=5120))

    def place(source: str, *pair: VideoInfo, **more: object) -> tuple[float, float]:
        plan = choose_audio(*pair, source, **more)
        return float(plan.shift_s), float(plan.from_s)

    assert place("original", late, early, offset_s=0.5) == (0, 0)
    assert place("synced", late, early, offset_s=0.5) == pytest.approx((0.9, 0.4))
    assert place("synced", early, late, offset_s=-0.5) == pytest.approx((-0.9, 0))
    assert place("synced", early, late, timeline="synced", offset_s=0.5) == (0, 0)
    assert place("original", early, late, timeline="synced", offset_s=0.5) == pytest.approx((0.4, 0.4))
    assert place(str(early.path), late, early, timeline="original") == pytest.approx((0.4, 0.4))
    assert place(str(early.path), late, early, timeline="synced") == (0, 0)


def test_broadcast_sound_stays_in_sync(make_video: MakeVideo, tmp_path: Path, samples: Samples) -> None:
    source = make_video(
        "talk.ts", time_base=Fraction(1, 90000), durations=(3600,), start=0, audio=("aac",), audio_s=0.4
    )
    target = tmp_path / "out.mp4"
    rewrite(source, target)
    (start_s, wave), (copied_start_s, copied) = samples(source), samples(target)
    assert float(copied_start_s) == pytest.approx(float(start_s - probe(source).origin), abs=0.001)
    assert copied.shape == wave.shape
