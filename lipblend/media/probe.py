"""Looking at a file: what its video, sound and other streams are."""

from __future__ import annotations

import struct
from collections.abc import Iterable
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
from lipblend.media.info import AudioInfo, VideoInfo
from lipblend.media.layouts import colour_tags, nearest_layout
from lipblend.media.source import clock_origin, main_video, open_source

_MAX_PIXELS = 100_000_000  # 12K has 80; a damaged header may say anything, and a run holds about 30 pictures
_HDR = (
    SideDataType.MASTERING_DISPLAY_METADATA,
    SideDataType.CONTENT_LIGHT_LEVEL,
    SideDataType.DYNAMIC_HDR_PLUS,
    SideDataType.DOVI_METADATA,
)


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
        The file is missing, empty, a folder, not a video, sound or a picture only, or cannot be decoded.
    """
    path = Path(path)
    with open_source(path) as container:
        stream = main_video(container, path)
        _check_size(stream, path)
        origin = clock_origin(container)
        # The streams are described first: reading on can move what the demuxer says of them.
        audio = tuple(_audio_info(sound) for sound in container.streams.audio)
        time_base = stream.time_base or Fraction(1, av.time_base)
        duration_s = _duration_s(container, stream, time_base, origin)
        frame = _first_frame(container, stream, path)
        layout = nearest_layout(frame.format.name)
        first_pts = frame.pts if frame.pts is not None else (stream.start_time or 0)
        # Pictures before time 0 would be hidden in mp4.
        origin = min(origin, first_pts * time_base)
        return VideoInfo(
            path=path,
            codec=stream.codec_context.name,
            width=frame.width,
            height=frame.height,
            layout=layout,
            source_format=frame.format.name,
            time_base=time_base,
            frame_rate=stream.average_rate or stream.guessed_rate,
            frame_count=stream.frames or None,
            start_s=float(first_pts * time_base - origin),
            duration_s=duration_s,
            colour=colour_tags(frame, layout),
            sample_aspect=stream.sample_aspect_ratio or None,
            rotation=frame.rotation % 360,
            bit_rate=stream.bit_rate or container.bit_rate or None,
            audio=audio,
            subtitle_count=len([s for s in container.streams.subtitles if s.discard != Discard.all]),
            chapter_count=len(container.chapters()),
            container=container.format.name,
            metadata=dict(container.metadata),
            stream_index=stream.index,
            origin=origin,
            display_matrix=_display_matrix(frame),
            interlaced=frame.interlaced_frame,
            hdr_metadata=any(data.type in _HDR for data in _side_data(frame)),
        )


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


def _check_size(stream: VideoStream, path: Path) -> None:
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > _MAX_PIXELS:
        raise InputError(
            f"{path}: pictures of {width}x{height} are too large",
            hint=f"Up to {_MAX_PIXELS // 1_000_000} megapixels are taken. The file may be damaged.",
        )


def _first_frame(container: InputContainer, stream: VideoStream, path: Path) -> VideoFrame:
    stream.thread_type = "AUTO"
    reason = ""
    try:
        for packet in container.demux(stream):
            try:
                for frame in packet.decode():
                    return frame
            except av.InvalidDataError as error:
                reason = f": {error.strerror}"
    except (av.FFmpegError, OSError) as error:
        reason = f": {error.strerror or error}"
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


def _side_data(frame: VideoFrame) -> list[SideData]:
    try:
        return list(cast(Iterable[SideData], frame.side_data))
    except ValueError:
        # PyAV cannot name every kind of side data that its FFmpeg makes, and then gives none of it.
        return []


def _display_matrix(frame: VideoFrame) -> tuple[int, ...]:
    for data in _side_data(frame):
        if data.type == SideDataType.DISPLAYMATRIX:
            return struct.unpack("=9i", bytes(data))
    return ()


def _clock_time(text: str) -> Fraction | None:
    hours, _, rest = text.partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return Fraction(int(hours) * 3600 + int(minutes) * 60) + Fraction(seconds)
    except ValueError:
        return None
