"""What a file holds beside what `probe` says: its other streams, and the time stamps of all its packets."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
from av.stream import Discard, Stream

from lipblend.video.info import VideoInfo
from lipblend.video.opening import open_source, read_only
from lipblend.video.trimming import LeadingPackets, Trim, edit_list_trim


@dataclass(frozen=True)
class StreamLabel:
    """One stream that is neither the chosen video nor sound."""

    index: int
    kind: str
    codec: str
    language: str | None


@dataclass(frozen=True)
class ChapterLabel:
    """A chapter; ``start_s`` in the file's own clock."""

    start_s: float
    title: str


@dataclass(frozen=True)
class Survey:
    """Everything read from a file without decoding it.

    Attributes
    ----------
    container_name : str
        FFmpeg's long name of the container format.
    profile : str
        Profile of the video codec, as FFmpeg names it; empty when it is not known.
    streams : tuple of StreamLabel
        Subtitles, data, attachments, further video; in file order.
    chapters : tuple of ChapterLabel
    stamps : tuple of int
        Presentation times of the packets of the chosen stream that have one, ascending, in its time base, with the
        origin of the file's clock taken off. Without those that cannot be decoded as the file begins too late.
    keys : tuple of int
        Those of packets that can be decoded without others, ascending.
    packets : int
        Packets of the chosen stream that are to be shown, without the same.
    unstamped : int
        How many of them have no presentation time.
    marked_corrupt : int
        How many the demuxer marks as damaged.
    last_duration : int
        How long the last picture is shown, in time base units; 0 unknown.
    broken_off : str
        Why reading ended before the end of the file, in FFmpeg's words; empty when it did not.
    trim : Trim or None
        What of the video is not shown; None where all of it is.
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
    """Read all packets of a file's video stream, decoding none.

    Parameters
    ----------
    info : VideoInfo
        What `lipblend.video.probe.probe` said of the file.

    Returns
    -------
    Survey

    Raises
    ------
    InputError
        The file cannot be opened any more. Damage within it is reported in ``broken_off`` instead.
    """
    with open_source(info.path) as container:
        stream = container.streams[info.stream_index]
        taken = {info.stream_index, *(sound.index for sound in info.audio)}
        labels = tuple(
            _label(other) for other in container.streams if other.index not in taken and other.discard != Discard.all
        )
        chapters = tuple(
            ChapterLabel(float(item["start"] * item["time_base"]), str(item["metadata"].get("title", "")))
            for item in container.chapters()
            if item["time_base"]
        )
        context = stream.codec_context
        profile = str(context.profile or "") if context is not None else ""
        container_name = container.format.long_name
        read_only(container, [stream])
        origin = round(info.origin / info.time_base)
        stamps: list[int] = []
        keys: list[int] = []
        packets = unstamped = marked_corrupt = last_duration = 0
        last_stamp: int | None = None
        broken_off = ""
        leading, places = LeadingPackets(), set[int]()
        try:
            for packet in container.demux(stream):
                # The demuxer ends with an empty packet; packets to discard only start the decoder (edit lists).
                if packet.size == 0 or packet.is_discard:
                    continue
                leading.add(packet)
                if info.trimmed and packet.pos is not None:
                    places.add(packet.pos)
                packets += 1
                marked_corrupt += packet.is_corrupt
                if packet.pts is None:
                    unstamped += 1
                    continue
                stamp = packet.pts - origin
                if last_stamp is None or stamp >= last_stamp:
                    last_stamp, last_duration = stamp, packet.duration or 0
                stamps.append(stamp)
                if packet.is_keyframe:
                    keys.append(stamp)
        except (av.FFmpegError, OSError) as error:
            broken_off = str(error.strerror or error)
    first = round(Fraction(info.start_s) / info.time_base)
    early = [stamp - origin for stamp in leading.before(first + origin)]
    stamps.sort()
    del stamps[: len(early)]
    return Survey(
        container_name,
        profile,
        labels,
        chapters,
        tuple(stamps),
        tuple(sorted(keys)),
        packets - len(early),
        unstamped,
        marked_corrupt,
        last_duration,
        broken_off,
        _trim(info, places, early, first),
    )


def _trim(info: VideoInfo, places: set[int], early: list[int], first: int) -> Trim | None:
    """What is not shown, once the packets that are have been read."""
    if not info.trimmed and not early:
        return None
    coded, shown = info.coded_frames or 0, (info.frame_count or 0) + info.leading_frames
    start, start_s, end, end_s = edit_list_trim(info, places) if info.trimmed else (0, 0.0, 0, 0.0)
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
