"""Writing into a container: its options, its limits, and its errors."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import av

from lipblend.errors import OutputError
from lipblend.output.encoders import Y4M, Y4M_OPTIONS, container_format
from lipblend.runtime.standard_output import is_stream
from lipblend.video.info import VideoInfo

_HINTS = {
    errno.ENOSPC: "The disk is full.",
    errno.EPIPE: "The program that reads it ended early.",
    errno.EINVAL: "This container does not accept the time stamps or the sound of the inputs; try .mkv.",
}
_MIN_MOV_TIMESCALE = 10000


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn errors of FFmpeg and the system while writing a file into an `OutputError`."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        hint = _HINTS.get(error.errno or 0, "Check the folder and the free space.")
        name = path.stem if is_stream(path) else path
        raise OutputError(f"{name} cannot be written: {error.strerror or error}", hint=hint) from error


def muxer_options(path: Path, info: VideoInfo) -> dict[str, str]:
    """Options of the container for an output.

    Edit lists of mp4 and mov use the movie's time scale, milliseconds by default; the track's own scale keeps start and
    end exact.
    """
    if container_format(path) == Y4M:
        return Y4M_OPTIONS
    if container_format(path) not in ("mp4", "mov"):
        return {}
    scale = info.time_base.denominator
    while scale < _MIN_MOV_TIMESCALE:
        scale *= 2
    return {"movie_timescale": str(scale)}


def clock_notes(container: str, shown: Sequence[int]) -> list[str]:
    """Notes for the summary if a container (FFmpeg's name) cannot keep presentation times: y4m has a constant rate."""
    steps = {second - first for first, second in itertools.pairwise(shown)}
    if container != Y4M or not steps or max(steps) - min(steps) <= 1:
        return []
    return ["y4m has a constant frame rate: the varying times of the frames are not kept"]
