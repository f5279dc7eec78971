"""In which frames the generator visibly changed something, judged by small pictures, so that no frame is decoded again.

It tells frames whose old words stay although there was something to blend from frames that nobody changed.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.pairing.scan import Scan, Thumb
from lipblend.pairing.timeline import Timeline

_MIN_LEVELS = 2.0  # encoding noise stays below 1 in a small picture; mouths of real generators differ by 4 to 36
_MIN_TIMES_COMMON = 6.0  # what the whole picture differs by, re-encoded or redrawn, is no change
_MIN_PIXELS = 4  # of 5000; the smallest mouth measured has 7
_BLUR_PX = 1.0


def changed_frames(original: Scan, synced: Scan, line: Timeline) -> npt.NDArray[np.bool_]:
    """(n,) bool: which output frames show something in the synced video that is not in the original."""
    pairs = zip(line.original_index.tolist(), line.synced_index.tolist(), strict=True)
    return np.array([j >= 0 and is_changed(original.thumbs[i], synced.thumbs[j]) for i, j in pairs], bool)


def is_changed(original: Thumb, synced: Thumb) -> bool:
    """Whether a connected part of two small grey pictures differs by far more than they do in general."""
    if synced.shape != original.shape:
        synced = np.asarray(cv2.resize(synced, original.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    difference = cv2.GaussianBlur(synced.astype(np.float32) - original, (0, 0), _BLUR_PX)
    apart = np.abs(difference - np.median(difference))
    limit = max(_MIN_LEVELS, _MIN_TIMES_COMMON * float(np.median(apart)))
    _, _, sizes, _ = cv2.connectedComponentsWithStats((apart > limit).view(np.uint8))
    return bool((sizes[1:, cv2.CC_STAT_AREA] >= _MIN_PIXELS).any())
