"""Where two pictures differ in one compact part: what a generator painted, if no face tells where to look.

What both pictures differ by as a whole (encoded again, softened, of another brightness) is taken from the picture
itself: its median. On twelve real and six made pairs one part holds 72 to 100 % of what stands out above it, the middle
of that part, weighted by the square of the change, lies within 0.15 face widths of the mouth (0.35 where the whole head
was painted), and the mean of a dozen such parts is 0.9 to 1.6 face widths wide (2.2 with the whole head).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

_CHROMA_WEIGHT = 0.5
_BLUR_PX = 1.5
_LIVELY_PERCENTILE = 98.0  # of the pixels that differ: a colour cast stays the same, a mouth in it does not
_MIN_SEEN_SHARE = 0.5  # of several pictures: what fewer of them show fades to no change
_CLOSE_FRAC = 0.02  # of the picture's width: pieces nearer to each other are one part


@dataclass(frozen=True)
class Part:
    """A connected part of a picture that differs.

    Attributes
    ----------
    centre : (float, float)
        Weighted by the square of the change; pixels, the first pixel's centre at 0.5.
    size : (float, float)
        Width and height of its bounding box, pixels.
    share : float
        Of all change above the limit, 0..1.
    """

    centre: tuple[float, float]
    size: tuple[float, float]
    share: float


@dataclass(frozen=True)
class Limits:
    """What stands out: at least ``levels`` (8 bits), and ``times_common`` the median of the picture."""

    levels: float
    times_common: float


SURE = Limits(2.0, 6.0)
"""For one picture."""
FAINT = Limits(1.0, 3.0)
"""For the mean of several."""


def signed_change(original: npt.NDArray[Any], synced: npt.NDArray[Any]) -> Plane:
    """Second minus first picture, (h, w, c) in 8-bit levels, luma first; low-passed, without what is common to all."""
    apart = cv2.GaussianBlur(np.subtract(synced, original, dtype=np.float32), (0, 0), _BLUR_PX)
    apart = apart.reshape(*apart.shape[:2], -1)
    return np.asarray(apart - np.median(apart, axis=(0, 1)), np.float32)


def size_of_change(apart: Plane) -> Plane:
    """Levels of a `signed_change`, (h, w): of luma, and half of each chroma's."""
    size = np.abs(apart)
    return np.asarray(size[..., 0] + _CHROMA_WEIGHT * size[..., 1:].sum(-1), np.float32)


def main_part(change: Plane, limits: Limits) -> Part | None:
    """The connected part with most change; None if nothing stands out.

    Parameters
    ----------
    change : (h, w) float32
        Levels, see `size_of_change`.
    limits : Limits
    """
    width = change.shape[1]
    above = _stands_out(change, limits)
    side = round(_CLOSE_FRAC * width / 2) * 2 + 1
    marked = above.astype(np.uint8)
    closed = cv2.max(cv2.morphologyEx(marked, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8)), marked)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(closed)
    sums = np.bincount(labels.ravel(), np.where(above, change, 0).ravel(), count)
    sums[0] = 0  # the background
    if not sums.any():
        return None
    largest = int(sums.argmax())
    weight = np.where((labels == largest) & above, np.square(change, dtype=np.float64), 0)
    x, y = (float(np.average(np.arange(len(each)) + 0.5, weights=each)) for each in (weight.sum(0), weight.sum(1)))
    size = float(boxes[largest, cv2.CC_STAT_WIDTH]), float(boxes[largest, cv2.CC_STAT_HEIGHT])
    return Part((x, y), size, float(sums[largest] / sums.sum()))


def mean_change(changes: Sequence[Plane], centres: Sequence[tuple[float, float]]) -> Plane:
    """The mean of several pictures (h, w, ...), each moved so that its centre comes to the middle.

    Beyond a picture's border nothing is known: the mean is that of the pictures that show a place.
    """
    size = changes[0].shape[1], changes[0].shape[0]
    total, seen = np.zeros(changes[0].shape, np.float32), np.zeros(changes[0].shape[:2], np.float32)
    for change, (x, y) in zip(changes, centres, strict=True):
        matrix = np.array([[1, 0, size[0] / 2 - x], [0, 1, size[1] / 2 - y]], np.float64)
        total += cv2.warpAffine(change, matrix, size).reshape(total.shape)
        seen += cv2.warpAffine(np.ones_like(seen), matrix, size)
    known = np.maximum(seen, np.float32(_MIN_SEEN_SHARE * len(changes)))
    return np.asarray(total / known.reshape(*known.shape, *(1,) * (total.ndim - 2)), np.float32)


def lively_share(changes: Sequence[Plane], centres: Sequence[tuple[float, float]]) -> float:
    """How much of what differs changes sign over time, 0..1: near 0 for a watermark, which stays the same.

    Parameters
    ----------
    changes : sequence of (h, w, c) float32
        Each a `signed_change`.
    centres : sequence of (float, float)
        Of the changed parts, pixels.
    """
    mean = mean_change([size_of_change(each) for each in changes], centres)
    lasting = size_of_change(mean_change(changes, centres))
    above = _stands_out(mean, FAINT)
    return float(np.percentile(1 - lasting[above] / mean[above], _LIVELY_PERCENTILE)) if above.any() else 0.0


def _stands_out(change: Plane, limits: Limits) -> npt.NDArray[np.bool_]:
    return np.asarray(change > max(limits.levels, limits.times_common * float(np.median(change))), bool)
