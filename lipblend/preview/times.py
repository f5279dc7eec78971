"""Times and numbers of a video's frames."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from lipblend.errors import SettingsError
from lipblend.settings.time_words import clock_time
from lipblend.video.info import VideoInfo
from lipblend.video.survey import Survey, survey

_SLACK_S = 1e-6
_SHORT_BYTES = 256_000_000


class FrameTimes:
    """Converts between times and frame numbers of a whole file; a context manager.

    This needs the time stamps of all packets, which are read once, without decoding, in a background thread: from
    `begin`, or when they are first needed. A with-block that an exception ends does not wait for the thread, but Python
    waits at exit.
    """

    def __init__(self, info: VideoInfo) -> None:
        self._info = info
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lipblend-survey")
        self._survey: Future[Survey] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=kind is None)

    @property
    def is_short(self) -> bool:
        """Whether reading the time stamps takes only a fraction of a second, or is done."""
        return self._info.size_bytes <= _SHORT_BYTES or (self._survey is not None and self._survey.done())

    def begin(self) -> Future[Survey]:
        """Start to read the time stamps, if not started yet."""
        if self._survey is None:
            self._survey = self._thread.submit(survey, self._info)
        return self._survey

    def parse(self, text: str) -> float:
        """Parse ``12.5``, ``12.5s``, ``1:02.5``, ``1:00:02.5`` or ``#312`` (a frame) to seconds since the first frame.

        Raises
        ------
        SettingsError
            The text is none of these, or is beyond the end of the clip.
        """
        word, info = text.strip(), self._info
        if word.startswith("#") and word[1:].isdecimal():
            stamps_s = self._stamps_s()
            number = int(word[1:])
            if number >= len(stamps_s):
                raise SettingsError(
                    f"--at {text}: {info.path.name} has {len(stamps_s)} frames",
                    hint=f"The last one is #{len(stamps_s) - 1}.",
                )
            return float(stamps_s[number])
        time = clock_time(word)
        if time is None:
            raise SettingsError(
                f"--at {text} is not a time",
                hint="Write seconds (12.5), 1:02.5 (less than 60 after a colon), or a frame number (#312).",
            )
        time_s = float(time)
        if info.duration_s is not None and time_s > info.duration_s + _SLACK_S:
            raise SettingsError(
                f"--at {text} is beyond the end: {info.path.name} is {info.duration_s:.2f} s long",
                hint=f"Choose a time from 0 to {info.duration_s:.2f} s.",
            )
        return time_s

    def middle_s(self) -> float:
        """The middle of the clip, seconds since the first frame."""
        if self._info.duration_s is not None:
            return self._info.duration_s / 2
        stamps_s = self._stamps_s()
        return float(stamps_s[len(stamps_s) // 2]) if stamps_s.size else 0.0

    def number(self, time_s: float) -> int | None:
        """Number of the frame nearest to a time, as `parse` takes it after ``#``; None without time stamps."""
        stamps_s = self._stamps_s()
        return int(np.abs(stamps_s - time_s).argmin()) if stamps_s.size else None

    def _stamps_s(self) -> npt.NDArray[np.float64]:
        stamps = np.array(self.begin().result().stamps, np.float64)
        return stamps * float(self._info.time_base) - self._info.start_s
