"""How much a result differs from the original where nothing was to be changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.formats import RANGE_FULL
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.stages.detail.scale import downsample

_BLOCK_PX, _STRIP_PX = 16, 128


def outside_loss(original: Picture, result: Picture, boxes: Sequence[Box]) -> tuple[float, float] | None:
    """Luma difference of two frames of one size outside some boxes, in 8-bit levels of the original's range.

    Returns
    -------
    mean, worst : float
        Mean absolute difference, and the largest mean difference of a block of 16 x 16 pixels, where an encoder's noise
        averages out.
    """
    width, height = original.size
    total = worst = 0.0
    outside = 0
    for top in range(0, height, _STRIP_PX):  # a whole frame of differences does not fit into the cache
        strip = Box(0, top, width, min(top + _STRIP_PX, height))
        difference, levels = _luma_difference(original, result, strip)
        inside = np.zeros(difference.shape, bool)
        for box in boxes:
            overlap = box.clipped_to(strip)
            if overlap.height > 0:
                inside[overlap.within(strip)] = True
                difference[overlap.within(strip)] = 0
        outside += difference.size - int(np.count_nonzero(inside))
        total += levels * cv2.norm(difference, cv2.NORM_L1)
        worst = max(worst, levels * cv2.norm(_block_means(difference), cv2.NORM_INF))
    return (total / outside, worst) if outside else None


def _block_means(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Means of blocks; one that the border cuts counts as if nothing differed beyond it."""
    below, right = (-side % _BLOCK_PX for side in plane.shape)
    if below or right:
        plane = np.asarray(cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_CONSTANT), np.float32)
    return downsample(plane, _BLOCK_PX)


def _luma_difference(original: Picture, result: Picture, box: Box) -> tuple[npt.NDArray[np.float32], float]:
    """Result minus original in a box, (h, w), and how many 8-bit levels of the original's range its unit is."""
    planes: list[npt.NDArray[Any]] = [
        picture.planes[0][box.y0 : box.y1, box.x0 : box.x1] for picture in (original, result)
    ]
    if (original.layout, original.colour.range) == (result.layout, result.colour.range):
        difference = cv2.subtract(planes[1], planes[0], dtype=cv2.CV_32F)
        return np.asarray(difference, np.float32), 1 / original.layout.code_scale
    original_luma, result_luma = (
        np.asarray(plane, np.float32) / np.float32(picture.layout.code_scale)
        for plane, picture in zip(planes, (original, result), strict=True)
    )
    if (original.colour.range == RANGE_FULL) != (result.colour.range == RANGE_FULL):
        full = original.colour.range == RANGE_FULL
        result_luma = (result_luma - 16) * np.float32(255 / 219) if full else result_luma * np.float32(219 / 255) + 16
    return result_luma - original_luma, 1.0
