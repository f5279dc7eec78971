"""Clips that the scripts write: H.264, 4:2:0, under their name only when they are whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av


class ClipWriter(ABC):
    """Encodes frames; a class of its own says what `tag` and how a picture becomes a frame.

    Parameters
    ----------
    path : Path
    size : (int, int)
        Width and height, pixels.
    rate : Fraction
        Frames per second.
    crf : str
        Quality of x264, with preset ``veryfast``.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction, crf: str) -> None:
        self._path, self._size, self._rate, self._crf, self._count = path, size, rate, crf, 0
        self._part = path.with_name(f".{path.name}.part.mp4")

    @abstractmethod
    def tag(self, codec: Any) -> None:
        """Set colour tags and other options of the encoder."""

    def __enter__(self) -> Self:
        self._container = av.open(str(self._part), "w")
        options = {"crf": self._crf, "preset": "veryfast"}
        self._stream: Any = self._container.add_stream("libx264", rate=self._rate, options=options)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self.tag(self._stream.codec_context)
        return self

    def write(self, frame: av.VideoFrame) -> None:
        """Encode the next frame."""
        frame.pts, frame.time_base = self._count, 1 / self._rate
        self._count += 1
        self._container.mux(self._stream.encode(frame))

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if failed is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        if failed is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)
