"""A few pictures spread over a video, without decoding all of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, islice

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipblend.errors import InputError
from lipblend.video.info import VideoInfo
from lipblend.video.reader import VideoReader, leave_out_unreferred

FARTHEST = 90
"""Pictures decoded after a key frame at most; what lies further on is left out for what lies nearer."""
_BUDGET = 4 * FARTHEST
"""Pictures decoded after one seek at most: a seek may land well before the key frame, or stamps may be nonsense."""
_STEPS_BACK_S = (0, 2, 10, 100_000)


def spread(stamps: Sequence[int], count: int) -> tuple[int, ...]:
    """Take `count` of `stamps` (ascending), from the middles of equal parts; all when they are fewer."""
    if len(stamps) <= count:
        return tuple(dict.fromkeys(stamps))
    return tuple(dict.fromkeys(stamps[(2 * part + 1) * len(stamps) // (2 * count)] for part in range(count)))


def reachable(stamps: Sequence[int], keys: Sequence[int]) -> tuple[int, ...]:
    """Time stamps of the pictures that are at most `FARTHEST` pictures after a key frame.

    Parameters
    ----------
    stamps, keys : sequence of int
        Of all pictures, and of key frames; ascending.

    Returns
    -------
    tuple of int
        Ascending.
    """
    since, near, waiting = 0, [], list(reversed(keys))
    for stamp in stamps:
        if waiting and stamp >= waiting[-1]:
            while waiting and stamp >= waiting[-1]:
                waiting.pop()
            since = 0
        if since <= FARTHEST:
            near.append(stamp)
        since += 1
    return tuple(near)


class SampleReader(VideoReader):
    """A `VideoReader` that seeks, and gives only the pictures at some time stamps.

    ``Frame.index`` counts the pictures given, and ``Frame.duration`` is the time to the next of them.

    Parameters
    ----------
    info : VideoInfo
    wanted : sequence of int
        Time stamps of pictures, ascending, in ``info.time_base``, as `Survey.stamps`. Where none is at a time stamp
        any more (damage), the next one is given.
    keys : sequence of int
        Time stamps of key frames, ascending.

    Attributes
    ----------
    decoded : int
        Pictures decoded, given or not.
    """

    def __init__(self, info: VideoInfo, wanted: Sequence[int], keys: Sequence[int]) -> None:
        super().__init__(info)
        self.decoded = 0
        self._wanted, self._wanted_stamps = tuple(wanted), frozenset(wanted)
        self._keys = tuple(keys)

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        last: int | None = None
        for key, stamps in self._groups():
            left = list(stamps)
            for picture in self._from(container, stream, key):
                stamp = self._stamp_of(picture)
                if stamp is not None and stamp >= left[0] and (last is None or stamp > last):
                    last = stamp
                    while left and left[0] <= stamp:
                        del left[0]
                    yield picture
                if not left:
                    break

    def _from(self, container: InputContainer, stream: VideoStream, key: int) -> Iterator[VideoFrame]:
        """Pictures from a key frame, or from one before it, on; so many as one seek is worth."""
        for back_s in _STEPS_BACK_S:
            target = key + self._origin - round(back_s / self.info.time_base)
            try:
                container.seek(target, stream=stream, backward=True)
            except (av.FFmpegError, OSError) as error:
                raise InputError(f"{self.info.path} cannot be searched: {error.strerror or error}") from error
            pictures = islice(super()._decoded(container, stream), _BUDGET)
            first = next(pictures, None)
            stamp = self._stamp_of(first) if first is not None else None
            # Formats without an index (MPEG-TS) may land on the key frame after, or at the end.
            if first is None or stamp is None or (stamp > key and back_s < _STEPS_BACK_S[-1]):
                continue
            for picture in chain((first,), pictures):
                self.decoded += 1
                yield picture
            return

    def _prepare(self, packet: Packet[VideoStream], stream: VideoStream) -> None:
        leave_out_unreferred(stream, self.info, unless=packet.pts is None or self._is_wanted(packet.pts))

    def _is_wanted(self, pts: int) -> bool:
        return pts - self._origin in self._wanted_stamps

    def _stamp_of(self, picture: VideoFrame) -> int | None:
        return None if picture.pts is None else picture.pts - self._origin

    def _groups(self) -> Iterator[tuple[int, list[int]]]:
        """Key frames, each with the wanted time stamps that are reached from it."""
        groups: dict[int, list[int]] = {}
        for stamp in self._wanted:
            at = bisect_right(self._keys, stamp) - 1
            groups.setdefault(self._keys[at] if at >= 0 else stamp, []).append(stamp)
        yield from groups.items()
