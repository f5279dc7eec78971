"""How much landmarks shake from frame to frame, apart from the motion of the head."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_KERNEL = np.array([1.0, -4.0, 6.0, -4.0, 1.0])
_REACH = len(_KERNEL) // 2
_UNEVEN = 0.5  # of the median step between frames, by which a step may differ


def jitter_px(points: npt.NDArray[np.float64], valid: npt.NDArray[np.bool_], times_s: npt.NDArray[np.float64]) -> (
    npt.NDArray[np.float64]
):  # fmt: skip
    """The shaking of points in every frame, in pixels.

    The high pass is the fourth difference over five frames, divided by the root of 70, so that the value of white noise
    is its own standard deviation. Any motion that is a cubic of time gives 0, and a nod of 3 Hz at 25 frames/s is
    reduced to 4 %. The value of a frame is the root of the mean of dx² + dy² over the points: 1.41 times the standard
    deviation of x if x and y shake alike.

    Parameters
    ----------
    points : (n, k, 2) float64
        Pixels. Rows that are not valid are not read.
    valid : (n,) bool
        Rows that were measured; interpolated ones are too smooth to count.
    times_s : (n,) float64
        Rising.

    Returns
    -------
    (n,) float64
        NaN where one of the five frames is not valid, or where they are not evenly spaced in time.
    """
    count = len(points)
    out = np.full(count, np.nan)
    if count < len(_KERNEL):
        return out
    width = len(_KERNEL)
    steps = np.diff(times_s)
    even = np.abs(steps - np.median(steps)) <= _UNEVEN * np.median(steps)
    whole = np.lib.stride_tricks.sliding_window_view(valid, width).all(-1)
    whole &= np.lib.stride_tricks.sliding_window_view(even, width - 1).all(-1)
    for row in np.flatnonzero(whole).tolist():
        high = np.tensordot(_KERNEL, points[row : row + width], axes=1) / math.sqrt(float(_KERNEL @ _KERNEL))
        out[row + _REACH] = math.sqrt(float((high**2).sum(-1).mean()))
    return out
