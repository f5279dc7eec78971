"""The colour step that the seam adds to the original's own."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality.levels import lab
from lipblend.quality.view import FaceView, Region, bounds

_DEPTH_FRAC = 0.03
_MIN_DEPTH_PX = 3.0
_PIECE_FRAC = 0.25
_MIN_PIXELS = 8
_SEPARATION = 1024.0  # levels, more than any two pixels differ


def seam_colour_step(view: FaceView) -> float | None:
    """Colour step across the seam, CIEDE2000, less the original's own step at the same place.

    The seam is cut into pieces about a quarter of the face width long. Each has a strip of the nearest pixels on either
    side, up to ``max(0.03 w_f, 3)`` px deep. A strip's low-passed colour is its mean in the original, ``o``, and that
    plus the median of result minus original, ``c``: content that only moved, such as a jaw line that crosses the strip,
    is not a colour step. In CIE Lab (R'G'B' taken as sRGB, D65) the added step is

        ``added = (c_in - o_in) - (c_out - o_out)``

    and the value is ``dE00(o_in, o_in + added)``: the visible difference between the original's inside colour and that
    colour with the added step. A jaw against the neck, or a cast over the whole picture, adds none. The result is the
    mean over the seam's length; the picture's border is not a seam.

    Returns
    -------
    float or None
        Exactly 0 where result and original are equal. None where the seam does not cross the picture.

    Notes
    -----
    CIEDE2000: CIE 142-2001, as in Sharma, Wu, Dalal 2005, https://doi.org/10.1002/col.20070 (scikit-image's). The
    depth is the seam ring's without its cap at 8 px, so that a soft edge counts the same at any picture size.
    """
    from skimage import color  # slow to load

    inside = (view.contour >= 0.5).astype(np.uint8)
    # The innermost line of pixels next to the outside; there is no outside beyond the picture.
    seam = (inside - cv2.erode(inside, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))) > 0
    if not seam.any():
        return None
    depth = max(_DEPTH_FRAC * view.face_width_px, _MIN_DEPTH_PX)
    crop = bounds(seam, int(depth) + 1)
    seam, inside = seam[crop], inside[crop]
    distance, nearest = cv2.distanceTransformWithLabels(
        1 - seam.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    pieces = _pieces(seam, max(2, round(_PIECE_FRAC * view.face_width_px)))
    length = np.bincount(pieces)
    piece_of = np.zeros(int(nearest.max()) + 1, np.intp)
    piece_of[nearest[seam]] = pieces
    # The seam line is the first row of inner pixels, so both strips are equally deep.
    sides = [np.nonzero((inside == side) & (distance <= depth - side)) for side in (1, 0)]
    owners = [piece_of[nearest[side]] for side in sides]
    usable = np.all([np.bincount(owner, minlength=len(length)) >= _MIN_PIXELS for owner in owners], axis=0)
    if not usable.any():
        return None
    own, changed = [], []
    for side, owner in zip(sides, owners, strict=True):
        pixels = view.original[crop][side]
        mean = _means(pixels, owner, len(length))[usable]
        own.append(lab(mean, view.matrix))
        change = _medians(view.result[crop][side] - pixels, owner, len(length))[usable]
        changed.append(lab(mean + change, view.matrix))
    added = (changed[0] - own[0]) - (changed[1] - own[1])
    steps = color.deltaE_ciede2000(own[0], own[0] + added)  # type: ignore[no-untyped-call]
    return float(np.average(steps, weights=length[usable]))


def _means(pixels: npt.NDArray[np.float32], owner: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.float64]:
    """Means of (n, 3) pixels per owner, (count, 3); 0 for an owner without pixels."""
    sums = np.stack([np.bincount(owner, channel, minlength=count) for channel in pixels.T], axis=1)
    return np.asarray(sums / np.maximum(np.bincount(owner, minlength=count), 1)[:, None])


def _medians(pixels: npt.NDArray[np.float32], owner: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.float64]:
    """Medians of (n, 3) pixels within +-512 per owner, (count, 3); undefined for an owner without pixels."""
    ends = np.cumsum(np.bincount(owner, minlength=count))
    starts = np.concatenate([[0], ends[:-1]])
    low, high = (np.clip((starts + ends - odd) // 2, 0, len(owner) - 1) for odd in (1, 0))
    base = owner * _SEPARATION
    # One sort for all owners: an offset larger than any value separates them.
    channels = [np.sort(channel + base) for channel in pixels.T]
    offset = np.arange(count) * _SEPARATION
    return np.stack([(channel[low] + channel[high]) / 2 - offset for channel in channels], axis=1)


def _pieces(seam: Region, length_px: int) -> npt.NDArray[np.intp]:
    """Cut a line into pieces by a grid of ``length_px``: the piece number of each pixel, from 0 without gaps."""
    rows, columns = np.nonzero(seam)
    cells = rows // length_px * (seam.shape[1] // length_px + 1) + columns // length_px
    return np.asarray(np.unique(cells, return_inverse=True)[1], np.intp)
