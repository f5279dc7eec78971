"""Conversion of codes to grey levels and CIE Lab, and the low-pass that measures share."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality.view import Patch3

Matrix = npt.NDArray[np.float64]

ROUNDING = 12**-0.5
"""Standard deviation of rounding to whole levels (a uniform error of one level)."""

_MAX_DIRECT_SIGMA_PX = 4.0


def luma_gain(matrix: Matrix) -> float:
    """Full-range grey levels per code of luma: 1, or 255/219 in limited range.

    Parameters
    ----------
    matrix : (3, 4) float64
        YCbCr codes to R'G'B' 0..255, see `lipblend.picture.ycbcr.ycbcr_matrix`.
    """
    return float(gains(matrix)[0])


def gains(matrix: Matrix) -> Matrix:
    """Full-range levels per code of luma, Cb and Cr, (3,); see `luma_gain`.

    In the matrix's inverse the luma row sums to the reciprocal of luma's gain, and the weight of B' in Cb is half the
    reciprocal of chroma's.
    """
    inverse = np.linalg.inv(matrix[:, :3])
    return np.array([1 / inverse[0].sum(), 0.5 / inverse[1, 2], 0.5 / inverse[2, 0]])


def full_range(patch: Patch3, matrix: Matrix) -> Patch3:
    """YCbCr codes to full range: luma 0..255 from black to white, chroma 128 +- 127.5. Not clipped.

    The range follows from the matrix: see `gains`; black is where R' = G' = B' = 0.

    Parameters
    ----------
    patch : (h, w, 3) float32
    matrix : (3, 4) float64
        YCbCr codes to R'G'B' 0..255.
    """
    gain = gains(matrix)
    black = -np.linalg.inv(matrix[:, :3]) @ matrix[:, 3]
    change = np.column_stack([np.diag(gain), np.array([0, 128, 128]) - gain * black])
    return np.asarray(cv2.transform(patch, change), np.float32)


def lab(colours: npt.NDArray[np.floating], matrix: Matrix) -> npt.NDArray[np.float64]:
    """YCbCr codes, (n, 3), to CIE L*a*b* (D65, L 0..100), (n, 3) float64; R'G'B' is taken as sRGB and clipped to it.

    Uses scikit-image: OpenCV interpolates in a table, with errors up to 0.3 on skin.
    """
    from skimage import color  # slow to load

    rgb = np.clip((colours.astype(np.float64) @ matrix[:, :3].T + matrix[:, 3]) / 255, 0, 1)
    return np.asarray(color.rgb2lab(rgb), np.float64)


def low_pass(patch: npt.NDArray[np.float32], sigma_px: float) -> npt.NDArray[np.float32]:
    """Gaussian low-pass of (h, w) or (h, w, c) float32.

    From a ``sigma_px`` of 4 on, the patch is shrunk by area, filtered, and enlarged linearly, so that the cost does not
    grow with the face.
    """
    if sigma_px < _MAX_DIRECT_SIGMA_PX:
        return np.asarray(cv2.GaussianBlur(patch, (0, 0), sigma_px), np.float32)
    height, width = patch.shape[:2]
    step = 2 * sigma_px / _MAX_DIRECT_SIGMA_PX
    size = (max(1, round(width / step)), max(1, round(height / step)))
    small = cv2.resize(patch, size, interpolation=cv2.INTER_AREA)
    # Shrinking and enlarging blur too: variances of a box and of a triangle, 1/12 and 1/6 of a small pixel's square.
    across, down = (((sigma_px * n / full) ** 2 - 0.25) ** 0.5 for n, full in zip(size, (width, height), strict=True))
    small = cv2.GaussianBlur(small, (0, 0), sigmaX=across, sigmaY=down)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
