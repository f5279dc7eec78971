"""Probing a file: its main video stream, its sound and its other streams."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Discard, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipblend.errors import InputError
from lipblend.picture.alpha_channel import is_opaque
from lipblend.picture.hdr import ContentLight, MasteringDisplay, content_light, mastering_display
from lipblend.picture.layouts import colour_tags, nearest_layout, to_layout
from lipblend.picture.orientation import Orientation, orientation_of
from lipblend.runtime.stand_ins import facts_of
from lipblend.video.codecs import Decoder, lacks_alpha_decoder
from lipblend.video.info import AudioInfo, VideoInfo
from lipblend.video.opening import check_claimed_size, check_size, clock_origin, main_video, moving_videos, open_source
from lipblend.video.trimming import LeadingPackets, frame_counts

_DYNAMIC_HDR = {
    SideDataType.DYNAMIC_HDR_PLUS: "HDR10+",
    SideDataType.DYNAMIC_HDR_VIVID: "HDR Vivid",
    SideDataType.DOVI_METADATA: "Dolby Vision",
    SideDataType.DOVI_RPU_BUFFER: "Dolby Vision",
}
_NOT_KEPT = {
    SideDataType.STEREO3D: "stereo 3D layout",
    SideDataType.SPHERICAL: "spherical projection",
    SideDataType.GOP_TIMECODE: "timecodes of the pictures",
    SideDataType.S12M_TIMECODE: "timecodes of the pictures",
    SideDataType.FILM_GRAIN_PARAMS: "film grain parameters",
}
_MAX_REORDERED = 64  # pictures
_FIELD_ORDERS = range(2, 6)  # interlaced ones of AVFieldOrder; 1 is progressive, 0 unknown
_MIN_RATE, _MAX_RATE = Fraction(1, 60), Fraction(1000)  # plausible frames per second


def probe(path: Path | str) -> VideoInfo:
    """Describe a video file. The first picture is decoded, so the description matches what the reader delivers.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    VideoInfo

    Raises
    ------
    InputError
        The file is missing, empty, a folder, not a video, without moving pictures, too small, too large, or cannot be
        decoded.
    """
    path = Path(path)
    with open_source(path) as container:
        size_bytes = path.stat().st_size
        stream = _checked_video(container, path)
        context = stream.codec_context
        # Describe the streams before decoding: reading can change what the demuxer reports.
        origin = clock_origin(container)
        audio = tuple(_audio_info(sound) for sound in container.streams.audio)
        timing = _Timing.of(container, stream)
        frame, packets = _first_frame(container, stream, path)
        layout = nearest_layout(frame.format.name)
        colour = colour_tags(frame, layout)
        data = _side_data(frame)
        mastering, light, hdr_dropped = _hdr_metadata(data)
        matrix = _display_matrix(frame, data)
        turn = orientation_of(matrix)
        interlaced = frame.interlaced_frame or context.field_order in _FIELD_ORDERS
        first_pts = frame.pts if frame.pts is not None else (stream.start_time or 0)
        leading = len(packets.before(first_pts))
        # mp4 would hide frames before time 0.
        origin = min(origin, first_pts * timing.time_base)
        return VideoInfo(
            path=path,
            size_bytes=size_bytes,
            codec=context.name,
            width=frame.width,
            height=frame.height,
            layout=layout,
            source_format=frame.format.name,
            time_base=timing.time_base,
            frame_rate=_frame_rate(stream),
            frame_count=None if timing.shown is None else max(0, timing.shown - leading),
            start_s=float(first_pts * timing.time_base - origin),
            duration_s=timing.duration_s(first_pts),
            colour=colour,
            sample_aspect=stream.sample_aspect_ratio or None,
            rotation=0 if turn is None else frame.rotation % 360,
            bit_rate=stream.bit_rate or container.bit_rate or None,
            audio=audio,
            subtitle_count=len([s for s in container.streams.subtitles if s.discard != Discard.all]),
            chapter_count=len(container.chapters()),
            container=container.format.name,
            metadata=dict(container.metadata),
            stream_index=stream.index,
            origin=origin,
            display_matrix=matrix,
            interlaced=interlaced,
            interlaced_pictures=frame.interlaced_frame,
            field_order=context.field_order,
            mastering_display=mastering,
            content_light=light,
            hdr_dropped=hdr_dropped,
            warnings=tuple(_warnings(path, container, stream, leading, interlaced=interlaced, odd_turn=turn is None)),
            coded_frames=timing.coded,
            leading_frames=leading,
            captions=SideDataType.A53_CC in data,
            data_dropped=tuple(dict.fromkeys(name for kind, name in _NOT_KEPT.items() if kind in data)),
            opaque=is_opaque(to_layout(frame, layout, colour), layout),
        )


def probe_both(first: Path | str, second: Path | str) -> tuple[VideoInfo, VideoInfo]:
    """Probe two files at the same time; if both fail, the error of the first is raised."""
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="lipblend-probe") as threads:
        found = [threads.submit(probe, path) for path in (first, second)]
        return found[0].result(), found[1].result()


def _checked_video(container: InputContainer, path: Path) -> VideoStream:
    """The main video stream, whose header does not claim a size beyond the limits."""
    stream = main_video(container, path)
    if stream.codec_context.width or stream.codec_context.height:
        check_size(path, stream.codec_context.width, stream.codec_context.height)
    return stream


def _warnings(
    path: Path, container: InputContainer, stream: VideoStream, leading: int, *, interlaced: bool, odd_turn: bool
) -> Iterator[str]:
    """Notes on a file for the summary."""
    if facts := facts_of(path):
        yield from facts.notes
    videos = moving_videos(container)
    if len(videos) > 1:
        context = stream.codec_context
        yield (
            f"{path.name} has {len(videos)} video streams: stream {stream.index} "
            f"({context.name}, {context.width}x{context.height}) is used"
        )
    if leading:
        yield (
            f"{path.name} was cut within a group of pictures: {leading} frame(s) at its start cannot be decoded "
            "and are not shown"
        )
    if interlaced:
        advice = "deinterlace it first for best results"
        yield f"{path.name} is interlaced: both fields are blended as one picture; {advice}"
    if lacks_alpha_decoder(stream):
        yield f"{path.name} has an alpha channel that cannot be decoded: this FFmpeg lacks libvpx"
    if odd_turn:
        yield f"{path.name} has a rotation that is not a multiple of 90 degrees: it is blended as stored"


def _frame_rate(stream: VideoStream) -> Fraction | None:
    """The first plausible rate of a stream; headers may claim a million frames per second."""
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((rate for rate in rates if rate is not None and _MIN_RATE <= rate <= _MAX_RATE), None)


def _hdr_metadata(
    data: Mapping[SideDataType, bytes],
) -> tuple[MasteringDisplay | None, ContentLight | None, tuple[str, ...]]:
    """Mastering display, content light, and the kinds of HDR metadata that no output can keep."""
    display = data.get(SideDataType.MASTERING_DISPLAY_METADATA, b"")
    mastering = mastering_display(display)
    dropped = list(dict.fromkeys(name for kind, name in _DYNAMIC_HDR.items() if kind in data))
    if display and mastering is None:
        dropped.append("incomplete mastering display")
    return mastering, content_light(data.get(SideDataType.CONTENT_LIGHT_LEVEL, b"")), tuple(dropped)


def stream_end(container: InputContainer, stream: Stream, time_base: Fraction, *, trimmed: bool) -> Fraction | None:
    """End of a stream's last frame in seconds, on the file's clock; None if the container does not say.

    Also None if an edit list both trims (``trimmed``) and delays the track: FFmpeg's duration may include the delay.
    """
    start = (stream.start_time or 0) * time_base
    if trimmed and start > 0:
        return None
    if stream.duration:
        return start + stream.duration * time_base
    tagged = _clock_time(stream.metadata.get("DURATION", ""))
    if tagged is not None:  # Matroska counts from 0, not from the first frame
        return tagged
    if container.duration and len(container.streams) == 1:
        return start + Fraction(container.duration, av.time_base)
    return None


@dataclass(frozen=True)
class _Timing:
    time_base: Fraction
    coded: int | None
    shown: int | None
    end: Fraction | None
    length_s: float | None
    """Fallback for the duration if the container does not say when the stream ends."""

    @classmethod
    def of(cls, container: InputContainer, stream: VideoStream) -> Self:
        time_base = stream.time_base or Fraction(1, av.time_base)
        coded, shown = frame_counts(container, stream)
        trimmed = shown != coded
        end = stream_end(container, stream, time_base, trimmed=trimmed)
        if trimmed and shown is not None and stream.average_rate:
            length_s: float | None = float(shown / stream.average_rate)
        else:
            length_s = container.duration / av.time_base if container.duration else None
        return cls(time_base, coded, shown, end, length_s)

    def duration_s(self, first_pts: int) -> float | None:
        if self.end is None:
            return self.length_s
        return max(0.0, float(self.end - first_pts * self.time_base)) or None


def _first_frame(container: InputContainer, stream: VideoStream, path: Path) -> tuple[VideoFrame, LeadingPackets]:
    """Decode the first picture that is shown; returns it and the packets that lead up to it."""
    decoder = Decoder(stream)
    reason = ""
    frame: VideoFrame | None = None
    leading, remaining = LeadingPackets(), _MAX_REORDERED
    try:
        for packet in container.demux(stream):
            leading.add(packet)
            if frame is None:
                try:
                    frame = next(iter(decoder.decode(packet)), None)
                except av.InvalidDataError as error:
                    reason = f": {error.strerror}"
            elif leading.complete or remaining == 0:
                break
            else:
                remaining -= 1
    except (av.FFmpegError, OSError) as error:
        reason = f": {error.strerror or error}"
    if frame is not None:
        check_size(path, frame.width, frame.height)
        return frame, leading
    check_claimed_size(path, stream.index)
    raise InputError(
        f"{path}: no frame can be decoded{reason}", hint="The file may be truncated, damaged or encrypted."
    )


def _audio_info(stream: AudioStream) -> AudioInfo:
    context = stream.codec_context
    duration = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None
    language = None if stream.language == "und" else stream.language
    if context is None:
        return AudioInfo(stream.index, "unknown", 0, 0, duration, language)
    return AudioInfo(stream.index, context.name, context.sample_rate, context.channels, duration, language)


def _side_data(frame: VideoFrame) -> dict[SideDataType, bytes]:
    try:
        return {data.type: bytes(data) for data in cast(Iterable[SideData], frame.side_data)}
    except ValueError:
        # PyAV does not know every kind of side data of its FFmpeg, and then returns none.
        return {}


def _display_matrix(frame: VideoFrame, data: Mapping[SideDataType, bytes]) -> tuple[int, ...]:
    if SideDataType.DISPLAYMATRIX in data:
        return struct.unpack("=9i", data[SideDataType.DISPLAYMATRIX])
    # PyAV reports the rotation even if it cannot return the side data; a mirror is lost.
    turns = {90: Orientation(True, False, True), 180: Orientation(False, True, True), 270: Orientation(True, True)}
    turn = turns.get(frame.rotation % 360)
    return turn.matrix if turn is not None else ()


def _clock_time(text: str) -> Fraction | None:
    hours, _, rest = text.partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return Fraction(int(hours) * 3600 + int(minutes) * 60) + Fraction(seconds)
    except ValueError:
        return None
