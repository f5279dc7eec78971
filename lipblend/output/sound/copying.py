"""Taking streams over from a file: packet by packet, or encoded anew where the container cannot hold them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from lipblend.errors import InputError
from lipblend.output.sound.routes import CopyRoute, EncodeRoute, PcmRoute, Route, is_plain_pcm
from lipblend.video.matroska import PrimedStream, add_primed
from lipblend.video.opening import open_source, read_only
from lipblend.video.trimming import hidden_before_s, several_parts

_KEPT_TAGS = ("language", "title", "handler_name", "creation_time")
_SLACK_S = 10
_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_CHANNEL_BIT_RATE = 96_000
_OPUS_RATE = 48_000


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

    def add(
        self, output: OutputContainer, index: int, *, shift_s: Fraction, from_s: Fraction = Fraction(0)
    ) -> list[str] | None:
        """Take a stream over.

        Parameters
        ----------
        output : OutputContainer
            Not started yet.
        index : int
            Index of the stream in the file.
        shift_s : Fraction
            Seconds added to its time stamps.
        from_s : Fraction
            Sound before this time of the output is left out.

        Returns
        -------
        list of str or None
            Notes for the summary; None when the container cannot hold the stream, nor what it could become.
        """
        source = self.container.streams[index]
        notes: list[str] = []
        route: Route
        target: Stream
        pieced = isinstance(source, AudioStream) and several_parts(self.container, source)
        hidden_s = Fraction(0) if pieced else hidden_before_s(self.container, source)
        if hidden_s:  # sound may well begin before the source's time 0, on a clock that passed its end
            from_s = max(from_s, hidden_s + shift_s)
        if not pieced and source.codec_context is not None and _can_hold(output.format.name, source):
            # A lead-in ends at the source's time 0. Where that lies before from_s, it is left out with the rest.
            primed = add_primed(output, source, self.path) if shift_s >= from_s else None
            if primed is None:
                target = output.add_stream_from_template(source, opaque=True)
                _name_layout(source, target)
            else:
                self.primed.append(primed)
                target = primed.target
            route = _copy_route(output, source, target, primed, shift_s, from_s)
        elif isinstance(source, AudioStream) and source.codec_context is not None:
            as_it_is = pieced and is_plain_pcm(source) and _can_hold(output.format.name, source)
            target = _encoded_audio(output, source, source.codec_context.name if as_it_is else None)
            route = EncodeRoute(target, shift_s, from_s=from_s)
            was, now = source.codec_context.name, target.codec_context.name
            why = "its edit list shows several parts of it" if pieced else f"{output.format.name} cannot hold {was}"
            if not as_it_is:
                notes.append(f"sound re-encoded from {was} to {now}: {why}")
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


def _copy_route(
    output: OutputContainer,
    source: Stream,
    target: Stream,
    primed: PrimedStream | None,
    shift_s: Fraction,
    from_s: Fraction,
) -> Route:
    edit_list = output.format.name in ("mp4", "mov")
    if isinstance(source, AudioStream) and is_plain_pcm(source):
        return PcmRoute(source, target, shift_s, from_s=from_s, fill=edit_list)
    moved, lead_in = Fraction(0), _opus_lead_in(source)
    if primed is not None:
        moved, lead_in = Fraction(primed.stamp_shift, primed.target.codec_context.sample_rate), primed.priming
    return CopyRoute(source, target, shift_s + moved, from_s=from_s + moved, edit_list=edit_list, lead_in=lead_in)


def _opus_lead_in(source: Stream) -> int:
    """Samples that every player of Opus skips (RFC 7845, section 5.1); 0 for other sound."""
    head = bytes(source.codec_context.extradata or b"")
    return int.from_bytes(head[10:12], "little") if head.startswith(b"OpusHead") else 0


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
    """Give sound that only says how many channels it has (Matroska) the usual layout: PCM in mp4 and AAC need one."""
    if isinstance(source, AudioStream) and isinstance(target, AudioStream):
        usual = _USUAL_LAYOUTS.get(source.codec_context.channels)
        if usual is not None and source.codec_context.layout.name.endswith("channels"):
            target.codec_context.layout = usual


def _encoded_audio(output: OutputContainer, source: AudioStream, encoder: str | None = None) -> AudioStream:
    encoder = encoder or ("libopus" if output.format.name == "webm" else "aac")
    wanted = source.codec_context.sample_rate
    rates = av.Codec(encoder, "w").audio_rates or [wanted]
    rate = wanted if wanted in rates else _OPUS_RATE
    target = output.add_stream(encoder, rate=rate, bit_rate=_CHANNEL_BIT_RATE * source.codec_context.channels)
    assert isinstance(target, AudioStream)
    target.codec_context.layout = source.codec_context.layout
    _name_layout(source, target)
    target.time_base = Fraction(1, rate)
    return target
