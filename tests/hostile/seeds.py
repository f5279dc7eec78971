"""Small valid files for the fuzzer, in various containers and codecs, most of them with a face."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from skimage import data

SIDE = 128
RATE = 25


@dataclass(frozen=True)
class Seed:
    """Parameters of one valid file."""

    name: str
    codec: str
    pix_fmt: str = "yuv420p"
    audio: str | None = None
    face: bool = False
    frames: int = 5
    options: tuple[tuple[str, str], ...] = ()
    start: int = 0


SEEDS = (
    Seed("face.mp4", "libx264", audio="aac", face=True, options=(("preset", "ultrafast"), ("bf", "1"))),
    Seed("face.mkv", "ffv1", audio="libopus", face=True, frames=3),
    Seed("face.mov", "mjpeg", "yuvj420p", audio="pcm_s16le", face=True, frames=4),
    Seed("plain.mp4", "libx264", audio="aac", options=(("preset", "ultrafast"), ("g", "3"))),
    Seed("vp9.mkv", "libvpx-vp9", audio="libopus", face=True, options=(("cpu-used", "8"), ("deadline", "realtime"))),
    Seed("prores.mov", "prores_ks", "yuv422p10le", face=True, frames=2),
    Seed(
        "hevc.mp4",
        "libx265",
        audio="aac",
        face=True,
        options=(("preset", "ultrafast"), ("x265-params", "log-level=none")),
    ),
    Seed("mpeg4.mp4", "mpeg4", audio="aac", face=True, start=700),
    Seed("plain.webm", "libvpx-vp9", options=(("cpu-used", "8"), ("deadline", "realtime"))),
    Seed("face.ts", "libx264", audio="aac", face=True, options=(("preset", "ultrafast"),)),
    Seed("one.mp4", "libx264", face=True, frames=1, options=(("preset", "ultrafast"),)),
)
ALONE = "sound.m4a"


def make_seeds(folder: Path) -> dict[str, bytes]:
    """Write all seeds to a folder; returns content by name. ``sound.m4a`` has no video."""
    for seed in SEEDS:
        _write(folder / seed.name, seed)
    with av.open(str(folder / ALONE), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=44100, layout="mono")
        out.mux(_tone(stream, 0.2))
    return {name: (folder / name).read_bytes() for name in (*(seed.name for seed in SEEDS), ALONE)}


def faces(count: int) -> list[np.ndarray]:
    """(SIDE, SIDE, 3) uint8: scikit-image's NASA portrait, nodding slightly."""
    head = data.astronaut()[10:200, 130:320]
    small = cv2.resize(head, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return [np.ascontiguousarray(np.roll(small, index % 3, axis=0)) for index in range(count)]


def _plain(count: int) -> list[np.ndarray]:
    ramp = np.add.outer(np.arange(SIDE), np.arange(SIDE))
    return [np.repeat(((ramp + 9 * index) % 256).astype(np.uint8)[..., None], 3, 2) for index in range(count)]


def _write(path: Path, seed: Seed) -> None:
    formats = {".ts": "mpegts", ".mkv": "matroska"}
    with av.open(str(path), "w", format=formats.get(path.suffix, path.suffix[1:])) as out:
        stream = out.add_stream(seed.codec, rate=RATE, options=dict(seed.options))
        stream.width = stream.height = SIDE
        stream.pix_fmt = seed.pix_fmt
        stream.codec_context.thread_count = 1
        rate = 48000 if seed.audio == "libopus" else 44100
        sound = out.add_stream(seed.audio, rate=rate, layout="mono") if seed.audio else None
        packets = []
        for index, picture in enumerate(faces(seed.frames) if seed.face else _plain(seed.frames)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=seed.pix_fmt)
            frame.pts, frame.time_base = seed.start + index, Fraction(1, RATE)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        sounds = _tone(sound, seed.frames / RATE) if sound is not None else []
        for pair in itertools.zip_longest(packets, sounds):
            out.mux([packet for packet in pair if packet is not None])


def _tone(stream: av.audio.stream.AudioStream, seconds: float) -> list[av.Packet]:
    rate = stream.codec_context.sample_rate
    wave = (0.3 * np.sin(np.arange(int(rate * seconds)) * 0.06)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(wave[None], format="flt", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    packets = []
    wanted = stream.codec_context.format.name
    resampler = av.AudioResampler(format=wanted, layout="mono", rate=rate)
    for part in resampler.resample(frame):
        packets += stream.encode(part)
    return [*packets, *stream.encode(None)]
