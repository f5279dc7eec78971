"""Opening media files, choosing the main video stream, and the limits of picture size."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.format import Flags as FormatFlags
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from lipblend.errors import InputError
from lipblend.runtime.addresses import address_of
from lipblend.runtime.native.guard import process_state_preserved

_NOT_MOVING: int = Disposition.attached_pic.value | Disposition.timed_thumbnails.value | Disposition.still_image.value
_TS_DISCONT = cast(int, FormatFlags.ts_discont.value)

MIN_SIDE_PX, MAX_SIDE_PX = 16, 16384
MAX_PIXELS = 100_000_000
"""Largest picture that is accepted; 12288x6480 has 80 million pixels."""

DECODER_THREADS = min(4, os.cpu_count() or 1)
"""Threads per decoder; four decode faster than any encoder encodes."""

DECODER_OPTIONS = {"max_pixels": str(MAX_PIXELS)}
"""FFmpeg options of every decoder. It rejects larger pictures before allocating them."""


def open_source(path: Path, *, options: Mapping[str, str] | None = None) -> InputContainer:
    """Open a media file for reading.

    Parameters
    ----------
    path : Path
    options : mapping, optional
        FFmpeg options of the demuxer.

    Returns
    -------
    av.container.InputContainer
        The caller closes it.

    Raises
    ------
    InputError
        The file is missing, empty, a folder, a pipe, unreadable, or not a media file.
    """
    try:
        if not path.exists():
            if address := address_of(path):
                hint = "Download the video first: lipblend reads files only."
                raise InputError(f"{address} is an address, not a file", hint=hint)
            raise InputError(f"{path} does not exist", hint="Check the path.")
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a video", hint="Give the path of a video file.")
        if not path.is_file():
            raise InputError(f"{path} is a pipe or a device", hint="Save it as a file first: it is read several times.")
    except OSError as error:  # a name that is too long, a parent folder that may not be entered
        raise InputError(f"cannot read {path}: {error.strerror or error}", hint="Check the path.") from error
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty (0 bytes)", hint="Download or export it again.")
        # FFmpeg would read a relative "a:b.mp4" as a protocol.
        with process_state_preserved():  # FFmpeg decodes the start of the streams
            return av.open(
                os.path.abspath(path), "r", metadata_errors="replace", options={**DECODER_OPTIONS, **(options or {})}
            )
    except PermissionError as error:
        hint = "Change the file's permissions, or run as a user who may read it."
        raise InputError(f"cannot read {path}: permission denied", hint=hint) from error
    except (av.FFmpegError, OSError) as error:
        raise InputError(
            f"{path} is not a readable video: {error.strerror or error}",
            hint="The file may be truncated, still being written, or not a video at all.",
        ) from error


def moving_videos(container: InputContainer) -> list[VideoStream]:
    """Video streams that are not cover pictures or thumbnails."""
    return [stream for stream in container.streams.video if not stream.disposition.value & _NOT_MOVING]


def main_video(container: InputContainer, path: Path) -> VideoStream:
    """Choose the main video stream as FFmpeg does: the default one, else the one with the most data.

    Cover pictures and thumbnails do not count.

    Raises
    ------
    InputError
        There is no video stream, or no decoder for it.
    """
    candidates = moving_videos(container)
    if not candidates or container.format.name.endswith("_pipe") or container.format.name == "image2":
        raise InputError(f"{path} holds no video: {_contents(container)}", hint="Choose a file with moving pictures.")
    best = container.streams.best("video")
    chosen = next((stream for stream in candidates if best is not None and stream.index == best.index), candidates[0])
    if chosen.codec_context is None:
        raise InputError(
            f"{path}: this FFmpeg has no decoder for its video stream",
            hint="Convert the file to H.264, H.265 or ProRes first.",
        )
    return chosen


def check_size(path: Path, width: int, height: int) -> None:
    """Reject pictures that are too small or too large.

    Raises
    ------
    InputError
        A side is not within 16 to 16384 pixels, or the picture has more than 100 million pixels.
    """
    if min(width, height) < MIN_SIDE_PX:
        raise InputError(
            f"{path}: pictures of {width}x{height} are too small: the minimum is {MIN_SIDE_PX} pixels per side",
            hint="Use the full-size video.",
        )
    if max(width, height) > MAX_SIDE_PX or width * height > MAX_PIXELS:
        raise InputError(
            f"{path}: pictures of {width}x{height} are too large: the maximum is {MAX_SIDE_PX} pixels per side and "
            f"{MAX_PIXELS // 1_000_000} million pixels",
            hint="Scale both videos down. If this is not the real size, the file is damaged.",
        )


def check_claimed_size(path: Path, index: int) -> None:
    """Reject a file whose header claims pictures beyond the limits, after its decoder has refused them.

    No decoder is opened, so nothing of that size is allocated.

    Raises
    ------
    InputError
        As `check_size`.
    """
    try:
        with av.open(
            os.path.abspath(path), "r", metadata_errors="replace", options={"codec_whitelist": "none"}
        ) as file:
            stream = file.streams[index]
            if isinstance(stream, VideoStream) and stream.codec_context is not None and stream.codec_context.width:
                check_size(path, stream.codec_context.width, stream.codec_context.height)
    except (av.FFmpegError, OSError):
        return  # the decoder's error says more


def prepare_decoder(stream: VideoStream) -> None:
    """Make a stream's decoder use `DECODER_THREADS` threads and reject pictures beyond the limits."""
    stream.thread_type = "AUTO"
    # FFmpeg would use one thread more than there are cores, up to 16, and each holds pictures of its own.
    stream.codec_context.thread_count = DECODER_THREADS
    stream.codec_context.options = dict(DECODER_OPTIONS)


def clock_origin(container: InputContainer) -> Fraction:
    """Seconds to subtract from every time stamp of a file.

    Broadcast formats (MPEG-TS, MPEG-PS) start their clock anywhere; all others count from 0.
    """
    if container.format.flags & _TS_DISCONT and container.start_time is not None:
        return Fraction(container.start_time, av.time_base)
    return Fraction(0)


def select_streams(container: InputContainer, wanted: list[Stream]) -> None:
    """Make the demuxer skip all other streams."""
    indices = {stream.index for stream in wanted}
    for stream in container.streams:
        if stream.index not in indices:
            stream.discard = Discard.all


def _contents(container: InputContainer) -> str:
    kinds = [str(stream.type) for stream in container.streams]
    if container.streams.video:
        return "only a picture"
    return f"only {', '.join(sorted(set(kinds)))}" if kinds else "no streams"
