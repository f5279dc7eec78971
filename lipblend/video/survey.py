"""Reading all packets of a file without decoding: time stamps, key frames, other streams, chapters."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.packet import Packet
from av.stream import Discard, Stream

from lipblend.video.info import VideoInfo
from lipblend.video.opening import open_source, select_streams
from lipblend.video.trimming import LeadingPackets, Trim, edit_list_trim

Stamps = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StreamLabel:
    """A stream that is neither the main video nor sound."""

    index: int
    kind: str
    codec: str
    language: str | None


@dataclass(frozen=True)
class ChapterLabel:
    """A chapter; ``start_s`` on the file's own clock."""

    start_s: float
    title: str


@dataclass(frozen=True)
class Survey:
    """What can be read from a file without decoding it.

    Attributes
    ----------
    container_name : str
        FFmpeg's long name of the container format.
    profile : str
        FFmpeg's name of the video codec's profile; empty if unknown.
    streams : tuple of StreamLabel
        Subtitles, data, attachments and further video, in file order.
    chapters : tuple of ChapterLabel
    stamps : tuple of int
        Presentation times of the video packets, ascending, in its time base, with the origin subtracted. Without
        leading frames that cannot be decoded.
    keys : tuple of int
        Presentation times of the key frames, ascending.
    packets : int
        Video packets that are shown, without leading frames.
    unstamped : int
        Packets without a presentation time.
    marked_corrupt : int
        Packets that the demuxer marks as damaged.
    last_duration : int
        Duration of the last frame in time base units; 0 if unknown.
    broken_off : str
        FFmpeg's reason why reading ended before the end of the file; empty if it did not.
    trim : Trim or None
        What of the video is not shown; None if all of it is.
    """

    container_name: str
    profile: str
    streams: tuple[StreamLabel, ...]
    chapters: tuple[ChapterLabel, ...]
    stamps: tuple[int, ...]
    keys: tuple[int, ...]
    packets: int
    unstamped: int
    marked_corrupt: int
    last_duration: int
    broken_off: str
    trim: Trim | None = None


def survey(info: VideoInfo) -> Survey:
    """Read all packets of a file's video stream without decoding.

    Parameters
    ----------
    info : VideoInfo
        From `lipblend.video.probe.probe`.

    Returns
    -------
    Survey

    Raises
    ------
    InputError
        The file can no longer be opened. Damage within it is reported in ``broken_off`` instead.
    """
    with open_source(info.path) as container:
        stream = container.streams[info.stream_index]
        known = {info.stream_index, *(sound.index for sound in info.audio)}
        labels = tuple(
            _label(other) for other in container.streams if other.index not in known and other.discard != Discard.all
        )
        chapters = tuple(
            ChapterLabel(float(item["start"] * item["time_base"]), str(item["metadata"].get("title", "")))
            for item in container.chapters()
            if item["time_base"]
        )
        context = stream.codec_context
        profile = str(context.profile or "") if context is not None else ""
        container_name = container.format.long_name
        select_streams(container, [stream])
        scan = _PacketScan(info)
        try:
            for packet in container.demux(stream):
                scan.add(packet)
            broken_off = ""
        except (av.FFmpegError, OSError) as error:
            broken_off = str(error.strerror or error)
    early = scan.remove_leading()
    return Survey(
        container_name,
        profile,
        labels,
        chapters,
        tuple(scan.stamps),
        tuple(sorted(scan.keys)),
        scan.packets,
        scan.unstamped,
        scan.marked_corrupt,
        scan.last_duration,
        broken_off,
        _trim(info, scan.positions, early, scan.first),
    )


def frame_times_s(info: VideoInfo) -> list[float]:
    """When each frame of a video is shown, by its packets; seconds."""
    return [stamp * float(info.time_base) for stamp in survey(info).stamps]


def announced_stamps(info: VideoInfo) -> Stamps | None:
    """Time stamps of a video's frames without decoding, (n,) int64; None if its packets do not tell them surely."""
    found = survey(info)
    if found.broken_off or found.unstamped or found.marked_corrupt or found.trim is not None or info.interlaced:
        return None
    stamps = np.array(found.stamps, np.int64)
    return stamps if len(stamps) and (np.diff(stamps) > 0).all() else None


class _PacketScan:
    """Counts and time stamps of the packets of a video stream."""

    def __init__(self, info: VideoInfo) -> None:
        self.stamps: list[int] = []
        self.keys: list[int] = []
        self.packets = self.unstamped = self.marked_corrupt = self.last_duration = 0
        self.positions: set[int] = set()
        self.first = round(Fraction(info.start_s) / info.time_base)
        self._trimmed, self._origin = info.trimmed, round(info.origin / info.time_base)
        self._leading = LeadingPackets()
        self._last_stamp: int | None = None

    def add(self, packet: Packet[Any]) -> None:
        # The demuxer ends with an empty packet. Packets to discard only prime the decoder (edit lists).
        if packet.size == 0 or packet.is_discard:
            return
        self._leading.add(packet)
        if self._trimmed and packet.pos is not None:
            self.positions.add(packet.pos)
        self.packets += 1
        self.marked_corrupt += packet.is_corrupt
        if packet.pts is None:
            self.unstamped += 1
            return
        stamp = packet.pts - self._origin
        if self._last_stamp is None or stamp >= self._last_stamp:
            self._last_stamp, self.last_duration = stamp, packet.duration or 0
        self.stamps.append(stamp)
        if packet.is_keyframe:
            self.keys.append(stamp)

    def remove_leading(self) -> list[int]:
        """Remove leading frames that cannot be decoded; returns their time stamps."""
        early = [stamp - self._origin for stamp in self._leading.before(self.first + self._origin)]
        self.stamps.sort()
        del self.stamps[: len(early)]
        self.packets -= len(early)
        return early


def _trim(info: VideoInfo, positions: set[int], early: list[int], first: int) -> Trim | None:
    if not info.trimmed and not early:
        return None
    coded, shown = info.coded_frames or 0, (info.frame_count or 0) + info.leading_frames
    start, start_s, end, end_s = edit_list_trim(info, positions) if info.trimmed else (0, 0.0, 0, 0.0)
    return Trim(
        coded_frames=coded,
        start_frames=start,
        start_s=start_s,
        end_frames=end,
        end_s=end_s,
        inside_frames=max(0, coded - shown - start - end) if info.trimmed else 0,
        leading_frames=len(early),
        leading_s=float((first - early[0]) * info.time_base) if early else 0.0,
    )


def _label(stream: Stream) -> StreamLabel:
    context = stream.codec_context
    codec = context.name if context is not None else "unknown"
    language = None if stream.language in (None, "und") else str(stream.language)
    return StreamLabel(stream.index, str(stream.type), codec, language)
