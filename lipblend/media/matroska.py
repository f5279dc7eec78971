"""The lead-in of AAC sound in Matroska.

AAC begins with samples that are not to be heard (1024 with most encoders, 2112 with Apple's). mp4 hides them with an
edit list; Matroska has the element CodecDelay. FFmpeg writes that element only for a stream whose encoder reports a
delay; for copied AAC it moves *all* streams later instead, the video by 23 to 48 ms. So the stream is made from
FFmpeg's own AAC encoder, which reports 1024 samples, and gets the source's configuration; another delay is put into the
header once the file is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from lipblend.errors import OutputError
from lipblend.media.source import open_source

_ENCODER_PRIMING = 1024
_CODEC_DELAY_ID = b"\x56\xaa"
_HEADER_BYTES = 1 << 20
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class PrimedStream:
    """A Matroska sound stream with a codec delay.

    Parameters
    ----------
    target : AudioStream
        The stream of the output.
    priming : int
        Samples at the start that are not to be heard.
    """

    target: AudioStream
    priming: int

    @property
    def stamp_shift(self) -> int:
        """Samples to add to time stamps while muxing, as FFmpeg takes off its encoder's delay, not ``priming``."""
        return self.priming - _ENCODER_PRIMING


def skipped_samples(packet: Packet[Stream], rate: int) -> int:
    """Samples at the start of a packet, and before time 0, that a player skips; 0 when there are none."""
    if packet.pts is None or packet.pts >= 0 or not packet.has_sidedata("skip_samples"):
        return 0
    skipped = int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")
    tick = packet.time_base * rate
    return skipped if abs(-packet.pts * tick - skipped) <= (tick if tick > 1 else 1) else 0


def add_primed_aac(output: OutputContainer, source: Stream, path: Path) -> PrimedStream | None:
    """Add a stream for AAC with a lead-in to a Matroska output; None where none is needed."""
    if output.format.name != "matroska" or not isinstance(source, AudioStream) or source.codec_context.name != "aac":
        return None
    with open_source(path) as container:
        first = next((packet for packet in container.demux(container.streams[source.index]) if packet.size), None)
    priming = skipped_samples(first, source.codec_context.sample_rate) if first is not None else 0
    if priming == 0:
        return None
    target = output.add_stream("aac", rate=source.codec_context.sample_rate)
    target.codec_context.layout = source.codec_context.layout
    target.codec_context.open()
    target.codec_context.extradata = source.codec_context.extradata
    if priming != _ENCODER_PRIMING:
        # The checksum over the track headers would not fit any more.
        output.container_options["write_crc"] = "0"
    return PrimedStream(target, priming)


def write_codec_delays(path: Path, streams: list[PrimedStream]) -> None:
    """Correct the codec delays in the header of a finished Matroska file.

    Parameters
    ----------
    path : Path
        The file, changed in place.
    streams : list of PrimedStream
        In the order in which they were added.

    Raises
    ------
    OutputError
        The header is not as expected.
    """
    if all(stream.stamp_shift == 0 for stream in streams):
        return
    with path.open("r+b") as file:
        header = file.read(_HEADER_BYTES)
        position = 0
        for stream in streams:
            rate = stream.target.codec_context.sample_rate
            written = _delay_element(_ENCODER_PRIMING, rate)
            position = header.find(written, position)
            wanted = _delay_element(stream.priming, rate)
            if position < 0 or len(wanted) != len(written):
                raise OutputError(
                    f"the sound's lead-in of {stream.priming} samples cannot be noted in Matroska",
                    hint="Write to .mp4 instead.",
                )
            file.seek(position)
            file.write(wanted)
            position += len(written)


def _delay_element(samples: int, rate: int) -> bytes:
    value = (samples * _NANOSECONDS + rate // 2) // rate
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return _CODEC_DELAY_ID + bytes([0x80 | len(data)]) + data
