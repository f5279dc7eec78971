"""Clips with known moments written again, and whether sound and picture are still in sync."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av_events import flash_times, phone_stamps, spread, tone_times

from lipblend.output.sound.audio_plan import AudioPlan, choose_audio
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
