"""Cuts between shots."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

WINDOW = 6  # frames to each side
_RATIO = 3.0
_JUMP_RATIO = 6.0
_JUMP_LEVELS = 3.0
_JUMP_FRAC = 0.06


def change(previous: npt.NDArray[np.uint8], current: npt.NDArray[np.uint8]) -> float:
    """How much a small grey picture differs from the one before: mean absolute difference, in 8-bit levels."""
    return float(cv2.absdiff(previous, current).mean())


def stands_out(changed: float, around: Iterable[float], *, threshold: float) -> bool:
    """Whether a frame's change is at least ``threshold`` levels, and three times what the frames around it do."""
    return changed >= threshold and changed >= _RATIO * _usual(around)


def find_cuts(
    changes: npt.NDArray[np.float64], moves: npt.NDArray[np.float64], *, threshold: float
) -> npt.NDArray[np.intp]:
    """Frames that start a new shot, the first frame included.

    A cut changes the picture by at least ``threshold`` levels and three times as much as the frames around it do (the
    idea of PySceneDetect's adaptive detector: fast motion raises its own bar). A jump cut within one scene changes
    the picture little; it is found where the picture changes six times as much as around it and by at least three
    levels, or three times as much while the face jumps by at least 0.06 of its width.

    Parameters
    ----------
    changes : (n,) float64
        Change of every frame against the one before, 8-bit levels; the first is 0.
    moves : (n,) float64
        How far the steadiest face moved since the frame before, in face widths.
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
        lonely = changes[frame] / max(_usual(around), 1e-6)
        if (
            stands_out(changes[frame], around, threshold=threshold)
            or (changes[frame] >= _JUMP_LEVELS and lonely >= _JUMP_RATIO)
            or (moves[frame] >= _JUMP_FRAC and lonely >= _RATIO)
        ):
            starts.append(frame)
    return np.array(starts, np.intp)


def _usual(changes: Iterable[float]) -> float:
    """The third quartile: where every second frame is a repeat, the other ones are the usual ones. 0 of nothing."""
    values = np.fromiter(changes, np.float64)
    return float(np.quantile(values, 0.75)) if len(values) else 0.0
