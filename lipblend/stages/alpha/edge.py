"""Edge-aware alpha: within its feather, the seam moves onto edges that both pictures show.

A cross-fade over the edge of a nostril or a jaw mixes both of its sides; along the edge it is hidden by it. So alpha is
filtered with the original's luma as the guide, as far as the synced picture has the same edges: where they are not
shared, the seam would only be drawn to something that one of the pictures lacks.

The filters see the whole picture but change alpha only inside its own feather, least at both its ends: where alpha was
exactly 0 or 1 it stays so, and it has no step at the feather's ends.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

_GUIDE_BLUR_PX = 1.0  # noise and the coder's blocks are no edges
_EDGE_LEVELS = 8.0  # contrast from which on something is an edge
_RADIUS = 0.5  # of the window, in feathers
_LEAST_RADIUS_PX = 2
_TAPS = 4  # the bilateral filter reads so many places to each side


def edge_alpha(
    alpha: Plane, original: Plane, synced: Plane, *, method: str, strength: float, feather_px: float
) -> Plane:
    """Refine an alpha by two pictures.

    ``alpha + strength * shared * 4 alpha (1 - alpha) * (filtered - alpha)``

    Parameters
    ----------
    alpha : (h, w) float32 in [0, 1]
    original, synced : (h, w) float32
        Luma in 8-bit levels.
    method : {"guided", "bilateral"}
    strength : float
        0 leaves alpha as it is, 1 moves its middle onto the edges.
    feather_px : float
        Width over which alpha runs from 0 to 1.

    Returns
    -------
    (h, w) float32 in [0, 1]
        Exactly ``alpha`` where that is 0 or 1.
    """
    radius = max(_LEAST_RADIUS_PX, round(_RADIUS * feather_px))
    one, two = (
        np.asarray(cv2.GaussianBlur(plane, (0, 0), _GUIDE_BLUR_PX, borderType=cv2.BORDER_REPLICATE), np.float32)
        for plane in (original, synced)
    )
    edge_filter = {"guided": guided_filter, "bilateral": joint_bilateral}[method]
    wanted = np.clip(edge_filter(alpha, one, radius_px=radius, levels=_EDGE_LEVELS), 0, 1)
    share = shared_edges(one, two, radius_px=radius, levels=_EDGE_LEVELS) * (np.float32(4 * strength) * alpha)
    return np.asarray(np.clip(alpha + share * (1 - alpha) * (wanted - alpha), 0, 1), np.float32)


def guided_filter(plane: Plane, guide: Plane, *, radius_px: int, levels: float) -> Plane:
    """Guided filter: in every window the output is the linear function of the guide that fits the plane best.

    He, Sun and Tang 2013, "Guided Image Filtering", https://doi.org/10.1109/TPAMI.2012.213.

    Parameters
    ----------
    plane : (h, w) float32
    guide : (h, w) float32, 8-bit levels
    radius_px : int
        Half the side of the square window.
    levels : float
        Root of the paper's epsilon: contrasts well below it are smoothed over.

    Returns
    -------
    (h, w) float32
        May leave the plane's own range a little.
    """
    mean_guide, mean_plane = _mean(guide, radius_px), _mean(plane, radius_px)
    # About the overall mean: float32 would lose the variance of a bright picture.
    centred = guide - np.float32(guide.mean())
    local = _mean(centred, radius_px)
    variance = np.maximum(_mean(centred * centred, radius_px) - local * local, np.float32(0))
    covariance = _mean(centred * plane, radius_px) - local * mean_plane
    slope = np.asarray(covariance / (variance + np.float32(levels * levels)), np.float32)
    offset = mean_plane - slope * mean_guide
    return np.asarray(_mean(slope, radius_px) * guide + _mean(offset, radius_px), np.float32)


def joint_bilateral(plane: Plane, guide: Plane, *, radius_px: int, levels: float) -> Plane:
    """Joint bilateral filter: a mean over those neighbours that look alike in the guide.

    Petschnigg et al. 2004, https://doi.org/10.1145/1015706.1015777; Eisemann and Durand 2004. Nine by nine places are
    read in the window, however large it is. Computed only where the plane is between 0 and 1.

    Parameters
    ----------
    plane : (h, w) float32 in [0, 1]
    guide : (h, w) float32, 8-bit levels
    radius_px : int
        Half the side of the window; half of it is the standard deviation of the spatial weights.
    levels : float
        Standard deviation of the weights by likeness.

    Returns
    -------
    (h, w) float32
        Within the range of the plane.
    """
    out = plane.copy()
    rows, columns = np.nonzero((plane > 0) & (plane < 1))
    if not len(rows):
        return out
    height, width = plane.shape
    here = guide[rows, columns]
    total, weights = np.zeros_like(here), np.zeros_like(here)
    for step_y in range(-_TAPS, _TAPS + 1):
        y = np.clip(rows + round(step_y * radius_px / _TAPS), 0, height - 1)
        for step_x in range(-_TAPS, _TAPS + 1):
            x = np.clip(columns + round(step_x * radius_px / _TAPS), 0, width - 1)
            apart = (guide[y, x] - here) * np.float32(1 / levels)
            far = (step_x * step_x + step_y * step_y) * (2 / _TAPS) ** 2
            weight = np.exp(np.float32(-0.5) * (apart * apart + np.float32(far)))
            total += weight * plane[y, x]
            weights += weight
    out[rows, columns] = total / weights
    return out


def shared_edges(one: Plane, two: Plane, *, radius_px: int, levels: float) -> Plane:
    """How far two pictures have the same edges in a window: ``covariance / (larger variance + levels^2)``.

    Returns
    -------
    (h, w) float32 in [0, 1]
        Near 1 on an edge that both show alike; 0 in flat parts, and where only one of them has an edge.
    """
    a, b = one - np.float32(one.mean()), two - np.float32(two.mean())
    mean_a, mean_b = _mean(a, radius_px), _mean(b, radius_px)
    covariance = _mean(a * b, radius_px) - mean_a * mean_b
    larger = np.maximum(_mean(a * a, radius_px) - mean_a * mean_a, _mean(b * b, radius_px) - mean_b * mean_b)
    return np.asarray(np.clip(covariance / (np.maximum(larger, 0) + np.float32(levels * levels)), 0, 1), np.float32)


def _mean(plane: Plane, radius_px: int) -> Plane:
    side = 2 * radius_px + 1
    return np.asarray(cv2.boxFilter(plane, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REPLICATE), np.float32)
