"""Looking at a file: what its video, sound and other streams are."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
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
from lipblend.picture.alpha_channel import is_opaque
from lipblend.picture.hdr import content_light, mastering_display
from lipblend.picture.layouts import colour_tags, nearest_layout, to_layout
from lipblend.picture.orientation import Orientation, orientation_of
from lipblend.video.decoding import Decoder, alpha_lost
from lipblend.video.info import AudioInfo, VideoInfo
from lipblend.video.opening import (
    check_claimed_size,
    check_size,
    clock_origin,
    main_video,
    moving_videos,
    open_source,
)
from lipblend.video.trimming import LeadingPackets, promised_packets

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
_MOST_REORDERED = 64  # pictures
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
        coded, shown = promised_packets(container, stream)
        end = stream_end(container, stream, time_base, trimmed=shown != coded)
        length_s = _length_s(container, stream, shown if shown != coded else None)
        frame, packets = _first_frame(container, stream, path)
        check_size(path, frame.width, frame.height)
        layout = nearest_layout(frame.format.name)
        colour = colour_tags(frame, layout)
        data = _side_data(frame)
        display = data.get(SideDataType.MASTERING_DISPLAY_METADATA, b"")
        matrix = _display_matrix(frame, data)
        turn = orientation_of(matrix)
        interlaced = frame.interlaced_frame or stream.codec_context.field_order in _FIELDS
        mastering = mastering_display(display)
        first_pts = frame.pts if frame.pts is not None else (stream.start_time or 0)
        leading = len(packets.before(first_pts))
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
            frame_count=None if shown is None else max(0, shown - leading),
            start_s=float(first_pts * time_base - origin),
            duration_s=length_s if end is None else max(0.0, float(end - first_pts * time_base)) or None,
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
            field_order=stream.codec_context.field_order,
            mastering_display=mastering,
            content_light=content_light(data.get(SideDataType.CONTENT_LIGHT_LEVEL, b"")),
            hdr_dropped=_hdr_dropped(data, incomplete=bool(display) and mastering is None),
            warnings=tuple(_warnings(path, container, stream, leading, interlaced=interlaced, odd_turn=turn is None)),
            coded_frames=coded,
            leading_frames=leading,
            captions=SideDataType.A53_CC in data,
            data_dropped=tuple(dict.fromkeys(name for kind, name in _NOT_KEPT.items() if kind in data)),
            opaque=is_opaque(to_layout(frame, layout, colour), layout),
        )


def probe_both(first: Path | str, second: Path | str) -> tuple[VideoInfo, VideoInfo]:
    """`probe` two files at the same time; an error of the first one counts first."""
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="lipblend-probe") as threads:
        found = [threads.submit(probe, path) for path in (first, second)]
        return found[0].result(), found[1].result()


def _warnings(
    path: Path, container: InputContainer, stream: VideoStream, leading: int, *, interlaced: bool, odd_turn: bool
) -> Iterator[str]:
    """What the user should know of a file."""
    videos = moving_videos(container)
    if len(videos) > 1:
        context = stream.codec_context
        yield (
            f"{path.name} has {len(videos)} video streams: stream {stream.index} "
            f"({context.name}, {context.width}x{context.height}) was taken"
        )
    if leading:
        yield (
            f"{path.name} was cut within a group of pictures: {leading} before the first one that can be decoded are "
            "not shown"
        )
    if interlaced:
        advice = "deinterlace it first for best results"
        yield f"{path.name} is interlaced: both fields are worked on as one picture; {advice}"
    if alpha_lost(stream):
        yield f"{path.name} has an alpha channel that cannot be read: this FFmpeg lacks libvpx"
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
    container: InputContainer, stream: VideoStream, time_base: Fraction, *, trimmed: bool
) -> Fraction | None:
    """Time in seconds at which the last picture of a stream ends, as far as the container says so; on its own clock.

    Where an edit list trims a track (``trimmed``) and delays it too, FFmpeg's length holds the delay or not.
    """
    start = (stream.start_time or 0) * time_base
    if trimmed and start > 0:
        return None
    if stream.duration:
        return start + stream.duration * time_base
    tagged = _clock_time(stream.metadata.get("DURATION", ""))
    if tagged is not None:
        # Matroska: counted from 0, not from the first picture.
        return tagged
    if container.duration and len(container.streams) == 1:
        return start + Fraction(container.duration, av.time_base)
    return None


def _length_s(container: InputContainer, stream: VideoStream, shown: int | None) -> float | None:
    """Length in seconds where the container does not say when a stream ends: of ``shown`` pictures, or of all of it."""
    if shown is not None and stream.average_rate:
        return float(shown / stream.average_rate)
    return container.duration / av.time_base if container.duration else None


def _first_frame(container: InputContainer, stream: VideoStream, path: Path) -> tuple[VideoFrame, LeadingPackets]:
    """The first picture that is shown, and the packets before it; those after it may be read too."""
    decoder = Decoder(stream)
    reason = ""
    frame: VideoFrame | None = None
    leading, left = LeadingPackets(), _MOST_REORDERED
    try:
        for packet in container.demux(stream):
            leading.add(packet)
            if frame is None:
                try:
                    frame = next(iter(decoder.decode(packet)), None)
                except av.InvalidDataError as error:
                    reason = f": {error.strerror}"
            elif leading.complete or left == 0:
                break
            else:
                left -= 1
    except (av.FFmpegError, OSError) as error:
        reason = f": {error.strerror or error}"
    if frame is not None:
        return frame, leading
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
