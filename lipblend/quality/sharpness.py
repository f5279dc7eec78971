"""Fine detail and noise of the patch relative to the original's; 1 is equal."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality.levels import ROUNDING
from lipblend.quality.regions import MIN_PIXELS, skin
from lipblend.quality.view import FaceView, bounds

_DETAIL_SIGMA_PX = 1.5
_MARGIN_PX = 8  # the filters reach no farther
_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def sharpness(view: FaceView) -> float | None:
    """Fine detail inside the seam, result over original.

    Detail is the standard deviation of `fine_detail` over the pixels with contour at least 0.5, in both pictures at
    least that of rounding to 8 bits (``12 ** -0.5`` levels).

    Returns
    -------
    float or None
        Exactly 1 where both are equal; below 1 softer. A mouth that shows teeth has more detail than a closed one, so
        single frames scatter. None with fewer than 64 pixels.
    """
    region = view.contour >= 0.5
    if np.count_nonzero(region) < MIN_PIXELS:
        return None
    crop = bounds(region, _MARGIN_PX)
    result, original = (
        fine_detail(patch[crop][..., 0])[region[crop]].std(dtype=np.float64) for patch in (view.result, view.original)
    )
    return float(max(result, ROUNDING) / max(original, ROUNDING))


def grain(view: FaceView) -> float | None:
    """Noise of the skin inside the seam, result over original.

    Immerkaer's estimate ``sqrt(pi / 2) / 6 x mean |N * luma|`` with ``N = [[1, -2, 1], [-2, 4, -2], [1, -2, 1]]``,
    which ignores ramps, over the lower face's skin with contour at least 0.5. Of that skin only the flatter half
    counts, by the gradient of the low-passed pictures (sigma 1.5 px), so that edges and beard matter little. Both
    pictures use the same pixels and count as at least the noise of rounding to 8 bits (``12 ** -0.5`` levels).

    Returns
    -------
    float or None
        Exactly 1 where both are equal; below 1 the patch is smoother than the original. None with fewer than 64 pixels.

    Notes
    -----
    Immerkaer 1996, "Fast Noise Variance Estimation", https://doi.org/10.1006/cviu.1996.0060.
    """
    region = skin(view) & (view.contour >= 0.5)
    if np.count_nonzero(region) < MIN_PIXELS:
        return None
    crop = bounds(region, _MARGIN_PX)
    lumas = [np.ascontiguousarray(patch[crop][..., 0]) for patch in (view.result, view.original)]
    slope = np.maximum(*map(_slope, lumas))
    flat = region[crop] & (slope <= np.median(slope[region[crop]]))
    result, original = (_noise(luma)[flat].mean(dtype=np.float64) for luma in lumas)
    return float(max(result, ROUNDING) / max(original, ROUNDING))


def fine_detail(luma: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Luma minus luma under a Gaussian of sigma 1.5 px; (h, w)."""
    return np.asarray(luma - cv2.GaussianBlur(luma, (0, 0), _DETAIL_SIGMA_PX), np.float32)


def _slope(luma: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    soft = cv2.GaussianBlur(luma, (0, 0), _DETAIL_SIGMA_PX)
    return np.asarray(cv2.magnitude(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)), np.float32)


def _noise(luma: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Each pixel's term of Immerkaer's estimate; the mean is the noise's standard deviation, levels. (h, w)."""
    return np.asarray(np.abs(cv2.filter2D(luma, cv2.CV_32F, _NOISE_KERNEL)) * np.float32((np.pi / 2) ** 0.5 / 6))
