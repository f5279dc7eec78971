"""Where the packets of one stream go: on as they are, or decoded and encoded anew."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, Protocol

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream

from lipblend.video.matroska import skipped_samples
from lipblend.video.starting import starting

_PLAIN_PCM = re.compile(r"pcm_(?:[sf](8|16|24|32|64)(?:le|be)?|u(8))")


class Route(Protocol):
    """Where the packets of one stream go; ``corrupt_packets`` counts those that could not be decoded."""

    corrupt_packets: int

    def packets(self, packet: Packet[Stream]) -> Iterable[Packet[Stream]]:
        """What one packet of the source becomes."""

    def flush(self) -> Iterable[Packet[Stream]]:
        """What is left at the end."""


class CopyRoute:
    """Packets as they are, on another clock.

    Sound gets a clock of samples. Where the source counts coarser (Matroska: milliseconds), stamps that lie within one
    tick of the end of the packet before are moved there, so that no gaps of a fraction of a sample arise.

    Sound packets before ``from_s`` are left out, but for a lead-in: samples that no player plays.

    Parameters
    ----------
    source, target : Stream
    shift_s : Fraction
        Seconds added to the time stamps.
    from_s : Fraction
        Time in the output before which there shall be no sound.
    edit_list : bool
        The output hides what lies before time 0 (mp4, mov).
    lead_in : int
        Samples before ``from_s`` that the output hides otherwise.
    """

    def __init__(
        self, source: Stream, target: Stream, shift_s: Fraction, *, from_s: Fraction, edit_list: bool, lead_in: int
    ) -> None:
        self.corrupt_packets = 0
        self._target = target
        self._shift = shift_s
        self._rate = source.codec_context.sample_rate if isinstance(source, AudioStream) else 0
        self._step = source.codec_context.frame_size if isinstance(source, AudioStream) else 0
        self._from = round(from_s * self._rate)
        # A lead-in ends at the source's time 0.
        self._keep_all = edit_list and round(shift_s * self._rate) >= self._from
        self._edit_list, self._lead_in = edit_list, lead_in
        self._next: int | None = None
        self._last: int | None = None

    def packets(self, packet: Packet[Stream]) -> Iterable[Packet[Stream]]:
        """Set a packet's stamps and target."""
        base = packet.time_base
        stamp = packet.pts if packet.pts is not None else packet.dts
        if self._rate:
            coarse = base * self._rate > 1
            lead_in = skipped_samples(packet, self._rate) if coarse and self._next is None else 0
            if lead_in:
                self._next = round(self._shift * self._rate) - lead_in
            position = (stamp * base + self._shift) * self._rate if stamp is not None else Fraction(self._next or 0)
            near = self._next is not None and abs(position - self._next) <= base * self._rate
            start = self._next if coarse and near and self._next is not None else round(position)
            if self._last is not None and self._next is not None and start <= self._last:
                start = max(self._next, self._last + 1)  # the clock has started again, as in joined files
            self._last = start
            length = self._step if coarse and self._step else round((packet.duration or 0) * base * self._rate)
            self._next = start + length
            if self._too_early(start, length):
                return []
            packet.pts = packet.dts = start
            packet.duration = length
            packet.time_base = Fraction(1, self._rate)
        elif self._shift:
            shift = round(self._shift / base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        packet.stream = self._target
        return [packet]

    def flush(self) -> Iterable[Packet[Stream]]:
        """Nothing is held back."""
        return []

    def _too_early(self, start: int, length: int) -> bool:
        if self._keep_all or start >= self._from - self._lead_in:
            return False
        # An edit list cuts at a sample: the packet across the cut stays, and the one before, which decoders need.
        return not (self._edit_list and self._from == 0 and start + 2 * length > 0)


_LONGEST_FILL_S = 1800


class PcmRoute:
    """Uncompressed sound: cut at a sample, and holes filled with silence where the container cannot hold holes.

    Parameters
    ----------
    source, target : AudioStream
    shift_s, from_s : Fraction
        As for `CopyRoute`.
    fill : bool
        The output counts samples and keeps no time stamps (mp4, mov).
    """

    def __init__(self, source: AudioStream, target: Stream, shift_s: Fraction, *, from_s: Fraction, fill: bool) -> None:
        context = source.codec_context
        self.corrupt_packets = 0
        self._target = target
        self._shift = shift_s
        self._rate = context.sample_rate
        self._block = _sample_bytes(context.name) * context.channels
        self._silence = b"\x80" if context.name == "pcm_u8" else b"\0"
        self._from = round(from_s * self._rate)
        self._fill = fill
        self._next: int | None = None
        self._last: int | None = None

    def packets(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """The packet's samples on the output's clock, after the silence that goes before them."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        tick = packet.time_base * self._rate
        start = round(stamp * tick + self._shift * self._rate) if stamp is not None else (self._next or 0)
        if self._next is not None and abs(start - self._next) <= math.ceil(tick):
            start = self._next
        if self._last is not None and self._next is not None and start <= self._last:
            start = self._next  # the clock has started again, as in joined files
        self._last = start
        data = bytes(packet)
        first = max(self._from, self._next if self._next is not None else start)
        data = data[max(0, first - start) * self._block :]
        start = max(start, first) if data else start
        if not data:
            return
        if self._fill and self._next is not None and start - self._next > _LONGEST_FILL_S * self._rate:
            self.corrupt_packets += 1  # a stamp that far off is a mistake, and hours of silence would fill the disk
            return
        while self._fill and self._next is not None and self._next < start:
            count = min(start - self._next, self._rate)
            yield self._packet(self._silence * (count * self._block), self._next)
        yield self._packet(data, start)

    def flush(self) -> Iterable[Packet[Stream]]:
        """Nothing is held back."""
        return []

    def _packet(self, data: bytes, start: int) -> Packet[Stream]:
        made: Packet[Stream] = av.Packet(data)
        made.time_base = Fraction(1, self._rate)
        made.pts = made.dts = start
        made.duration = len(data) // self._block
        made.is_keyframe = True
        made.stream = self._target
        self._next = start + made.duration
        return made


class EncodeRoute:
    """Sound decoded and encoded anew, from the sample at ``from_s`` on."""

    def __init__(self, target: AudioStream, shift_s: Fraction, *, from_s: Fraction) -> None:
        self.corrupt_packets = 0
        self._target = target
        self._shift = shift_s
        self._from = from_s
        self._next: int | None = None

    def packets(self, packet: Packet[Stream]) -> Iterable[Packet[Stream]]:
        """Decode a packet and encode what comes out."""
        try:
            with starting(packet.stream.codec_context):
                frames = packet.decode()
        except av.InvalidDataError:
            self.corrupt_packets += 1
            return
        for frame in frames:
            if not isinstance(frame, AudioFrame):
                continue
            rate = frame.sample_rate
            start = self._start(frame, Fraction(frame.time_base or packet.time_base) * rate)
            self._next = start + frame.samples
            frame.pts, frame.time_base = start, Fraction(1, rate)
            early = round(self._from * rate) - start
            if early < frame.samples:
                yield from self._target.encode(_without_start(frame, early))

    def _start(self, frame: AudioFrame, tick: Fraction) -> int:
        """Where a frame begins in the output, in samples; stamps coarser than samples make no gaps."""
        start = round(frame.pts * tick + self._shift * frame.sample_rate) if frame.pts is not None else self._next
        if start is None or (self._next is not None and abs(start - self._next) <= math.ceil(tick)):
            return self._next or 0
        return start

    def flush(self) -> Iterable[Packet[Stream]]:
        """What the encoder still holds."""
        return self._target.encode(None)


def is_plain_pcm(source: Stream) -> bool:
    """Whether the stream holds uncompressed, interleaved samples of whole bytes."""
    return isinstance(source, AudioStream) and bool(_PLAIN_PCM.fullmatch(source.codec_context.name))


def _sample_bytes(codec: str) -> int:
    match = _PLAIN_PCM.fullmatch(codec)
    assert match is not None
    return int(match[1] or match[2]) // 8


def _without_start(frame: AudioFrame, count: int) -> AudioFrame:
    """A frame without its first samples."""
    if count <= 0:
        return frame
    width = len(frame.layout.channels) if frame.format.is_packed else 1
    samples: Any = np.ascontiguousarray(frame.to_ndarray()[:, count * width :])
    rest = AudioFrame.from_ndarray(samples, format=frame.format.name, layout=frame.layout.name)
    rest.sample_rate, rest.time_base = frame.sample_rate, frame.time_base
    rest.pts = (frame.pts or 0) + count
    return rest
