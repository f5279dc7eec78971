"""The feather: the band inside the mask's outline across which alpha runs from 0 to 1.

A fast face gets a feather that is wider along the motion. Motion blur smears the face's own edges there, and a mesh
that is off by a fraction of a frame misplaces the seam by that fraction of the motion. Both are hidden by a wider
cross-fade where the outline faces along the motion; where it runs along the motion, the feather stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.settings import AlphaSettings
from lipblend.stages.masks.mask import Distance
from lipblend.stages.masks.mask_fields import mean_plane

Alpha = npt.NDArray[np.float32]

_GAUSSIAN_TAIL = 2.0  # the Gaussian profile is stretched to reach 0 and 1 at this many standard deviations
_SMOOTHING = 0.5  # standard deviation, in feathers, that smooths the widening at corners of the outline


@dataclass(frozen=True)
class Feather:
    """The feather's width in pixels: of a face at rest, and the ``extra`` along the motion (0 for a calm face)."""

    width_px: float
    extra_px: float

    @classmethod
    def of(cls, face_width_px: float, velocity: tuple[float, float], settings: AlphaSettings) -> Feather:
        """The feather of one frame; ``velocity`` is the motion of the face, (x, y) in pixels per frame.

        ``width = clamp(w_f * ratio, floor, cap)``, ``extra = min(gain * max(|v| - threshold * w_f, 0), (max - 1) *
        width)``
        """
        width = min(max(face_width_px * settings.feather_ratio, settings.feather_floor_px), settings.feather_cap_px)
        excess = float(np.hypot(*velocity)) - settings.motion_threshold_frac * face_width_px
        return cls(width, min(settings.motion_gain * max(excess, 0.0), (settings.motion_max - 1) * width))


def alpha_profile(distance: Distance, feather_px: float | Alpha, settings: AlphaSettings) -> Alpha:
    """Alpha across the feather by the profile of the settings; (h, w) float32 in [0, 1]."""
    if settings.profile == "distance":
        return distance_alpha(distance, feather_px=feather_px, gamma=settings.gamma)
    return gaussian_alpha(distance, feather_px=feather_px)


def distance_alpha(distance: Distance, *, feather_px: float | Alpha, gamma: float) -> Alpha:
    """``clip(d / feather, 0, 1) ** gamma`` with ``d`` the signed distance to the outline; (h, w) float32 in [0, 1].

    Exactly 0 outside the mask, exactly 1 at least a feather inside it. The feather is a number (0 gives the hard mask)
    or a plane of numbers above 0. A gamma below 1 is fuller, above 1 thinner.
    """
    if isinstance(feather_px, float | int) and feather_px <= 0:
        return (distance > 0).astype(np.float32)
    alpha = distance * np.asarray(1 / feather_px, np.float32)
    np.clip(alpha, 0, 1, out=alpha)
    return np.asarray(alpha if gamma == 1.0 else cv2.pow(alpha, gamma), np.float32)


def gaussian_alpha(distance: Distance, *, feather_px: float | Alpha) -> Alpha:
    """Alpha along the integral of a Gaussian: one half in the middle of the feather, flat at both its ends.

    A hard mask, shrunk by half a feather and blurred with a quarter of it, has this profile along a straight outline.
    The tails are cut off, so that alpha runs from exactly 0 to exactly 1 within the feather. Parameters and result as
    for `distance_alpha`.
    """
    if isinstance(feather_px, float | int) and feather_px <= 0:
        return (distance > 0).astype(np.float32)
    from scipy.special import ndtr  # slow to load

    middle = (distance * np.asarray(1 / feather_px, np.float32) - np.float32(0.5)) * np.float32(2 * _GAUSSIAN_TAIL)
    low = float(ndtr(-_GAUSSIAN_TAIL))
    return np.clip((ndtr(middle) - low) / (1 - 2 * low), 0, 1).astype(np.float32)


def motion_alpha(
    contour: Alpha,
    distances: Sequence[Distance],
    feather: Feather,
    velocity: tuple[float, float],
    settings: AlphaSettings,
) -> Alpha:
    """Alpha with the feather widened along the motion; ``contour``, the alpha at rest, for a calm face.

    ``distances`` are the signed distances of all sub-pixel samples; ``velocity`` in pixels per frame.
    """
    if feather.extra_px == 0:
        return contour
    widths = directional_feather(mean_plane(distances), feather, velocity)
    return mean_plane([alpha_profile(distance, widths, settings) for distance in distances])


def directional_feather(distance: Distance, feather: Feather, velocity: tuple[float, float]) -> Alpha:
    """Width of the feather at every pixel: ``width + extra * (n . u)^2``; (h, w) float32, pixels.

    ``n`` is the normal of the outline, the gradient of the signed distance, and ``u`` the direction of ``velocity``,
    which must not be 0.
    """
    slope_x, slope_y = (np.asarray(cv2.Sobel(distance, cv2.CV_32F, *order), np.float32) for order in ((1, 0), (0, 1)))
    speed = np.float32(np.hypot(*velocity))
    along = (slope_x * np.float32(velocity[0]) + slope_y * np.float32(velocity[1])) / speed
    squared = along * along / np.maximum(slope_x * slope_x + slope_y * slope_y, np.float32(1e-6))
    sigma = max(_SMOOTHING * feather.width_px, 0.5)
    smooth = cv2.GaussianBlur(squared, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.float32(feather.width_px) + np.float32(feather.extra_px) * np.clip(smooth, 0, 1), np.float32)
