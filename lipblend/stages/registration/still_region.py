"""The part of a face that does not move in speech: it aligns the synced face with the original's."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces import landmarks as lm
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.shapes import convex_hull
from lipblend.stages.registration.box_places import along

_ABOVE_LIPS_FRAC = 0.03
_NEAR_FRAC, _SIDE_FRAC = 0.22, 0.22  # of the face's width: how far above the lips, and beside, everyone paints


def still_region(faces: Sequence[Landmarks], box: Box, *, near_mouth: bool = False) -> npt.NDArray[np.bool_]:
    """The face above the upper lips of all meshes; (box.height, box.width) bool. The outline is the first mesh's.

    With ``near_mouth``, only what lies close to the lips, where every generator paints.
    """
    first = faces[0]
    down = first.y_axis
    hull = convex_hull(first.points[list(lm.FACE_OVAL)])
    # Above the highest lip: the hull cut by a line across the face.
    highest = min(float((face.points[list(lm.LIPS_OUTER)] @ down).min()) for face in faces)
    limit = highest - _ABOVE_LIPS_FRAC * first.face_width_px
    region = np.zeros((box.height, box.width), np.uint8)
    cv2.fillConvexPoly(region, np.rint(hull - (box.x0 + 0.5, box.y0 + 0.5)).astype(np.int32), 1)
    below = along(down, np.zeros(2), box)
    still = np.asarray((below < np.float32(limit)) & region.view(bool))
    if not near_mouth:
        return still
    width = np.float32(first.face_width_px)
    beside = np.abs(along(first.x_axis, first.mouth_centre, box))
    return still & (below > np.float32(highest) - _NEAR_FRAC * width) & (beside < _SIDE_FRAC * width)
