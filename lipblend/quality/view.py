"""What the measures see of one face in one frame: the same crop of all three videos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.alpha.seam import ring_radius_px, seam_ring

Patch3 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FaceView:
    """One face of one frame.

    All patches have the box's size and are YCbCr in 8-bit levels, in the original's encoding, the synced and the result
    frame brought to the original's pixels.

    Attributes
    ----------
    box : Box
        In the original's frame: the matte with a margin for what is looked at beside it.
    original, synced, result : (h, w, 3) float32
    contour : (h, w) float32 in [0, 1]
        Alpha of the matte's shape alone: its 0.5 line is the seam, and it is exactly 0 outside the mask.
    alpha : (h, w) float32 in [0, 1]
        Share of the synced picture that was really taken; at most ``contour``.
    before, after : Landmarks
        Meshes of the original and the synced face, as the plan has them, in the original's pixels.
    found : Landmarks or None
        Mesh found in the result, in the original's pixels; None where none was.
    weight : float
        Strength of the whole patch, above 0 up to 1; below 1 while it fades in or out.
    matrix : (3, 4) float64
        YCbCr codes to R'G'B' 0..255, see `lipblend.picture.ycbcr.ycbcr_matrix`.
    spoken : Landmarks or None
        Mesh found in the synced frame, not smoothed as ``after`` is, in the original's pixels; None where none was.
    """

    box: Box
    original: Patch3
    synced: Patch3
    result: Patch3
    contour: npt.NDArray[np.float32]
    alpha: npt.NDArray[np.float32]
    before: Landmarks
    after: Landmarks
    found: Landmarks | None
    weight: float
    matrix: npt.NDArray[np.float64]
    spoken: Landmarks | None = None

    @property
    def face_width_px(self) -> float:
        """The original face's width ``w_f``, pixels."""
        return self.before.face_width_px

    @cached_property
    def ring(self) -> npt.NDArray[np.bool_]:
        """The seam ring, (h, w) bool; see `lipblend.quality.ring.ring`. Found once, as six measures ask for it."""
        radius = ring_radius_px(self.face_width_px)
        inside = self.contour >= 0.5
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        where = np.zeros(inside.shape, bool)
        if len(rows):
            margin = int(radius) + 2
            part = (
                slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1),
                slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + margin + 1),
            )
            where[part] = seam_ring(self.contour[part], radius_px=radius)
        return where
