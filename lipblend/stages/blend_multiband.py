"""Multiband blend (Burt and Adelson 1983, "A Multiresolution Spline With Application to Image Mosaics")."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]

_FINEST_PX = 3.0  # cross-fade of the finest band; each coarser one has twice as much
_FINEST_SIGMA_PX = 1.5


def blend_multiband(difference: Field, alpha: Field, *, levels: int, feather_px: float) -> Field:
    """The change that a multiband blend makes: coarse bands cross-fade widely, fine bands narrowly.

    With ``D = generated - original`` split into band-passes ``D = B_0 + B_1 + ...`` by Gaussians of doubling width,
    the change is ``sum m_n B_n``. Band n cross-fades over ``min(3 * 2**n, feather)`` px about the contour: its mask
    ``m_n`` is alpha steepened about one half. Blending is linear, so the bands of the difference are enough, and where
    the two pictures agree the change is 0. The bands are kept at full size (a Laplacian stack instead of a pyramid):
    every band's seam lies inside the feather exactly, and nothing of the original is left where alpha is 1.

    Parameters
    ----------
    difference : (h, w, 3) float32
        Generated minus original.
    alpha : (h, w) float32 in [0, 1]
    levels : int
        Bands: the finest cross-fades over 3 px, the fourth over 24 px.
    feather_px : float
        Width over which alpha runs from 0 to 1.

    Returns
    -------
    (h, w, 3) float32
        Exactly 0 where alpha is 0, the difference (to rounding) where alpha is 1.
    """
    change = np.zeros_like(difference)
    finer = difference
    for level in range(levels):
        if level < levels - 1:
            sigma = _FINEST_SIGMA_PX * 2**level
            coarser = np.asarray(cv2.GaussianBlur(difference, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)
            band = finer - coarser
            finer = coarser
        else:
            band = finer
        share = min(1.0, _FINEST_PX * 2**level / max(feather_px, 1e-6))
        mask = np.clip((alpha - np.float32(0.5)) * np.float32(1 / share) + np.float32(0.5), 0, 1)
        change += band * mask[..., None]
    return change
