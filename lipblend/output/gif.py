"""Writing a GIF: one palette for the whole film, made of a sample of its pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.filter
import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from lipblend.errors import OutputError
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.runtime.temporary import UnfinishedFile
from lipblend.video.starting import starting

_CLOCK = Fraction(1, 100)  # GIF counts hundredths of a second
LEAST_DELAY_S = 0.04
"""Players slow down pictures that are shown for less than two hundredths; four are safe everywhere."""


def palette_of(pictures: Iterable[NDArray[np.uint8]]) -> VideoFrame:
    """The 256 colours that stand best for some pictures.

    Parameters
    ----------
    pictures : iterable of (h, w, 3) uint8 RGB
        At least one; all of one size.
    """
    graph: av.filter.Graph | None = None
    for number, picture in enumerate(pictures):
        if graph is None:
            graph = av.filter.Graph()
            height, width = picture.shape[:2]
            source = graph.add_buffer(width=width, height=height, format=VideoFormat("rgb24"), time_base=_CLOCK)
            maker, sink = graph.add("palettegen", "reserve_transparent=0"), graph.add("buffersink")
            source.link_to(maker)
            maker.link_to(sink)
            with process_state_preserved():
                graph.configure()
        source.push(_frame(picture, number))
    if graph is None:
        raise ValueError("expected at least one picture, got none")
    source.push(None)
    palette = sink.pull()
    assert isinstance(palette, VideoFrame)
    return palette


class GifWriter:
    """Writes pictures as a GIF that repeats for ever; a context manager. The file appears when it is whole.

    Parameters
    ----------
    path : Path
    width, height : int
    palette : VideoFrame
        See `palette_of`.
    overwrite : bool

    Raises
    ------
    OutputError
        It cannot be written.
    """

    def __init__(self, path: Path, width: int, height: int, palette: VideoFrame, *, overwrite: bool = True) -> None:
        self._path, self._overwrite = path, overwrite
        self._size, self._palette = (width, height), palette
        self._last = -1

    def __enter__(self) -> Self:
        with ExitStack() as stack, self._output_errors():
            self._file = UnfinishedFile(self._path)
            stack.callback(self._file.discard)
            self._container = av.open(str(self._file.path), "w", format="gif", options={"loop": "0"})
            stack.callback(self._close)
            self._stream = self._container.add_stream("gif", rate=100)
            self._stream.width, self._stream.height = self._size
            self._stream.pix_fmt = "pal8"
            self._stream.codec_context.time_base = _CLOCK
            self._build()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack, self._output_errors():
            if kind is None:
                self._source.push(None)
                self._drain()
                self._container.mux(self._stream.encode(None))
                self._container.close()
                self._file.publish(overwrite=self._overwrite)

    def write(self, picture: NDArray[np.uint8], time_s: float) -> None:
        """Add an (h, w, 3) uint8 RGB picture that is shown from a time on, seconds from the start."""
        stamp = max(self._last + 1, round(time_s / _CLOCK))
        self._last = stamp
        with self._output_errors():
            self._source.push(_frame(picture, stamp))
            self._drain()

    def _build(self) -> None:
        width, height = self._size
        self._graph = graph = av.filter.Graph()
        self._source = graph.add_buffer(width=width, height=height, format=VideoFormat("rgb24"), time_base=_CLOCK)
        colours = graph.add_buffer(
            width=self._palette.width, height=self._palette.height, format=self._palette.format, time_base=_CLOCK
        )
        user = graph.add("paletteuse", "dither=bayer:bayer_scale=5:diff_mode=rectangle")
        self._sink = graph.add("buffersink")
        self._source.link_to(user, 0, 0)
        colours.link_to(user, 0, 1)
        user.link_to(self._sink)
        with process_state_preserved():
            graph.configure()
        self._palette.pts, self._palette.time_base = 0, _CLOCK
        colours.push(self._palette)
        colours.push(None)

    def _drain(self) -> None:
        while True:
            try:
                picture = self._sink.pull()
            except (BlockingIOError, av.EOFError):
                return
            assert isinstance(picture, VideoFrame)
            picture.time_base = _CLOCK
            with starting(self._stream.codec_context):
                packets = self._stream.encode(picture)
            self._container.mux(packets)

    def _close(self) -> None:
        with suppress(av.FFmpegError, OSError):
            self._container.close()

    @contextmanager
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            raise OutputError(
                f"{self._path} cannot be written: {error.strerror or error}",
                hint="Check the folder and the free space.",
            ) from error


def _frame(picture: NDArray[np.uint8], stamp: int) -> VideoFrame:
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    frame.pts, frame.time_base = stamp, _CLOCK
    return frame
