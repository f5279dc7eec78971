"""From the mask to the soft alpha."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.masks.mask import Distance

Alpha = npt.NDArray[np.float32]

_TAIL = 2.0  # the Gaussian profile is stretched to reach 0 and 1 at so many standard deviations


def feather_width_px(face_width_px: float, *, ratio: float, floor_px: float, cap_px: float) -> float:
    """``clamp(w_f * ratio, floor, cap)``: the seam's width in pixels."""
    return min(max(face_width_px * ratio, floor_px), cap_px)


def distance_alpha(distance: Distance, *, feather_px: float | Alpha, gamma: float) -> Alpha:
    """Alpha that rises from 0 at the mask's outline to 1 a feather's width inside it.

    ``alpha = clip(d / feather, 0, 1) ** gamma`` with ``d`` the signed distance to the outline.

    Parameters
    ----------
    distance : (h, w) float32, pixels, positive inside
    feather_px : float, or (h, w) float32 above 0
        0 gives the hard mask.
    gamma : float
        Below 1 fuller, above 1 thinner.

    Returns
    -------
    (h, w) float32 in [0, 1]
        Exactly 0 outside the mask and exactly 1 from a feather inside on.
    """
    if isinstance(feather_px, float | int) and feather_px <= 0:
        return (distance > 0).astype(np.float32)
    alpha = distance * np.asarray(1 / feather_px, np.float32)
    np.clip(alpha, 0, 1, out=alpha)
    return np.asarray(alpha if gamma == 1.0 else cv2.pow(alpha, gamma), np.float32)


def gaussian_alpha(distance: Distance, *, feather_px: float | Alpha) -> Alpha:
    """Alpha along the integral of a Gaussian: one half in the middle of the feather, flat at both its ends.

    A hard mask, shrunk by half a feather and blurred with a quarter of it, has this profile along a straight outline;
    its tails are taken off, so that it runs from exactly 0 to exactly 1 within the feather.

    Parameters
    ----------
    distance : (h, w) float32, pixels, positive inside
    feather_px : float, or (h, w) float32 above 0

    Returns
    -------
    (h, w) float32 in [0, 1]
    """
    if isinstance(feather_px, float | int) and feather_px <= 0:
        return (distance > 0).astype(np.float32)
    from scipy.special import ndtr  # slow to load

    middle = (distance * np.asarray(1 / feather_px, np.float32) - np.float32(0.5)) * np.float32(2 * _TAIL)
    low = float(ndtr(-_TAIL))
    return np.clip((ndtr(middle) - low) / (1 - 2 * low), 0, 1).astype(np.float32)
