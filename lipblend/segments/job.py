"""What a render needs, wherever it runs, and the frames that come out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from lipblend.picture.frame_mapping import FrameMapping
from lipblend.plan.frame_plan import FramePlan
from lipblend.render.frame import FrameResult, compose, render_frame
from lipblend.runtime.prefetch import map_in_threads, prefetch
from lipblend.settings import Settings
from lipblend.stages.detail.restore import Restorer
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame
from lipblend.video.video import Video

_QUEUE = 2  # decoded frames waiting a stream
THREADS = max(1, min(4, (os.cpu_count() or 1) // 2))
"""Threads that compose beside the encoder's, in a process of its own."""


@dataclass(frozen=True)
class RenderJob:
    """All that rendering needs besides the rows of the plan; it can be pickled.

    Attributes
    ----------
    original, synced : Video
    mapping : FrameMapping
        Where the original's pixels lie in the synced picture.
    settings : Settings
    target : VideoInfo
        The original, with the output's clock and size.
    output : Path
    """

    original: Video
    synced: Video
    mapping: FrameMapping
    settings: Settings
    target: VideoInfo
    output: Path

    def rendered(
        self, rows: Sequence[FramePlan], restorer: Restorer | None, *, threads: int | None = None
    ) -> Generator[tuple[Frame, FrameResult], None, None]:
        """Read and compose the frames of some rows: the finished picture, and what was done.

        Parameters
        ----------
        rows : sequence of FramePlan
        restorer : Restorer, optional
        threads : int, optional
            That compose, ahead of the frame handed on; `THREADS` if not given. The pictures do not depend on it.

        Raises
        ------
        LipblendError
            A video cannot be read, or a model fails.
        """
        shown, partners = [], []
        for row in rows:  # once: they may lie in a file
            shown.append(row.original_index)
            if row.faces:
                partners.append(row.synced_index)
        with (
            prefetch(self.original.frames(shown), _QUEUE) as frames,
            prefetch(self.synced.frames(partners), _QUEUE) as synced,
            map_in_threads(
                partial(self._compose, restorer), _inputs(rows, frames, synced), workers=threads or THREADS
            ) as composed,
        ):
            yield from composed

    def _compose(
        self, restorer: Restorer | None, inputs: tuple[FramePlan, Frame, Frame | None]
    ) -> tuple[Frame, FrameResult]:
        """One frame of the output; called on several threads at the same time."""
        row, frame, partner = inputs
        original = self.original.picture(frame)
        synced = None if partner is None else self.synced.picture(partner)
        result = render_frame(original, synced, row, self.settings, mapping=self.mapping, restorer=restorer)
        if not result.patches:
            return frame, result
        frame = frame.writable()
        compose(self.original.picture(frame), result, in_place=True)
        return frame, result


def _inputs(
    rows: Sequence[FramePlan], frames: Iterator[Frame], synced: Iterator[Frame]
) -> Iterator[tuple[FramePlan, Frame, Frame | None]]:
    for row in rows:
        yield row, next(frames), next(synced) if row.faces else None


@dataclass
class Tally:
    """Counts of what was done to frames, for the summary.

    Attributes
    ----------
    blended : int
    passed_through : Counter of str
        Why frames are the original's own.
    fallbacks : Counter of str
        Stages done by a second-best method.
    """

    blended: int = 0
    passed_through: Counter[str] = field(default_factory=Counter)
    fallbacks: Counter[str] = field(default_factory=Counter)

    def add(self, result: FrameResult) -> None:
        """Count one frame."""
        self.fallbacks.update(result.fallbacks)
        if result.patches:
            self.blended += 1
        else:
            self.passed_through[result.reason] += 1

    def merge(self, other: Tally) -> None:
        """Add the counts of other frames."""
        self.blended += other.blended
        self.passed_through.update(other.passed_through)
        self.fallbacks.update(other.fallbacks)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "blended": self.blended,
            "passed_through": dict(self.passed_through),
            "fallbacks": dict(self.fallbacks),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """What `to_dict` gave."""
        return cls(int(data["blended"]), Counter(data["passed_through"]), Counter(data["fallbacks"]))
