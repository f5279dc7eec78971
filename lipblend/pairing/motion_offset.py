"""The offset between two videos by what moves, for pictures that do not fit at any offset.

A head that a generator redrew drifts slowly beside the original's. That hides which pictures belong together, as those
of neighbouring moments differ by less. The changes from frame to frame still come at the same time in both videos.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipblend.pairing.small_pictures import MAX_DENSE_FRAMES, PixelRows
from lipblend.pairing.timeline import Clock

_REACH_S = 0.5
_MAX_RATE_DIFFERENCE = 0.01
_BLOCKS = 8  # of time, each of which has a vote
_MIN_BLOCKS_SHARE = 0.75
_MIN_BLOCK_FRAMES = 2

Floats = npt.NDArray[np.float32]


def offset_by_motion(original: PixelRows, synced: PixelRows, clocks: tuple[Clock, Clock]) -> float:
    """The offset at which the changes from frame to frame are most alike.

    Parameters
    ----------
    original, synced : (n_o, k) and (n_s, k) uint8
        Small pictures, one per row. Of long clips the first 500 frames are used.
    clocks : (Clock, Clock)

    Returns
    -------
    float
        Seconds, at most half a second either way. 0 if no other offset is better in three quarters of the clip, if the
        clip is too short to tell, or if the frame rates differ.
    """
    period_s = clocks[0].period_s
    if period_s <= 0 or abs(clocks[1].period_s / period_s - 1) > _MAX_RATE_DIFFERENCE:
        return 0.0
    reach = int(_REACH_S / period_s)
    rows = np.arange(min(len(synced), MAX_DENSE_FRAMES))
    columns = np.arange(min(len(original), MAX_DENSE_FRAMES + reach))
    inside = rows[(rows >= reach) & (rows + reach < len(columns))]
    if len(inside) < _BLOCKS * _MIN_BLOCK_FRAMES:
        return 0.0
    first, second = _changes(original[columns]), _changes(synced[rows])
    shifts = np.arange(-reach, reach + 1)
    alike = np.stack([np.einsum("ij,ij->i", first[inside + shift], second[inside]) for shift in shifts], axis=1)
    best = int(alike.sum(0).argmax())
    gains = [float((block[:, best] - block[:, reach]).sum()) for block in np.array_split(alike, _BLOCKS)]
    return float(shifts[best] * period_s) if np.mean(np.array(gains) > 0) >= _MIN_BLOCKS_SHARE else 0.0


def _changes(pixels: npt.NDArray[np.uint8]) -> Floats:
    """From the frame before to the frame after, less the change of the mean level; (n, k), each row of length 1."""
    last = len(pixels) - 1
    at = np.arange(len(pixels))
    out = pixels[np.minimum(at + 1, last)].astype(np.float32) - pixels[np.maximum(at - 1, 0)]
    out -= out.mean(1, keepdims=True)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-3), np.float32)
