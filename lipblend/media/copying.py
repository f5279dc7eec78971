"""Taking streams over from a file: packet by packet, or encoded anew where the container cannot hold them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from lipblend.errors import InputError
from lipblend.media.matroska import PrimedStream, add_primed_aac, skipped_samples
from lipblend.media.source import open_source, read_only

_KEPT_TAGS = ("language", "title", "handler_name", "creation_time")
_SLACK_S = 10
_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_CHANNEL_BIT_RATE = 96_000
_OPUS_RATE = 48_000


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
    """

    def __init__(self, source: Stream, target: Stream, shift_s: Fraction) -> None:
        self.corrupt_packets = 0
        self._target = target
        self._shift = shift_s
        self._rate = source.codec_context.sample_rate if isinstance(source, AudioStream) else 0
        self._step = source.codec_context.frame_size if isinstance(source, AudioStream) else 0
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


class EncodeRoute:
    """Sound decoded and encoded anew."""

    def __init__(self, target: AudioStream, shift_s: Fraction) -> None:
        self.corrupt_packets = 0
        self._target = target
        self._shift = shift_s

    def packets(self, packet: Packet[Stream]) -> Iterable[Packet[Stream]]:
        """Decode a packet and encode what comes out."""
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            self.corrupt_packets += 1
            return
        for frame in frames:
            if isinstance(frame, av.AudioFrame):
                if frame.pts is not None and frame.time_base:
                    frame.pts += round(self._shift / frame.time_base)
                yield from self._target.encode(frame)

    def flush(self) -> Iterable[Packet[Stream]]:
        """What the encoder still holds."""
        return self._target.encode(None)


class StreamCopier:
    """Streams of one file on their way into an output, kept in step with its video.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    primed : list of PrimedStream
        Streams whose lead-in is still to be noted in the finished file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.container = open_source(path)
        self.primed: list[PrimedStream] = []
        self._routes: dict[int, Route] = {}
        self._shifts: dict[int, Fraction] = {}
        self._packets: Iterator[Packet[Stream]] | None = None
        self._pending: Packet[Stream] | None = None

    @property
    def corrupt_packets(self) -> int:
        """Packets that could not be decoded, of streams that are encoded anew."""
        return sum(route.corrupt_packets for route in self._routes.values())

    def close(self) -> None:
        """Close the file."""
        self._packets = self._pending = None
        self.container.close()

    def add(self, output: OutputContainer, index: int, *, shift_s: Fraction) -> list[str] | None:
        """Take a stream over.

        Parameters
        ----------
        output : OutputContainer
            Not started yet.
        index : int
            Index of the stream in the file.
        shift_s : Fraction
            Seconds added to its time stamps.

        Returns
        -------
        list of str or None
            Notes for the summary; None when the container cannot hold the stream, nor what it could become.
        """
        source = self.container.streams[index]
        notes: list[str] = []
        route: Route
        target: Stream
        if source.codec_context is not None and _can_hold(output.format.name, source):
            primed = add_primed_aac(output, source, self.path)
            if primed is None:
                target = output.add_stream_from_template(source, opaque=True)
                _name_layout(source, target)
                route = CopyRoute(source, target, shift_s)
            else:
                self.primed.append(primed)
                target = primed.target
                rate = target.codec_context.sample_rate
                route = CopyRoute(source, target, shift_s + Fraction(primed.stamp_shift, rate))
        elif isinstance(source, AudioStream) and source.codec_context is not None:
            target = _encoded_audio(output, source)
            route = EncodeRoute(target, shift_s)
            was, now = source.codec_context.name, target.codec_context.name
            notes.append(f"sound re-encoded from {was} to {now}: {output.format.name} cannot hold {was}")
        else:
            return None
        target.metadata.update({tag: source.metadata[tag] for tag in _KEPT_TAGS if tag in source.metadata})
        target.disposition = source.disposition
        self._routes[index] = route
        self._shifts[index] = shift_s
        return notes

    def copy_until(self, mux: Callable[[Iterable[Packet[Stream]]], None], time_s: Fraction) -> None:
        """Hand on all packets up to a time, in seconds of the output."""
        while (packet := self._peek()) is not None and self._time(packet) <= time_s:
            self._pending = None
            mux(self._routes[packet.stream_index].packets(packet))

    def copy_rest(self, mux: Callable[[Iterable[Packet[Stream]]], None], end_s: Fraction | None) -> None:
        """Hand on what is left: everything, or what begins before ``end_s``."""
        while (packet := self._peek()) is not None:
            self._pending = None
            late = -1 if end_s is None else self._time(packet) - end_s
            if late < 0:
                mux(self._routes[packet.stream_index].packets(packet))
            elif late > _SLACK_S:
                break
        for route in self._routes.values():
            mux(route.flush())

    def _time(self, packet: Packet[Stream]) -> Fraction:
        stamp = packet.dts if packet.dts is not None else (packet.pts or 0)
        return stamp * packet.time_base + self._shifts[packet.stream_index]

    def _peek(self) -> Packet[Stream] | None:
        if self._pending is None:
            if self._packets is None:
                streams = [self.container.streams[index] for index in self._routes]
                read_only(self.container, streams)
                self._packets = iter(self.container.demux(streams) if streams else ())
            try:
                # The demuxer ends with one empty packet a stream, to flush decoders that are not used here.
                self._pending = next((packet for packet in self._packets if packet.size), None)
            except (av.FFmpegError, OSError) as error:
                raise InputError(f"{self.path} cannot be read on: {error.strerror or error}") from error
        return self._pending


def _can_hold(container_name: str, source: Stream) -> bool:
    """Whether a container takes a stream as it is, found by writing a header into memory."""
    with av.open(io.BytesIO(), "w", format=container_name) as trial:
        try:
            trial.add_stream_from_template(source, opaque=True)
            trial.start_encoding()
        except (av.FFmpegError, ValueError):
            return False
    return True


def _name_layout(source: Stream, target: Stream) -> None:
    """Give sound that only says how many channels it has (Matroska) the usual layout: PCM in mp4 needs one."""
    if isinstance(source, AudioStream) and isinstance(target, AudioStream):
        usual = _USUAL_LAYOUTS.get(source.codec_context.channels)
        if usual is not None and source.codec_context.layout.name.endswith("channels"):
            target.codec_context.layout = usual


def _encoded_audio(output: OutputContainer, source: AudioStream) -> AudioStream:
    encoder = "libopus" if output.format.name == "webm" else "aac"
    wanted = source.codec_context.sample_rate
    rates = av.Codec(encoder, "w").audio_rates or [wanted]
    rate = wanted if wanted in rates else _OPUS_RATE
    target = output.add_stream(encoder, rate=rate, bit_rate=_CHANNEL_BIT_RATE * source.codec_context.channels)
    assert isinstance(target, AudioStream)
    target.codec_context.layout = source.codec_context.layout
    target.time_base = Fraction(1, rate)
    return target
