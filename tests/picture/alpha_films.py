"""Films with an alpha channel, made and read again."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.picture.alpha_channel import alpha_plane
from lipblend.settings import EncodeSettings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

SIZE = (66, 50)
SILENT = AudioPlan(None, None, "none", ())


def picture(pix_fmt: str, index: int, size: tuple[int, int] = SIZE) -> av.VideoFrame:
    """Noise in every plane, different for each index."""
    frame = av.VideoFrame(*size, pix_fmt)
    rng, bits = np.random.default_rng(index), frame.format.components[0].bits
    for plane in frame.planes:
        count = plane.buffer_size // (2 if bits > 8 else 1)
        plane.update(rng.integers(0, 1 << bits, count).astype(np.uint16 if bits > 8 else np.uint8).tobytes())
    frame.pts, frame.time_base = index, Fraction(1, 25)
    return frame


def film(path: Path, codec: str, pictures: Sequence[av.VideoFrame], options: dict[str, str] | None = None) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height = pictures[0].width, pictures[0].height
        stream.pix_fmt = pictures[0].format.name
        for each in pictures:
            out.mux(stream.encode(each))
        out.mux(stream.encode(None))
    return path


def noise(path: Path, codec: str, pix_fmt: str, count: int = 6, options: dict[str, str] | None = None) -> Path:
    return film(path, codec, [picture(pix_fmt, index) for index in range(count)], options)


def alphas(path: Path) -> list[np.ndarray]:
    info = probe(path)
    found = []
    with VideoReader(info) as reader:
        for frame in reader:
            alpha = alpha_plane(frame.handle, frame.layout)
            assert alpha is not None
            found.append(alpha.copy())
    return found


def reencoded(source: Path, out: Path, encoder: str, crf: float = 14) -> list[str]:
    """Re-encode a file; returns the notes."""
    info = probe(source)
    encode = EncodeSettings(encoder=encoder, crf=crf, preset="ultrafast")
    with VideoReader(info) as reader, VideoWriter(out, info, encode=encode, audio=SILENT, extras_from=info) as writer:
        for frame in reader:
            writer.write(frame)
    return writer.notes
