"""The plan: what rendering needs for every frame, one row per frame of the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.similarity import NOWHERE, Similarity
from lipblend.plan.broken_frames import Broken
from lipblend.plan.motion import MeshPairs
from lipblend.stages.colour.colour_map import ColourMap
from lipblend.stages.colour.membrane import Cells
from lipblend.stages.colour.mouth_fit import MouthColours
from lipblend.stages.masks.part_outlines import Outlines
from lipblend.stages.registration.bend import Lattice

NO_SYNCED = "no synced frame"
NO_FACE = "no face"
UNCHANGED = "face not changed"
BRIEF = "face blended too briefly"
BROKEN = "synced frame broken"
OUTSIDE_RANGES = "outside the ranges"
NOT_NAMED = "no face named in the shot"


@dataclass(frozen=True)
class BridgeEnd:
    """A good synced frame before or after a broken one.

    Attributes
    ----------
    synced_index : int
    synced : Landmarks
        Its mesh, moved with the head onto the broken frame, in the original's pixels.
    placement : Similarity
        From a place in the original of the broken frame to the same place of the face in this synced picture.
    colour : ColourMap
    membrane : (8, 8, 3) float32 or None
    bend : (8, 8, 2) float32 or None
        Both as in `FacePlan`, of this frame.
    mouth : MouthColours or None
        As in `FacePlan`.
    """

    synced_index: int
    synced: Landmarks
    placement: Similarity
    colour: ColourMap
    membrane: Cells | None = None
    bend: Lattice | None = None
    mouth: MouthColours | None = None


@dataclass(frozen=True)
class Bridge:
    """What replaces a broken patch: that of the frame before, morphed into that of the frame after.

    Attributes
    ----------
    ends : tuple of BridgeEnd
        Before and after; only one at the beginning or end of a shot.
    share : float
        Of the second, in [0, 1].
    placement : Similarity
    bend : (8, 8, 2) float32 or None
        Both as in `FacePlan`, of the broken frame's own synced picture.
    """

    ends: tuple[BridgeEnd, ...]
    share: float
    placement: Similarity = NOWHERE
    bend: Lattice | None = None


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
    mouth : MouthColours or None
        What brings the mouth to the person's own colours, the same over the shot.
    placement : Similarity
        From a place in the original to the same place of the face in the synced picture, in the original's pixels: the
        generator drew the face elsewhere, or the synced frame was made from another original frame. Undone in
        ``synced``.
    bend : (8, 8, 2) float32 or None
        How the picture around the placed face is distorted, see `lipblend.stages.registration.bend`; None if it is not.
        Undone in ``synced``.
    left : (60, 60) float32 or None
        Where the generator left the picture as it was around a displaced face, see
        `lipblend.stages.registration.left_part.left_part`.
    footprint : (n, 2) float32 or None
        Outline of the generator's footprint, pixels; None for the whole picture.
    velocity : (2,) float64
        Motion of the face, pixels per frame.
    bridge : Bridge or None
        What is shown instead of the synced frame's own patch, which is broken.
    ways : tuple of (str, (64, 64) uint8)
        What lies in front of the face by how it was found (departures, model, person), in cells of the original's head
        (`lipblend.plan.hidden.InFront`); the most that any of them says counts.
    hands : tuple of (21, 2) float32
        Points of the hands near the face, pixels (`lipblend.stages.occlusion.hand_shape`).
    strands : bool
        Thin strands hang before the face.
    showing : float
        How much of the change is taken over: below 1, down to 0, where the mouth is nearly or wholly hidden.
    neighbours : tuple of (original, synced)
        Meshes of the neighbouring frames (``alpha.average_frames``), moved with the head onto this one.
    parts : tuple of mapping of str to Polygons
        Of the original's face and of the synced one: regions of the mask as a parser sees them, pixels.
    """

    weight: float
    original: Landmarks
    synced: Landmarks
    colour: ColourMap
    placement: Similarity = NOWHERE
    bend: Lattice | None = None
    left: npt.NDArray[np.float32] | None = None
    membrane: Cells | None = None
    footprint: npt.NDArray[np.float32] | None = None
    velocity: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    neighbours: MeshPairs = ()
    bridge: Bridge | None = None
    ways: tuple[tuple[str, npt.NDArray[np.uint8]], ...] = ()
    hands: tuple[npt.NDArray[np.float32], ...] = ()
    strands: bool = False
    showing: float = 1.0
    parts: tuple[Outlines, ...] = ()
    mouth: MouthColours | None = None


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
    broken : tuple of Broken
        What is wrong with the synced frame, for each face.
    """

    original_index: int
    synced_index: int
    faces: tuple[FacePlan, ...]
    reason: str
    broken: tuple[Broken, ...] = ()

    @property
    def worst_fault(self) -> Broken | None:
        """The most certain of what is wrong with the synced frame."""
        return max(self.broken, key=lambda each: each.certainty, default=None)

    @property
    def is_bridged(self) -> bool:
        """Whether a face of it is shown by the frames beside a broken one."""
        return any(face.bridge is not None for face in self.faces)

    @property
    def synced_indices(self) -> tuple[int, ...]:
        """The synced frames that its faces are made from, ascending."""
        wanted: set[int] = set()
        for face in self.faces:
            wanted.update(
                [self.synced_index] if face.bridge is None else [end.synced_index for end in face.bridge.ends]
            )
        return tuple(sorted(wanted))

    @property
    def bridging_indices(self) -> tuple[int, ...]:
        """The synced frames that bridge a broken one, ascending; empty for nearly all rows."""
        bridges = (face.bridge for face in self.faces if face.bridge is not None)
        return tuple(sorted({end.synced_index for bridge in bridges for end in bridge.ends}))


@dataclass(frozen=True)
class FaultRun:
    """Consecutive frames whose synced patch is broken in the same way.

    Attributes
    ----------
    first, last : int
        Rows of the plan.
    time_s : float
        Of the first.
    kind : str
        See `lipblend.plan.broken_frames.KINDS`.
    certainty : float
        Of the most certain frame, 0.5 to 1.
    bridged : bool
        Replaced by the patches beside them; otherwise the original is shown.
    """

    first: int
    last: int
    time_s: float
    kind: str
    certainty: float
    bridged: bool

    @property
    def frames(self) -> int:
        """How many."""
        return self.last - self.first + 1

    def text(self) -> str:
        """``12 to 15 (noise)``."""
        where = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        return f"{where} ({self.kind})"


@dataclass(frozen=True)
class HiddenRun:
    """Consecutive frames in which something lies in front of the lower face and stays, found in the same ways.

    Attributes
    ----------
    first, last : int
        Rows of the plan.
    time_s, end_s : float
        Of the first and of the last.
    ways : tuple of str
        See `lipblend.plan.front_log.WAYS`.
    share : float
        Of the lower face, the largest.
    """

    first: int
    last: int
    time_s: float
    end_s: float
    ways: tuple[str, ...]
    share: float

    @property
    def frames(self) -> int:
        """How many."""
        return self.last - self.first + 1


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
    faults : tuple of FaultRun
        Broken synced frames, ascending.
    hidden : tuple of HiddenRun
        Frames with something in front of a face, ascending.
    """

    rows: Sequence[FramePlan]
    notes: tuple[str, ...]
    unchanged: bool = False
    faults: tuple[FaultRun, ...] = ()
    hidden: tuple[HiddenRun, ...] = ()
