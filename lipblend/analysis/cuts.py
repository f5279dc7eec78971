"""Detection of cuts between shots."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

WINDOW = 6
"""Frames on each side with which a change is compared."""
_MIN_RATIO = 3.0
_MIN_JUMP_RATIO = 6.0
_MIN_JUMP_LEVELS = 3.0
_MIN_JUMP_FRAC = 0.06


def change(previous: npt.NDArray[np.uint8], current: npt.NDArray[np.uint8]) -> float:
    """Mean absolute difference between two small grey pictures, 8-bit levels."""
    return float(cv2.absdiff(previous, current).mean())


def stands_out(changed: float, around: Iterable[float], *, threshold: float) -> bool:
    """Whether a frame's change is at least ``threshold`` levels and three times that of the frames around it."""
    return changed >= threshold and changed >= _MIN_RATIO * _typical(around)


def find_cuts(
    changes: npt.NDArray[np.float64], moves: npt.NDArray[np.float64], *, threshold: float
) -> npt.NDArray[np.intp]:
    """Frames that start a new shot, including the first frame.

    At a cut the picture changes by at least ``threshold`` levels and three times as much as the frames around it (as in
    PySceneDetect's adaptive detector: fast motion raises its own threshold). A jump cut within a scene changes the
    picture less: six times as much as the frames around it and at least three levels, or three times as much while the
    face jumps by at least 0.06 of its width.

    Parameters
    ----------
    changes : (n,) float64
        Change of every frame from the previous one, 8-bit levels; the first is 0.
    moves : (n,) float64
        Movement of the steadiest face since the previous frame, face widths.
    threshold : float, 8-bit levels

    Returns
    -------
    (m,) int
        Increasing frame indices, the first 0.
    """
    starts = [0]
    for frame in range(1, len(changes)):
        low, high = max(1, frame - WINDOW), min(len(changes), frame + WINDOW + 1)
        around = np.concatenate([changes[low:frame], changes[frame + 1 : high]])
        ratio = changes[frame] / max(_typical(around), 1e-6)
        if (
            stands_out(changes[frame], around, threshold=threshold)
            or (changes[frame] >= _MIN_JUMP_LEVELS and ratio >= _MIN_JUMP_RATIO)
            or (moves[frame] >= _MIN_JUMP_FRAC and ratio >= _MIN_RATIO)
        ):
            starts.append(frame)
    return np.array(starts, np.intp)


def _typical(changes: Iterable[float]) -> float:
    """The third quartile, 0 if empty: where every second frame is a repeat, it is that of the other frames."""
    values = np.fromiter(changes, np.float64)
    return float(np.quantile(values, 0.75)) if len(values) else 0.0
