"""The lip lines of one picture: how ragged they are, and how far a picture leaves the range of another there.

Along an edge a picture is smooth, however crisp the edge is across. Where pixels of two pictures take turns, it changes
from pixel to pixel along the edge as well. So the high-pass runs along the edge: its direction is the picture's own
(structure tensor, Bigun and Granlund 1987), since a mesh lies some pixels beside the lips and a curve along the mesh
would cross their edge. The mesh says where the lip lines are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_INNER, LIPS_OUTER, Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.levels import ROUNDING, luma_gain
from lipblend.quality.view import FaceView, Patch3, Region
from lipblend.stages.detail.scale import gaussian
from lipblend.stages.masks.mask import signed_distance

Plane = npt.NDArray[np.float32]

_HALF_WIDTH_FRAC, _MIN_HALF_WIDTH_PX = 0.018, 1.5  # of the lip line
_MARGIN_FRAC, _MIN_MARGIN_PX = 0.12, 8  # of the crop: windows and filters reach no farther
_ALONG_FRAC, _MIN_ALONG_PX = 0.004, 1.0
_DIRECTION_FRAC, _MIN_DIRECTION_PX = 0.008, 1.0
_TAPS = (-2, -1, 0, 1, 2)
_STEP_FRAC, _MIN_STEP_PX = 0.02, 3
_REFERENCE_REACH_FRAC = 0.004
_OVERSHOOT_PERCENT = 95.0
_ANY_SHARE = 0.02  # of what stands in front
_MIN_PIXELS, _MIN_SHOWN = 20, 0.5


@dataclass(frozen=True)
class LipLine:
    """The lips in one picture.

    Attributes
    ----------
    luma : (h, w) float32
        Full-range grey levels, around the lips.
    band : (h, w) bool
        Within 0.018 face widths (at least 1.5 px) of the outer or inner lip contour, without what stands in
        front and 0.02 face widths (at least 3 px) around it.
    face_width_px : float
    place : (slice, slice)
        Rows and columns in the view.
    """

    luma: Plane
    band: Region
    face_width_px: float
    place: tuple[slice, slice]


def lip_line(view: FaceView, picture: Patch3, mesh: Landmarks) -> LipLine | None:
    """The lips of a mesh in one picture of a view; None without 20 pixels of them, or if most stand behind something.

    Parameters
    ----------
    view : FaceView
    picture : (h, w, 3) float32
        In the view's box, YCbCr in 8-bit levels in the original's encoding.
    mesh : Landmarks
        In the original's pixels.
    """
    width = view.face_width_px
    margin = max(_MIN_MARGIN_PX, round(_MARGIN_FRAC * width))
    points = mesh.points[list(LIPS_OUTER)]
    crop = Box.around(points.min(0) - margin, points.max(0) + margin).clipped_to(view.box)
    if crop.width < 2 or crop.height < 2:
        return None
    place, half = crop.within(view.box), max(_MIN_HALF_WIDTH_PX, _HALF_WIDTH_FRAC * width)
    contours = [mesh.points[list(each)] for each in (LIPS_OUTER, LIPS_INNER)]
    distances = [signed_distance([(each, True)], crop, step_px=1) for each in contours]
    band = np.minimum(*map(np.abs, distances)) <= half
    whole = np.count_nonzero(band)
    if view.in_front is not None:
        brush = _brush(max(_MIN_STEP_PX, round(_STEP_FRAC * width)))
        band &= cv2.dilate(view.in_front[place], brush) <= _ANY_SHARE
    if np.count_nonzero(band) < max(_MIN_PIXELS, _MIN_SHOWN * whole):
        return None
    luma = np.ascontiguousarray(picture[place][..., 0]) * np.float32(luma_gain(view.matrix))
    return LipLine(np.asarray(luma, np.float32), np.asarray(band), width, place)


def along_edges(line: LipLine) -> Plane:
    """What changes along the edges: luma less its Gaussian mean along the direction of the edges, (h, w) levels.

    Sigma is 0.004 face widths, at least 1 px.
    """
    height, width = line.luma.shape
    sigma = max(_MIN_ALONG_PX, _ALONG_FRAC * line.face_width_px)
    right, down = _edge_direction(line)
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    weights = np.exp(-0.5 * np.array(_TAPS, np.float64) ** 2)
    mean = np.zeros_like(line.luma)
    for tap, weight in zip(_TAPS, weights / weights.sum(), strict=True):
        step = np.float32(tap * sigma)
        moved = cv2.remap(
            line.luma, columns + step * right, rows + step * down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        mean += np.float32(weight) * moved
    return np.asarray(line.luma - mean, np.float32)


def raggedness(line: LipLine) -> float:
    """Root mean square along the lip lines of `along_edges`, levels; at least that of rounding to 8 bits."""
    change = along_edges(line)[line.band].astype(np.float64)
    return max(ROUNDING, float(np.sqrt((change**2).mean())))


def rag_ratio(view: FaceView, reference: Patch3) -> float | None:
    """`raggedness` of the result over that of a reference: 1 is equal, above 1 torn, below 1 too smooth.

    Both at the synced mesh's lips. None if the lips are not in the box.
    """
    result, truth = (lip_line(view, picture, view.synced_mesh) for picture in (view.result, reference))
    if result is None or truth is None:
        return None
    return raggedness(result) / raggedness(truth)


def overshoot(view: FaceView, reference: Patch3) -> float | None:
    """How far the result overshoots a reference at the lip line, share of the step there: halos, doubled edges.

    The reference's range is that within 0.004 face widths (at least 1 px), so that an edge half a pixel off is none.
    Where its steps are the higher half, the 95th percentile of `beyond` over the step. None if the lips are not in the
    box.
    """
    result, truth = (lip_line(view, picture, view.synced_mesh) for picture in (view.result, reference))
    if result is None or truth is None:
        return None
    step = steps(truth)
    edges = truth.band & (step >= np.median(step[truth.band]))
    excess = beyond(result, truth, reach(truth, _REFERENCE_REACH_FRAC))
    return float(np.percentile(excess[edges] / np.maximum(step[edges], 1), _OVERSHOOT_PERCENT))


def beyond(line: LipLine, other: LipLine, reach_px: int) -> Plane:
    """How far luma lies outside the other picture's range within ``reach_px``, less rounding; (h, w) levels."""
    low, high = _range(other.luma, reach_px)
    excess = np.maximum(line.luma - high, low - line.luma) - np.float32(ROUNDING)
    return np.asarray(np.maximum(excess, 0), np.float32)


def steps(line: LipLine) -> Plane:
    """Range of luma within 0.02 face widths (at least 3 px) of each pixel, (h, w) levels."""
    low, high = _range(line.luma, reach(line, _STEP_FRAC, _MIN_STEP_PX))
    return np.asarray(high - low, np.float32)


def reach(line: LipLine, frac: float, least_px: int = 1) -> int:
    """Face widths in whole pixels."""
    return max(least_px, round(frac * line.face_width_px))


def _range(luma: Plane, reach_px: int) -> tuple[Plane, Plane]:
    brush = _brush(reach_px)
    return np.asarray(cv2.erode(luma, brush), np.float32), np.asarray(cv2.dilate(luma, brush), np.float32)


def _brush(radius_px: int) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1,) * 2), np.uint8)


def _edge_direction(line: LipLine) -> tuple[Plane, Plane]:
    """Unit vectors along the edges, right and down; (h, w) float32 each."""
    sigma = max(_MIN_DIRECTION_PX, _DIRECTION_FRAC * line.face_width_px)
    soft = gaussian(line.luma, sigma)
    across, down = (cv2.Sobel(soft, cv2.CV_32F, way, 1 - way) for way in (1, 0))
    xx, xy, yy = (gaussian(product, sigma) for product in (across * across, across * down, down * down))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.float32(math.pi / 2)
    return np.asarray(np.cos(angle), np.float32), np.asarray(np.sin(angle), np.float32)
