"""An alpha that was drawn or edited elsewhere, in the place of the computed one (`composite --matte`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box
from lipblend.stages.alpha.matte import Matte
from lipblend.stages.masks.mask_fields import Corners, border_distance

Plane = npt.NDArray[np.float32]

SHOWN = np.float32(0.01)
"""Less than this of the new mouth is not seen."""
_ROOM_FRAC = 0.5  # face widths around the computed matte in which a larger one is followed
_ALIKE = 0.9
_WHOLE_PX = 0.5  # from a border to the centre of the first pixel that lies wholly inside
_EVEN_FRAC = 0.05  # face widths over which the given alpha is compared with the computed one


def with_given_alpha(
    matte: Matte,
    given: Plane,
    *,
    layout: PixelLayout,
    face_width_px: float,
    covered: Corners | None,
    alone: bool,
) -> Matte | None:
    """The matte with the given alpha instead of its own.

    A single face may be given up to half its width beyond its matte's box; of several faces, each takes what lies where
    its own matte may change the picture. Where the original's own pixels would be moved along beyond the alpha, they
    are moved as far as the given alpha is like the computed one nearby.

    Parameters
    ----------
    matte : Matte
    given : (h, w) float32 in [0, 1]
        Of the whole picture.
    layout : PixelLayout
        Of the picture; the box stays on its chroma grid.
    face_width_px : float
    covered : (4, 2) float32 or None
        Corners of the part of the picture that the synced frame covers, pixels; None for all of it.
    alone : bool
        The frame has no other face.

    Returns
    -------
    Matte or None
        None if nothing of the face is to be shown.
    """
    height, width = given.shape
    if alone:
        matte = _roomy(matte, _asked_for(given, matte.box, _ROOM_FRAC * face_width_px).snapped(layout, width, height))
    box = matte.box
    alpha = given[box.y0 : box.y1, box.x0 : box.x1].copy()
    if not alone:
        alpha[~matte.touched] = 0
    if covered is not None:
        alpha[border_distance(covered, box, (width, height)) < _WHOLE_PX] = 0
    mask = alpha > 0
    if not mask.any():
        return None
    sigma = max(1.0, _EVEN_FRAC * face_width_px)
    ours, theirs = (cv2.GaussianBlur(plane, (0, 0), sigma) for plane in (matte.alpha, alpha))
    alike = np.where(ours > SHOWN * SHOWN, np.minimum(theirs / np.maximum(ours, SHOWN * SHOWN), 1), np.float32(1))
    # Coding noise and rounding take away the faintest alpha of the border; everything else that is black was drawn so.
    drawn = (matte.alpha >= 2 * SHOWN) | (alike < _ALIKE)
    blackened = matte.mask & (alpha == 0) & drawn
    reach = np.where(blackened, np.float32(0), matte.reach * alike)
    return replace(
        matte,
        mask=mask,
        alpha=alpha,
        reach=np.maximum(reach, mask.astype(np.float32)),
        contour=alpha,
    )


def _asked_for(given: Plane, box: Box, room_px: float) -> Box:
    """The box, grown to what is given within some room around it."""
    height, width = given.shape
    room = round(room_px)
    outer = Box(box.x0 - room, box.y0 - room, box.x1 + room, box.y1 + room).clipped(width, height)
    part = given[outer.y0 : outer.y1, outer.x0 : outer.x1] >= SHOWN
    x, y, across, down = cv2.boundingRect(part.view(np.uint8))
    if not across:
        return box
    return box.joined_with(Box(outer.x0 + x, outer.y0 + y, outer.x0 + x + across, outer.y0 + y + down))


def _roomy(matte: Matte, box: Box) -> Matte:
    """The matte in a larger box, nothing of it in the room that is added."""
    if box == matte.box:
        return matte
    planes: dict[str, Any] = {}
    for name in ("mask", "alpha", "reach", "painted", "contour"):
        old = getattr(matte, name)
        planes[name] = np.zeros((box.height, box.width), old.dtype)
        planes[name][matte.box.within(box)] = old
    return replace(matte, box=box, **planes)
