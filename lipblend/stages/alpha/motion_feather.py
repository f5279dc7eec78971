"""A feather that is wider along a fast motion than across it.

Where a face moves fast its own edges are smeared along the motion, and a mesh that is late or early by a fraction of a
frame lays the seam beside its place by that fraction of the motion. Both are hidden by a wider cross-fade where the
outline faces along the motion; where it runs along the motion nothing is gained, and the feather stays as it is.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.masks.mask import Distance

_SMOOTH = 0.5  # standard deviation, in feathers, that takes steps out of the widening at corners of the outline


def widening_px(
    velocity: tuple[float, float],
    *,
    face_width_px: float,
    feather_px: float,
    threshold_frac: float,
    gain: float,
    largest: float,
) -> float:
    """What the feather gains where the outline faces along the motion, pixels; 0 for a calm face.

    ``min(gain * max(|v| - threshold * w_f, 0), (largest - 1) * feather)``

    Parameters
    ----------
    velocity : (x, y)
        Motion of the face, pixels a frame.
    face_width_px, feather_px : float
        The feather is the one of a face at rest.
    threshold_frac : float
        Speed up to which nothing is widened, face widths a frame.
    gain : float
        Pixels of feather for every pixel a frame beyond that.
    largest : float
        The feather grows to so many times itself at most; from 1 on.
    """
    excess = float(np.hypot(*velocity)) - threshold_frac * face_width_px
    return min(gain * max(excess, 0.0), (largest - 1) * feather_px)


def directional_feather(
    distance: Distance, *, feather_px: float, extra_px: float, velocity: tuple[float, float]
) -> npt.NDArray[np.float32]:
    """Width of the feather at every pixel: ``feather + extra * (n . u)^2``.

    ``n`` is the outline's normal, the gradient of the signed distance, and ``u`` the direction of the motion.

    Parameters
    ----------
    distance : (h, w) float32, pixels, positive inside
    feather_px, extra_px : float
        Width across the motion, and what it is wider along it.
    velocity : (x, y)
        Not 0.

    Returns
    -------
    (h, w) float32, pixels
        Between ``feather_px`` and ``feather_px + extra_px``.
    """
    slope_x, slope_y = (np.asarray(cv2.Sobel(distance, cv2.CV_32F, *order), np.float32) for order in ((1, 0), (0, 1)))
    speed = np.float32(np.hypot(*velocity))
    along = (slope_x * np.float32(velocity[0]) + slope_y * np.float32(velocity[1])) / speed
    squared = along * along / np.maximum(slope_x * slope_x + slope_y * slope_y, np.float32(1e-6))
    smooth = cv2.GaussianBlur(squared, (0, 0), max(_SMOOTH * feather_px, 0.5), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.float32(feather_px) + np.float32(extra_px) * np.clip(smooth, 0, 1), np.float32)
