"""Reading the frames of a video in presentation order, without copying samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipblend.errors import InputError
from lipblend.picture.alpha_channel import alpha_plane
from lipblend.picture.formats import PixelLayout
from lipblend.picture.layouts import to_layout
from lipblend.picture.orientation import UPRIGHT, Orientation
from lipblend.picture.picture import Picture
from lipblend.video.codecs import Decoder
from lipblend.video.info import VideoInfo
from lipblend.video.opening import open_source, select_streams
from lipblend.video.probe import stream_end

_SKIPPING_DECODERS = ("h264",)
"""Decoders that skip unreferenced pictures without loss. H.264 marks all of them (``nal_ref_idc``), H.265 only those of
one sub-layer."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a video.

    Parameters
    ----------
    index : int
        0, 1, 2 ... in presentation order.
    pts : int
        Presentation time in units of ``VideoInfo.time_base``.
    duration : int
        In the same unit; 0 if unknown.
    time_s : float
        ``pts`` in seconds.
    planes : tuple of ndarray
        1 (grey) or 3 planes, (h, w) uint8 or uint16: views of the decoder's buffer without its padding. They show the
        picture upright (`VideoInfo.orientation`), so they may be strided, transposed and flipped. They are read-only
        unless the frame comes from `writable`.
    layout : PixelLayout
        Layout of the planes: `VideoInfo.upright_layout`.
    handle : av.VideoFrame
        The coded picture, which the writer encodes; with its alpha channel if it has one.
    orientation : Orientation
        Transform from the handle to the planes.
    """

    index: int
    pts: int
    duration: int
    time_s: float
    planes: tuple[np.ndarray, ...]
    layout: PixelLayout
    handle: VideoFrame
    orientation: Orientation = UPRIGHT

    def copy(self) -> Frame:
        """Return the same picture in a new buffer."""
        old = self.handle
        handle = VideoFrame(old.width, old.height, old.format.name)
        planes = plane_views(handle, self.layout, self.orientation, writable=True)
        for new, plane in zip(planes, self.planes, strict=True):
            new[...] = plane
        new_alpha, alpha = alpha_plane(handle, self.layout, writable=True), alpha_plane(old, self.layout)
        if new_alpha is not None and alpha is not None:
            new_alpha[...] = alpha
        handle.pts, handle.duration, handle.time_base = old.pts, old.duration, old.time_base
        handle.colorspace, handle.color_range = old.colorspace, old.color_range
        handle.color_primaries, handle.color_trc = old.color_primaries, old.color_trc
        return replace(self, planes=planes, handle=handle)

    def picture(self, info: VideoInfo) -> Picture:
        """The frame of a video with what is needed to read its planes."""
        return Picture(self.planes, self.layout, info.colour, info.height)

    def writable(self) -> Frame:
        """Return the same frame with planes that may be written.

        Samples are copied only if the decoder still refers to the picture. The planes of *this* frame must not be used
        afterwards: the decoder may reuse their buffer.
        """
        self.handle.make_writable()
        return replace(self, planes=plane_views(self.handle, self.layout, self.orientation, writable=True))


def plane_views(
    picture: VideoFrame, layout: PixelLayout, orientation: Orientation = UPRIGHT, *, writable: bool
) -> tuple[np.ndarray, ...]:
    """Views of a picture's planes: (h, w) uint8 (depth 8) or uint16, without padding, turned upright."""
    dtype = np.dtype(np.uint8 if layout.depth == 8 else np.uint16)
    views = []
    for plane in picture.planes[: layout.planes]:
        stride = plane.line_size
        # A negative stride means that rows are stored bottom up; PyAV's buffer begins at the lowest address.
        offset = -stride * (plane.height - 1) if stride < 0 else 0
        view: np.ndarray = np.ndarray(
            (plane.height, plane.width), dtype, memoryview(plane), offset, (stride, dtype.itemsize)
        )
        view.flags.writeable = writable
        views.append(orientation.applied(view))
    return tuple(views)


def skip_unreferenced(stream: VideoStream, info: VideoInfo, *, wanted: bool) -> None:
    """Let the decoder skip the next packet's picture if it is not wanted and no other picture refers to it."""
    if stream.codec_context.name in _SKIPPING_DECODERS and not info.interlaced:  # a field may lack a time stamp
        stream.codec_context.skip_frame = "DEFAULT" if wanted else "NONREF"


class VideoReader:
    """Decode a video once, in presentation order.

    A context manager, and an iterable of `Frame` that can be iterated once. Time stamps strictly increase.

    Parameters
    ----------
    info : VideoInfo
        From `probe`.
    frame_limit : int or None
        Maximum number of frames.
    start_pts : int or None
        Seek to the key frame before this time stamp, as far as the container finds it. `Frame.index` counts from there.

    Attributes
    ----------
    corrupt_packets : int
        Packets that could not be decoded; they are left out.
    concealed_frames : int
        Damaged frames that the decoder concealed.
    bumped_pts : int
        Frames whose time stamp was missing, repeated or decreasing and was replaced.

    Raises
    ------
    InputError
        While reading: the file cannot be opened or read, or the picture size changes.
    """

    def __init__(self, info: VideoInfo, *, frame_limit: int | None = None, start_pts: int | None = None) -> None:
        self.info = info
        self.corrupt_packets = 0
        self.concealed_frames = 0
        self.bumped_pts = 0
        self._frame_limit = frame_limit
        self._start_pts = start_pts
        self._container: InputContainer | None = None
        self._orientation, self._layout = info.orientation, info.upright_layout
        self._origin = round(info.origin / info.time_base)
        self._step = max(1, round(1 / (info.frame_rate * info.time_base))) if info.frame_rate else 1
        self._stamp: int | None = None
        self._used = False

    def __enter__(self) -> Self:
        self._container = open_source(self.info.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def __iter__(self) -> Iterator[Frame]:
        if self._container is None or self._used:
            raise RuntimeError("a VideoReader must be used in a with-block, and only once")
        self._used = True
        return self._frames(self._container)

    def _frames(self, container: InputContainer) -> Iterator[Frame]:
        stream = container.streams[self.info.stream_index]
        if not isinstance(stream, VideoStream):
            raise InputError(f"{self.info.path} changed after it was probed", hint="Run again.")
        select_streams(container, [stream])
        self._decoder = Decoder(stream)
        end = stream_end(container, stream, self.info.time_base, trimmed=self.info.trimmed)
        if end is not None:
            end -= self.info.origin
        if self._frame_limit is not None and self._frame_limit < 1:
            return
        if self._start_pts is not None:
            try:
                container.seek(self._start_pts + self._origin, stream=stream)
            except (av.FFmpegError, OSError) as error:
                raise InputError(f"{self.info.path}: cannot seek: {error.strerror or error}") from error
        index, held, held_pts = 0, None, 0
        for picture in self._decoded(container, stream):
            pts = self._pts(picture, held_pts if held is not None else None)
            if held is not None:
                yield self._frame(held, index, held_pts, pts - held_pts)
                index += 1
                if index == self._frame_limit:
                    return
            held, held_pts = picture, pts
        if held is not None:
            yield self._frame(held, index, held_pts, self._last_duration(held, held_pts, end))

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        self._decoder.flush()
        try:
            for packet in container.demux(stream):
                if self.info.size_bytes and packet.pos is not None and packet.pos >= self.info.size_bytes:
                    # The file is still being written: read it up to its size when it was probed.
                    yield from self._decoder.finish()
                    return
                self._prepare(packet, stream)
                try:
                    pictures = self._decoder.decode(packet)
                except av.InvalidDataError:
                    self.corrupt_packets += 1
                    continue
                yield from pictures
        except (av.FFmpegError, OSError) as error:
            raise InputError(
                f"{self.info.path}: cannot read further: {error.strerror or error}", hint="The file may be damaged."
            ) from error

    def _prepare(self, packet: Packet[VideoStream], stream: VideoStream) -> None:
        """Prepare the decoder for a packet; for subclasses."""

    def _pts(self, picture: VideoFrame, previous: int | None) -> int:
        if picture.pts is None:
            if previous is not None:
                self.bumped_pts += 1
                return previous + self._step
            return round(Fraction(self.info.start_s) / self.info.time_base)
        pts = picture.pts - self._origin
        last, self._stamp = self._stamp, pts
        if previous is None or pts > previous:
            return pts
        self.bumped_pts += 1
        if pts > previous - self._step:
            return previous + 1
        # The clock was reset, as in joined files: continue with its intervals.
        return previous + (pts - last if last is not None and pts > last else self._step)

    def _last_duration(self, picture: VideoFrame, pts: int, end: Fraction | None) -> int:
        own = picture.duration or self._step
        if end is None:
            return own
        left = round(end / self.info.time_base) - pts
        # Containers round durations to milliseconds: ignore smaller differences.
        rounding = max(1, round(Fraction(1, 1000) / self.info.time_base))
        return left if left > 0 and abs(left - own) > rounding else own

    def _frame(self, picture: VideoFrame, index: int, pts: int, duration: int) -> Frame:
        info = self.info
        if (picture.width, picture.height) != (info.width, info.height):
            raise InputError(
                f"{info.path}: the picture size changes from {info.width}x{info.height} to "
                f"{picture.width}x{picture.height} at frame {index}",
                hint="Convert the file to one size first.",
            )
        self.concealed_frames += picture.is_corrupt
        picture = to_layout(picture, info.layout, info.colour)
        picture.pts, picture.duration, picture.time_base = pts, duration, info.time_base
        # Some encoders (ProRes) use the frame's tags, and a converted frame may still have those of its source.
        picture.colorspace, picture.color_range = info.colour.matrix, info.colour.range
        picture.color_primaries, picture.color_trc = info.colour.primaries, info.colour.transfer
        planes = plane_views(picture, self._layout, self._orientation, writable=False)
        return Frame(
            index, pts, duration, float(pts * info.time_base), planes, self._layout, picture, self._orientation
        )
