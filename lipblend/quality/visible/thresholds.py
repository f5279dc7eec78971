"""Just-noticeable differences: from which step on, beside what, a difference is seen.

Of steps: the profile of Yang, Ling, Lu, Ong and Yao 2005 (https://doi.org/10.1016/j.image.2005.04.001): a threshold
for the luminance of the background and one for its texture, added less 0.3 times the smaller. Both are for single
pixels; a step along a line is seen at a third of the luminance threshold, since the eye sums along it.

Of even differences of the skin: the eye sums over their area, and what it just notices rises as the face gets smaller.
"""

from __future__ import annotations

import numpy as np

from lipblend.quality.visible.work_face import WORK_WIDTH_PX, Plane
from lipblend.stages.detail.scale import low_pass

_OVERLAP = np.float32(0.3)
_TEXTURE = np.float32(0.117)
_DARK, _MIDDLE, _FLOOR, _BRIGHT = 17.0, 127.0, 3.0, 3.0 / 128
_ALONG_A_LINE = np.float32(1 / 3)


def step_threshold(background: Plane, texture: Plane) -> Plane:
    """Height of a just noticeable step, grey levels.

    Parameters
    ----------
    background : (h, w) float32
        Low-passed luma, full-range grey levels.
    texture : (h, w) float32
        Height of the steps that the background itself has, grey levels.
    """
    dark = _DARK * (1 - np.sqrt(np.clip(background, 0, _MIDDLE) / np.float32(_MIDDLE))) + _FLOOR
    bright = np.float32(_BRIGHT) * (background - np.float32(_MIDDLE)) + np.float32(_FLOOR)
    luminance = np.where(background <= _MIDDLE, dark, bright) * _ALONG_A_LINE
    masked = _TEXTURE * texture
    return np.asarray(luminance + masked - _OVERLAP * np.minimum(luminance, masked), np.float32)


def summation(width: float) -> np.float32:
    """How strongly a difference of a face's skin is seen, relative to a face of `WORK_WIDTH_PX` or more pixels.

    By Piper's law the threshold goes with the inverse of an area's root, here the face's width (Barlow 1958,
    https://doi.org/10.1113/jphysiol.1958.sp005978).
    """
    return np.float32(min(1.0, width / WORK_WIDTH_PX))


def local_mean(plane: Plane, sigma_px: float) -> Plane:
    """Mean of a non-negative plane around every pixel."""
    return np.maximum(low_pass(plane, sigma_px), 0)
