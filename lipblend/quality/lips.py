"""Whether the result's mouth moves as the synced one does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LEAST_FRAMES = 5
"""Fewer common frames give no correlation."""
LEAST_MOTION = 0.02
"""Least standard deviation of the synced mouth's opening. Two trackings of one mouth differ by 0.006 to 0.008 of its
width (six clips), 0.004 to 0.005 steadied: a mouth that moves less than this has the correlation of that noise."""
_STEADY_FRAMES, _REACH = 1.0, 3

Openings = npt.NDArray[np.float64]


def lip_sync_kept(result: Openings, synced: Openings) -> float | None:
    """Pearson correlation over time of two mouth openings.

    Parameters
    ----------
    result, synced : (n,) float64
        `lipblend.faces.landmarks.Landmarks.mouth_opening` of every frame, `steadied`; nan where it is not known.
        Frames unknown in either are left out.

    Returns
    -------
    float or None
        -1..1, exactly 1 for equal openings. None with fewer than `LEAST_FRAMES` common frames, or if the synced mouth
        does not move (`LEAST_MOTION`); 0 if only the result's does not move at all.

    Raises
    ------
    ValueError
        If the two differ in length.
    """
    if result.shape != synced.shape or result.ndim != 1:
        raise ValueError(f"expected two series of one length, got {result.shape} and {synced.shape}")
    known = np.isfinite(result) & np.isfinite(synced)
    ours, theirs = (each[known].astype(np.float64) for each in (result, synced))
    if len(ours) < LEAST_FRAMES or float(theirs.std()) < LEAST_MOTION:
        return None
    if np.array_equal(ours, theirs):
        return 1.0
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    scale = float(np.sqrt((ours @ ours) * (theirs @ theirs)))
    return float(np.clip((ours @ theirs) / scale, -1, 1)) if scale > 0 else 0.0


def steadied(openings: Openings) -> Openings:
    """Mouth openings under a Gaussian of one frame, which does not lag, over the known frames; nan stays nan.

    Parameters
    ----------
    openings : (n,) float64
        Consecutive frames of one shot.
    """
    known = np.isfinite(openings)
    weights = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) / _STEADY_FRAMES) ** 2)
    total = np.convolve(np.where(known, openings, 0.0), weights)[_REACH:-_REACH]
    share = np.convolve(known.astype(np.float64), weights)[_REACH:-_REACH]
    return np.where(known, total / np.maximum(share, 1.0), np.nan)
