"""Places of a face in the pixels of a box of the picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Box

Plane = npt.NDArray[np.float32]


def along(axis: npt.NDArray[np.float64], start: npt.NDArray[np.floating], box: Box) -> Plane:
    """How far each pixel of a box lies along an axis from a point, (h, w) float32, pixels."""
    x = (np.arange(box.x0, box.x1) + 0.5 - float(start[0])) * float(axis[0])
    y = (np.arange(box.y0, box.y1) + 0.5 - float(start[1])) * float(axis[1])
    return y[:, None].astype(np.float32) + x.astype(np.float32)


def fixed_points(points: npt.NDArray[np.floating], box: Box) -> npt.NDArray[np.int32]:
    """Points in OpenCV's sixteenths of a pixel, whose first pixel's centre is 0."""
    return np.asarray(np.rint((points - (box.x0 + 0.5, box.y0 + 0.5)) * 16), np.int32)
