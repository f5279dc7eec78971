"""Ways of a stream's packets into the output: copied, cut as PCM, or re-encoded."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream

from lipblend.output.sound.codec_delay import skipped_samples
from lipblend.video.codecs import guarded_start

_MAX_FILL_S = 1800
_PLAIN_PCM = re.compile(r"pcm_(?:[sf](8|16|24|32|64)(?:le|be)?|u(8))")


class Route(ABC):
    """The way of a stream's packets.

    Parameters
    ----------
    target : Stream
    shift_s : Fraction
        Seconds added to the time stamps.

    Attributes
    ----------
    corrupt_packets : int
        Packets that could not be decoded.
    """

    def __init__(self, target: Stream, shift_s: Fraction) -> None:
        self.corrupt_packets = 0
        self._target, self._shift = target, shift_s
        self._next: int | None = None
        self._last: int | None = None

    @abstractmethod
    def packets(self, packet: Packet[Stream]) -> Iterable[Packet[Stream]]:
        """Return the output packets for one packet of the source."""

    def flush(self) -> Iterable[Packet[Stream]]:
        """Return the remaining packets at the end."""
        return ()


class CopyRoute(Route):
    """Packets as they are, with new time stamps.

    Sound gets a clock of samples. If the source's clock is coarser (Matroska: milliseconds), a packet that begins
    within one tick of the end of the previous one is moved there, so that no gaps of fractions of a sample arise.

    Sound packets before ``from_s`` are left out, except for priming samples, which no player plays.

    Parameters
    ----------
    source, target : Stream
    shift_s : Fraction
        Seconds added to the time stamps.
    from_s : Fraction
        Start of the sound, in seconds of the output.
    edit_list : bool
        The output hides what lies before time 0 (mp4, mov).
    priming : int
        Samples before ``from_s`` that the output hides in another way.
    """

    def __init__(
        self, source: Stream, target: Stream, shift_s: Fraction, *, from_s: Fraction, edit_list: bool, priming: int
    ) -> None:
        super().__init__(target, shift_s)
        self._rate = source.codec_context.sample_rate if isinstance(source, AudioStream) else 0
        self._step = source.codec_context.frame_size if isinstance(source, AudioStream) else 0
        self._from = round(from_s * self._rate)
        # Priming samples end at the source's time 0.
        self._keep_all = edit_list and round(shift_s * self._rate) >= self._from
        self._edit_list, self._priming = edit_list, priming

    def packets(self, packet: Packet[Stream]) -> Iterable[Packet[Stream]]:
        """Set the time stamps and the target of a packet."""
        if self._rate:
            start, length = self._sample_times(packet)
            if self._is_too_early(start, length):
                return []
            packet.pts = packet.dts = start
            packet.duration = length
            packet.time_base = Fraction(1, self._rate)
        elif self._shift:
            shift = round(self._shift / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        packet.stream = self._target
        return [packet]

    def _sample_times(self, packet: Packet[Stream]) -> tuple[int, int]:
        """Start and length of a sound packet on the output's clock, in samples."""
        base = packet.time_base
        coarse = base * self._rate > 1
        if coarse and self._next is None:
            skipped = skipped_samples(packet, self._rate)
            if skipped:
                self._next = round(self._shift * self._rate) - skipped
        start = self._start(_stamp(packet), base, coarse=coarse)
        if self._last is not None and self._next is not None and start <= self._last:
            start = max(self._next, self._last + 1)  # the clock was reset, as in joined files
        self._last = start
        length = self._step if coarse and self._step else round((packet.duration or 0) * base * self._rate)
        self._next = start + length
        return start, length

    def _start(self, stamp: int | None, base: Fraction, *, coarse: bool) -> int:
        position = (stamp * base + self._shift) * self._rate if stamp is not None else Fraction(self._next or 0)
        if coarse and self._next is not None and abs(position - self._next) <= base * self._rate:
            return self._next
        return round(position)

    def _is_too_early(self, start: int, length: int) -> bool:
        if self._keep_all or start >= self._from - self._priming:
            return False
        # An edit list cuts at a sample. The packet across the cut stays, and the one before, which decoders need.
        return not (self._edit_list and self._from == 0 and start + 2 * length > 0)


class PcmRoute(Route):
    """Uncompressed sound: cut at a sample, with gaps filled with silence if the container cannot hold gaps.

    Parameters
    ----------
    source : AudioStream
    target : Stream
    shift_s, from_s : Fraction
        As for `CopyRoute`.
    fill : bool
        The output counts samples and keeps no time stamps (mp4, mov).
    """

    def __init__(self, source: AudioStream, target: Stream, shift_s: Fraction, *, from_s: Fraction, fill: bool) -> None:
        super().__init__(target, shift_s)
        context = source.codec_context
        self._rate = context.sample_rate
        self._block = _sample_bytes(context.name) * context.channels
        self._silence = b"\x80" if context.name == "pcm_u8" else b"\0"
        self._from = round(from_s * self._rate)
        self._fill = fill

    def packets(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Return the packet's samples on the output's clock, preceded by the silence that fills a gap."""
        start = self._start(packet)
        data = bytes(packet)
        first = max(self._from, self._next if self._next is not None else start)
        data = data[max(0, first - start) * self._block :]
        if not data:
            return
        start = max(start, first)
        if self._fill and self._next is not None and start - self._next > _MAX_FILL_S * self._rate:
            self.corrupt_packets += 1  # such a time stamp is wrong, and hours of silence would fill the disk
            return
        while self._fill and self._next is not None and self._next < start:
            count = min(start - self._next, self._rate)
            yield self._packet(self._silence * (count * self._block), self._next)
        yield self._packet(data, start)

    def _start(self, packet: Packet[Stream]) -> int:
        """Start of a packet on the output's clock, in samples."""
        stamp = _stamp(packet)
        tick = packet.time_base * self._rate
        start = round(stamp * tick + self._shift * self._rate) if stamp is not None else (self._next or 0)
        if self._next is not None and abs(start - self._next) <= math.ceil(tick):
            start = self._next
        if self._last is not None and self._next is not None and start <= self._last:
            start = self._next  # the clock was reset, as in joined files
        self._last = start
        return start

    def _packet(self, data: bytes, start: int) -> Packet[Stream]:
        made: Packet[Stream] = av.Packet(data)
        made.time_base = Fraction(1, self._rate)
        made.pts = made.dts = start
        made.duration = len(data) // self._block
        made.is_keyframe = True
        made.stream = self._target
        self._next = start + made.duration
        return made


class EncodeRoute(Route):
    """Sound that is decoded and re-encoded, starting at the sample at ``from_s``."""

    def __init__(self, target: AudioStream, shift_s: Fraction, *, from_s: Fraction) -> None:
        super().__init__(target, shift_s)
        self._encoder, self._from = target, from_s

    def packets(self, packet: Packet[Stream]) -> Iterable[Packet[Stream]]:
        """Decode a packet and encode its samples."""
        try:
            with guarded_start(packet.stream.codec_context):
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
                yield from self._encoder.encode(_without_start(frame, early))

    def flush(self) -> Iterable[Packet[Stream]]:
        return self._encoder.encode(None)

    def _start(self, frame: AudioFrame, tick: Fraction) -> int:
        """Start of a frame in the output, in samples; time stamps coarser than samples make no gaps."""
        start = round(frame.pts * tick + self._shift * frame.sample_rate) if frame.pts is not None else self._next
        if start is None or (self._next is not None and abs(start - self._next) <= math.ceil(tick)):
            return self._next or 0
        return start


def is_plain_pcm(source: Stream) -> bool:
    """Whether a stream holds uncompressed, interleaved samples of whole bytes."""
    return isinstance(source, AudioStream) and bool(_PLAIN_PCM.fullmatch(source.codec_context.name))


def _stamp(packet: Packet[Stream]) -> int | None:
    return packet.pts if packet.pts is not None else packet.dts


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
