"""The codec delay of AAC, MP3 and AC-3 sound in Matroska.

Such sound begins with priming samples that players skip (AAC: 1024 with most encoders, 2112 with Apple's). mp4 hides
them with an edit list, Matroska with the element CodecDelay. FFmpeg writes that element only for a stream whose encoder
reports a delay; for copied packets it delays *all* streams instead, the video by 5 to 48 ms. So the stream is created
from an encoder of the same kind, which reports its own delay, and gets the source's configuration. If the source's
delay differs, the header is corrected once the file is complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from lipblend.errors import OutputError
from lipblend.video.opening import open_source
from lipblend.video.trimming import MAX_PRIMING

# Decoder: encoder of the same kind, and the delay that it reports, in samples.
_ENCODERS = {
    "aac": ("aac", 1024), "mp3": ("libmp3lame", 1105), "mp3float": ("libmp3lame", 1105),
    "ac3": ("ac3", 256), "eac3": ("eac3", 256),
}  # fmt: skip
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
        Samples at the start that players must skip.
    reported : int
        Delay reported by the encoder from which the stream was created, in samples.
    """

    target: AudioStream
    priming: int
    reported: int

    @property
    def stamp_shift(self) -> int:
        """Samples to add to time stamps while muxing, because FFmpeg subtracts ``reported``, not ``priming``."""
        return self.priming - self.reported


def skipped_samples(packet: Packet[Stream], rate: int) -> int:
    """Samples at the start of a packet, before time 0, that a player skips."""
    if packet.pts is None or packet.pts >= 0 or not packet.has_sidedata("skip_samples"):
        return 0
    skipped = int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")
    tick = packet.time_base * rate
    return skipped if abs(-packet.pts * tick - skipped) <= (tick if tick > 1 else 1) else 0


def add_primed(output: OutputContainer, source: Stream, path: Path) -> PrimedStream | None:
    """Add a stream with a codec delay to a Matroska output; None if the sound needs none or cannot have one."""
    if output.format.name != "matroska" or not isinstance(source, AudioStream):
        return None
    encoder, reported = _ENCODERS.get(source.codec_context.name, ("", 0))
    if encoder not in av.codecs_available:
        return None
    with open_source(path) as container:
        first = next((packet for packet in container.demux(container.streams[source.index]) if packet.size), None)
    rate = source.codec_context.sample_rate
    priming = skipped_samples(first, rate) if first is not None else 0
    if first is not None and priming > MAX_PRIMING:
        # Not priming, but the hidden start of a trimmed file: the packet across the cut and the one before are enough.
        step = round((first.duration or 0) * first.time_base * rate)
        priming = step + priming % step if step else 0
    if priming == 0 or len(_delay_element(priming, rate)) != len(_delay_element(reported, rate)):
        return None
    target = output.add_stream(encoder, rate=rate)
    assert isinstance(target, AudioStream)
    target.codec_context.layout = source.codec_context.layout
    target.codec_context.open()
    target.codec_context.extradata = source.codec_context.extradata
    if priming != reported:
        # Correcting the delay would invalidate the checksum of the track headers.
        output.container_options["write_crc"] = "0"
    return PrimedStream(target, priming, reported)


def write_codec_delays(path: Path, streams: list[PrimedStream]) -> None:
    """Correct the codec delays in the header of a finished Matroska file, in place.

    Parameters
    ----------
    path : Path
    streams : list of PrimedStream
        In the order in which they were added.

    Raises
    ------
    OutputError
        The delay is not found in the header.
    """
    if all(stream.stamp_shift == 0 for stream in streams):
        return
    with path.open("r+b") as file:
        header = file.read(_HEADER_BYTES)
        position = 0
        for stream in streams:
            rate = stream.target.codec_context.sample_rate
            written = _delay_element(stream.reported, rate)
            position = header.find(written, position)
            wanted = _delay_element(stream.priming, rate)
            if position < 0:
                raise OutputError(
                    f"cannot write the sound's codec delay of {stream.priming} samples to Matroska",
                    hint="Write to .mp4 instead.",
                )
            file.seek(position)
            file.write(wanted)
            position += len(written)


def _delay_element(samples: int, rate: int) -> bytes:
    value = (samples * _NANOSECONDS + rate // 2) // rate
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return _CODEC_DELAY_ID + bytes([0x80 | len(data)]) + data
