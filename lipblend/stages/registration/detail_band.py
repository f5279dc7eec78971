"""The detail by which two pictures of a face are compared: neither their noise, nor their light and colours."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.detail.scale import gaussian, low_pass

Plane = npt.NDArray[np.float32]

_LOW_FRAC, _HIGH_FRAC, _MIN_LOW_PX = 0.012, 0.12, 0.6  # low-passes that bound the band
_NOISE_LEVELS, _RELATIVE = 1.5, 0.4  # differences between right pictures: absolute, and of the local contrast


def detail_band(luma: Plane, face_width_px: float) -> Plane:
    """Luma between 0.012 and 0.12 face widths, (h, w) float32, levels."""
    smooth = gaussian(luma, max(_MIN_LOW_PX, _LOW_FRAC * face_width_px))
    return smooth - low_pass(smooth, _HIGH_FRAC * face_width_px)


def expected_squares(band: Plane, sigma_px: float) -> Plane:
    """Squared differences that a generator's softness and encoding explain, by the contrast around each pixel."""
    contrast = gaussian(band * band, sigma_px)
    return np.float32(_NOISE_LEVELS**2) + np.float32(_RELATIVE**2) * contrast


def gradients(plane: Plane) -> tuple[Plane, Plane]:
    """Slopes to the right and down, levels per pixel."""
    across, down = (cv2.Sobel(plane, cv2.CV_32F, dx, 1 - dx, scale=1 / 8) for dx in (1, 0))
    return np.asarray(across, np.float32), np.asarray(down, np.float32)
