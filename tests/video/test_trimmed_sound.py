"""Sound that an edit list trims stays in sync with the picture."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from tests.edits import EMPTY, with_edits
from tests.small_videos import MakeVideo, rewrite

FRAMES = 60
B_FRAMES = {"qp": "0", "preset": "ultrafast", "bf": "2", "g": "24"}


def s(frames: float) -> float:
    return frames / 25


PRIMING_S = 1024 / 44100
SOUNDS = {  # edits of the picture, those of the sound, where a sound of the output was in the whole file
    "start": ([(s(10), s(50))], (s(10), s(50)), {0.5: 0.9}),
    "delayed and start": ([(EMPTY, s(5)), (s(10), s(50))], (EMPTY, s(5), s(10), s(50)), {0.5: 0.7}),
    "two parts": ([(s(5), s(10)), (s(30), s(10))], (s(5), s(10), s(30), s(10)), {0.1: 0.3, 0.55: 1.35}),
}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
@pytest.mark.parametrize(("edits", "sound", "places"), SOUNDS.values(), ids=SOUNDS)
def test_sound_stays_in_sync_and_what_was_cut_off_is_silent(
    make_video: MakeVideo,
    samples: Callable[..., tuple[Fraction, np.ndarray]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    suffix: str,
    codec: str,
    edits: list[tuple[float, float]],
    sound: tuple[float, ...],
    places: dict[float, float],
) -> None:
    if (codec, suffix) == ("pcm_s16le", "mp4"):
        suffix = "mov"
    monkeypatch.setitem(make_video.__globals__, "_tone", chirp)
    whole = make_video("whole.mov", frames=FRAMES, options=B_FRAMES, audio=(codec,), audio_s=2.4)
    priming_s = PRIMING_S if codec == "aac" else 0
    pairs = [(a if a == EMPTY else a + priming_s, b) for a, b in zip(sound[::2], sound[1::2], strict=True)]
    path = with_edits(with_edits(whole, tmp_path / "v.mov", edits), tmp_path / "trimmed.mov", pairs, kind=b"soun")
    info, out = probe(path), tmp_path / f"out.{suffix}"
    rewrite(path, out)
    start, heard = wave(samples(out))
    _, before = wave(samples(whole))
    assert abs(start - info.start_s) < PRIMING_S + 0.001  # a packet across the cut may go
    for at_s, was_s in places.items():
        place = round((at_s - start) * 44100)
        part = heard[place : place + 2048]
        found = np.correlate(before, part, "valid").argmax()
        assert abs(found / 44100 - was_s) < 0.005  # FFmpeg joins parts of AAC to within a fraction of a packet
    with VideoReader(probe(out)) as reader:
        shown = [round(frame.time_s, 3) for frame in reader]
    with VideoReader(info) as reader:
        assert shown == [round(frame.time_s, 3) for frame in reader]


def chirp(stream: av.audio.stream.AudioStream, recipe: object, number: int) -> list[av.Packet]:
    """Sound that is nowhere the same: 300 Hz, rising by 800 Hz a second."""
    rate = stream.codec_context.sample_rate
    time = np.arange(round(2.4 * rate)) / rate
    tone = 0.4 * np.sin(2 * np.pi * (300 * time + 400 * time**2))
    frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]).astype(np.float32), format="fltp", layout="stereo")
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
    return [*stream.encode(frame), *stream.encode(None)]


def wave(found: tuple[Fraction, np.ndarray]) -> tuple[float, np.ndarray]:
    """Start and one channel."""
    start, data = found
    return float(start), (data[0] if len(data) > 1 else data[0][::2]).astype(np.float64)
