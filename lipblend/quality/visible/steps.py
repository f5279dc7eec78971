"""Visible steps and lines in what a result shows beyond what is expected."""

from __future__ import annotations

from collections.abc import Sequence
from math import erf

import cv2
import numpy as np

from lipblend.quality.visible.expected import Expected, squared_length
from lipblend.quality.visible.thresholds import local_mean, step_threshold
from lipblend.quality.visible.work_face import Mask, Plane, WorkFace, Zones, grown
from lipblend.stages.detail.scale import downsample, gaussian, upsample

STEP_FRACS = (0.014, 0.028, 0.056)
"""Widths of the Gaussians under which steps are looked for, in face widths: 2 to 8 pixels of a face of 150."""

_GRADIENT = 1 / 8  # of the unnormalised Sobel operator
_EDGE_LEVELS, _EDGE_OWN, _EDGE_FREE_FRAC = np.float32(2.0), np.float32(0.3), 0.12
_LINE_FRACS = (0.006, 0.020)
_LINE_WINDOW_FRAC = 0.012
_LINE_MASKING = np.float32(0.25)


def visible_steps(found: Expected, width: float) -> Plane:
    """Height of steps in the residual over the just noticeable one; (h, w) float32.

    A step is the gradient of the residual under a Gaussian over that of an ideal step of 1; of several widths the most
    visible. Along a wide Gaussian a straight edge adds up, texture and the two sides of a thin line cancel. Luma and
    chroma are added as vectors.
    """
    shape = found.picture[0].shape
    visible = np.zeros(shape, np.float32)
    for number, frac in enumerate(STEP_FRACS):
        step = 1 << number
        sigma = frac * width / step
        residual = [downsample(plane, step) for plane in found.residual]
        luma = downsample(found.picture[0], step)
        heights = step_heights(residual, sigma)
        own = local_mean(step_heights([luma], sigma / 2), 2 * sigma)
        limit = step_threshold(gaussian(luma, sigma), own)
        np.maximum(visible, upsample(heights / limit, shape, step), out=visible)
    return visible


def generator_edges(face: WorkFace, found: Expected, parts: Zones) -> Mask:
    """Where the synced picture has steps that the face has not: the edges of what the generator pasted. (h, w) bool.

    Steps of at least 2 levels under a Gaussian of 0.028 face widths, away from the mouth.
    """
    sigma = STEP_FRACS[1] * face.width / 2
    pasted = [downsample(a - b, 2) for a, b in zip(face.synced, found.picture, strict=True)]
    own = local_mean(step_heights([downsample(found.picture[0], 2)], sigma / 2), 2 * sigma)
    edges = step_heights(pasted, sigma) > _EDGE_LEVELS + _EDGE_OWN * own
    wide = upsample(edges.astype(np.float32), face.shape, 2) > 0.5
    return np.asarray(wide & ~grown(parts.lips, _EDGE_FREE_FRAC * face.width))


def step_heights(planes: Sequence[Plane], sigma_px: float) -> Plane:
    """Height of the steps in some planes under a Gaussian, levels; (h, w)."""
    slopes = [
        np.asarray(cv2.Sobel(soft, cv2.CV_32F, way, 1 - way, scale=_GRADIENT), np.float32)
        for soft in (gaussian(plane, sigma_px) for plane in planes)
        for way in (1, 0)
    ]
    # Under a Gaussian an ideal step of height 1 rises by erf(1 / (sqrt(2) sigma)) over the two pixels of the operator.
    rise = erf(1 / (2**0.5 * sigma_px)) / 2
    return np.asarray(np.sqrt(squared_length(slopes)) * np.float32(1 / rise), np.float32)


def visible_lines(found: Expected, width: float) -> Plane:
    """Thin structure of the residual that the expected picture's own does not hide; (h, w) float32, about levels."""
    extra, own = (_fine(plane, width) for plane in (found.residual[0], found.picture[0]))
    return np.asarray(
        local_mean(extra, _LINE_WINDOW_FRAC * width) / (1 + _LINE_MASKING * local_mean(own, 0.02 * width)), np.float32
    )


def _fine(plane: Plane, width: float) -> Plane:
    narrow, wide = _LINE_FRACS
    return np.asarray(np.abs(gaussian(plane, narrow * width + 0.3) - gaussian(plane, wide * width)), np.float32)
