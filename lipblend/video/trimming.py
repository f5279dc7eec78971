"""What a file holds but does not show: hidden by an edit list, or not decodable as what comes before it is missing."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from lipblend.video.info import VideoInfo
from lipblend.video.matroska import LONGEST_LEAD_IN
from lipblend.video.opening import open_source, read_only


@dataclass(frozen=True)
class Trim:
    """How a video is trimmed, without being coded anew.

    Attributes
    ----------
    coded_frames : int
        Pictures in the file.
    start_frames, end_frames : int
        Of these, before the first and after the last that the edit list shows.
    start_s, end_s : float
        The same in seconds.
    inside_frames : int
        Left out between shown ones, where the edit list has several parts.
    leading_frames : int
        Pictures at the start that no decoder can show, as what they refer to was cut off.
    leading_s : float
        How much earlier the first of them would be shown than the first that can be.
    """

    coded_frames: int
    start_frames: int
    start_s: float
    end_frames: int
    end_s: float
    inside_frames: int
    leading_frames: int
    leading_s: float


class LeadingPackets:
    """Finds packets whose pictures cannot be decoded because the file begins too late.

    These are the packets before the first key frame, and those after it in decoding order that are shown before it: in
    an open group of pictures they refer to what was cut off. Whether a decoder shows them all the same is known only
    from the first picture that it gives.
    """

    def __init__(self) -> None:
        self._stamps: list[int] = []
        self._key: int | None = None
        self.complete = False

    def add(self, packet: Packet[Any]) -> None:
        """Take the next packet of the stream in decoding order."""
        if self.complete or packet.is_discard or packet.pts is None:
            return
        if self._key is None and packet.is_keyframe:
            self._key = packet.pts
        elif self._key is None or packet.pts < self._key:
            self._stamps.append(packet.pts)
        else:  # what follows is shown after the key frame
            self.complete = True

    def before(self, first_pts: int) -> list[int]:
        """Time stamps of those shown before the first picture that was decoded, in the file's clock; ascending."""
        return sorted(stamp for stamp in self._stamps if stamp < first_pts)


def promised_packets(container: InputContainer, stream: Stream) -> tuple[int | None, int | None]:
    """How many pictures of a stream are in the file, and how many are to be shown; None where the file does not say.

    The header says how many there are. The index of mp4 and mov, as FFmpeg makes it, holds what their edit list shows,
    and marks what is only decoded on the way. The header of an AVI counts pictures that were dropped while recording
    too, which its index, where that is whole, does not hold.
    """
    claimed, index = stream.frames or None, stream.index_entries
    if claimed is None or not len(index):
        return claimed, claimed
    if _is_mov(container):
        return claimed, sum(not entry.is_discard for entry in index)
    if container.format.name == "avi" and index[len(index) - 1].timestamp >= claimed - max(1, claimed // 50):
        claimed = min(claimed, len(index))
    return claimed, claimed


def several_parts(container: InputContainer, stream: Stream) -> bool:
    """Whether the edit list of an mp4 or mov shows a stream in several parts."""
    if not _is_mov(container):
        return False
    begun = hidden = False
    for entry in stream.index_entries:
        if entry.is_discard:
            hidden = begun
        elif hidden:
            return True
        else:
            begun = True
    return False


def hidden_before_s(container: InputContainer, stream: Stream) -> Fraction:
    """Where the sound of an mp4 or mov begins that is both cut off at its start and delayed, in seconds; else 0.

    The packets that are cut off then lie after time 0, where an output would not hide them. A mere lead-in may stay.
    """
    index, start, unit = stream.index_entries, stream.start_time or 0, stream.time_base or Fraction(0)
    if not isinstance(stream, AudioStream) or start <= 0 or not _is_mov(container) or not len(index):
        return Fraction(0)
    hidden = (start - index[0].timestamp) * unit * stream.codec_context.sample_rate
    return start * unit if index[0].is_discard and hidden > LONGEST_LEAD_IN else Fraction(0)


def _is_mov(container: InputContainer) -> bool:
    return "mov" in container.format.name.split(",")


def edit_list_trim(info: VideoInfo, shown: Collection[int]) -> tuple[int, float, int, float]:
    """Pictures that an edit list cuts off at both ends.

    Parameters
    ----------
    info : VideoInfo
    shown : collection of int
        Places in the file of the packets that are shown.

    Returns
    -------
    start_frames, start_s, end_frames, end_s
    """
    with open_source(info.path, options={"ignore_editlist": "1"}) as container:
        stream = container.streams[info.stream_index]
        read_only(container, [stream])
        spans: list[tuple[int, int]] = []
        kept: list[tuple[int, int]] = []
        with suppress(av.FFmpegError, OSError):  # the survey, which reads the same, says where reading ended
            for packet in container.demux(stream):
                if packet.size and packet.pts is not None:
                    span = packet.pts, packet.pts + (packet.duration or 0)
                    spans.append(span)
                    if packet.pos in shown:
                        kept.append(span)
        unit = Fraction(stream.time_base or 0)
    if not kept:
        return 0, 0.0, 0, 0.0
    first, last, end = min(kept)[0], max(kept)[0], max(stop for _, stop in kept)
    before, after = [s for s, _ in spans if s < first], [span for span in spans if span[0] > last]
    start_s = float((first - min(before)) * unit) if before else 0.0
    end_s = float((max(stop for _, stop in after) - end) * unit) if after else 0.0
    return len(before), start_s, len(after), end_s
