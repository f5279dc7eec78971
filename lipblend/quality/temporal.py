"""Unwanted change over time: of alpha, of the patch at the seam, and of its colour cast."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality.levels import lab, luma_gain
from lipblend.quality.regions import MIN_PIXELS, agreeing, skin
from lipblend.quality.view import FaceView, once_per_view

Row = npt.NDArray[np.float64]

_SIGMA_PX = 3.0
_MIN_SHARED_RING = 0.1
_MAX_COLOURS = 4000  # pixels converted to Lab, evenly spaced


def alpha_flicker(alpha: Row) -> float | None:
    """Coefficient of variation (population) over time of the ring's mean alpha.

    Parameters
    ----------
    alpha : (n,) float64
        One value per frame of a shot, nan where it was not measured.

    Returns
    -------
    float or None
        None with fewer than two values, or where nothing of the synced picture was taken.
    """
    known = alpha[np.isfinite(alpha)]
    if len(known) < 2 or known.mean() <= 0:
        return None
    # The mean of a constant may differ from it in the last digit.
    return float(known.std() / known.mean()) if np.ptp(known) > 0 else 0.0


def ring_flicker(view: FaceView, previous: FaceView) -> float | None:
    """Mean over the seam ring of ``|G * ((R - O) - (R' - O'))|``: change of result minus original between two frames.

    G is a Gaussian of sigma 3 px, which suppresses noise that the eye does not follow; luma in full-range grey levels.
    Motion in the original does not count. The frames are compared at the same pixels of the picture, those that lie in
    both rings.

    Parameters
    ----------
    view, previous : FaceView
        One face in two consecutive frames; their boxes may differ.

    Returns
    -------
    float or None
        None where the rings share fewer than 64 pixels, or less than a tenth of the smaller ring: the face moved too
        far.
    """
    shared = view.box.clipped_to(previous.box)
    if not shared.width or not shared.height:
        return None
    now, then = shared.within(view.box), shared.within(previous.box)
    ring = view.ring[now] & previous.ring[then]
    smaller = min(np.count_nonzero(view.ring), np.count_nonzero(previous.ring))
    if np.count_nonzero(ring) < max(MIN_PIXELS, _MIN_SHARED_RING * smaller):
        return None
    change = _luma_difference(view, now) - _luma_difference(previous, then)
    smooth = cv2.GaussianBlur(change, (0, 0), _SIGMA_PX)
    return float(np.abs(smooth[ring]).mean(dtype=np.float64))


@once_per_view
def cast(view: FaceView) -> Row | None:
    """Mean CIE Lab difference of result and original over the skin inside the seam.

    Skin of the lower face with contour at least 0.5, where both pictures show the same content
    (`lipblend.quality.regions.agreeing`): a chin that moved is not a cast.

    Returns
    -------
    (3,) float64 or None
        L*, a*, b*; exactly 0 where both are equal. None with fewer than 64 such pixels.
    """
    region = agreeing(view, view.result, skin(view) & (view.contour >= 0.5))
    if not region.any():
        return None
    pixels = np.flatnonzero(region)
    pixels = pixels[:: max(1, len(pixels) // _MAX_COLOURS)]
    result, original = (lab(patch.reshape(-1, 3)[pixels], view.matrix) for patch in (view.result, view.original))
    return np.asarray((result - original).mean(axis=0), np.float64)


def cast_length(view: FaceView) -> float | None:
    """Length of `cast`, CIE76."""
    difference = cast(view)
    return None if difference is None else float(np.linalg.norm(difference))


def colour_drift(casts: npt.NDArray[np.float64]) -> float | None:
    """Root mean square over time of the cast's distance (CIE76) from its mean.

    Parameters
    ----------
    casts : (n, 3) float64
        One row of `cast` per frame of a shot, nan where there is none.

    Returns
    -------
    float or None
        None with fewer than two rows.
    """
    known = casts[np.isfinite(casts).all(axis=1)]
    if len(known) < 2:
        return None
    # Relative to the first row, so that equal rows give exactly 0.
    known = known - known[0]
    return float(np.sqrt(((known - known.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _luma_difference(view: FaceView, crop: tuple[slice, slice]) -> npt.NDArray[np.float32]:
    change = view.result[crop][..., 0] - view.original[crop][..., 0]
    return np.asarray(change * np.float32(luma_gain(view.matrix)), np.float32)
