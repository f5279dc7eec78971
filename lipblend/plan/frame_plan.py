"""The plan: what rendering needs for every frame, one row per frame of the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.picture.similarity import NOWHERE, Similarity
from lipblend.plan.motion import MeshPairs
from lipblend.stages.colour.colour_map import ColourMap
from lipblend.stages.colour.membrane import Cells

NO_SYNCED = "no synced frame"
NO_FACE = "no face"
UNCHANGED = "face not changed"
BRIEF = "face blended too briefly"


@dataclass(frozen=True)
class FacePlan:
    """What rendering needs for one face of one frame.

    Attributes
    ----------
    weight : float
        Strength of the patch: above 0, at most 1.
    original, synced : Landmarks
        Smoothed meshes, both in the original's pixels.
    colour : ColourMap
        Maps the synced colours to the original's.
    membrane : (8, 8, 3) float32 or None
        Added to the mapped colours; see `lipblend.stages.colour.membrane`.
    placement : Similarity
        From a place in the original to the same place of the face in the synced picture, in the original's pixels: the
        generator drew the face elsewhere, or the synced frame was made from another original frame. Undone in
        ``synced``.
    left : (60, 60) float32 or None
        Where the generator left the picture as it was around a displaced face, see
        `lipblend.stages.registration.left_part.left_part`.
    footprint : (n, 2) float32 or None
        Outline of the generator's footprint, pixels; None for the whole picture.
    velocity : (2,) float64
        Motion of the face, pixels per frame.
    neighbours : tuple of (original, synced)
        Meshes of the neighbouring frames (``alpha.average_frames``), moved with the head onto this one.
    """

    weight: float
    original: Landmarks
    synced: Landmarks
    colour: ColourMap
    placement: Similarity = NOWHERE
    left: npt.NDArray[np.float32] | None = None
    membrane: Cells | None = None
    footprint: npt.NDArray[np.float32] | None = None
    velocity: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    neighbours: MeshPairs = ()

    def placed(self, mapping: FrameMapping) -> FrameMapping:
        """Where the original's pixels of this face lie in the synced frame, by that of the whole picture."""
        return mapping if self.placement == NOWHERE else mapping.after(self.placement)


@dataclass(frozen=True)
class FramePlan:
    """What rendering needs for one frame, besides the two pictures.

    Attributes
    ----------
    original_index : int
        Frame of the original.
    synced_index : int
        Frame of the synced video, -1 for none.
    faces : tuple of FacePlan
        Empty if the original passes through.
    reason : str
        Why it passes through; empty otherwise.
    """

    original_index: int
    synced_index: int
    faces: tuple[FacePlan, ...]
    reason: str


@dataclass(frozen=True)
class Plan:
    """What every frame of the output will use.

    Attributes
    ----------
    rows : sequence of FramePlan
        One for each output frame.
    notes : tuple of str
        What the summary says.
    unchanged : bool
        The faces are identical in both videos, in all frames.
    """

    rows: Sequence[FramePlan]
    notes: tuple[str, ...]
    unchanged: bool = False
