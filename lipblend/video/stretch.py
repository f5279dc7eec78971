"""The frames of a stretch of a video, without decoding all that comes before it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipblend.errors import InputError
from lipblend.video.info import VideoInfo
from lipblend.video.reader import VideoReader, leave_out_unreferred

_LEAD_IN = 16
"""Frames that are sought before the first one wanted: pictures beside a key frame may need others before it."""
_STEPS_BACK_S = (0, 2, 10, 100_000)


class WindowReader(VideoReader):
    """A `VideoReader` that seeks, and gives only the pictures of a stretch of time.

    ``Frame.index`` counts from the first picture given. Pictures without a time stamp are left out.

    Parameters
    ----------
    info : VideoInfo
    start_pts, stop_pts : int
        Time stamps of the first and of the last picture wanted, or between pictures; in ``info.time_base``.

    Attributes
    ----------
    unplaced : int
        Pictures without a time stamp that were met.
    """

    def __init__(self, info: VideoInfo, start_pts: int, stop_pts: int) -> None:
        super().__init__(info)
        self.unplaced = 0
        self._first, self._last = start_pts, stop_pts
        self._beyond: int | None = None

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        for picture in self._sought(container, stream):
            stamp = self._stamp_of(picture)
            if stamp is None:
                self.unplaced += 1
            elif stamp > self._last:
                self._beyond = stamp
                return
            elif stamp >= self._first:
                yield picture

    def _sought(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        """Pictures from one at or before the first one wanted on."""
        for back_s in _STEPS_BACK_S:
            target = self._first - _LEAD_IN * self._step - round(back_s / self.info.time_base)
            try:
                container.seek(target + self._origin, stream=stream, backward=True)
            except (av.FFmpegError, OSError) as error:
                raise InputError(f"{self.info.path} cannot be searched: {error.strerror or error}") from error
            pictures = super()._decoded(container, stream)
            first = next(pictures, None)
            stamp = self._stamp_of(first) if first is not None else None
            # Formats without an index (MPEG-TS) may land on the key frame after, or at the end.
            late = first is None or (stamp is not None and stamp > self._first)
            if late and back_s < _STEPS_BACK_S[-1]:
                continue
            if first is not None:
                yield first
                yield from pictures
            return

    def _prepare(self, packet: Packet[VideoStream], stream: VideoStream) -> None:
        early = packet.pts is not None and packet.pts - self._origin < self._first
        leave_out_unreferred(stream, self.info, unless=not early)

    def _last_duration(self, picture: VideoFrame, pts: int, end: Fraction | None) -> int:
        return super()._last_duration(picture, pts, end) if self._beyond is None else self._beyond - pts

    def _stamp_of(self, picture: VideoFrame) -> int | None:
        return None if picture.pts is None else picture.pts - self._origin
