"""Frames that a file holds but does not show: hidden by an edit list, or not decodable because it begins too late."""

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
from lipblend.video.opening import open_source, select_streams

MAX_PRIMING = 8192
"""Priming samples at the start of sound; more hidden samples than that are the start of a trimmed file."""


@dataclass(frozen=True)
class Trim:
    """How a video is trimmed without re-encoding.

    Attributes
    ----------
    coded_frames : int
        Frames in the file.
    start_frames, end_frames : int
        Frames before the first and after the last one that the edit list shows.
    start_s, end_s : float
        Their durations.
    inside_frames : int
        Hidden frames between shown ones, if the edit list has several parts.
    leading_frames : int
        Frames at the start that cannot be decoded because their references were cut off.
    leading_s : float
        Their duration.
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
    """Finds packets whose frames cannot be decoded because the file begins too late.

    These are the packets before the first key frame, and those after it in decoding order that are shown before it: in
    an open group of pictures they refer to frames that were cut off. Some decoders still show them, so the answer
    depends on the first decoded frame.
    """

    def __init__(self) -> None:
        self._stamps: list[int] = []
        self._key: int | None = None
        self.complete = False

    def add(self, packet: Packet[Any]) -> None:
        """Add the next packet of the stream in decoding order."""
        if self.complete or packet.is_discard or packet.pts is None:
            return
        if self._key is None and packet.is_keyframe:
            self._key = packet.pts
        elif self._key is None or packet.pts < self._key:
            self._stamps.append(packet.pts)
        else:  # all following packets are shown after the key frame
            self.complete = True

    def before(self, first_pts: int) -> list[int]:
        """Time stamps of the leading packets shown before the first decoded frame, in the file's clock; ascending."""
        return sorted(stamp for stamp in self._stamps if stamp < first_pts)


def frame_counts(container: InputContainer, stream: Stream) -> tuple[int | None, int | None]:
    """Number of coded and of shown frames of a stream; None if the file does not say.

    The header has the number of coded frames. FFmpeg's index of an mp4 or mov lists the frames shown by the edit list,
    and marks those that are only decoded. The header of an AVI also counts frames dropped while recording, which its
    index omits if it is complete.
    """
    claimed, index = stream.frames or None, stream.index_entries
    if claimed is None or not len(index):
        return claimed, claimed
    if _is_mov(container):
        return claimed, sum(not entry.is_discard for entry in index)
    if container.format.name == "avi" and index[len(index) - 1].timestamp >= claimed - max(1, claimed // 50):
        claimed = min(claimed, len(index))
    return claimed, claimed


def has_several_edits(container: InputContainer, stream: Stream) -> bool:
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


def trimmed_start_s(container: InputContainer, stream: Stream) -> Fraction:
    """Start time, in seconds, of sound in an mp4 or mov that is both trimmed at its start and delayed; else 0.

    The trimmed packets then lie after time 0, where an output would not hide them. Priming samples may stay.
    """
    index, start, unit = stream.index_entries, stream.start_time or 0, stream.time_base or Fraction(0)
    if not isinstance(stream, AudioStream) or start <= 0 or not _is_mov(container) or not len(index):
        return Fraction(0)
    hidden = (start - index[0].timestamp) * unit * stream.codec_context.sample_rate
    return start * unit if index[0].is_discard and hidden > MAX_PRIMING else Fraction(0)


def _is_mov(container: InputContainer) -> bool:
    return "mov" in container.format.name.split(",")


def edit_list_trim(info: VideoInfo, shown: Collection[int]) -> tuple[int, float, int, float]:
    """Frames that an edit list hides at both ends.

    Parameters
    ----------
    info : VideoInfo
    shown : collection of int
        File positions of the packets that are shown.

    Returns
    -------
    start_frames, start_s, end_frames, end_s
    """
    with open_source(info.path, options={"ignore_editlist": "1"}) as container:
        stream = container.streams[info.stream_index]
        select_streams(container, [stream])
        spans: list[tuple[int, int]] = []
        shown_spans: list[tuple[int, int]] = []
        with suppress(av.FFmpegError, OSError):  # the survey reads the same packets and reports where reading ended
            for packet in container.demux(stream):
                if packet.size and packet.pts is not None:
                    span = packet.pts, packet.pts + (packet.duration or 0)
                    spans.append(span)
                    if packet.pos in shown:
                        shown_spans.append(span)
        unit = Fraction(stream.time_base or 0)
    if not shown_spans:
        return 0, 0.0, 0, 0.0
    first, last, end = min(shown_spans)[0], max(shown_spans)[0], max(stop for _, stop in shown_spans)
    before, after = [s for s, _ in spans if s < first], [span for span in spans if span[0] > last]
    start_s = float((first - min(before)) * unit) if before else 0.0
    end_s = float((max(stop for _, stop in after) - end) * unit) if after else 0.0
    return len(before), start_s, len(after), end_s
