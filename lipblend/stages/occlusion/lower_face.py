"""The lower face in the cells of a look, and what of it a hand covers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.occlusion.face_look import CELL_FRAC, CELLS, LEFT_FRAC, TOP_FRAC
from lipblend.stages.occlusion.hand_shape import hand_mask
from lipblend.stages.occlusion.linking import face_cells

_NOSE = 2  # mesh point: its base


def lower_face_cells(meshes: Sequence[Landmarks]) -> npt.NDArray[np.bool_]:
    """The cells of a face below the base of the nose, mouth and all; (64, 64) bool.

    ``meshes`` as in `lipblend.stages.occlusion.linking.face_cells`.
    """
    inside, mouth = face_cells(meshes)
    base = float(head_frame(meshes[0]).to_local(meshes[0].points[[_NOSE]])[0, 1])
    lower = (inside | mouth) > 0
    lower[: min(CELLS, max(0, round((base - TOP_FRAC) / CELL_FRAC)))] = False
    return lower


def hand_cells(hands: Sequence[npt.NDArray[np.floating]], face: Landmarks) -> npt.NDArray[np.float32]:
    """What hands cover in the axes of a head, (64, 64) float32 in [0, 1].

    ``hands`` are (21, 2) each, in the pixels of ``face``.
    """
    frame, covered = head_frame(face), np.zeros((CELLS, CELLS), np.float32)
    for points in hands:
        places = (frame.to_local(points) - (LEFT_FRAC, TOP_FRAC)) / CELL_FRAC
        np.maximum(covered, hand_mask(places, Box(0, 0, CELLS, CELLS), forearm=0.0), out=covered)
    return covered
