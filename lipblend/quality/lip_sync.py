"""Does the result's mouth move as the synced one does?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MIN_FRAMES = 5
"""Fewer common frames give no correlation."""
MIN_MOTION = 0.02
"""Minimum standard deviation of the synced mouth's opening. Two trackings of one mouth differ by 0.006 to 0.008 of its
width (six clips), smoothed by 0.004 to 0.005: below this limit the correlation would be that of the noise."""
_SIGMA_FRAMES, _RADIUS_FRAMES = 1.0, 3

Openings = npt.NDArray[np.float64]


def lip_correlation(result: Openings, synced: Openings) -> float | None:
    """Pearson correlation over time of two mouth openings.

    Parameters
    ----------
    result, synced : (n,) float64
        `lipblend.faces.landmarks.Landmarks.mouth_opening` of every frame, smoothed by `smooth_openings`; nan where
        unknown. Frames unknown in either are left out.

    Returns
    -------
    float or None
        -1..1, exactly 1 for equal openings. None with fewer than `MIN_FRAMES` common frames, or if the synced mouth
        does not move (`MIN_MOTION`); 0 if only the result's mouth does not move.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    if result.shape != synced.shape or result.ndim != 1:
        raise ValueError(f"expected two series of one length, got {result.shape} and {synced.shape}")
    known = np.isfinite(result) & np.isfinite(synced)
    a, b = (series[known].astype(np.float64) for series in (result, synced))
    if len(a) < MIN_FRAMES or float(b.std()) < MIN_MOTION:
        return None
    if np.array_equal(a, b):
        return 1.0
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(np.clip((a @ b) / scale, -1, 1)) if scale > 0 else 0.0


def smooth_openings(openings: Openings) -> Openings:
    """Mouth openings under a Gaussian of one frame over the known frames, without lag; nan stays nan.

    Parameters
    ----------
    openings : (n,) float64
        Consecutive frames of one shot.
    """
    known = np.isfinite(openings)
    weights = np.exp(-0.5 * (np.arange(-_RADIUS_FRAMES, _RADIUS_FRAMES + 1) / _SIGMA_FRAMES) ** 2)
    total = np.convolve(np.where(known, openings, 0.0), weights)[_RADIUS_FRAMES:-_RADIUS_FRAMES]
    share = np.convolve(known.astype(np.float64), weights)[_RADIUS_FRAMES:-_RADIUS_FRAMES]
    return np.where(known, total / np.maximum(share, 1.0), np.nan)
