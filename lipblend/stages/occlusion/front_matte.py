"""The matte of what lies in front of a face: cells of 2 % of its width, refined to the picture's own edges.

Well inside, it is 1. Along its border, beside the mouth, the synced picture shows what lies behind, so the share of the
occluder is how far the pictures are apart, relative to what they are well inside: the compositing equation solved for
alpha (Porter and Duff 1984), which makes a soft edge as soft as it is. Over the mouth, where the pictures differ in any
case, the border goes along the original's edges (guided filter, He, Sun and Tang 2013).
"""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.picture.smoothstep import smoothstep
from lipblend.stages.alpha.edge import guided_filter
from lipblend.stages.detail.scale import MAX_STEP, gaussian, low_pass
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.occlusion.face_look import CELL_FRAC, LEFT_FRAC, TOP_FRAC

Plane = npt.NDArray[np.float32]
Patch3 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

CELLS_BAND, HAND_BAND = (1.5, 2.5), (0.7, 1.5)
"""From the border of cells, and of a hand's shape: from there on it is certain, inwards and outwards; cells."""
_CHROMA_WEIGHT = 0.8
_NOISE_LEVELS = 5.0  # between the pictures, where nothing is in front
_FAINT_LEVELS = 12.0  # of what lies in front, below which its edge is not measured
_EDGE_LEVELS = 6.0
_NEAR_CELLS = 4.0  # how far what lies well inside says something about the border
_DIFFERENT_LEVELS, _DIFFERENT_SHARE = 10.0, 0.25  # of a piece's pixels beside the mouth
_REACH_CELLS, _REACH_PX = 8.0, 16  # what is mirrored at so far a border lies beyond the widest filter, of 12 cells
_MIN_BEHIND = 0.3  # share of what lies behind from which it can be told


Cut = tuple[slice, slice]


def surroundings(front: Mask, cell_px: float) -> Cut | None:
    """The part of a picture from which the matte of what lies in front is told; None if nothing is.

    Rows and columns around ``front``, (h, w) bool, as far as the filters of `front_matte`, `without_alike`,
    `without_face_colours` and `uncovered` reach. It ends between blocks of `low_pass`, so that what they compute there
    is what they compute in the whole picture.
    """
    reach = ceil(_REACH_CELLS * cell_px) + _REACH_PX
    cut = []
    for axis in (1, 0):
        places = np.flatnonzero(front.any(axis))
        if not len(places):
            return None
        start, stop = int(places[0]) - reach, int(places[-1]) + 1 + reach
        first, end = start // MAX_STEP * MAX_STEP, -(-stop // MAX_STEP) * MAX_STEP
        cut.append(slice(max(0, first), min(front.shape[1 - axis], end)))
    return cut[0], cut[1]


def cells_in_box(cells: Plane, box: Box, face: Landmarks) -> Plane:
    """Cells in the head's axes, (64, 64) float32, stretched over a box of the picture; 0 beyond them."""
    corners = np.array([[0.5, 0.5], [1.5, 0.5], [0.5, 1.5]]) * CELL_FRAC + (LEFT_FRAC, TOP_FRAC)
    first, right, under = head_frame(face).to_pixels(corners)
    matrix = np.stack([right - first, under - first, first - (box.x0 + 0.5, box.y0 + 0.5)], axis=1).astype(np.float64)
    return np.asarray(cv2.warpAffine(cells, matrix, (box.width, box.height), flags=cv2.INTER_LINEAR), np.float32)


def front_matte(
    coarse: Plane, original: Patch3, synced: Patch3, mouth: Plane, cell_px: float, band: tuple[float, float]
) -> Plane:
    """Refine what lies in front to the picture's edges.

    Parameters
    ----------
    coarse : (h, w) float32 in [0, 1]
        `cells_in_box`.
    original, synced : (h, w, 3) float32
        YCbCr in 8-bit levels, colours matched.
    mouth : (h, w) float32 in [0, 1]
        Where the pictures differ because they speak.
    cell_px : float
        Side of a cell, pixels.
    band : (float, float)
        From the border of ``coarse``, `CELLS_BAND` or `HAND_BAND`.

    Returns
    -------
    (h, w) float32 in [0, 1]
        Share of what lies in front.
    """
    apart = distance(original, synced)
    solid = (coarse > 0.5).astype(np.uint8)
    core = moved_border(solid, -band[0] * cell_px)
    near = moved_border(solid, band[1] * cell_px)
    measured, certain = _measured(apart, core, cell_px)
    shaped = guided_filter(
        coarse, gaussian(original[..., 0], 1.0), radius_px=max(2, round(2 * cell_px)), levels=_EDGE_LEVELS
    )
    weight = certain * (1 - mouth)
    matte = np.clip(shaped + weight * (measured - shaped), 0, 1)
    return np.asarray(np.where(core > 0, 1, np.where(near > 0, matte, 0)), np.float32)


def distance(original: Patch3, synced: Patch3) -> Plane:
    """How far the pictures are apart, (h, w) levels, noise smoothed."""
    luma, blue, red = cv2.split(cv2.absdiff(original, synced))
    return gaussian(luma + np.float32(_CHROMA_WEIGHT) * (blue + red), 0.7)


def without_alike(coarse: Plane, original: Patch3, synced: Patch3, mouth: Plane, cell_px: float) -> Plane:
    """What lies in front without the pieces in which the pictures are alike beside the mouth.

    Strands that were taken away leave such pieces. Shapes as in `front_matte`.
    """
    labels = np.asarray(cv2.connectedComponents((coarse > 0.5).astype(np.uint8), connectivity=8)[1])
    shows = labels * (mouth < 0.5)
    count = np.bincount(shows.ravel(), minlength=int(labels.max()) + 1)
    different = np.bincount(shows[distance(original, synced) > _DIFFERENT_LEVELS], minlength=len(count))
    alike = (count > 0) & (different <= _DIFFERENT_SHARE * count)
    alike[0] = False
    if not alike.any():
        return coarse
    around = moved_border(alike[labels].astype(np.uint8), CELLS_BAND[1] * cell_px).astype(np.float32)
    return coarse * (1 - cv2.blur(around, (3, 3)))


def _measured(apart: Plane, core: npt.NDArray[np.uint8], cell_px: float) -> tuple[Plane, Plane]:
    """The share of what lies in front by how far the pictures are apart, and how certain it is; (h, w) in [0, 1]."""
    weight = core.astype(np.float32)
    sigma = _NEAR_CELLS * cell_px
    inside = low_pass(weight * apart, sigma) / (low_pass(weight, sigma) + np.float32(1e-3))
    share = np.clip((apart - _NOISE_LEVELS) / np.maximum(0.7 * inside - _NOISE_LEVELS, 1), 0, 1)
    certain = smoothstep((inside - _FAINT_LEVELS) / _FAINT_LEVELS)
    return np.asarray(share, np.float32), np.asarray(certain, np.float32)


def moved_border(mask: npt.NDArray[np.uint8], px: float) -> npt.NDArray[np.uint8]:
    """A mask grown, or shrunk if ``px`` is negative, by a disc; (h, w) uint8, 0 or 1."""
    radius = max(1.0, abs(px)) + 0.5
    if not mask.any():
        return mask
    away = cv2.distanceTransform((mask == 0 if px > 0 else mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(away < radius if px > 0 else away >= radius, np.uint8)


def uncovered(original: Patch3, synced: Patch3, front: Plane, cell_px: float) -> Patch3:
    """What the original would show without what lies in front: the synced picture where it is hidden.

    Where it is hidden in part, the compositing equation is solved for what lies behind. ``original`` and ``synced`` are
    (h, w, 3) float32, ``front`` (h, w) float32 in [0, 1].
    """
    cut = surroundings(front > 0, cell_px)
    if cut is None:
        return original
    found = original.copy()
    found[cut] = _uncovered(original[cut], synced[cut], front[cut], cell_px)
    return found


def _uncovered(original: Patch3, synced: Patch3, front: Plane, cell_px: float) -> Patch3:
    weight = (front > 0.95).astype(np.float32)
    sigma = 2 * cell_px
    total = low_pass(weight, sigma)[..., None] + np.float32(1e-3)
    ahead = np.dstack([low_pass(plane * weight, sigma) for plane in cv2.split(original)]) / total
    share = front[..., None]
    behind = np.clip((original - share * ahead) / np.maximum(1 - share, np.float32(_MIN_BEHIND)), 0, 255)
    known = smoothstep((total - 0.02) / 0.1)
    behind = original + known * (behind - original)
    filled = known * smoothstep((share - 0.2) / 0.5)
    return np.asarray(behind + filled * (synced - behind), np.float32)
