"""What rendering needs of every frame: a row per frame of the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.plan.motion import MeshPairs
from lipblend.stages.colour.colour_map import ColourMap
from lipblend.stages.colour.membrane import Cells

NO_SYNCED = "no synced frame"
NO_FACE = "no face"
UNCHANGED = "face not changed"


@dataclass(frozen=True)
class FacePlan:
    """What one face of one frame needs.

    Attributes
    ----------
    weight : float
        Above 0, up to 1 (the patch at full strength).
    original, synced : Landmarks
        Smoothed meshes, both in the original's pixels.
    colour : ColourMap
        What brings the synced colours to the original's.
    membrane : (8, 8, 3) float32 or None
        What is added to the colours after that, see `lipblend.stages.colour.membrane`.
    moved : (2,) float64
        How far right and down of its place the face lies in the synced picture, in the original's pixels: not 0 only
        where that was made from another frame than the one it is laid on. ``synced`` is without it.
    footprint : (n, 2) float32 or None
        Outline of what the generator painted, pixels; None for all of the picture.
    velocity : (2,) float64
        Motion of the face, pixels a frame.
    neighbours : tuple of (original, synced)
        Both meshes of the frames that ``alpha.average_frames`` asks for, carried along with the head onto this one.
    """

    weight: float
    original: Landmarks
    synced: Landmarks
    colour: ColourMap
    moved: npt.NDArray[np.float64]
    membrane: Cells | None = None
    footprint: npt.NDArray[np.float32] | None = None
    velocity: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    neighbours: MeshPairs = ()


@dataclass(frozen=True)
class FramePlan:
    """All that rendering one frame needs, besides the two pictures.

    Attributes
    ----------
    original_index : int
        Frame of the original.
    synced_index : int
        Frame of the synced video, -1 for none.
    faces : tuple of FacePlan
        Empty where the original passes through.
    reason : str
        Why it does; empty otherwise.
    """

    original_index: int
    synced_index: int
    faces: tuple[FacePlan, ...]
    reason: str


@dataclass(frozen=True)
class Plan:
    """One row for every frame that will be written.

    Attributes
    ----------
    rows : sequence of FramePlan
    notes : tuple of str
    unchanged : bool
        Both videos show the same faces in all frames.
    """

    rows: Sequence[FramePlan]
    notes: tuple[str, ...]
    unchanged: bool = False
