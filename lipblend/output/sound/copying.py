"""Copying streams of a file into an output, re-encoding sound that its container cannot hold."""

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
from lipblend.output.sound.codec_delay import PrimedStream, add_primed
from lipblend.output.sound.routes import CopyRoute, EncodeRoute, PcmRoute, Route, is_plain_pcm
from lipblend.video.opening import open_source, select_streams
from lipblend.video.trimming import has_several_edits, trimmed_start_s

_KEPT_TAGS = ("language", "title", "handler_name", "creation_time")
_MAX_INTERLEAVING_S = 10  # a packet later than the end by more ends the file
_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_CHANNEL_BIT_RATE = 96_000
_OPUS_RATE = 48_000


class StreamCopier:
    """Copies streams of one file into an output, interleaved with its video.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    primed : list of PrimedStream
        Streams whose codec delay must be written to the finished file.
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
        """Packets of re-encoded streams that could not be decoded."""
        return sum(route.corrupt_packets for route in self._routes.values())

    def close(self) -> None:
        """Close the file."""
        self._packets = self._pending = None
        self.container.close()

    def add(
        self,
        output: OutputContainer,
        index: int,
        *,
        shift_s: Fraction,
        from_s: Fraction = Fraction(0),
        codec: str | None = None,
    ) -> list[str] | None:
        """Add a stream of the file to an output.

        Parameters
        ----------
        output : OutputContainer
            Not started yet.
        index : int
            Index of the stream in the file.
        shift_s : Fraction
            Seconds added to its time stamps.
        from_s : Fraction
            Start of the sound, in seconds of the output; earlier sound is left out.
        codec : str, optional
            Encoder for sound that is not plain PCM, also where the output could hold it as it is.

        Returns
        -------
        list of str or None
            Notes for the summary; None if the output can hold the stream neither as it is nor re-encoded.
        """
        source = self.container.streams[index]
        if source.codec_context is None:  # no decoder
            return None
        container_name = output.format.name
        pieced = isinstance(source, AudioStream) and has_several_edits(self.container, source)
        trimmed_s = Fraction(0) if pieced else trimmed_start_s(self.container, source)
        if trimmed_s:  # otherwise sound may begin before the source's time 0
            from_s = max(from_s, trimmed_s + shift_s)
        notes: list[str] = []
        if codec is not None and isinstance(source, AudioStream) and not is_plain_pcm(source):
            target, route = _encoded(output, source, codec, shift_s, from_s)
        elif not pieced and _can_hold(container_name, source):
            target, route = self._copied(output, source, shift_s, from_s)
        elif isinstance(source, AudioStream):
            # PCM that is shown in parts is decoded and encoded as the same PCM, without loss.
            same_codec = pieced and is_plain_pcm(source) and _can_hold(container_name, source)
            kept = source.codec_context.name if same_codec else None
            target, route = _encoded(output, source, kept, shift_s, from_s)
            if not same_codec:
                old, new = source.codec_context.name, target.codec_context.name
                why = "its edit list has several parts" if pieced else f"{container_name} cannot hold {old}"
                notes.append(f"sound re-encoded from {old} to {new}: {why}")
        else:
            return None
        target.metadata.update({tag: source.metadata[tag] for tag in _KEPT_TAGS if tag in source.metadata})
        target.disposition = source.disposition
        self._routes[index] = route
        self._shifts[index] = shift_s
        return notes

    def _copied(
        self, output: OutputContainer, source: Stream, shift_s: Fraction, from_s: Fraction
    ) -> tuple[Stream, Route]:
        """Add a stream that is copied, and choose the way of its packets."""
        # Priming samples end at the source's time 0. If that is before from_s, they are left out with the rest.
        primed = add_primed(output, source, self.path) if shift_s >= from_s else None
        edit_list = output.format.name in ("mp4", "mov")
        if primed is None:
            target: Stream = output.add_stream_from_template(source, opaque=True)
            _name_layout(source, target)
        else:
            self.primed.append(primed)
            target = primed.target
        if isinstance(source, AudioStream) and is_plain_pcm(source):
            return target, PcmRoute(source, target, shift_s, from_s=from_s, fill=edit_list)
        moved, priming = Fraction(0), _opus_priming(source)
        if primed is not None:
            moved, priming = Fraction(primed.stamp_shift, primed.target.codec_context.sample_rate), primed.priming
        route = CopyRoute(source, target, shift_s + moved, from_s=from_s + moved, edit_list=edit_list, priming=priming)
        return target, route

    def copy_until(self, mux: Callable[[Iterable[Packet[Stream]]], None], time_s: Fraction) -> None:
        """Copy all packets up to a time, in seconds of the output."""
        while (packet := self._peek()) is not None and self._time(packet) <= time_s:
            self._pending = None
            mux(self._routes[packet.stream_index].packets(packet))

    def copy_rest(self, mux: Callable[[Iterable[Packet[Stream]]], None], end_s: Fraction | None) -> None:
        """Copy the remaining packets, or those that begin before ``end_s``."""
        while (packet := self._peek()) is not None:
            self._pending = None
            late = -1 if end_s is None else self._time(packet) - end_s
            if late < 0:
                mux(self._routes[packet.stream_index].packets(packet))
            elif late > _MAX_INTERLEAVING_S:
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
                select_streams(self.container, streams)
                self._packets = iter(self.container.demux(streams) if streams else ())
            try:
                # The demuxer ends with one empty packet per stream, which would flush a decoder.
                self._pending = next((packet for packet in self._packets if packet.size), None)
            except (av.FFmpegError, OSError) as error:
                raise InputError(f"{self.path}: cannot read further: {error.strerror or error}") from error
        return self._pending


def _opus_priming(source: Stream) -> int:
    """Samples that every player of Opus skips (RFC 7845, section 5.1); 0 for other sound."""
    header = bytes(source.codec_context.extradata or b"")
    return int.from_bytes(header[10:12], "little") if header.startswith(b"OpusHead") else 0


def _can_hold(container_name: str, source: Stream) -> bool:
    """Whether a container can hold a stream unchanged, tried by writing a header to memory."""
    with av.open(io.BytesIO(), "w", format=container_name) as trial:
        try:
            trial.add_stream_from_template(source, opaque=True)
            trial.start_encoding()
        except (av.FFmpegError, ValueError):
            return False
    return True


def _name_layout(source: Stream, target: Stream) -> None:
    """Name the usual layout if a source has only a number of channels (Matroska): PCM in mp4 and AAC need one."""
    if isinstance(source, AudioStream) and isinstance(target, AudioStream):
        usual = _USUAL_LAYOUTS.get(source.codec_context.channels)
        if usual is not None and source.codec_context.layout.name.endswith("channels"):
            target.codec_context.layout = usual


def _encoded(
    output: OutputContainer, source: AudioStream, encoder: str | None, shift_s: Fraction, from_s: Fraction
) -> tuple[Stream, Route]:
    """Add a stream that is encoded anew, and the way of its packets."""
    target = _add_encoded_audio(output, source, encoder)
    return target, EncodeRoute(target, shift_s, from_s=from_s)


def _add_encoded_audio(output: OutputContainer, source: AudioStream, encoder: str | None = None) -> AudioStream:
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
