"""From the hard mask to the soft alpha."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.mask import Mask

Alpha = npt.NDArray[np.float32]


def feather_width_px(face_width_px: float, *, ratio: float, floor_px: float, cap_px: float) -> float:
    """``clamp(w_f * ratio, floor, cap)``: the seam's width in pixels."""
    return min(max(face_width_px * ratio, floor_px), cap_px)


def distance_alpha(mask: Mask, *, feather_px: float, gamma: float) -> Alpha:
    """Alpha that rises from 0 at the mask's outline to 1 a feather's width inside it.

    ``alpha = min(d / feather, 1) ** gamma`` with ``d`` the Euclidean distance to the nearest pixel outside the mask
    (Felzenszwalb and Huttenlocher 2012), then a blur of a sixth of the feather inside the mask, which takes out the
    one-pixel steps of ``d`` along slanted outlines.

    Parameters
    ----------
    mask : (h, w) bool
    feather_px : float
        0 gives the hard mask.
    gamma : float
        Below 1 fuller, above 1 thinner.

    Returns
    -------
    (h, w) float32 in [0, 1]
        Exactly 0 outside the mask.
    """
    hard = mask.astype(np.uint8)
    if feather_px <= 0 or not mask.any():
        return hard.astype(np.float32)
    inside = cv2.distanceTransform(_framed(hard), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    alpha = np.minimum((inside - 0.5) / np.float32(feather_px), 1.0).clip(0).astype(np.float32)
    if gamma != 1.0:
        alpha = np.power(alpha, np.float32(gamma))
    sigma = feather_px / 6
    if sigma >= 0.3:
        # Twice the Gaussian's reach from the outline inwards nothing changes: an alpha of exactly 1 stays 1.
        soft = np.asarray(cv2.GaussianBlur(alpha, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT), np.float32)
        alpha = np.where(inside - 0.5 >= feather_px + 4 * sigma, alpha, soft)
    alpha = np.where(mask, np.clip(alpha, 0, 1), 0).astype(np.float32)
    return np.asarray(alpha)


def gaussian_alpha(mask: Mask, *, feather_px: float) -> Alpha:
    """The mask shrunk by half a feather and blurred, so that alpha runs from 0 to 1 over about a feather's width.

    The Gaussian's standard deviation is a quarter of the feather; what it spreads outside the mask is cut off.

    Parameters
    ----------
    mask : (h, w) bool
    feather_px : float

    Returns
    -------
    (h, w) float32 in [0, 1]
    """
    hard = mask.astype(np.uint8)
    if feather_px <= 0 or not mask.any():
        return hard.astype(np.float32)
    inside = cv2.distanceTransform(_framed(hard), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    core = (inside - 0.5 >= feather_px / 2).astype(np.float32)
    soft = cv2.GaussianBlur(core, (0, 0), feather_px / 4, borderType=cv2.BORDER_CONSTANT)
    soft[soft < 1 / 512] = 0
    return np.where(mask, np.clip(soft, 0, 1), 0).astype(np.float32)


def _framed(hard: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A border of zeros, so that a mask that touches the patch's edge still fades towards it."""
    return np.asarray(cv2.copyMakeBorder(hard, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), np.uint8)
