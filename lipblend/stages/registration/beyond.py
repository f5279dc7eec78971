"""At the edge of what the generator painted, and beyond it.

Inside, the flow says how jaw and neck moved. Beyond, the synced picture shows the original as it lay, and a chin that
was moved up leaves its shadow on a neck that did not follow: a band with the straight edge of the generator's box. So
the motion goes on below what was painted, and the original's own pixels follow it. Where that edge lies is known over
the shot to a few hundredths of the face width; in each frame, it lies where the two pictures begin to be equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.detail.scale import downsample, gaussian, upsample

Plane = npt.NDArray[np.float32]
Vectors = tuple[Plane, Plane]  # right, down

_STEP = 2  # of the continued motion
_BESIDE_FRAC, _BELOW_FRAC = 0.03, 0.1  # how far it goes on: skin below the chin follows it, nothing beside the face
_FLOOR = 0.07  # weight of standing still
_EDGE_FRAC = 0.05  # within which the edge of a frame may lie inside that of the shot
_SOFT_FRAC, _MIN_SOFT_PX = 0.008, 0.8
_CHROMA_WEIGHT = 0.5
_BORDER_FRAC = 0.02  # the low-pass spreads the generator's edge
_MIN_BESIDE = 50  # pixels
_NOISE_PERCENTILE, _NOISE_RATIO, _ABOVE_NOISE_LEVELS = 75.0, 2.0, 0.6
_MAX_NOISE_LEVELS = 3.0  # with more of it, what was not painted cannot be told


def unpainted(lying: Sequence[Plane], original: Sequence[Plane], painted: Plane, width_px: float) -> Plane:
    """Where nothing was painted in this frame, along the edge of what was painted over the shot.

    Parameters
    ----------
    lying, original : three of (h, w) float32
        Luma, Cb and Cr of the synced picture as the generator left it, and of the original; levels.
    painted : (h, w) float32 in [0, 1]
        Over the shot.
    width_px : float
        Of the face.

    Returns
    -------
    (h, w) float32 in [0, 1]
        0 everywhere if the noise beside the painted part is not known, or above 3 levels.
    """
    beside = painted <= 0
    nothing = np.zeros_like(painted)
    if np.count_nonzero(beside) < _MIN_BESIDE:
        return nothing
    sigma = max(_MIN_SOFT_PX, _SOFT_FRAC * width_px)
    luma, cb, cr = (np.abs(gaussian(a - b, sigma)) for a, b in zip(lying, original, strict=True))
    difference = luma + np.float32(_CHROMA_WEIGHT) * (cb + cr)
    noise = float(np.percentile(difference[beside], _NOISE_PERCENTILE))
    if noise > _MAX_NOISE_LEVELS:
        return nothing
    equal = difference < _NOISE_RATIO * noise + _ABOVE_NOISE_LEVELS
    within_px = cv2.distanceTransform((~beside).view(np.uint8), cv2.DIST_L2, 3)
    found = beside | (equal & (within_px < _EDGE_FRAC * width_px))
    pieces = np.asarray(cv2.connectedComponents(found.view(np.uint8))[1])
    found &= np.isin(pieces, np.unique(pieces[beside]))
    side = 2 * max(1, round(_BORDER_FRAC * width_px)) + 1
    grown = cv2.dilate(found.astype(np.float32), np.ones((side, side), np.uint8))
    return gaussian(np.asarray(grown, np.float32), 1.0)


def continued(
    flow: Vectors, trust: Plane, painted: Plane, width_px: float, y_axis: npt.NDArray[np.floating]
) -> Vectors:
    """A flow that goes on beyond the painted part, most of all below the chin, and fades out there.

    Normalised convolution (Knutsson and Westin 1993, https://doi.org/10.1109/CVPR.1993.341081) with a kernel that
    reaches further up the face than to its other sides.

    Parameters
    ----------
    flow : two of (h, w) float32
        Pixels right and down.
    trust, painted : (h, w) float32 in [0, 1]
    width_px : float
        Of the face.
    y_axis : (2,) float
        Unit vector from the brow to the chin.
    """
    weight = downsample(trust * painted, _STEP)
    right, down = (_kernel(float(along), float(across), width_px / _STEP) for along, across in (y_axis, y_axis[::-1]))
    known = cv2.sepFilter2D(weight, cv2.CV_32F, right, down) + np.float32(_FLOOR)
    ways = []
    for plane in flow:
        around = cv2.sepFilter2D(downsample(plane, _STEP) * weight, cv2.CV_32F, right, down)
        beyond = upsample(np.asarray(around / known, np.float32), painted.shape, _STEP)
        ways.append(beyond + painted * (plane - beyond))
    return ways[0], ways[1]


def _kernel(along: float, across: float, width: float) -> npt.NDArray[np.float32]:
    """Weights along one axis of the picture, which the face's axis from brow to chin follows by ``along`` in [-1, 1].

    Half a Gaussian towards the brow, a narrower half towards the chin.
    """
    beside = _BESIDE_FRAC * width
    far = math.hypot(_BELOW_FRAC * width * along, beside * across)
    side = math.ceil(3 * far)
    offsets = np.arange(-side, side + 1) * (1 if along >= 0 else -1)
    kernel = np.exp(-0.5 * (offsets / np.where(offsets < 0, far, beside)) ** 2)
    return np.asarray(kernel / kernel.sum(), np.float32)
