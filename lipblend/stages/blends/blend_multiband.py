"""Multiband blend (Burt and Adelson 1983, "A Multiresolution Spline With Application to Image Mosaics")."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.detail.scale import low_pass

Field = npt.NDArray[np.float32]

_FINEST_PX = 3.0  # width of the finest band's cross-fade; doubled for each coarser band
_FINEST_SIGMA_PX = 1.5


def blend_multiband(difference: Field, alpha: Field, *, levels: int, feather_px: float, pixel_px: float = 1.0) -> Field:
    """The change made by a multiband blend: coarse bands cross-fade widely, fine bands narrowly.

    With ``D = generated - original`` split into band-passes ``D = B_0 + B_1 + ...`` by Gaussians of doubling width,
    the change is ``sum m_n B_n``. Band n cross-fades over ``min(3 * 2**n, feather)`` px about the contour: its mask
    ``m_n`` is alpha steepened about one half. Blending is linear, so the bands of the difference are enough, and the
    change is 0 where the two pictures agree. The bands keep the full size (a Laplacian stack instead of a pyramid): the
    seam of every band lies exactly inside the feather, and nothing of the original remains where alpha is 1.

    ``difference`` is (h, w) or (h, w, c) float32, as is the result. ``levels`` is the number of bands, ``pixel_px`` the
    pixel size of coarser planes in pixels of the picture, in which all widths are given.
    """
    shares = [min(1.0, _FINEST_PX * 2**level / max(feather_px, 1e-6)) for level in range(levels)]
    masks = [np.clip((alpha - np.float32(0.5)) * np.float32(1 / share) + np.float32(0.5), 0, 1) for share in shares]
    # sum m_n (C_n - C_n+1) with low-passes C, reordered by C: where alpha is 0 or 1 all masks are equal.
    change = _times(difference, masks[0])
    for level in range(1, levels):
        sigma = _FINEST_SIGMA_PX * 2 ** (level - 1) / pixel_px
        change += _times(low_pass(difference, sigma), masks[level] - masks[level - 1])
    return change


def _times(field: Field, mask: Field) -> Field:
    return field * mask if field.ndim == 2 else field * cv2.merge([mask] * field.shape[2])
