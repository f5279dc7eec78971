"""What stands in front of a face stays the original's: mattes and changes behind it.

A plane says for every pixel how much of it belongs to something in front of the face (a hand, a microphone), 1 for all:
the user's own matte (`lipblend.video.keep_matte`), or any other source. Several are joined by their maximum. The result
there is ``in_front * original + (1 - in_front) * composite``, so that where the plane is 1 no bit changes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Box, Patch
from lipblend.stages.alpha.matte import Matte

Plane = npt.NDArray[np.float32]


def in_front_of(keep: Plane | None, box: Box) -> Plane | None:
    """The part of a whole picture's plane in a box of it; None if nothing stands in front there.

    Parameters
    ----------
    keep : (h, w) float32 in [0, 1], optional
        Of the whole picture; None for nothing in front.
    box : Box

    Returns
    -------
    (box.height, box.width) float32 in [0, 1] or None
        A view.
    """
    if keep is None:
        return None
    part = keep[box.y0 : box.y1, box.x0 : box.x1]
    return part if part.any() else None


def behind(matte: Matte, in_front: Plane) -> Matte:
    """The matte of what is left of a face behind something: nothing of it shows, moves or is learnt where that is 1.

    Parameters
    ----------
    matte : Matte
    in_front : (h, w) float32 in [0, 1]
        In the matte's box.

    Returns
    -------
    Matte
        Alpha, reach, painted and contour times ``1 - in_front``; the mask without the pixels that are all in front.
    """
    free = 1 - in_front
    return replace(
        matte,
        mask=matte.mask & (free > 0),
        alpha=matte.alpha * free,
        reach=matte.reach * free,
        painted=matte.painted * free,
        contour=matte.contour * free,
    )


def change_behind(change: Patch, in_front: Plane) -> Patch:
    """The change behind something: times ``1 - in_front``, for a chroma sample the mean over its pixels.

    Parameters
    ----------
    change : Patch
        Finite.
    in_front : (h, w) float32 in [0, 1]
        In the change's box.

    Returns
    -------
    Patch
        Exactly 0 where ``in_front`` is 1, and at chroma samples all of whose pixels in the box are.
    """
    return change.weighted(1 - in_front)
