"""Frames of a video in any order: forward and backward, with jumps and repeats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import chain, groupby

import numpy as np
import numpy.typing as npt

from lipblend.errors import InputError
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame, VideoReader
from lipblend.video.seeking import WindowReader

_MAX_BLOCK = 24  # frames held in memory for backward play; each block is decoded from the key frame before it
_MAX_DECODED_JUMP = 150  # frames; longer jumps ahead are sought
_LEAD_IN = 16  # frames; those just before a key frame may need others that come before it in the file


def frames_at(
    info: VideoInfo,
    pts: Sequence[int] | npt.NDArray[np.int64],
    wanted: Sequence[int],
    *,
    exact: bool,
    window: bool = False,
) -> Iterator[Frame]:
    """Yield frames by index, in the order given.

    A frame that is repeated in a row is yielded as separate copies, so that each may be written to.

    Parameters
    ----------
    info : VideoInfo
    pts : sequence of int or (n,) int64
        Time stamps of all frames, from an earlier reading.
    wanted : sequence of int
        Frame indices.
    exact : bool
        The time stamps are the file's own. Otherwise frames cannot be sought by them, and a jump back reads from the
        start.
    window : bool
        ``pts`` are those of a `lipblend.video.seeking.WindowReader`.

    Raises
    ------
    InputError
        The file cannot be read, or its frames differ from the earlier reading.
    """
    source = _FrameSource(info, np.asarray(pts), exact, window)
    with closing(source):
        runs = [(index, len(list(same))) for index, same in groupby(wanted)]
        place = 0
        while place < len(runs):
            block = _descending(runs, place)
            if len(block) > 1:
                held = {index: source.frame(index) for index, _ in reversed(block)}
                for index, times in block:
                    yield from _repeated(held.pop(index), times)
            else:
                yield from _repeated(source.frame(block[0][0]), block[0][1])
            place += len(block)


def _descending(runs: Sequence[tuple[int, int]], place: int) -> Sequence[tuple[int, int]]:
    """The next runs if they go backward in small steps, otherwise the single next run."""
    stop = place + 1
    while stop < len(runs) and stop - place < _MAX_BLOCK and 0 < runs[stop - 1][0] - runs[stop][0] < _MAX_BLOCK:
        stop += 1
    return runs[place:stop]


def _repeated(frame: Frame, times: int) -> Iterator[Frame]:
    for _ in range(times - 1):
        yield frame.copy()
    yield frame


class _FrameSource:
    """Decodes forward, and starts over or seeks for a frame that lies behind or far ahead."""

    def __init__(self, info: VideoInfo, pts: npt.NDArray[np.int64], exact: bool, window: bool) -> None:
        self._info, self._pts, self._exact, self._window = info, pts, exact and not window, window
        self._open = ExitStack()
        self._frames: Iterator[Frame] | None = None
        self._next = 0

    def close(self) -> None:
        """Close the file."""
        self._open.close()
        self._frames = None

    def frame(self, index: int) -> Frame:
        """Return a frame, decoding up to it."""
        far_ahead = self._exact and index > self._next + _MAX_DECODED_JUMP
        if self._frames is None or index < self._next or far_ahead:
            self._frames = self._start(index)
        for frame in self._frames:
            if frame.pts != self._pts[self._next]:
                break
            self._next += 1
            if self._next > index:
                return replace(frame, index=index)
        raise InputError(
            f"{self._info.path.name} changed while it was being read", hint="Do not write to the inputs during a run."
        )

    def _start(self, index: int) -> Iterator[Frame]:
        if self._exact and index > _MAX_DECODED_JUMP:
            frames = self._read(int(self._pts[index - _LEAD_IN]))
            try:
                first = next(frames, None)
            except InputError:
                first = None  # the container cannot seek: read from the start, which reports any other fault
            if first is not None:
                place = int(np.searchsorted(self._pts, first.pts))
                if place <= index - _LEAD_IN and self._pts[place] == first.pts:
                    self._next = place
                    return chain([first], frames)
        self._next = 0
        if self._window:
            self._open.close()
            return iter(self._open.enter_context(WindowReader(self._info, int(self._pts[0]), int(self._pts[-1]))))
        return self._read(None)

    def _read(self, start_pts: int | None) -> Iterator[Frame]:
        self._open.close()
        return iter(self._open.enter_context(VideoReader(self._info, start_pts=start_pts)))
