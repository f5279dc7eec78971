"""What a segmentation says of a face, in the cells of a look: sampled, kept to the face, and steadied over time."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.stages.occlusion.face_look import CELLS
from lipblend.stages.occlusion.linking import face_cells

Plane = npt.NDArray[np.float32]
Stored = npt.NDArray[np.uint8]

SEGMENTED_SHAPE = (CELLS, CELLS)
PERSON_CONFIDENCE = 0.5
"""Probability of background from which a cell counts."""
_SOFT = 0.1  # of probability, to both sides of the least confidence
_GROWN_CELLS = 4  # beyond `face_cells`, which keeps 1.5 cells inside the outline
_WEIGHTS = (0.25, 0.5, 0.25)  # of a frame and those beside it


def on_face(cells: Plane, meshes: Sequence[Landmarks], *, beyond: bool) -> Plane:
    """Cells, (64, 64) float32, without those that are not the face's; ``meshes`` as in `face_cells`.

    ``beyond`` keeps a margin of a few cells around the face too, for what knows occluders. What only knows faces takes
    a neck or a wall for one there.
    """
    inside, _ = face_cells(meshes)
    if beyond:
        side = 2 * _GROWN_CELLS + 1
        inside = np.asarray(cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))), np.uint8)
    return np.asarray(cells * (inside > 0), np.float32)


def stored_cells(cells: Plane) -> Stored:
    """From float32 in [0, 1]: one byte a cell."""
    return np.rint(np.clip(cells, 0, 1) * 255).astype(np.uint8)


def steadied(stored: Sequence[Stored], least: float) -> list[Plane]:
    """What lies in front in consecutive frames, (64, 64) float32 in [0, 1] each.

    Parameters
    ----------
    stored : sequence of (64, 64) uint8
        Probabilities, `stored_cells`.
    least : float
        Probability of which a cell is half in front, 0 to 1.
    """
    known = [np.asarray(each / np.float32(255), np.float32) for each in stored]
    found = []
    for row in range(len(known)):
        beside = known[max(0, row - 1)], known[row], known[min(row + 1, len(known) - 1)]
        mean = sum(np.float32(weight) * plane for weight, plane in zip(_WEIGHTS, beside, strict=True))
        found.append(np.asarray(np.clip(0.5 + (mean - np.float32(least)) / np.float32(2 * _SOFT), 0, 1), np.float32))
    return found
