"""Writing a GIF with one palette for the whole video, made from a sample of its pictures.

FFmpeg's palette filters and GIF encoder are used picture by picture. Pillow's writer would hold all pictures in memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.filter
import numpy as np
from av.filter.context import FilterContext
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from lipblend.output.muxing import output_errors
from lipblend.runtime.files import UnfinishedFile
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.video.codecs import guarded_start

_TIME_BASE = Fraction(1, 100)  # of the format
MIN_DELAY_S = 0.04
"""Players slow down pictures shown for less than 0.02 s; 0.04 s is safe everywhere."""


def palette_of(pictures: Iterable[NDArray[np.uint8]]) -> VideoFrame:
    """Choose the 256 colours that represent some pictures best.

    Parameters
    ----------
    pictures : iterable of (h, w, 3) uint8 RGB
        At least one; all of one size.

    Raises
    ------
    ValueError
        There is no picture.
    """
    graph: av.filter.Graph | None = None
    for number, picture in enumerate(pictures):
        if graph is None:
            graph = av.filter.Graph()
            source = _add_source(graph, picture.shape[1], picture.shape[0], "rgb24")
            sink = graph.add("buffersink")
            graph.link_nodes(source, graph.add("palettegen", "reserve_transparent=0"), sink)
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
    """Write pictures as an endlessly repeating GIF; a context manager. The file appears when it is complete.

    Parameters
    ----------
    path : Path
    width, height : int
    palette : VideoFrame
        From `palette_of`.
    overwrite : bool

    Raises
    ------
    OutputError
        The file cannot be written.
    """

    def __init__(self, path: Path, width: int, height: int, palette: VideoFrame, *, overwrite: bool = True) -> None:
        self._path, self._overwrite = path, overwrite
        self._size, self._palette = (width, height), palette
        self._last = -1

    def __enter__(self) -> Self:
        with ExitStack() as stack, output_errors(self._path):
            self._file = stack.enter_context(UnfinishedFile(self._path))
            self._container = av.open(str(self._file.path), "w", format="gif", options={"loop": "0"})
            stack.callback(self._close)
            self._stream = self._container.add_stream("gif", rate=100)
            self._stream.width, self._stream.height = self._size
            self._stream.pix_fmt = "pal8"
            self._stream.codec_context.time_base = _TIME_BASE
            self._build_graph()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack, output_errors(self._path):
            if kind is None:
                self._source.push(None)
                self._encode_ready()
                self._container.mux(self._stream.encode(None))
                self._container.close()
                self._file.publish(overwrite=self._overwrite)

    def write(self, picture: NDArray[np.uint8], time_s: float) -> None:
        """Add an (h, w, 3) uint8 RGB picture that is shown from a time on, in seconds from the start."""
        self._last = max(self._last + 1, round(time_s / _TIME_BASE))
        with output_errors(self._path):
            self._source.push(_frame(picture, self._last))
            self._encode_ready()

    def _build_graph(self) -> None:
        self._graph = graph = av.filter.Graph()
        self._source = _add_source(graph, *self._size, "rgb24")
        palette = _add_source(graph, self._palette.width, self._palette.height, self._palette.format.name)
        mapper = graph.add("paletteuse", "dither=bayer:bayer_scale=5:diff_mode=rectangle")
        self._sink = graph.add("buffersink")
        self._source.link_to(mapper, 0, 0)
        palette.link_to(mapper, 0, 1)
        mapper.link_to(self._sink)
        with process_state_preserved():
            graph.configure()
        self._palette.pts, self._palette.time_base = 0, _TIME_BASE
        palette.push(self._palette)
        palette.push(None)

    def _encode_ready(self) -> None:
        """Encode the pictures that have passed the filters."""
        while True:
            try:
                picture = self._sink.pull()
            except (BlockingIOError, av.EOFError):
                return
            assert isinstance(picture, VideoFrame)
            picture.time_base = _TIME_BASE
            with guarded_start(self._stream.codec_context):
                packets = self._stream.encode(picture)
            self._container.mux(packets)

    def _close(self) -> None:
        with suppress(av.FFmpegError, OSError):
            self._container.close()


def _add_source(graph: av.filter.Graph, width: int, height: int, pixel_format: str) -> FilterContext:
    return graph.add_buffer(width=width, height=height, format=VideoFormat(pixel_format), time_base=_TIME_BASE)


def _frame(picture: NDArray[np.uint8], stamp: int) -> VideoFrame:
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    frame.pts, frame.time_base = stamp, _TIME_BASE
    return frame
