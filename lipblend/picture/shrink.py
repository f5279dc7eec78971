"""Reducing a plane by means over areas."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt


def area_mean(plane: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    """Reduce an (h, w) plane to a width and height: means over areas, of its own type, rounded if it is an integer.

    Halving is several times faster than one large step, so even sides are halved first. Where an area ends inside of a
    halved pixel, that pixel counts as even.
    """
    while not (plane.shape[0] % 2 or plane.shape[1] % 2) and plane.shape[1] >= 4 * size[0]:
        half = plane.shape[1] // 2, plane.shape[0] // 2
        plane = np.asarray(cv2.resize(plane, half, interpolation=cv2.INTER_AREA))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
