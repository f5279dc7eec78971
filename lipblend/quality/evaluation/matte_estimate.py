"""Mattes estimated from the pictures, and how far a result is from a frame rendered again."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.picture.planes import extract_patch
from lipblend.plan.frame_plan import FacePlan, FramePlan
from lipblend.quality.estimate import estimate_alpha
from lipblend.quality.evaluation.views import Blended, FrameTriple
from lipblend.stages.alpha.matte import Matte

_REACH_FRAC = 0.75  # face widths around the mouth in which a matte is estimated
_SEAM_ALPHA = 0.5
_WINDOW_FRAC = 0.02
_MIN_ENERGY = 4.0  # squared levels


def estimated_faces(frames: FrameTriple, row: FramePlan) -> list[Blended]:
    """The faces of a frame whose synced picture shows in the result, with estimated mattes."""
    faces = []
    for face in row.faces:
        box = _around_mouth(face.original, frames.original)
        if box.width < 2 or box.height < 2:
            continue
        original = frames.original_crop(box)
        alpha = estimate_alpha(
            original,
            frames.synced_crop(box, face, original),
            frames.result_crop(box),
            face_width_px=face.original.face_width_px,
        )
        if (alpha >= _SEAM_ALPHA).any():  # else nothing was taken over that could be seen
            none, everything = np.zeros_like(alpha), np.ones_like(alpha)
            matte = Matte(box, alpha > 0, alpha, feather_px=0.0, reach=none, painted=everything, contour=alpha)
            faces.append(Blended(replace(face, weight=1.0), matte, alpha))
    return faces


def alpha_difference(frames: FrameTriple, composed: Picture, face: FacePlan) -> float:
    """How much more or less of the synced picture the result shows around a mouth than a composed frame, in alpha."""
    box = _around_mouth(face.original, frames.original)
    if box.width < 1 or box.height < 1:
        return 0.0
    original = frames.original_crop(box)
    offered = frames.synced_crop(box, face, original) - original
    apart = frames.result_crop(box) - extract_patch(composed.planes, composed.layout, box)
    return share_apart(apart, offered, face.original.face_width_px)


def share_apart(apart: npt.NDArray[np.float32], offered: npt.NDArray[np.float32], face_width_px: float) -> float:
    """How far apart two composites are, in alpha.

    Where one took more of the synced picture than the other, their difference ``r`` follows what the synced picture
    offered, ``d``; encoder noise does not. So the slope ``<r, d> / <d, d>`` in a Gaussian window of 0.02 face widths is
    the difference of their alphas. Its root mean square, weighted by ``<d, d>``, is returned.

    Parameters
    ----------
    apart : (h, w, 3) float32
        Difference of the two composites.
    offered : (h, w, 3) float32
        Synced minus original.
    face_width_px : float
    """
    sigma = max(_WINDOW_FRAC * face_width_px, 1.0)
    common = cv2.GaussianBlur((apart * offered).sum(2), (0, 0), sigma)
    energy = cv2.GaussianBlur((offered * offered).sum(2), (0, 0), sigma)
    slope = common / (energy + _MIN_ENERGY)
    return float(np.sqrt((slope * slope * energy).sum() / max(float(energy.sum()), 1e-6)))


def _around_mouth(face: Landmarks, picture: Picture) -> Box:
    x, y = face.mouth_centre
    half = _REACH_FRAC * face.face_width_px
    box = Box(int(x - half), int(y - half), int(x + half) + 1, int(y + half) + 1)
    return box.clipped(*picture.size).snapped(picture.layout, *picture.size)
