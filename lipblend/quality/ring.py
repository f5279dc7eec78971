"""How the result stands against the original along the seam: gradients, structure, and how much was taken there."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality.levels import full_range, luma_gain
from lipblend.quality.regions import Region, bounds
from lipblend.quality.view import FaceView

Plane = npt.NDArray[np.float32]

_WINDOW = 11
_SIGMA_PX = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2
_LEAST_GRADIENT = 1 / 255  # what rounding to 8 bits alone makes: a smaller mean gradient is none to compare with


def ring(view: FaceView) -> Region:
    """The seam ring: pixels within ``clamp(0.03 w_f, 3, 8)`` px of the contour's 0.5 line, on either side.

    The picture's border is no seam: a matte that reaches it has no ring along it.

    Returns
    -------
    (h, w) bool
        Of the view's size; empty where the contour does not cross 0.5 in the picture.
    """
    return view.ring


def seam_discontinuity(view: FaceView) -> tuple[float, float] | None:
    """Mean over the ring of ``|grad result - grad original|``, and the same over the mean of ``|grad original|``.

    Gradients are 3x3 Sobel, unnormalised (a ramp of one level a pixel has gradient 8), on luma in [0, 1]; the length is
    that of the difference of the two vectors. A step of height s along a straight horizontal or vertical line has
    gradient 4 s in the two rows beside it, and so a seam of ``4 s / r`` in a ring of r px to each side.

    Returns
    -------
    seam, relative : float
        Where the original's mean gradient is below 1/255 (rounding alone makes that), 1/255 is taken for it.
        None without a ring.
    """
    where = view.ring
    if not where.any():
        return None
    place = bounds(where, 1)
    inside = where[place]
    scale = np.float32(luma_gain(view.matrix) / 255)
    original = np.ascontiguousarray(view.original[place][..., 0])
    # Sobel is linear: the gradient of the difference is the difference of the gradients.
    change = _gradient(scale * (view.result[place][..., 0] - original))[inside]
    own = _gradient(scale * original)[inside]
    seam = float(change.mean(dtype=np.float64))
    return seam, seam / max(float(own.mean(dtype=np.float64)), _LEAST_GRADIENT)


def ring_ssim(view: FaceView) -> tuple[float, float, float] | None:
    """Mean structural similarity of result and original over the ring: luma, Cb, Cr.

    ``(2 m_c m_o + C1) (2 v_co + C2) / ((m_c^2 + m_o^2 + C1) (v_c + v_o + C2))`` with means, variances and covariance in
    a Gaussian window of 11 px, sigma 1.5, ``C1 = (0.01 x 255)^2``, ``C2 = (0.03 x 255)^2``, levels in full range.

    Returns
    -------
    y, cb, cr : float
        Up to 1, and exactly 1 where both are equal. None without a ring.

    Notes
    -----
    Wang, Bovik, Sheikh, Simoncelli 2004, https://doi.org/10.1109/TIP.2003.819861. Windows are centred on the ring's
    pixels, and may reach beyond it; the picture is mirrored at its border.
    """
    where = view.ring
    if not where.any():
        return None
    place = bounds(where, _WINDOW // 2)
    pixels = np.flatnonzero(where[place])
    pairs = zip(
        *(cv2.split(full_range(patch[place], view.matrix)) for patch in (view.result, view.original)), strict=True
    )
    y, cb, cr = (_mean_ssim(result, original, pixels) for result, original in pairs)
    return y, cb, cr


def ring_alpha(view: FaceView) -> float | None:
    """Mean over the ring of the matte's own alpha, times the patch's weight; None without a ring.

    Not of what was really taken: where the generated patch and the original agree, it does not matter which is shown.
    """
    return view.weight * float(view.contour[view.ring].mean(dtype=np.float64)) if view.ring.any() else None


def _gradient(luma: Plane) -> Plane:
    across = cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=3)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _mean_ssim(result: Plane, original: Plane, pixels: npt.NDArray[np.intp]) -> float:
    """Mean of the SSIM map over some pixels, by their place in the flattened planes."""

    def windowed(plane: Plane) -> npt.NDArray[np.float64]:
        blurred = cv2.GaussianBlur(plane, (_WINDOW, _WINDOW), _SIGMA_PX)
        return np.asarray(blurred.ravel()[pixels], np.float64)

    mean_r, mean_o = windowed(result), windowed(original)
    var_r = windowed(result * result) - mean_r * mean_r
    var_o = windowed(original * original) - mean_o * mean_o
    both = windowed(result * original) - mean_r * mean_o
    luminance = (2 * mean_r * mean_o + _C1) / (mean_r * mean_r + mean_o * mean_o + _C1)
    return float((luminance * ((2 * both + _C2) / (var_r + var_o + _C2))).mean())
