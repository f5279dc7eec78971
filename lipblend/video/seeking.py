"""Reading a part of a video by seeking: a time window, or single frames spread over it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain, islice

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipblend.errors import InputError
from lipblend.video.info import VideoInfo
from lipblend.video.reader import VideoReader, skip_unreferenced

MAX_AFTER_KEY = 90
"""Most frames decoded after a key frame to reach a sample."""
_MAX_PER_SEEK = 4 * MAX_AFTER_KEY  # a seek may land well before the key frame, or time stamps may be nonsense
_WINDOW_LEAD_IN = 16  # frames; those around a key frame may need others before it
_STEPS_BACK_S = (0, 2, 10, 100_000)


class _SeekingReader(VideoReader):
    def _frames_from(
        self, container: InputContainer, stream: VideoStream, target: int, *, latest: int, need_stamp: bool
    ) -> Iterator[VideoFrame]:
        """Yield pictures from a seek target on, the first of them no later than ``latest`` if that can be reached.

        Formats without an index (MPEG-TS) may land on the key frame after the target, or at the end of the file. Then
        the seek is repeated from further back.
        """
        for back_s in _STEPS_BACK_S:
            back = round(back_s / self.info.time_base)
            try:
                container.seek(target - back + self._origin, stream=stream, backward=True)
            except (av.FFmpegError, OSError) as error:
                raise InputError(f"{self.info.path}: cannot seek: {error.strerror or error}") from error
            pictures = super()._decoded(container, stream)
            first = next(pictures, None)
            stamp = self._stamp_of(first) if first is not None else None
            last_try = back_s == _STEPS_BACK_S[-1]
            if first is None or (stamp is None and need_stamp):
                continue
            if stamp is not None and stamp > latest and not last_try:
                continue
            yield from chain((first,), pictures)
            return

    def _stamp_of(self, picture: VideoFrame) -> int | None:
        return None if picture.pts is None else picture.pts - self._origin


class WindowReader(_SeekingReader):
    """A `VideoReader` of the frames within a time window.

    ``Frame.index`` counts from the first frame of the window. Pictures without a time stamp are left out.

    Parameters
    ----------
    info : VideoInfo
    start_pts, stop_pts : int
        Bounds of the window, both included, in ``info.time_base``.

    Attributes
    ----------
    unplaced : int
        Pictures left out because they have no time stamp.
    """

    def __init__(self, info: VideoInfo, start_pts: int, stop_pts: int) -> None:
        super().__init__(info)
        self.unplaced = 0
        self._first, self._last = start_pts, stop_pts
        self._next_stamp: int | None = None

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        target = self._first - _WINDOW_LEAD_IN * self._step
        for picture in self._frames_from(container, stream, target, latest=self._first, need_stamp=False):
            stamp = self._stamp_of(picture)
            if stamp is None:
                self.unplaced += 1
            elif stamp > self._last:
                self._next_stamp = stamp
                return
            elif stamp >= self._first:
                yield picture

    def _prepare(self, packet: Packet[VideoStream], stream: VideoStream) -> None:
        early = packet.pts is not None and packet.pts - self._origin < self._first
        skip_unreferenced(stream, self.info, wanted=not early)

    def _last_duration(self, picture: VideoFrame, pts: int, end: Fraction | None) -> int:
        return super()._last_duration(picture, pts, end) if self._next_stamp is None else self._next_stamp - pts


class SampleReader(_SeekingReader):
    """A `VideoReader` of the frames at given time stamps, seeking to the key frame before each.

    ``Frame.index`` counts the frames given, and ``Frame.duration`` is the time to the next of them.

    Parameters
    ----------
    info : VideoInfo
    wanted : sequence of int
        Time stamps of frames, ascending, in ``info.time_base``, as `Survey.stamps`. If a frame cannot be decoded
        (damage), the next one takes its place.
    keys : sequence of int
        Time stamps of key frames, ascending.

    Attributes
    ----------
    decoded : int
        Pictures decoded, whether given or not.
    """

    def __init__(self, info: VideoInfo, wanted: Sequence[int], keys: Sequence[int]) -> None:
        super().__init__(info)
        self.decoded = 0
        self._wanted, self._wanted_stamps = tuple(wanted), frozenset(wanted)
        self._keys = tuple(keys)

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        last: int | None = None
        for key, stamps in self._by_key_frame():
            missing = list(stamps)
            for picture in self._from_key_frame(container, stream, key):
                stamp = self._stamp_of(picture)
                if stamp is not None and stamp >= missing[0] and (last is None or stamp > last):
                    last = stamp
                    while missing and missing[0] <= stamp:
                        del missing[0]
                    yield picture
                if not missing:
                    break

    def _from_key_frame(self, container: InputContainer, stream: VideoStream, key: int) -> Iterator[VideoFrame]:
        pictures = self._frames_from(container, stream, key, latest=key, need_stamp=True)
        for picture in islice(pictures, _MAX_PER_SEEK):
            self.decoded += 1
            yield picture

    def _prepare(self, packet: Packet[VideoStream], stream: VideoStream) -> None:
        wanted = packet.pts is None or packet.pts - self._origin in self._wanted_stamps
        skip_unreferenced(stream, self.info, wanted=wanted)

    def _by_key_frame(self) -> Iterator[tuple[int, list[int]]]:
        """Group the wanted time stamps by the key frame from which they are reached."""
        groups: dict[int, list[int]] = {}
        for stamp in self._wanted:
            at = bisect_right(self._keys, stamp) - 1
            groups.setdefault(self._keys[at] if at >= 0 else stamp, []).append(stamp)
        yield from groups.items()


def spread(stamps: Sequence[int], count: int) -> tuple[int, ...]:
    """Choose `count` time stamps from the middles of equal parts of an ascending sequence; all if there are fewer."""
    if len(stamps) <= count:
        return tuple(dict.fromkeys(stamps))
    return tuple(dict.fromkeys(stamps[(2 * part + 1) * len(stamps) // (2 * count)] for part in range(count)))


def reachable(stamps: Sequence[int], keys: Sequence[int]) -> tuple[int, ...]:
    """Time stamps of frames that are at most `MAX_AFTER_KEY` frames after a key frame.

    Parameters
    ----------
    stamps, keys : sequence of int
        Of all frames and of key frames, ascending.

    Returns
    -------
    tuple of int
        Ascending.
    """
    since, near, upcoming = 0, [], list(reversed(keys))
    for stamp in stamps:
        if upcoming and stamp >= upcoming[-1]:
            while upcoming and stamp >= upcoming[-1]:
                upcoming.pop()
            since = 0
        if since <= MAX_AFTER_KEY:
            near.append(stamp)
        since += 1
    return tuple(near)
