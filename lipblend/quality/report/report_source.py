"""What a report is made from: the numbers, and access to the frames of the videos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.record import Evaluation
from lipblend.quality.view import FaceView, Patch3

Rgb = npt.NDArray[np.uint8]


class Walk(Protocol):
    """Reads chosen frames of the three videos again."""

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height of the original; all positions are in its pixels."""
        ...

    def views(self, indices: Sequence[int], /) -> Iterator[tuple[int, tuple[FaceView, ...]]]:
        """Index and faces of frames of the result, given by rising index."""
        ...

    def faces(self, index: int, /) -> Sequence[Landmarks]:
        """Meshes of the original's faces that a frame of the result gives a new mouth."""
        ...

    def pictures(self, indices: Sequence[int], box: Box, /) -> Iterator[tuple[int, Rgb, Rgb, Rgb]]:
        """Index, and a box of original, synced and result: (h, w, 3) uint8 RGB in the original's pixels."""
        ...


class Evaluated(Protocol):
    """An evaluation with its videos."""

    @property
    def record(self) -> Evaluation:
        """The numbers."""
        ...

    @property
    def walk(self) -> Walk:
        """The videos."""
        ...

    def truth(self, index: int, view: FaceView, /) -> Patch3 | None:
        """What the reference shows in a view of a frame; None if no reference was given."""
        ...
