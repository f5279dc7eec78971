"""The colour step that the seam adds to what the original has there."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from skimage import color

from lipblend.quality.levels import lab
from lipblend.quality.regions import bounds
from lipblend.quality.view import FaceView

_DEPTH_FRAC = 0.03
_DEPTH_MIN_PX = 3.0
_PIECE_FRAC = 0.1
_MIN_PIXELS = 8


def seam_colour_step(view: FaceView) -> float | None:
    """Colour step across the seam, CIEDE2000, less the original's own step at the same place.

    The seam is cut into pieces of about 0.1 face widths. For each, the low-passed colours just inside and just outside
    are the means over the pixels nearest to the piece, up to ``max(0.03 w_f, 3)`` px deep, each side for itself. With
    ``c`` and ``o`` for those of result and original in CIE Lab (R'G'B' taken as sRGB, D65), the added step is

        ``added = (c_in - c_out) - (o_in - o_out)``

    and the value is ``dE00(o_in, o_in + added)``: how far apart the eye sees the original's colour inside and that
    colour with the added step. A jaw against the neck, or a cast over the whole picture, adds none; a step of the
    opposite hue does not cancel. The mean over the seam's length is returned; the picture's border is no seam.

    Returns
    -------
    float or None
        Exactly 0 where result and original are equal. None where the seam does not cross the picture.

    Notes
    -----
    CIEDE2000: CIE 142-2001, as in Sharma, Wu, Dalal 2005, https://doi.org/10.1002/col.20070 (scikit-image's). The
    depth is the seam ring's without its cap at 8 px, so that a soft edge counts alike at any size of the picture.
    """
    inside = (view.contour >= 0.5).astype(np.uint8)
    # The innermost line of pixels that has the outside for a neighbour; beyond the picture there is no outside.
    seam = (inside - cv2.erode(inside, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))) > 0
    if not seam.any():
        return None
    depth = max(_DEPTH_FRAC * view.face_width_px, _DEPTH_MIN_PX)
    pieces = _pieces(seam, max(2, round(_PIECE_FRAC * view.face_width_px)))
    rows, columns = bounds(seam, int(depth) + 1)
    seam, inside, pieces = seam[rows, columns], inside[rows, columns], pieces[rows, columns]
    away, nearest = cv2.distanceTransformWithLabels(
        1 - seam.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    piece_of = np.zeros(int(nearest.max()) + 1, np.intp)
    piece_of[nearest[seam]] = pieces[seam]
    length = np.bincount(pieces[seam])
    # The seam line is the first of the inner pixels: as deep a strip on both sides.
    sides = [((inside == side) & (away <= depth - side)) for side in (1, 0)]
    owners = [piece_of[nearest[side]] for side in sides]
    counts = [np.bincount(owner, minlength=len(length)) for owner in owners]
    kept = (counts[0] >= _MIN_PIXELS) & (counts[1] >= _MIN_PIXELS)
    if not kept.any():
        return None

    def colours(patch: npt.NDArray[np.float32], side: int) -> npt.NDArray[np.float64]:
        pixels = patch[rows, columns][sides[side]]
        sums = [np.bincount(owners[side], pixels[:, channel], minlength=len(length))[kept] for channel in range(3)]
        return lab(np.stack(sums, axis=1) / counts[side][kept, None], view.matrix)

    own = colours(view.original, 0)
    added = (colours(view.result, 0) - own) - (colours(view.result, 1) - colours(view.original, 1))
    steps = color.deltaE_ciede2000(own, own + added)  # type: ignore[no-untyped-call]
    return float(np.average(steps, weights=length[kept]))


def _pieces(seam: npt.NDArray[np.bool_], length_px: int) -> npt.NDArray[np.intp]:
    """Cut a line into pieces by a grid of ``length_px``: a number for every pixel, without gaps, (h, w)."""
    height, width = seam.shape
    across = np.arange(width) // length_px
    down = np.arange(height) // length_px * (int(across[-1]) + 1)
    cells = down[:, None] + across[None, :]
    numbers = np.zeros(int(cells.max()) + 1, np.intp)
    used = np.unique(cells[seam])
    numbers[used] = np.arange(len(used))
    return np.asarray(numbers[cells], np.intp)
