"""Looking at a file: what its video, sound and other streams are."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipblend.errors import InputError
from lipblend.media.hdr import content_light, mastering_display
from lipblend.media.info import AudioInfo, VideoInfo
from lipblend.media.layouts import colour_tags, nearest_layout
from lipblend.media.orientation import Orientation, orientation_of
from lipblend.media.source import (
    check_claimed_size,
    check_size,
    clock_origin,
    main_video,
    moving_videos,
    open_source,
    prepare_decoder,
)
from lipblend.media.starting import starting

_DYNAMIC_HDR = {
    SideDataType.DYNAMIC_HDR_PLUS: "HDR10+",
    SideDataType.DYNAMIC_HDR_VIVID: "HDR Vivid",
    SideDataType.DOVI_METADATA: "Dolby Vision",
    SideDataType.DOVI_RPU_BUFFER: "Dolby Vision",
}
_FIELDS = range(2, 6)  # AVFieldOrder: 1 is progressive, 0 unknown
_SLOWEST, _FASTEST = Fraction(1, 60), Fraction(1000)  # frames a second that can be meant


def probe(path: Path | str) -> VideoInfo:
    """Describe a video file. The first picture is decoded, so what is said of the pictures is what the reader gives.

    Parameters
    ----------
    path : Path or str
        The file.

    Returns
    -------
    VideoInfo

    Raises
    ------
    InputError
        The file is missing, empty, a folder, not a video, sound or a picture only, too small, too large, or cannot be
        decoded.
    """
    path = Path(path)
    with open_source(path) as container:
        size_bytes = path.stat().st_size
        stream = main_video(container, path)
        if stream.codec_context.width or stream.codec_context.height:
            check_size(path, stream.codec_context.width, stream.codec_context.height)
        origin = clock_origin(container)
        # The streams are described first: reading on can move what the demuxer says of them.
        audio = tuple(_audio_info(sound) for sound in container.streams.audio)
        time_base = stream.time_base or Fraction(1, av.time_base)
        duration_s = _duration_s(container, stream, time_base, origin)
        frame = _first_frame(container, stream, path)
        check_size(path, frame.width, frame.height)
        layout = nearest_layout(frame.format.name)
        data = _side_data(frame)
        display = data.get(SideDataType.MASTERING_DISPLAY_METADATA, b"")
        matrix = _display_matrix(frame, data)
        turn = orientation_of(matrix)
        interlaced = frame.interlaced_frame or stream.codec_context.field_order in _FIELDS
        mastering = mastering_display(display)
        first_pts = frame.pts if frame.pts is not None else (stream.start_time or 0)
        # Pictures before time 0 would be hidden in mp4.
        origin = min(origin, first_pts * time_base)
        return VideoInfo(
            path=path,
            size_bytes=size_bytes,
            codec=stream.codec_context.name,
            width=frame.width,
            height=frame.height,
            layout=layout,
            source_format=frame.format.name,
            time_base=time_base,
            frame_rate=_frame_rate(stream),
            frame_count=stream.frames or None,
            start_s=float(first_pts * time_base - origin),
            duration_s=duration_s,
            colour=colour_tags(frame, layout),
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
            field_order=stream.codec_context.field_order,
            mastering_display=mastering,
            content_light=content_light(data.get(SideDataType.CONTENT_LIGHT_LEVEL, b"")),
            hdr_dropped=_hdr_dropped(data, incomplete=bool(display) and mastering is None),
            warnings=tuple(_warnings(path, container, stream, interlaced=interlaced, odd_turn=turn is None)),
        )


def _warnings(
    path: Path, container: InputContainer, stream: VideoStream, *, interlaced: bool, odd_turn: bool
) -> Iterator[str]:
    """What the user should know of a file."""
    videos = moving_videos(container)
    if len(videos) > 1:
        context = stream.codec_context
        yield (
            f"{path.name} has {len(videos)} video streams: stream {stream.index} "
            f"({context.name}, {context.width}x{context.height}) was taken"
        )
    if interlaced:
        advice = "deinterlace it first for best results"
        yield f"{path.name} is interlaced: both fields are worked on as one picture; {advice}"
    if odd_turn:
        yield f"{path.name} is to be shown turned by no right angle: its pictures are worked on as they are stored"


def _frame_rate(stream: VideoStream) -> Fraction | None:
    """The first of the stream's rates that can be meant; headers may claim a million frames a second."""
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((rate for rate in rates if rate is not None and _SLOWEST <= rate <= _FASTEST), None)


def _hdr_dropped(data: Mapping[SideDataType, bytes], *, incomplete: bool) -> tuple[str, ...]:
    dropped = {name: None for kind, name in _DYNAMIC_HDR.items() if kind in data}
    return (*dropped, *(["incomplete mastering display"] if incomplete else []))


def stream_end(
    container: InputContainer, stream: VideoStream, time_base: Fraction, origin: Fraction
) -> Fraction | None:
    """Time in seconds at which the last picture of a stream ends, as far as the container says so."""
    start = (stream.start_time or 0) * time_base - origin
    if stream.duration:
        return start + stream.duration * time_base
    tagged = _clock_time(stream.metadata.get("DURATION", ""))
    if tagged is not None:
        # Matroska: counted from 0, not from the first picture.
        return tagged
    if container.duration and len(container.streams) == 1:
        return start + Fraction(container.duration, av.time_base)
    return None


def _duration_s(container: InputContainer, stream: VideoStream, time_base: Fraction, origin: Fraction) -> float | None:
    end = stream_end(container, stream, time_base, origin)
    if end is None:
        return container.duration / av.time_base if container.duration else None
    length_s = float(end - ((stream.start_time or 0) * time_base - origin))
    return length_s if length_s > 0 else None


def _first_frame(container: InputContainer, stream: VideoStream, path: Path) -> VideoFrame:
    prepare_decoder(stream)
    reason = ""
    try:
        for packet in container.demux(stream):
            try:
                with starting(stream.codec_context):
                    pictures = packet.decode()
                if pictures:
                    return pictures[0]
            except av.InvalidDataError as error:
                reason = f": {error.strerror}"
    except (av.FFmpegError, OSError) as error:
        reason = f": {error.strerror or error}"
    check_claimed_size(path, stream.index)
    raise InputError(
        f"{path}: no picture could be decoded{reason}", hint="The file may be truncated, damaged or encrypted."
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
        # PyAV cannot name every kind of side data that its FFmpeg makes, and then gives none of it.
        return {}


def _display_matrix(frame: VideoFrame, data: Mapping[SideDataType, bytes]) -> tuple[int, ...]:
    if SideDataType.DISPLAYMATRIX in data:
        return struct.unpack("=9i", data[SideDataType.DISPLAYMATRIX])
    # What PyAV says even where it cannot give the side data; a mirror does not show in it.
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
