"""Cuts between shots."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

THUMB_SIZE = (64, 36)
_WINDOW = 6
_RATIO = 3.0


def thumbnail(luma: npt.NDArray[np.generic], depth: int) -> npt.NDArray[np.float32]:
    """The small grey picture that cuts are found on: (36, 64) float32 in 8-bit levels."""
    small = cv2.resize(np.asarray(luma), THUMB_SIZE, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(1 << (depth - 8))


def change(previous: npt.NDArray[np.float32], current: npt.NDArray[np.float32]) -> float:
    """How much a thumbnail differs from the one before: mean absolute difference, in 8-bit levels."""
    return float(np.abs(current - previous).mean())


def find_cuts(changes: npt.NDArray[np.float64], *, threshold: float) -> npt.NDArray[np.intp]:
    """Frames that start a new shot, the first frame included.

    A cut changes the picture by at least ``threshold`` levels and by at least three times as much as the frames
    around it do (the idea of PySceneDetect's adaptive detector: fast motion raises its own bar).

    Parameters
    ----------
    changes : (n,) float64
        Change of every frame against the one before; the first is 0.
    threshold : float, 8-bit levels

    Returns
    -------
    (m,) int
        Increasing frame indices, the first 0.
    """
    starts = [0]
    for frame in range(1, len(changes)):
        low, high = max(1, frame - _WINDOW), min(len(changes), frame + _WINDOW + 1)
        around = np.concatenate([changes[low:frame], changes[frame + 1 : high]])
        usual = float(np.median(around)) if len(around) else 0.0
        if changes[frame] >= threshold and changes[frame] >= _RATIO * usual:
            starts.append(frame)
    return np.array(starts, np.intp)
