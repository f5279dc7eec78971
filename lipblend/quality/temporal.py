"""What changes over time at the seam and should not: alpha, the patch's difference, its colour cast."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality.levels import lab, luma_gain
from lipblend.quality.regions import MIN_PIXELS, agreeing, part, shared_box, skin
from lipblend.quality.view import FaceView

Row = npt.NDArray[np.float64]

_SIGMA_PX = 3.0
_COLOURS = 4000  # so many of the skin's pixels are turned into Lab, evenly spread


def alpha_flicker(alpha: Row) -> float | None:
    """Standard deviation over time of the ring's mean alpha, over its mean.

    Parameters
    ----------
    alpha : (n,) float64
        One value a frame of one shot, nan where it was not measured.

    Returns
    -------
    float or None
        A coefficient of variation (population). None with fewer than two values, or where nothing was taken.
    """
    known = alpha[np.isfinite(alpha)]
    if len(known) < 2 or known.mean() <= 0:
        return None
    # A constant's own mean may differ from it in the last digit.
    return float(known.std() / known.mean()) if np.ptp(known) > 0 else 0.0


def ring_flicker(view: FaceView, before: FaceView) -> float | None:
    """Mean over the seam ring of ``|G * ((C - O) - (C' - O'))|``: result minus original against the frame before's.

    G is a Gaussian of sigma 3 px, which leaves out noise that the eye does not follow; luma in full-range grey levels.
    What moves in the original itself does not count. Pixels of the picture are compared, those that lie in both
    frames' rings.

    Parameters
    ----------
    view, before : FaceView
        One face in two consecutive frames; their boxes may differ.

    Returns
    -------
    float or None
        None where the rings share fewer than 64 pixels, or less than a tenth of the smaller ring: the face moved too
        far to compare.
    """
    shared = shared_box(view.box, before.box)
    if not shared.width or not shared.height:
        return None
    now, then = part(view.box, shared), part(before.box, shared)
    where = view.ring[now] & before.ring[then]
    count = np.count_nonzero(where)
    if count < max(MIN_PIXELS, 0.1 * min(np.count_nonzero(view.ring), np.count_nonzero(before.ring))):
        return None
    change = _luma_difference(view, now) - _luma_difference(before, then)
    calm = cv2.GaussianBlur(change, (0, 0), _SIGMA_PX)
    return float(np.abs(calm[where]).mean(dtype=np.float64))


def cast(view: FaceView) -> Row | None:
    """Mean CIE Lab difference of result and original over the skin inside the seam.

    Skin: lower face, common to both meshes, away from both mouths, contour at least 0.5, and where both pictures show
    the same (`lipblend.quality.regions.agreeing`): a chin that moved is no cast.

    Returns
    -------
    (3,) float64 or None
        L*, a*, b*; exactly 0 where both are equal. None where fewer than 64 such pixels are seen.
    """
    where = agreeing(view, view.result, skin(view) & (view.contour >= 0.5))
    if not where.any():
        return None
    pixels = np.flatnonzero(where)
    pixels = pixels[:: max(1, len(pixels) // _COLOURS)]
    result, original = (lab(patch.reshape(-1, 3)[pixels], view.matrix) for patch in (view.result, view.original))
    return np.asarray((result - original).mean(axis=0), np.float64)


def colour_drift(casts: npt.NDArray[np.float64]) -> float | None:
    """Root mean square over time of the cast's distance (CIE76) from its mean: how unsteady the patch's colour is.

    Parameters
    ----------
    casts : (n, 3) float64
        One row of `cast` a frame of one shot, nan where there is none.

    Returns
    -------
    float or None
        None with fewer than two rows.
    """
    known = casts[np.isfinite(casts).all(axis=1)]
    if len(known) < 2:
        return None
    # From the first row, so that equal rows give exactly 0.
    known = known - known[0]
    return float(np.sqrt(((known - known.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _luma_difference(view: FaceView, where: tuple[slice, slice]) -> npt.NDArray[np.float32]:
    change = view.result[where][..., 0] - view.original[where][..., 0]
    return np.asarray(change * np.float32(luma_gain(view.matrix)), np.float32)
