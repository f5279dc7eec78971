"""A copy of a dark or glaring picture in which the face detector sees more: even in light and local contrast.

Gamma lifts the shadows, and CLAHE on luma evens out the light (Zuiderveld 1994, "Contrast Limited Adaptive Histogram
Equalization", Graphics Gems IV). Measured on 33 pictures of 11 clips, faces found as they are and in the copy: 22 and
31 at 4 % of their light with noise, 20 and 32 beside a bright part, 29 and 33 washed out.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.search import Detect, Mesh

_DARK_LEVELS, _BRIGHT_LEVELS = 48, 216
_MIN_SHARE = 0.1
"""A tenth of the picture must be this dark or bright: a face fills more of the smallest tile in which it is found."""
_GAMMA = 0.45
_CLIP_LIMIT, _GRID = 3.0, (8, 8)
_SAMPLES = 64  # along the shorter side
_LIFTED = np.rint(255 * (np.arange(256) / 255) ** _GAMMA).astype(np.uint8)

Rgb = npt.NDArray[np.uint8]


def flattened(rgb: Rgb) -> Rgb | None:
    """The flattened copy of an RGB picture (h, w, 3) uint8; None if it is neither dark nor glaring in a tenth."""
    step = max(1, min(rgb.shape[:2]) // _SAMPLES)
    green = rgb[::step, ::step, 1]
    dark, bright = np.mean(green < _DARK_LEVELS), np.mean(green > _BRIGHT_LEVELS)
    if max(dark, bright) < _MIN_SHARE:
        return None
    ycc = cv2.cvtColor(_LIFTED[rgb] if dark >= _MIN_SHARE else rgb, cv2.COLOR_RGB2YCrCb)
    ycc[..., 0] = cv2.createCLAHE(_CLIP_LIMIT, _GRID).apply(np.ascontiguousarray(ycc[..., 0]))
    return np.asarray(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB), np.uint8)


def on_flattened(detect: Detect) -> Detect:
    """A detector that looks at the flattened copy of pictures, and finds nothing in pictures that have none."""

    def detect_on_flattened(rgb: Rgb) -> list[Mesh]:
        copy = flattened(rgb)
        return [] if copy is None else detect(copy)

    return detect_on_flattened
