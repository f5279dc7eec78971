"""What a render needs, wherever it runs, and the frames that come out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lipblend.picture.frame_mapping import FrameMapping
from lipblend.picture.planes import add_delta
from lipblend.plan.clip_plan import PlanRow
from lipblend.render.frame import FrameResult, Picture, render_frame
from lipblend.runtime.prefetch import prefetch, worked_on
from lipblend.settings import Settings
from lipblend.stages.detail.restore import Restorer
from lipblend.video.info import VideoInfo
from lipblend.video.ordered import frames_at
from lipblend.video.reader import Frame

_QUEUE = 2  # decoded frames waiting a stream
THREADS = max(1, min(4, (os.cpu_count() or 1) // 2))
"""Threads that compose beside the encoder's, in a process of its own."""


@dataclass(frozen=True)
class RenderJob:
    """All that rendering needs besides the rows of the plan; it can be pickled.

    Attributes
    ----------
    ours, theirs : VideoInfo
        Original and synced video.
    original_pts, synced_pts : (k,) int64
        Time stamps of all their frames.
    exact_times : (bool, bool)
        Whether these are the files' own.
    mapping : FrameMapping
        Where the original's pixels lie in the synced picture.
    settings : Settings
    target : VideoInfo
        The original, with the output's clock and size.
    output : Path
    """

    ours: VideoInfo
    theirs: VideoInfo
    original_pts: npt.NDArray[np.int64]
    synced_pts: npt.NDArray[np.int64]
    exact_times: tuple[bool, bool]
    mapping: FrameMapping
    settings: Settings
    target: VideoInfo
    output: Path

    def rendered(
        self, rows: Sequence[PlanRow], restorer: Restorer | None, *, threads: int | None = None
    ) -> Generator[tuple[Frame, FrameResult], None, None]:
        """Read and compose the frames of some rows: the finished picture, and what was done.

        Parameters
        ----------
        rows : sequence of PlanRow
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
            prefetch(frames_at(self.ours, self.original_pts, shown, exact=self.exact_times[0]), _QUEUE) as frames,
            prefetch(frames_at(self.theirs, self.synced_pts, partners, exact=self.exact_times[1]), _QUEUE) as synced,
            worked_on(
                partial(self._compose, restorer), _inputs(rows, frames, synced), workers=threads or THREADS
            ) as composed,
        ):
            yield from composed

    def picture(self, frame: Frame) -> Picture:
        """A frame of the original, or a finished one, as the stages take it."""
        return Picture(frame.planes, frame.layout, self.ours.colour, self.ours.height)

    def _compose(
        self, restorer: Restorer | None, inputs: tuple[PlanRow, Frame, Frame | None]
    ) -> tuple[Frame, FrameResult]:
        """One frame of the output; called on several threads at the same time."""
        (row, frame, partner), theirs = inputs, None
        if partner is not None:
            theirs = Picture(partner.planes, partner.layout, self.theirs.colour, self.theirs.height)
        result = render_frame(self.picture(frame), theirs, row, self.settings, mapping=self.mapping, restorer=restorer)
        if not result.patches:
            return frame, result
        out = frame.writable()
        for patch in result.patches:
            add_delta(out.planes, out.layout, patch.matte.box, patch.delta)
        return out, result


def _inputs(
    rows: Sequence[PlanRow], frames: Iterator[Frame], synced: Iterator[Frame]
) -> Iterator[tuple[PlanRow, Frame, Frame | None]]:
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
