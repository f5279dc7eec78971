"""Copying a video without anything that identifies its source: tags, encoder strings, chapters, subtitles, covers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from lipblend.errors import InputError, OutputError
from lipblend.output.muxing import muxer_options
from lipblend.output.sound.copying import StreamCopier
from lipblend.video.info import VideoInfo
from lipblend.video.opening import open_source, select_streams
from lipblend.video.probe import probe

CONTAINERS = {"h264": ".mp4", "hevc": ".mp4", "av1": ".mp4", "libdav1d": ".mp4", "vp9": ".webm", "vp8": ".webm"}
"""Suffix of the container in which browsers play each video codec."""

_BROWSER_SOUND = ("aac", "mp3", "mp3float", "opus", "flac", "vorbis")
_PHONE_FORMATS = ("yuv420p", "yuvj420p")
_SOUND_ENCODER = re.compile(rb"Lavc\d+\.\d+\.\d+")
# Supplemental enhancement information (H.264, H.265: annex D), where x264 and x265 write their version and settings.
# Pictures are decoded without it.
_SEI_FILTERS = {"h264": "filter_units=remove_types=6", "hevc": "filter_units=remove_types=39|40"}
_HEVC_SEI_UNITS = (39, 40)


def played_suffix(info: VideoInfo) -> str:
    """Suffix of the container in which browsers play a video without re-encoding.

    Raises
    ------
    InputError
        No browser plays this codec.
    """
    try:
        return CONTAINERS[info.codec]
    except KeyError:
        raise InputError(
            f"{info.path}: browsers do not play {info.codec}",
            hint="Encode it as H.264 first (8-bit 4:2:0 plays everywhere).",
        ) from None


def playback_notes(info: VideoInfo) -> list[str]:
    """Reasons why some browsers may not play a video; they contain no file name."""
    notes = []
    if info.codec == "hevc":
        notes.append("H.265 plays in some browsers only")
    if info.source_format not in _PHONE_FORMATS:
        notes.append(f"{info.source_format} pictures do not play on every phone")
    if info.audio and info.audio[0].codec not in _BROWSER_SOUND:
        notes.append(f"{info.audio[0].codec} sound does not play in every browser")
    return notes


def copy_anonymous(source: Path, target: Path, *, sound: bool = True) -> VideoInfo:
    """Copy the video and the first sound stream without re-encoding and without anything that identifies the source.

    Removed: tags of file and streams; encoder names and settings within H.264, H.265 and FFmpeg's AAC (H.265 with HDR
    metadata keeps the part that contains it); chapters, subtitles, cover pictures and data. Kept: rotation, sample
    aspect, colour tags and time stamps.

    Parameters
    ----------
    source : Path
    target : Path
        New file with the suffix from `played_suffix`.
    sound : bool
        Keep the sound.

    Returns
    -------
    VideoInfo
        Of the source.

    Raises
    ------
    InputError
        The source cannot be read, or no browser plays its codec.
    OutputError
        The target cannot be written.
    """
    info = probe(source)
    suffix = played_suffix(info)
    if target.suffix != suffix:
        raise OutputError(f"{target}: a copy of {info.codec} video needs the suffix {suffix}")
    copier = StreamCopier(source) if sound and info.audio else None
    try:
        with open_source(source) as container, _output(target, info) as output:
            _copy(container, output, info, copier)
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"cannot copy {source} to {target.name}: {reason}",
            hint="Check the free space; otherwise encode the video as H.264 in .mp4 first.",
        ) from error
    finally:
        if copier is not None:
            copier.close()
    return info


def without_sei(headers: bytes) -> bytes:
    """Remove supplemental information from H.265 stream headers, which FFmpeg's filter leaves in."""
    prefix, *units = re.split(rb"\x00{2,3}\x01", headers)
    if prefix:  # not in the format of annex B
        return headers
    kept = [unit for unit in units if unit and unit[0] >> 1 & 0x3F not in _HEVC_SEI_UNITS]
    return b"".join(b"\0\0\0\1" + unit for unit in kept)


def _output(target: Path, info: VideoInfo) -> OutputContainer:
    # bitexact omits the name and version of the muxer.
    options = {**muxer_options(target, info), "fflags": "+bitexact"}
    return av.open(str(target), "w", container_options=options)


def _copy(container: InputContainer, output: OutputContainer, info: VideoInfo, copier: StreamCopier | None) -> None:
    stream = container.streams[info.stream_index]
    select_streams(container, [stream])
    video = output.add_stream_from_template(stream, opaque=True)
    spec = None if info.codec == "hevc" and info.hdr_metadata else _SEI_FILTERS.get(info.codec)
    strip = BitStreamFilterContext(spec, stream, video) if spec else None
    if spec and info.codec == "hevc" and isinstance(video, VideoStream):
        video.codec_context.extradata = without_sei(bytes(video.codec_context.extradata or b""))
    if copier is not None:
        copier.add(output, info.audio[0].index, shift_s=-info.origin)
        for sound in output.streams.audio:
            sound.metadata.clear()
    output.start_encoding()

    def mux(packets: Iterable[Packet[Stream]]) -> None:
        for packet in packets:
            _blank(packet)
            output.mux(packet)

    def mux_video(packets: Iterable[Packet[Stream]]) -> None:
        for packet in packets:
            packet.stream = video
            output.mux(packet)

    shift = round(info.origin / info.time_base)
    for packet in container.demux(stream):
        if not packet.size:
            continue
        _shift(packet, shift)
        if copier is not None and packet.dts is not None:
            copier.copy_until(mux, packet.dts * info.time_base)
        mux_video(strip.filter(packet) if strip else [packet])
    if strip:
        mux_video(strip.filter(None))
    if copier is not None:
        copier.copy_rest(mux, None)


def _blank(packet: Packet[Stream]) -> None:
    """Overwrite the encoder's name in sound: FFmpeg's AAC encoder writes it to a fill element, which is not decoded."""
    data = bytes(packet)
    if _SOUND_ENCODER.search(data):
        packet.update(_SOUND_ENCODER.sub(lambda match: bytes(len(match[0])), data))


def _shift(packet: Packet[Stream], ticks: int) -> None:
    if packet.pts is not None:
        packet.pts -= ticks
    if packet.dts is not None:
        packet.dts -= ticks
