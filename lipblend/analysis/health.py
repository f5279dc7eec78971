"""What shows whether the generator broke a frame: measures of the lower face of one frame pair.

Nothing is judged here. `lipblend.plan.broken_frames` compares the measures of a whole shot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.masks.shapes import FaceFrame, convex_hull, lower_face_points

Patch3 = npt.NDArray[np.float32]
Plane = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
Region = npt.NDArray[np.uint8]

CELLS = (16, 12)
"""Columns and rows of a thumbnail."""
CELL_FRAC = 0.05
"""Side of a cell, in face widths: a mouth is 8 cells wide, and at a face width of 70 px a cell has 3.5 px."""
LEFT_FRAC, TOP_FRAC = -0.4, 0.3
"""Top left corner of a thumbnail, in face widths from the middle of the stable points: it shows nose base to chin."""
BINS = 24
"""Bins of the histograms, over luma 0 to 256."""

_BLUR_CELLS = 0.7  # standard deviation: thumbnails can then be shifted by parts of a cell
_DETAIL_FRAC, _MIN_DETAIL_PX = 0.012, 0.8  # standard deviation that separates detail from shape; the larger counts
_FLAT_LEVELS = 0.75  # coding noise stays below it at this size
_PROFILE_LAG_PX = 2
_SUBPIXEL_BITS = 4
_MIN_PIXELS = 64

_SCALARS = (
    "found", "offset_x", "offset_y", "origin_x", "origin_y", "axis_x", "axis_y", "width",
    "detail_original", "detail_synced", "chroma_original", "chroma_synced", "comb_original", "comb_synced",
)  # fmt: skip
_HISTOGRAMS = ("flat_original", "flat_synced")
_THUMBS = ("face_original", "face_synced")
_THUMB_SIZE = 3 * CELLS[0] * CELLS[1]

VECTOR_SHAPE = (len(_SCALARS) + len(_HISTOGRAMS) * BINS + len(_THUMBS) * _THUMB_SIZE,)
"""Shape of the measures of one frame pair, float32."""


@dataclass(frozen=True)
class Health:
    """The measures of n frame pairs.

    Attributes
    ----------
    found : (n,) float32
        1 if the synced frame shows a mesh, else 0.
    offset_x, offset_y : (n,) float32
        Displacement of the synced mesh's mouth from the original's, in the original's face widths; 0 without a mesh.
    origin_x, origin_y, axis_x, axis_y, width : (n,) float32
        Axes of the thumbnails, in the original's pixels: `lipblend.stages.masks.footprint.head_frame`.
    detail_original, detail_synced, chroma_original, chroma_synced : (n,) float32
        Mean distance of luma, and of both chroma planes together, from their low-passed copies; 8-bit levels.
    comb_original, comb_synced : (n,) float32
        Contrast of single rows and columns in the mean gradient, the smaller of the two; high for a grid of blocks.
    flat_original, flat_synced : (n, 24) float32
        Share of the pixels that equal their right and lower neighbours and lie in each bin of luma.
    face_original, face_synced : (n, 12, 16, 3) float32
        Y, Cb, Cr of the lower face in axes that follow the original's head; 8-bit levels.
    """

    found: Vector
    offset_x: Vector
    offset_y: Vector
    origin_x: Vector
    origin_y: Vector
    axis_x: Vector
    axis_y: Vector
    width: Vector
    detail_original: Vector
    detail_synced: Vector
    chroma_original: Vector
    chroma_synced: Vector
    comb_original: Vector
    comb_synced: Vector
    flat_original: Vector
    flat_synced: Vector
    face_original: Vector
    face_synced: Vector

    @classmethod
    def of(cls, vectors: Vector) -> Health:
        """From (n, `VECTOR_SHAPE`) float32, rows as `health_vector` makes them."""
        start = len(_SCALARS)
        parts = dict(zip(_SCALARS, vectors[:, :start].T, strict=True))
        for name in _HISTOGRAMS:
            parts[name], start = vectors[:, start : start + BINS], start + BINS
        for name in _THUMBS:
            thumbs = vectors[:, start : start + _THUMB_SIZE]
            parts[name], start = thumbs.reshape(len(vectors), CELLS[1], CELLS[0], 3), start + _THUMB_SIZE
        return cls(**parts)

    def __len__(self) -> int:
        return len(self.found)


def health_vector(
    original: Patch3, synced: Patch3, box: Box, step: int, face: Landmarks, partner: Landmarks | None
) -> Vector | None:
    """Measure the lower face of one frame pair.

    Parameters
    ----------
    original, synced : (h, w, 3) float32
        Y, Cb, Cr in 8-bit levels, both in the original's colours, at one ``step``-th of its size.
    box : Box
        The part of the reduced picture that they show.
    step : int
    face, partner : Landmarks
        The original's mesh in reduced pixels, and the synced one; None if it was not found.

    Returns
    -------
    `VECTOR_SHAPE` float32 or None
        See `Health`; None if fewer than 64 pixels of the lower face are visible.
    """
    region = _lower_face(face, box)
    if cv2.countNonZero(region) < _MIN_PIXELS:
        return None
    frame = head_frame(face)
    offset = np.zeros(2)
    if partner is not None:
        offset = (partner.mouth_centre - face.mouth_centre) / max(frame.width_px, 1.0)
    (first, first_bins), (second, second_bins) = (
        _texture(patch, region, frame.width_px) for patch in (original, synced)
    )
    textures = [value for pair in zip(first, second, strict=True) for value in pair]
    axes = [*(frame.origin * step), *frame.x_axis, frame.width_px * step]
    scalars = np.array([partner is not None, *offset, *axes, *textures], np.float32)
    thumbs = [_thumbnail(patch, box, frame).ravel() for patch in (original, synced)]
    return np.concatenate([scalars, first_bins, second_bins, *thumbs])


def _lower_face(face: Landmarks, box: Box) -> Region:
    region = np.zeros((box.height, box.width), np.uint8)
    hull = convex_hull(lower_face_points(face)) - (box.x0 + 0.5, box.y0 + 0.5)
    codes = np.rint(hull * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(region, [codes], (1,), shift=_SUBPIXEL_BITS)
    return region


def _texture(patch: Patch3, region: Region, face_px: float) -> tuple[tuple[float, float, float], Vector]:
    """Detail of luma, detail of chroma, and comb; and the histogram of flat pixels."""
    sigma = max(_MIN_DETAIL_PX, _DETAIL_FRAC * face_px)
    detail = cv2.absdiff(patch, _blurred(patch, sigma))
    luma, blue, red, _ = cv2.mean(detail, region)
    plane = np.ascontiguousarray(patch[..., 0])
    across, down = np.abs(plane[:-1, 1:] - plane[:-1, :-1]), np.abs(plane[1:, :-1] - plane[:-1, :-1])
    inside = region[:-1, :-1]
    flat = (across < _FLAT_LEVELS) & (down < _FLAT_LEVELS) & (inside > 0)
    codes = np.clip(plane[:-1, :-1][flat] * np.float32(BINS / 256), 0, BINS - 1).astype(np.intp)
    bins = np.bincount(codes, minlength=BINS) / max(1, cv2.countNonZero(inside))
    comb = min(_comb(gradient * inside, inside, axis) for gradient, axis in ((across, 0), (down, 1)))
    return (luma, blue + red, comb), bins.astype(np.float32)


def _comb(gradient: Plane, inside: Region, axis: int) -> float:
    """Contrast of lines in the mean gradient against the lines two pixels before and after; 0 if there are too few.

    ``gradient`` is 0 outside the region.
    """
    count, total = (cv2.reduce(each, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel() for each in (inside, gradient))
    lines = count > count.max() / 2
    profile = total[lines] / count[lines]
    lag = _PROFILE_LAG_PX
    if len(profile) <= 2 * lag:
        return 0.0
    rise = profile[lag:-lag] - (profile[: -2 * lag] + profile[2 * lag :]) / 2
    return float(rise.std() / (profile.mean() + _FLAT_LEVELS))


def _blurred(patch: Patch3, sigma: float) -> Patch3:
    """Gaussian low-pass, cut off at two standard deviations: half the cost, and the same in both pictures."""
    side = 2 * math.ceil(2 * sigma) + 1
    return np.asarray(cv2.GaussianBlur(patch, (side, side), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def _thumbnail(patch: Patch3, box: Box, frame: FaceFrame) -> Plane:
    """(12, 16, 3) float32; continued with the patch's border pixels."""
    cells = np.array([[0.5, 0.5], [1.5, 0.5], [0.5, 1.5]])
    first, right, under = frame.to_pixels((LEFT_FRAC, TOP_FRAC) + cells * CELL_FRAC) - (box.x0 + 0.5, box.y0 + 0.5)
    matrix = np.stack([right - first, under - first, first], axis=1).astype(np.float64)
    sigma = max(0.5, _BLUR_CELLS * CELL_FRAC * frame.width_px)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(_blurred(patch, sigma), matrix, CELLS, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
    )
