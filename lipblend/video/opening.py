"""Opening files for reading, and choosing the stream that is "the video"."""

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

LEAST_SIDE, LARGEST_SIDE = 16, 16384
"""Pixels a side that a picture may have."""
MOST_PIXELS = 100_000_000
"""Pixels that a picture may have (12288x6480 has 80 million)."""

DECODER_THREADS = min(4, os.cpu_count() or 1)
"""Threads a decoder has; a few are faster than any encoder that waits for them."""

# The decoders refuse larger pictures before they allocate them.
DECODER_OPTIONS = {"max_pixels": str(MOST_PIXELS)}
"""Options of every decoder, in FFmpeg's words."""


def open_source(path: Path, *, options: Mapping[str, str] | None = None) -> InputContainer:
    """Open a media file for reading.

    Parameters
    ----------
    path : Path
        The file.
    options : mapping, optional
        For the demuxer, in FFmpeg's words.

    Returns
    -------
    av.container.InputContainer
        To be closed by the caller.

    Raises
    ------
    InputError
        The file is missing, empty, a folder, a pipe, not readable, or not a media file.
    """
    try:
        if not path.exists():
            if address := address_of(path):
                hint = "Download the video first: lipblend reads files, and never the network."
                raise InputError(f"{address} is an address, not a file", hint=hint)
            raise InputError(f"{path} does not exist", hint="Check the path.")
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a video", hint="Name one video file.")
        if not path.is_file():
            raise InputError(
                f"{path} is a pipe or a device", hint="Save it as a file first: it is read more than once."
            )
    except OSError as error:  # a name that is too long, a folder on the way that may not be entered
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint="Check the path.") from error
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty (0 bytes)", hint="Download or export it again.")
        # An absolute path cannot be taken for a protocol ("a:b.mp4") by FFmpeg.
        with process_state_preserved():  # the streams are looked into, by decoders
            return av.open(
                os.path.abspath(path), "r", metadata_errors="replace", options={**DECODER_OPTIONS, **(options or {})}
            )
    except PermissionError as error:
        hint = "Change the file's rights, or run as a user who may read it."
        raise InputError(f"{path} cannot be read: permission denied", hint=hint) from error
    except (av.FFmpegError, OSError) as error:
        raise InputError(
            f"{path} is not a video that can be read: {error.strerror or error}",
            hint="The file may be truncated, still being written, or not a video at all.",
        ) from error


def moving_videos(container: InputContainer) -> list[VideoStream]:
    """The video streams of a file that are not cover pictures or thumbnails."""
    return [stream for stream in container.streams.video if not stream.disposition.value & _NOT_MOVING]


def main_video(container: InputContainer, path: Path) -> VideoStream:
    """Choose the moving-picture stream of a file; cover pictures and thumbnails do not count.

    Of several, the one that FFmpeg takes too: marked as default, else the one with most in it.

    Raises
    ------
    InputError
        There is no such stream, or no decoder for it.
    """
    candidates = moving_videos(container)
    if not candidates or container.format.name.endswith("_pipe") or container.format.name == "image2":
        raise InputError(f"{path} holds no video: {_contents(container)}", hint="Name a file with moving pictures.")
    best = container.streams.best("video")
    chosen = next((stream for stream in candidates if best is not None and stream.index == best.index), candidates[0])
    if chosen.codec_context is None:
        raise InputError(
            f"{path}: no decoder for its video stream is built into this FFmpeg",
            hint="Convert the file to H.264, H.265 or ProRes first.",
        )
    return chosen


def check_size(path: Path, width: int, height: int) -> None:
    """Refuse pictures that are too small or too large to work on.

    Raises
    ------
    InputError
        A side is not within 16 to 16384 pixels, or the picture has more than 100 million.
    """
    if min(width, height) < LEAST_SIDE:
        raise InputError(
            f"{path}: pictures of {width}x{height} are too small: the least side is {LEAST_SIDE} pixels",
            hint="Use the full-size video.",
        )
    if max(width, height) > LARGEST_SIDE or width * height > MOST_PIXELS:
        raise InputError(
            f"{path}: pictures of {width}x{height} are too large: the limits are {LARGEST_SIDE} pixels a side and "
            f"{MOST_PIXELS // 1_000_000} million in all",
            hint="If that is not its real size, the file is damaged; if it is, scale both videos down.",
        )


def check_claimed_size(path: Path, index: int) -> None:
    """Refuse a file whose header claims pictures beyond the limits; for when no decoder would take them.

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
        return  # the error that led here says more


def prepare_decoder(stream: VideoStream) -> None:
    """Set a stream's decoder to use several cores, and to refuse pictures beyond the limits."""
    stream.thread_type = "AUTO"
    # FFmpeg would take one thread more than there are cores, up to 16, and each holds pictures of its own.
    stream.codec_context.thread_count = DECODER_THREADS
    stream.codec_context.options = dict(DECODER_OPTIONS)


def clock_origin(container: InputContainer) -> Fraction:
    """Seconds to subtract from every time stamp of a file.

    Broadcast formats (MPEG-TS, MPEG-PS) start their clock anywhere; all others count from 0 and are left alone.
    """
    if container.format.flags & _TS_DISCONT and container.start_time is not None:
        return Fraction(container.start_time, av.time_base)
    return Fraction(0)


def read_only(container: InputContainer, wanted: list[Stream]) -> None:
    """Let the demuxer skip all streams but the wanted ones."""
    indices = {stream.index for stream in wanted}
    for stream in container.streams:
        if stream.index not in indices:
            stream.discard = Discard.all


def _contents(container: InputContainer) -> str:
    kinds = [str(stream.type) for stream in container.streams]
    if container.streams.video:
        return "only a picture"
    return f"only {', '.join(sorted(set(kinds)))}" if kinds else "no streams"
