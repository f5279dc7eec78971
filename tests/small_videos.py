"""Small videos made on the spot, what is done with them, and the real clips where they are available."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags

from lipblend.output.sound.audio_plan import AudioPlan, choose_audio
from lipblend.output.writer import VideoWriter
from lipblend.settings import EncodeSettings
from lipblend.video.probe import probe
from lipblend.video.reader import Frame, VideoReader

CLIPS = Path(__file__).resolve().parents[2] / "shared" / "clips"
RATE = 44100
QUICK = EncodeSettings(preset="ultrafast", crf=20)
LOSSLESS = EncodeSettings(preset="ultrafast", crf=0)
SILENT = AudioPlan(None, None, "none", ())
UNEVEN = (512, 1024, 512, 1536, 700, 900, 333)
"""Frame durations of a variable frame rate."""
MakeVideo = Callable[..., Path]


@dataclass(frozen=True)
class Recipe:
    """Properties of a test video; times in ``time_base`` unless named otherwise."""

    frames: int = 10
    size: tuple[int, int] = (64, 48)
    pix_fmt: str = "yuv420p"
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=lambda: {"qp": "0", "preset": "ultrafast", "bf": "2"})
    time_base: Fraction = Fraction(1, 12800)
    durations: Sequence[int] = (512,)
    start: int = 0
    cycle: int = 1000
    colour: tuple[int, int, int, int] | None = None
    sample_aspect: Fraction | None = None
    rotation: int | None = None
    audio: Sequence[str] = ()
    audio_s: float = 0.4
    audio_start_s: float = 0.0
    tone_hz: float = 440
    title: str | None = None
    chapters: Sequence[tuple[int, int, str]] = ()
    subtitles: Sequence[str] = ()


def picture(recipe: Recipe, index: int) -> av.VideoFrame:
    """A noisy picture, different for each index."""
    frame = av.VideoFrame(*recipe.size, recipe.pix_fmt)
    rng = np.random.default_rng(index)
    for plane in frame.planes:
        bits = frame.format.components[0].bits
        wide = bits > 8
        data = rng.integers(16 << (bits - 8), 236 << (bits - 8), plane.buffer_size // (2 if wide else 1))
        plane.update(data.astype(np.uint16 if wide else np.uint8).tobytes())
    return frame


def write_video(path: Path, recipe: Recipe) -> Path:
    with av.open(str(path), "w", container_options=_movie_scale(path, recipe)) as out:
        if recipe.title:
            out.metadata["title"] = recipe.title
        stream = out.add_stream(recipe.codec, rate=25, options=dict(recipe.options))
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *recipe.size, recipe.pix_fmt
        stream.time_base = context.time_base = recipe.time_base
        context.flags |= Flags.frame_duration
        if recipe.colour:
            context.colorspace, context.color_primaries, context.color_trc, context.color_range = recipe.colour
        if recipe.sample_aspect:
            context.sample_aspect_ratio = recipe.sample_aspect
        if recipe.rotation is not None:
            stream.set_display_rotation(recipe.rotation)
        sounds = [out.add_stream(codec, rate=_rate(codec)) for codec in recipe.audio]
        for sound in sounds:
            sound.codec_context.layout = "stereo"
        texts = [out.add_mux_stream(codec) for codec in recipe.subtitles]
        pts, packets = recipe.start, []
        for index in range(recipe.frames):
            frame = picture(recipe, index % recipe.cycle)
            frame.pts, frame.time_base = pts, recipe.time_base
            frame.duration = recipe.durations[index % len(recipe.durations)]
            pts += frame.duration
            if recipe.colour:
                frame.color_range = recipe.colour[3]
            packets += stream.encode(frame)
        packets += stream.encode(None)
        # See `lipblend.output.coded.reach_end`.
        if path.suffix in (".mp4", ".mov"):
            packets[-1].duration = max(1, (pts - recipe.start) - (packets[-1].dts - packets[0].dts))
        out.mux(packets)
        for number, sound in enumerate(sounds):
            out.mux(_tone(sound, recipe, number))
        for codec, text in zip(recipe.subtitles, texts, strict=True):
            out.mux(_caption(codec, text))
        if recipe.chapters:
            out.set_chapters(
                [
                    {"id": n, "start": a, "end": b, "time_base": Fraction(1, 1000), "metadata": {"title": t}}
                    for n, (a, b, t) in enumerate(recipe.chapters)
                ]
            )
    return path


def _rate(codec: str) -> int:
    return 48000 if "opus" in codec else RATE


def _movie_scale(path: Path, recipe: Recipe) -> dict[str, str]:
    return {"movie_timescale": str(recipe.time_base.denominator)} if path.suffix in (".mp4", ".mov") else {}


def _tone(stream: av.audio.stream.AudioStream, recipe: Recipe, number: int) -> list[av.Packet]:
    rate = stream.codec_context.sample_rate
    count = int(recipe.audio_s * rate)
    time = np.arange(count) / rate
    wave = 0.4 * np.sin(2 * np.pi * recipe.tone_hz * (number + 1) * time)
    frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]).astype(np.float32), format="fltp", layout="stereo")
    frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
    frame.pts = round(recipe.audio_start_s * rate)
    return [*stream.encode(frame), *stream.encode(None)]


def _caption(codec: str, stream: av.stream.Stream) -> av.Packet:
    words = b"hello"
    packet = av.Packet(len(words).to_bytes(2, "big") + words if codec == "mov_text" else words)
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = 100
    packet.duration = 200
    packet.is_keyframe = True
    return packet


def frames_of(path: Path, **options: int) -> Iterator[Frame]:
    """Frames of a video, each in its own buffer."""
    with VideoReader(probe(path), **options) as reader:
        for frame in reader:
            yield frame.copy()


def rewrite(
    source: Path,
    target: Path,
    encode: EncodeSettings = QUICK,
    audio: AudioPlan | None = None,
    *,
    limit: int | None = None,
    trim: bool = False,
    writable: bool = False,
) -> VideoWriter:
    """Read a video and write it again, by default with its own sound; returns the finished writer."""
    info = probe(source)
    audio = audio or choose_audio(info, info, "original")
    with (
        VideoReader(info, frame_limit=limit) as reader,
        VideoWriter(target, info, encode=encode, audio=audio, extras_from=info, trim=trim) as writer,
    ):
        for frame in reader:
            writer.write(frame.writable() if writable else frame)
    return writer


def assert_same_pictures(first: Path, second: Path) -> None:
    for a, b in zip(frames_of(first), frames_of(second), strict=True):
        for one, other in zip(a.planes, b.planes, strict=True):
            np.testing.assert_array_equal(one, other)


def write_frames(path: Path, images: Iterable[np.ndarray], options: dict[str, str], *, step: int = 1) -> Path:
    """Encode 64x48 RGB pictures at 25 frames per second."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "veryfast", "qp": "20", **options})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = index * step
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Make a video from a `Recipe`'s fields: ``make_video("name.mp4", frames=5)``."""

    def make(name: str = "original.mp4", **fields: object) -> Path:
        return write_video(tmp_path / name, Recipe(**fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def timeline() -> Callable[[Path], list[tuple[Fraction, Fraction]]]:
    """Start and length of every picture of a file, in seconds."""

    def read(path: Path) -> list[tuple[Fraction, Fraction]]:
        info = probe(path)
        with VideoReader(info) as reader:
            return [(frame.pts * info.time_base, frame.duration * info.time_base) for frame in reader]

    return read


@pytest.fixture
def samples() -> Callable[..., tuple[Fraction, np.ndarray]]:
    """Time of the first decoded sample, and all samples, of one sound stream."""

    def read(path: Path, number: int = 0) -> tuple[Fraction, np.ndarray]:
        with av.open(str(path)) as container:
            frames = list(container.decode(audio=number))
        start = frames[0].pts * frames[0].time_base
        return start, np.concatenate([frame.to_ndarray() for frame in frames], axis=1)

    return read


@pytest.fixture(
    params=["expressive_motion", "glasses_smile", "hands_walk", "small_face", "turning_head"],
)
def clip(request: pytest.FixtureRequest) -> Path:
    """A real clip; skipped where the clips are not available."""
    path = CLIPS / f"{request.param}.mp4"
    if not path.exists():
        pytest.skip(f"{path.name} is not available")
    return path


def write_comment(path: Path, target: Path, comment: str, **tags: str) -> Path:
    """A copy of a video's pictures with this comment, and with these tags."""
    with av.open(str(path)) as source, av.open(str(target), "w") as out:
        out.metadata.update({**tags, **({"comment": comment} if comment else {})})
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return target
