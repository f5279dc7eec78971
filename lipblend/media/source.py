"""Opening files for reading, and choosing the stream that is "the video"."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.format import Flags as FormatFlags
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from lipblend.errors import InputError

_NOT_MOVING: int = Disposition.attached_pic.value | Disposition.timed_thumbnails.value | Disposition.still_image.value
_TS_DISCONT = cast(int, FormatFlags.ts_discont.value)


def open_source(path: Path) -> InputContainer:
    """Open a media file for reading.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    av.container.InputContainer
        To be closed by the caller.

    Raises
    ------
    InputError
        The file is missing, empty, a folder, not readable, or not a media file.
    """
    try:
        if not path.exists():
            raise InputError(f"{path} does not exist", hint="Check the path.")
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a video", hint="Name one video file.")
    except OSError as error:  # a name that is too long, a folder on the way that may not be entered
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint="Check the path.") from error
    try:
        if path.stat().st_size == 0 and path.is_file():
            raise InputError(f"{path} is empty (0 bytes)", hint="Download or export it again.")
        # An absolute path cannot be taken for a protocol ("a:b.mp4") by FFmpeg.
        return av.open(os.path.abspath(path), "r", metadata_errors="replace")
    except PermissionError as error:
        hint = "Change the file's rights, or run as a user who may read it."
        raise InputError(f"{path} cannot be read: permission denied", hint=hint) from error
    except (av.FFmpegError, OSError) as error:
        raise InputError(
            f"{path} is not a video that can be read: {error.strerror or error}",
            hint="The file may be truncated, still being written, or not a video at all.",
        ) from error


def main_video(container: InputContainer, path: Path) -> VideoStream:
    """Choose the moving-picture stream of a file; cover pictures and thumbnails do not count.

    Raises
    ------
    InputError
        There is no such stream, or no decoder for it.
    """
    candidates = [stream for stream in container.streams.video if not stream.disposition.value & _NOT_MOVING]
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
