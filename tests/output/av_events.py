"""Clips with known moments: the picture turns white and a short tone begins at the same time; and finding them again.

Both are looked up as a player would show them: pictures by their time stamps, sound sample by sample with encoder
delay, skipped samples and edit lists taken into account by the demuxer and decoder.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags

RATE = 48000
CLOCK = Fraction(1, 90000)
TONE_S = 0.012
WHITE_FRAMES = 3
_TONE_HZ = 2000
_SIZE = (96, 64)
_LOUD = 0.05
_CORNER = 32


def phone_stamps(seconds: float, *, start: int = 0) -> list[int]:
    """Time stamps of a phone-like clip on the 90000 clock: uneven steps, doubled frames, gaps of 0.2 s."""
    rng = np.random.default_rng(3)
    steps = rng.choice(
        [2970, 3000, 3003, 3030, 6006, 1500, 18000], int(seconds * 60), p=[0.2, 0.3, 0.3, 0.1, 0.05, 0.03, 0.02]
    )
    stamps = start + np.concatenate([[0], np.cumsum(steps)])
    return [int(stamp) for stamp in stamps if stamp < start + seconds * 90000]


def spread(stamps: Sequence[int], first_s: float, last_s: float, count: int) -> list[int]:
    """Frames next to evenly spread times, in seconds on the 90000 clock."""
    times = np.array(stamps) / 90000
    return [int(np.argmin(np.abs(times - at))) for at in np.linspace(first_s, last_s, count)]


@dataclass(frozen=True)
class Sound:
    """Sound of a test clip; it starts and ends at these times, in seconds, with the picture's last by default."""

    codec: str = "aac"
    from_s: float = 0.0
    to_s: float | None = None


def make_clip(
    path: Path,
    stamps: Sequence[int],
    events: Sequence[int],
    *,
    time_base: Fraction = CLOCK,
    sound: Sound | None = Sound(),
    options: dict[str, str] | None = None,
    picture: np.ndarray | None = None,
) -> Path:
    """Write a clip that turns white, and whose tones begin, at the frames named.

    With a picture, (h, w, 3) uint8 RGB, that one is shown, and only its upper left corner turns black or white.
    """
    with av.open(str(path), "w", container_options=options or {}) as out:
        video = out.add_stream("libx264", rate=30, options={"preset": "ultrafast", "qp": "20", "bf": "2"})
        context = video.codec_context
        pictures = [_shown(picture, level) for level in (16, 235)]
        context.width, context.height, context.pix_fmt = pictures[0].width, pictures[0].height, "yuv420p"
        video.time_base = context.time_base = time_base
        context.flags |= Flags.frame_duration
        writer = None
        if sound is not None:
            ends_s = float((2 * stamps[-1] - stamps[-2]) * time_base)
            times = [float(stamps[event] * time_base) for event in events]
            writer = _Tones(out, sound.codec, times, sound.from_s, ends_s if sound.to_s is None else sound.to_s)
        white = {event + more for event in events for more in range(WHITE_FRAMES)}
        for index, stamp in enumerate(stamps):
            shown = pictures[index in white]
            following = stamps[index + 1] if index + 1 < len(stamps) else 2 * stamp - stamps[index - 1]
            shown.pts, shown.time_base, shown.duration = stamp, time_base, following - stamp
            if writer is not None:
                writer.write_until(float(stamp * time_base))
            out.mux(video.encode(shown))
        out.mux(video.encode(None))
        if writer is not None:
            writer.finish()
    return path


def make_sound(path: Path, times: Sequence[float], *, codec: str, to_s: float) -> Path:
    """Write a file with sound alone, its tones at these times in seconds."""
    with av.open(str(path), "w") as out:
        _Tones(out, codec, times, 0.0, to_s).finish()
    return path


class _Tones:
    def __init__(
        self, out: av.container.OutputContainer, codec: str, times: Sequence[float], from_s: float, to_s: float
    ):
        self._out = out
        # The quickest coder: how well it codes is not the point.
        self._stream = out.add_stream(codec, rate=RATE, options={"aac_coder": "fast"} if codec == "aac" else {})
        self._stream.codec_context.layout = "stereo"
        self._position, self._stop = round(from_s * RATE), round(to_s * RATE)
        count = round(TONE_S * RATE)
        self._tone = 0.8 * np.hanning(count) * np.sin(2 * np.pi * _TONE_HZ * np.arange(count) / RATE)
        self._starts = [round(time * RATE) for time in times]

    def write_until(self, time_s: float) -> None:
        while self._position < min(self._stop, time_s * RATE):
            count = min(8192, self._stop - self._position)
            wave = np.zeros(count, np.float32)
            for start in self._starts:
                low, high = max(start, self._position), min(start + len(self._tone), self._position + count)
                if low < high:
                    wave[low - self._position : high - self._position] += self._tone[low - start : high - start]
            frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, self._position, Fraction(1, RATE)
            self._out.mux(self._stream.encode(frame))
            self._position += count

    def finish(self) -> None:
        self.write_until(self._stop / RATE)
        self._out.mux(self._stream.encode(None))


def _shown(picture: np.ndarray | None, level: int) -> av.VideoFrame:
    if picture is not None:
        marked = picture.copy()
        marked[:_CORNER, :_CORNER] = level
        return av.VideoFrame.from_ndarray(marked, format="rgb24").reformat(format="yuv420p")
    frame = av.VideoFrame(*_SIZE, "yuv420p")
    for number, plane in enumerate(frame.planes):
        plane.update(bytes([128 if number else level]) * plane.buffer_size)
    return frame


def move_edits(path: Path, *later: int) -> None:
    """Let the tracks of an mp4 begin later in their media, in units of each track: what trimming on a phone does."""
    data = bytearray(path.read_bytes())
    position = 0
    for ticks in later:
        position = data.index(b"elst", position) + 4
        version, count, length, start, rate = struct.unpack_from(">IIIiI", data, position)
        assert (version, count) == (0, 1)
        struct.pack_into(">IIIiI", data, position, version, count, length, start + ticks, rate)
    path.write_bytes(data)


def with_other_sound_stamps(
    source: Path, target: Path, *, hole_s: tuple[float, float] = (0, 0), speed: float = 1.0, later_s: float = 0
) -> Path:
    """Copy a clip without the sound packets of a time span, or with sound whose stamps run at another speed.

    Sound from 2 s on comes ``later_s`` later.
    """
    with av.open(str(source)) as read, av.open(str(target), "w") as out:
        streams = [out.add_stream_from_template(stream, opaque=True) for stream in read.streams]
        for packet in read.demux():
            sound = packet.stream.type == "audio"
            if not packet.size or (sound and hole_s[0] <= packet.pts * packet.time_base < hole_s[1]):
                continue
            if sound:
                jump = round(later_s / packet.time_base) if packet.pts * packet.time_base >= 2 else 0
                packet.pts = packet.dts = round(packet.pts * speed) + jump
            packet.stream = streams[packet.stream_index]
            out.mux(packet)
    return target


def flash_times(path: Path, *, corner: int = 8) -> np.ndarray:
    """Seconds at which the sample (corner, corner) of the picture turns white."""
    found, white = [], False
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        video.thread_type = "AUTO"
        for frame in container.decode(video):
            plane = frame.planes[0]
            now = memoryview(plane)[corner * plane.line_size + corner] > 128
            if now and not white:
                found.append(float(frame.pts * frame.time_base))
            white = now
    return np.array(found)


def tone_times(path: Path, number: int = 0) -> np.ndarray:
    """Seconds at which tones begin, from the middle of each one's energy."""
    times, energies = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=number):
            wave = frame.to_ndarray()
            wave = wave.reshape(-1, len(frame.layout.channels))[:, 0] if frame.format.is_packed else wave[0]
            if wave.dtype == np.uint8:
                wave = wave.astype(float) / 128 - 1
            elif wave.dtype.kind == "i":
                wave = wave / np.iinfo(wave.dtype).max
            loud = np.flatnonzero(np.abs(wave) > _LOUD)
            if not len(loud):
                continue
            times.append(float(frame.pts * frame.time_base) + loud / frame.sample_rate)
            energies.append(wave[loud].astype(float) ** 2)
    if not times:
        return np.array([])
    time, energy = np.concatenate(times), np.concatenate(energies)
    cuts = np.flatnonzero(np.diff(time) > 0.1) + 1
    pairs = zip(np.split(time, cuts), np.split(energy, cuts), strict=True)
    return np.array([float(np.average(t, weights=e)) - TONE_S / 2 for t, e in pairs])


def sound_span(path: Path) -> tuple[float, float]:
    """Start and end of the first sound stream, in seconds, counted from the file's first picture."""
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0))
        zero = float(picture.pts * picture.time_base)
    with av.open(str(path)) as container:
        frames = [(float(f.pts * f.time_base), f.samples / f.sample_rate) for f in container.decode(audio=0)]
    return frames[0][0] - zero, sum(frames[-1]) - zero
