"""Measures of the seam ring: gradients and structure of the result against the expected picture, and alpha.

The expected picture is the original moved along (`lipblend.quality.visible.scene.classic_reference`), or the original
itself if that is asked for.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality.levels import full_range, luma_gain
from lipblend.quality.view import FaceView, bounds, once_per_view
from lipblend.quality.visible.scene import classic_reference

Plane = npt.NDArray[np.float32]

_WINDOW_PX = 11
_SIGMA_PX = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2
_MIN_GRADIENT = 1 / 255  # what rounding to 8 bits produces


def seam(view: FaceView) -> float | None:
    """Mean over the ring of ``|grad result - grad expected|``; None without a ring.

    Gradients are 3x3 Sobel, unnormalised (a ramp of one level per pixel has gradient 8), on luma in [0, 1]; the length
    is that of the difference vector. A step of height s along a straight horizontal or vertical line has gradient 4 s
    in the two rows beside it, so it gives ``4 s / r`` in a ring of r px to each side.
    """
    gradients = _gradients(view)
    return gradients[0] if gradients else None


def relative_seam(view: FaceView) -> float | None:
    """`seam` over the mean of ``|grad original|`` in the ring, which counts as at least 1/255; None without a ring."""
    gradients = _gradients(view)
    return gradients[0] / max(gradients[1], _MIN_GRADIENT) if gradients else None


@once_per_view
def ring_ssim(view: FaceView) -> tuple[float, float, float] | None:
    """Mean structural similarity of result and original over the ring: luma, Cb, Cr.

    ``(2 m_r m_o + C1) (2 v_ro + C2) / ((m_r^2 + m_o^2 + C1) (v_r + v_o + C2))`` with means, variances and covariance in
    a Gaussian window of 11 px, sigma 1.5, ``C1 = (0.01 x 255)^2``, ``C2 = (0.03 x 255)^2``, levels in full range.

    Returns
    -------
    y, cb, cr : float
        Up to 1, and exactly 1 where both are equal. None without a ring.

    Notes
    -----
    Wang, Bovik, Sheikh, Simoncelli 2004, https://doi.org/10.1109/TIP.2003.819861. Windows are centred on the ring's
    pixels and may reach beyond it; the picture is mirrored at its border.
    """
    if not view.ring.any():
        return None
    crop = bounds(view.ring, _WINDOW_PX // 2)
    pixels = np.flatnonzero(view.ring[crop])
    pairs = zip(
        *(cv2.split(full_range(patch[crop], view.matrix)) for patch in (view.result, classic_reference(view))),
        strict=True,
    )
    y, cb, cr = (_mean_ssim(result, original, pixels) for result, original in pairs)
    return y, cb, cr


def ssim_y(view: FaceView) -> float | None:
    """`ring_ssim` of luma."""
    ssim = ring_ssim(view)
    return ssim[0] if ssim else None


def ssim_cb(view: FaceView) -> float | None:
    """`ring_ssim` of Cb."""
    ssim = ring_ssim(view)
    return ssim[1] if ssim else None


def ssim_cr(view: FaceView) -> float | None:
    """`ring_ssim` of Cr."""
    ssim = ring_ssim(view)
    return ssim[2] if ssim else None


def ring_alpha(view: FaceView) -> float | None:
    """Mean over the ring of the matte's own alpha, times the patch's weight; None without a ring.

    Not of the share that was taken: where synced and original agree, it does not matter which of them shows.
    """
    return view.weight * float(view.contour[view.ring].mean(dtype=np.float64)) if view.ring.any() else None


@once_per_view
def _gradients(view: FaceView) -> tuple[float, float] | None:
    """Mean over the ring of ``|grad result - grad expected|`` and of ``|grad original|``; None without a ring."""
    if not view.ring.any():
        return None
    crop = bounds(view.ring, 1)
    ring = view.ring[crop]
    scale = np.float32(luma_gain(view.matrix) / 255)
    reference = np.ascontiguousarray(classic_reference(view)[crop][..., 0])
    # Sobel is linear: the gradient of the difference is the difference of the gradients.
    change = _gradient(scale * (view.result[crop][..., 0] - reference))[ring]
    own = _gradient(scale * reference)[ring]
    return float(change.mean(dtype=np.float64)), float(own.mean(dtype=np.float64))


def _gradient(luma: Plane) -> Plane:
    across = cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=3)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _mean_ssim(result: Plane, original: Plane, pixels: npt.NDArray[np.intp]) -> float:
    """Mean of the SSIM map over pixels given by their index in the flattened planes."""

    def windowed(plane: Plane) -> npt.NDArray[np.float64]:
        blurred = cv2.GaussianBlur(plane, (_WINDOW_PX, _WINDOW_PX), _SIGMA_PX)
        return np.asarray(blurred.ravel()[pixels], np.float64)

    mean_r, mean_o = windowed(result), windowed(original)
    var_r = windowed(result * result) - mean_r * mean_r
    var_o = windowed(original * original) - mean_o * mean_o
    covariance = windowed(result * original) - mean_r * mean_o
    luminance = (2 * mean_r * mean_o + _C1) / (mean_r * mean_r + mean_o * mean_o + _C1)
    return float((luminance * ((2 * covariance + _C2) / (var_r + var_o + _C2))).mean())
