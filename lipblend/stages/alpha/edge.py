"""Edge-aware alpha: within the feather, the seam moves onto edges that both pictures show.

A cross-fade across the edge of a nostril or a jaw mixes both of its sides; along the edge it is hidden. So alpha is
filtered with the original's luma as the guide, to the extent that the synced picture has the same edges: otherwise the
seam would be drawn to something that one of the pictures lacks.

The filters see the whole picture but change alpha only inside the feather, and least at both its ends: exact 0 and 1
remain, and there is no step at the feather's ends.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

_GUIDE_BLUR_PX = 1.0  # removes noise and coding blocks
_EDGE_LEVELS = 8.0  # minimum contrast of an edge
_RADIUS = 0.5  # of the window, in feathers
_MIN_RADIUS_PX = 2
_TAPS = 4  # samples of the bilateral filter to each side


def edge_alpha(
    alpha: Plane, original: Plane, synced: Plane, *, method: str, strength: float, feather_px: float
) -> Plane:
    """Move an alpha onto the edges of two pictures.

    ``alpha + strength * shared * 4 alpha (1 - alpha) * (filtered - alpha)``

    Parameters
    ----------
    alpha : (h, w) float32 in [0, 1]
    original, synced : (h, w) float32
        Luma in 8-bit levels.
    method : {"guided", "bilateral"}
    strength : float
        0 changes nothing, 1 moves the middle of alpha onto the edges.
    feather_px : float

    Returns
    -------
    (h, w) float32 in [0, 1]
        Exactly ``alpha`` where that is 0 or 1.
    """
    radius = max(_MIN_RADIUS_PX, round(_RADIUS * feather_px))
    guide, synced_guide = (
        np.asarray(cv2.GaussianBlur(plane, (0, 0), _GUIDE_BLUR_PX, borderType=cv2.BORDER_REPLICATE), np.float32)
        for plane in (original, synced)
    )
    edge_filter = {"guided": guided_filter, "bilateral": joint_bilateral}[method]
    wanted = np.clip(edge_filter(alpha, guide, radius_px=radius, levels=_EDGE_LEVELS), 0, 1)
    share = shared_edges(guide, synced_guide, radius_px=radius, levels=_EDGE_LEVELS) * (
        np.float32(4 * strength) * alpha
    )
    return np.asarray(np.clip(alpha + share * (1 - alpha) * (wanted - alpha), 0, 1), np.float32)


def guided_filter(plane: Plane, guide: Plane, *, radius_px: int, levels: float) -> Plane:
    """Guided filter: in each window the output is the linear function of the guide that fits the plane best.

    He, Sun and Tang 2013, "Guided Image Filtering", https://doi.org/10.1109/TPAMI.2012.213. ``radius_px`` is half the
    side of the window, ``levels`` the square root of the paper's epsilon: contrasts well below it are smoothed. The
    result, (h, w) float32, may slightly exceed the plane's range.
    """
    mean_guide, mean_plane = _mean(guide, radius_px), _mean(plane, radius_px)
    # Relative to the overall mean: float32 would lose the variance of a bright picture.
    centred = guide - np.float32(guide.mean())
    local = _mean(centred, radius_px)
    variance = np.maximum(_mean(centred * centred, radius_px) - local * local, np.float32(0))
    covariance = _mean(centred * plane, radius_px) - local * mean_plane
    slope = np.asarray(covariance / (variance + np.float32(levels * levels)), np.float32)
    offset = mean_plane - slope * mean_guide
    return np.asarray(_mean(slope, radius_px) * guide + _mean(offset, radius_px), np.float32)


def joint_bilateral(plane: Plane, guide: Plane, *, radius_px: int, levels: float) -> Plane:
    """Joint bilateral filter of a plane in [0, 1]: a mean over the neighbours that have similar values in the guide.

    Petschnigg et al. 2004, https://doi.org/10.1145/1015706.1015777; Eisemann and Durand 2004. It reads nine by nine
    samples in a window of any size, and only where the plane is between 0 and 1. ``radius_px`` is two standard
    deviations of the spatial weights, ``levels`` one of the range weights.
    """
    out = plane.copy()
    rows, columns = np.nonzero((plane > 0) & (plane < 1))
    if not len(rows):
        return out
    height, width = plane.shape
    centre = guide[rows, columns]
    total, weights = np.zeros_like(centre), np.zeros_like(centre)
    for step_y in range(-_TAPS, _TAPS + 1):
        y = np.clip(rows + round(step_y * radius_px / _TAPS), 0, height - 1)
        for step_x in range(-_TAPS, _TAPS + 1):
            x = np.clip(columns + round(step_x * radius_px / _TAPS), 0, width - 1)
            contrast = (guide[y, x] - centre) * np.float32(1 / levels)
            distance = (step_x * step_x + step_y * step_y) * (2 / _TAPS) ** 2
            weight = np.exp(np.float32(-0.5) * (contrast * contrast + np.float32(distance)))
            total += weight * plane[y, x]
            weights += weight
    out[rows, columns] = total / weights
    return out


def shared_edges(first: Plane, second: Plane, *, radius_px: int, levels: float) -> Plane:
    """To what extent two pictures have the same edges in a window: ``covariance / (larger variance + levels^2)``.

    (h, w) float32 in [0, 1]: near 1 on an edge of both, 0 in flat parts and where only one of them has an edge.
    """
    a, b = first - np.float32(first.mean()), second - np.float32(second.mean())
    mean_a, mean_b = _mean(a, radius_px), _mean(b, radius_px)
    covariance = _mean(a * b, radius_px) - mean_a * mean_b
    larger = np.maximum(_mean(a * a, radius_px) - mean_a * mean_a, _mean(b * b, radius_px) - mean_b * mean_b)
    return np.asarray(np.clip(covariance / (np.maximum(larger, 0) + np.float32(levels * levels)), 0, 1), np.float32)


def _mean(plane: Plane, radius_px: int) -> Plane:
    side = 2 * radius_px + 1
    return np.asarray(cv2.boxFilter(plane, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REPLICATE), np.float32)
