"""The seam: the alpha = 0.5 contour, and the ring around it that quality measures use."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.alpha.feather import Alpha

Mask = npt.NDArray[np.bool_]


def seam_ring(alpha: Alpha, *, radius_px: float) -> Mask:
    """Pixels within ``radius_px`` of the alpha = 0.5 contour, on either side; (h, w) bool."""
    inside = (alpha >= 0.5).astype(np.uint8)
    if not inside.any() or inside.all():
        return np.zeros(alpha.shape, bool)
    within = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    without = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.maximum(within, without) <= radius_px)


def ring_radius_px(face_width_px: float) -> float:
    """``clamp(0.03 w_f, 3, 8)``: half the width of the seam ring."""
    return min(max(0.03 * face_width_px, 3.0), 8.0)
