"""A patch that fades in or out: the mouth is morphed between the original's and the new one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Patch
from lipblend.plan.frame_plan import FacePlan
from lipblend.stages.alpha.matte import Matte
from lipblend.stages.registration.morph import morph

_RIM_FRAC = 0.03  # of the matte, over which the motion fades out at its border


def faded(original: Patch, delta: Patch, face: FacePlan, matte: Matte) -> Patch:
    """The change of a face at ``face.weight`` below 1, from the change at full weight.

    Parameters
    ----------
    original : Patch
        In the matte's box, with the changes of earlier faces.
    delta : Patch
        At full weight.
    face : FacePlan
    matte : Matte

    Returns
    -------
    Patch
        Exactly 0 where ``delta`` must be, and everywhere if it is. Where nothing speaks, ``delta`` times the weight.
    """
    if not (delta.luma.any() or delta.chroma.any()):
        return delta
    full = original + delta
    meshes = face.original, _shown_mesh(face, matte)
    between = morph(original, full, meshes, face.weight, matte.box, where=_room(matte, face.original.face_width_px))
    return between - original


def _room(matte: Matte, width_px: float) -> npt.NDArray[np.float32]:
    """1 inside of what may change, 0 at its border and beyond; (h, w) float32."""
    touched = matte.touched.view(np.uint8)
    distance = cv2.distanceTransform(touched, cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(np.clip(distance / np.float32(_RIM_FRAC * width_px), 0, 1), np.float32)


def _shown_mesh(face: FacePlan, matte: Matte) -> Landmarks:
    """The mesh of the result at full weight: the synced one where the patch shows, else the original's."""
    shown = np.maximum(matte.alpha, matte.reach)
    original, synced = face.original.points, face.synced.points
    corner = np.array([matte.box.x0 + 0.5, matte.box.y0 + 0.5])
    across, down = np.ascontiguousarray(((original + synced) / 2 - corner).T, np.float32)
    share = cv2.remap(shown, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return Landmarks(np.asarray(original + share.reshape(-1, 1) * (synced - original), np.float32))
