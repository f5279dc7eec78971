"""Standard output as the place of a video: a stream that is written while frames are made, and cannot be taken back."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

StreamForm = Literal["nut", "y4m"]

STREAM_FORMATS = {".nut": "nut", ".y4m": "yuv4mpegpipe"}
"""FFmpeg's container by the suffix of a `stream_path`. No output file may have these suffixes."""

_STEM = "standard output"
_STDOUT, _STDERR = 1, 2


def stream_path(form: StreamForm) -> Path:
    """The path that stands for standard output, for a container."""
    return Path(f"{_STEM}.{form}")


def is_stream(path: Path) -> bool:
    """Whether a path is one of `stream_path`."""
    return path in [stream_path("nut"), stream_path("y4m")]


class StandardOutput:
    """Standard output in place of a `lipblend.runtime.files.UnfinishedFile`: what is written is out at once.

    A context manager. Meanwhile whatever else is printed to standard output goes to standard error.

    Attributes
    ----------
    path : Path
        FFmpeg's name of the stream.
    """

    def __init__(self) -> None:
        self._descriptor = os.dup(_STDOUT)
        os.dup2(_STDERR, _STDOUT)
        self.path = Path(f"pipe:{self._descriptor}")
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def publish(self, *, overwrite: bool) -> None:
        """End the stream."""
        self.discard()

    def discard(self) -> None:
        """End the stream, complete or not. Safe to call more than once."""
        if self._open:
            self._open = False
            os.dup2(self._descriptor, _STDOUT)
            with suppress(OSError):  # FFmpeg may have closed it
                os.close(self._descriptor)
