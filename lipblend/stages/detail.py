"""Detail: the sharpness that the generator lost, measured where the original shows the same."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

_RADIUS_PX = 1.5
_LEAST_PIXELS = 200
_LEAST_DETAIL = 0.05


def unsharp_amount(
    original: Plane, synced: Plane, where: npt.NDArray[np.bool_], *, strength: float, most: float
) -> float:
    """How much unsharp masking brings the synced picture's fine detail to the original's.

    Parameters
    ----------
    original, synced : (h, w) float32
        Luma of two pictures of the same thing.
    where : (h, w) bool
        Where they are that.
    strength : float
        Share of the lack that is made up for.
    most : float
        Largest amount.

    Returns
    -------
    float
        ``strength * (d_o / d_s - 1)`` within 0..most, with d the standard deviation of luma minus its Gaussian of sigma
        1.5 px; 0 with too few pixels to judge by.
    """
    if np.count_nonzero(where) < _LEAST_PIXELS:
        return 0.0
    lack = _detail(original, where) / max(_detail(synced, where), _LEAST_DETAIL) - 1
    return float(np.clip(strength * lack, 0, most))


def sharpened(patch: npt.NDArray[np.float32], amount: float) -> npt.NDArray[np.float32]:
    """Unsharp masking of luma, ``p + amount * (p - G p)``, sigma 1.5 px; (h, w, 3) float32, a new array."""
    out = patch.copy()
    if amount > 0:
        luma = patch[..., 0]
        out[..., 0] += np.float32(amount) * (luma - cv2.GaussianBlur(luma, (0, 0), _RADIUS_PX))
    return out


def _detail(luma: Plane, where: npt.NDArray[np.bool_]) -> float:
    return float((luma - cv2.GaussianBlur(luma, (0, 0), _RADIUS_PX))[where].std())
