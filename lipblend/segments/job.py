"""The inputs of a render, which can be sent to another process, and the rendered frames."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lipblend.picture.frame_mappings import Mappings
from lipblend.plan.frame_plan import FramePlan
from lipblend.render.frame import FrameResult, compose, render_frame
from lipblend.runtime.prefetch import map_in_threads, prefetch
from lipblend.settings import Settings
from lipblend.stages.detail.restore import Restorer
from lipblend.video.info import VideoInfo
from lipblend.video.keep_matte import KeepMatte
from lipblend.video.reader import Frame
from lipblend.video.video import Video

_QUEUE = 2  # decoded frames that wait, per stream
THREADS = max(1, min(4, (os.cpu_count() or 1) // 2))
"""Threads that compose frames beside the encoder, if one process renders."""


_Plane = npt.NDArray[np.float32]
_Inputs = tuple[FramePlan, Frame, dict[int, Frame], _Plane | None, _Plane | None]


@dataclass(frozen=True)
class RenderJob:
    """What rendering needs besides the rows of the plan; can be pickled.

    Attributes
    ----------
    original, synced : Video
    mapping : FrameMapping or FrameMappings
        Where the original's pixels lie in the synced pictures.
    settings : Settings
    target : VideoInfo
        The original with the time base and the size of the output.
    output : Path
    keep : KeepMatte, optional
        What stays the original's.
    matte : KeepMatte, optional
        The alpha of the new mouth, in the place of what is computed.
    with_originals : bool
        Rendered frames come with the original's picture (`FrameResult.before`).
    """

    original: Video
    synced: Video
    mapping: Mappings
    settings: Settings
    target: VideoInfo
    output: Path
    keep: KeepMatte | None = None
    matte: KeepMatte | None = None
    with_originals: bool = False

    def render(
        self, rows: Sequence[FramePlan], restorer: Restorer | None, *, threads: int | None = None
    ) -> Generator[tuple[Frame, FrameResult], None, None]:
        """Read and compose the frames of some rows; yields the finished picture and what was done.

        Parameters
        ----------
        rows : sequence of FramePlan
        restorer : Restorer, optional
        threads : int, optional
            Threads that compose ahead of the yielded frame; `THREADS` by default. The pictures do not depend on it.

        Raises
        ------
        LipblendError
            A video cannot be read, or a model fails.
        """
        original_indices, wanted, blended = [], [], []
        for row in rows:  # one pass, because they may lie in a file
            original_indices.append(row.original_index)
            if row.faces:
                wanted.append(row.synced_indices)
                blended.append(row.original_index)
        kept: AbstractContextManager[Iterator[_Plane | None]] = nullcontext(repeat(None))
        if self.keep is not None:
            kept = prefetch(self.keep.planes(self.original, blended), _QUEUE)
        given: AbstractContextManager[Iterator[_Plane | None]] = nullcontext(repeat(None))
        if self.matte is not None:
            given = prefetch(self.matte.planes(self.original, original_indices), _QUEUE)
        with (
            prefetch(self.original.frames(original_indices), _QUEUE) as frames,
            prefetch(self.synced.groups(wanted), _QUEUE) as synced,
            kept as planes,
            given as alphas,
            map_in_threads(
                partial(self._compose, restorer),
                _inputs(rows, frames, synced, planes, alphas),
                workers=threads or THREADS,
            ) as composed,
        ):
            yield from composed

    def _compose(self, restorer: Restorer | None, inputs: _Inputs) -> tuple[Frame, FrameResult]:
        """One frame of the output; called on several threads at the same time."""
        row, frame, synced_frames, keep, alpha = inputs
        original = self.original.picture(frame)
        pictures = {index: self.synced.picture(each) for index, each in synced_frames.items()}
        result = render_frame(
            original,
            pictures.get(row.synced_index, next(iter(pictures.values()), None)),
            row,
            self.settings,
            mapping=self.mapping,
            restorer=restorer,
            bridging=pictures,
            keep=keep,
            alpha=alpha,
        )
        if not result.patches:
            return frame, result
        if self.with_originals:
            result = replace(result, before=original.copy())
        frame = frame.writable()
        compose(self.original.picture(frame), result, in_place=True)
        return frame, result


def _inputs(
    rows: Sequence[FramePlan],
    frames: Iterator[Frame],
    synced: Iterator[dict[int, Frame]],
    planes: Iterator[_Plane | None],
    alphas: Iterator[_Plane | None],
) -> Iterator[_Inputs]:
    for row in rows:
        pictures, kept = (next(synced), next(planes)) if row.faces else ({}, None)
        yield row, next(frames), pictures, kept, next(alphas)


@dataclass
class Tally:
    """What was done to the frames, counted for the summary.

    Attributes
    ----------
    blended : int
        Frames with a patch.
    passed_through : Counter of str
        Frames that are the original's own, by reason.
    fallbacks : Counter of str
        Frames on which a stage used its fallback method, by stage.
    kept : int
        Frames in which the user's matte holds something of what would be blended.
    beyond : int
        Frames in which the user's alpha of the new mouth shows something where none could be rendered.
    """

    blended: int = 0
    passed_through: Counter[str] = field(default_factory=Counter)
    fallbacks: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    beyond: int = 0

    def add(self, result: FrameResult) -> None:
        """Count one frame."""
        self.fallbacks.update(result.fallbacks)
        self.kept += result.kept
        self.beyond += result.beyond
        if result.patches:
            self.blended += 1
        else:
            self.passed_through[result.reason] += 1

    def merge(self, other: Tally) -> None:
        """Add the counts of other frames."""
        self.blended += other.blended
        self.passed_through.update(other.passed_through)
        self.fallbacks.update(other.fallbacks)
        self.kept += other.kept
        self.beyond += other.beyond

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "blended": self.blended,
            "passed_through": dict(self.passed_through),
            "fallbacks": dict(self.fallbacks),
            "kept": self.kept,
            "beyond": self.beyond,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The reverse of `to_dict`."""
        passed, fallbacks = Counter(data["passed_through"]), Counter(data["fallbacks"])
        return cls(int(data["blended"]), passed, fallbacks, int(data["kept"]), int(data["beyond"]))


def given_alpha_notes(matte: KeepMatte | None, tally: Tally) -> list[str]:
    """What is to be said for the summary about the alpha of the new mouth that was given, if it was."""
    if matte is None:
        return []
    name, notes = matte.path.resolve().name, list[str]()
    if tally.beyond:
        notes = [f"{name} shows something of the new mouth where none could be rendered in {tally.beyond} frames"]
    return [f"alpha of the new mouth: {name} (--matte)", *notes]
