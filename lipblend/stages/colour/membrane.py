"""Membrane: the smooth colour difference that a colour map leaves, cell by cell of a grid that goes with the head.

A cast that differs over the face (a light that the generator did not see, a vignette of its training pictures) is no
matter of one map for all pixels. It is read where both pictures show the same skin, carried smoothly to where they do
not, and added to the synced picture. Seamless cloning (Perez, Gangnet, Blake 2003, "Poisson Image Editing") solves for
such a membrane from the seam alone; here all skin that agrees has its say.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box, ChromaGrid, Patch, channels, joined
from lipblend.stages.detail.scale import enlarged, smooth_step
from lipblend.stages.masks.footprint import head_frame

Patch3 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Sample = npt.NDArray[np.float16]
Cells = npt.NDArray[np.float32]

CELLS = 8
SAMPLE_SHAPE = (CELLS, CELLS, 7)
_CELL_FRAC = 0.14
_LEFT_FRAC, _TOP_FRAC = -0.56, -0.05  # of the grid, from the middle of the steady points: both cheeks, nose to chin
_CELL_STEPS = 2.5  # a cell's width is at least five steps of what a frame's field is worked out at
_FULL_SHARE = 0.25  # of a cell's pixels: with more of them seen it counts no more


def membrane_sample(original: Patch3, synced: Patch3, where: Mask, box: Box, face: Landmarks) -> Sample:
    """The mean colours of both pictures in every cell, over the pixels that show the same thing.

    Parameters
    ----------
    original, synced : (h, w, 3) float32
        YCbCr in 8-bit levels, of the part of the picture in ``box``.
    where : (h, w) bool
    box : Box
    face : Landmarks

    Returns
    -------
    (8, 8, 7) float16
        Weight in [0, 1], the original's mean, the synced picture's mean less the original's; 0 where nothing was seen.
    """
    y, x = np.nonzero(where)
    local = head_frame(face).to_local(np.stack([x + (box.x0 + 0.5), y + (box.y0 + 0.5)], axis=1))
    column, row = np.floor((local - (_LEFT_FRAC, _TOP_FRAC)) / _CELL_FRAC).astype(int).T
    inside = (column >= 0) & (column < CELLS) & (row >= 0) & (row < CELLS)
    y, x, cell = y[inside], x[inside], (row * CELLS + column)[inside]
    count = np.bincount(cell, minlength=CELLS * CELLS)
    ours = original[y, x]
    values = np.concatenate([ours, synced[y, x] - ours], axis=1)
    sums = np.stack([np.bincount(cell, channel, minlength=CELLS * CELLS) for channel in values.T], axis=1)
    weight = np.minimum(count / (_FULL_SHARE * (_CELL_FRAC * face.face_width_px) ** 2), 1)
    means = sums / np.maximum(count, 1)[:, None]
    return np.concatenate([weight[:, None], means], axis=1).reshape(SAMPLE_SHAPE).astype(np.float16)


def spread(values: npt.NDArray[np.float64], weight: npt.NDArray[np.float64], floor: float) -> npt.NDArray[np.float64]:
    """Cells smoothed over their neighbours, each by its weight; without any weight near by it goes to 0.

    Normalised convolution, see `lipblend.stages.registration.reuse.smooth_field`, with a Gaussian of one cell.

    Parameters
    ----------
    values : (8, 8, k) float64
    weight : (8, 8) float64 in [0, 1]
    floor : float
        Weight of the 0 that every cell is held against.
    """
    known = cv2.GaussianBlur(weight, (0, 0), 1.0, borderType=cv2.BORDER_CONSTANT) + floor
    total = cv2.GaussianBlur(values * weight[..., None], (0, 0), 1.0, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total / known[..., None], np.float64)


def membrane_patch(cells: Cells, grid: ChromaGrid, face: Landmarks) -> Patch:
    """A membrane in the pixels of one frame; beyond the grid it goes on with its outer cells.

    Parameters
    ----------
    cells : (8, 8, 3) float32
    grid : ChromaGrid
    face : Landmarks
        The original's.
    """
    box = grid.box
    ends = np.array([(box.x0 + 0.5, box.y0 + 0.5), (box.x0 + 1.5, box.y0 + 0.5), (box.x0 + 0.5, box.y0 + 1.5)])
    origin, right, below = (head_frame(face).to_local(ends) - (_LEFT_FRAC, _TOP_FRAC)) / _CELL_FRAC - 0.5
    matrix = np.stack([right - origin, below - origin, origin], axis=1)
    luma, cb, cr = channels(cells)
    cell_px = _CELL_FRAC * face.face_width_px
    fine = _laid(luma, matrix, (box.height, box.width), cell_px)
    coarse = _laid(joined(cb, cr), matrix @ grid.to_pixels, grid.shape, cell_px / max(grid.subsampling))
    return Patch(fine, coarse, grid)


def _laid(cells: Cells, matrix: npt.NDArray[np.float64], shape: tuple[int, int], cell_px: float) -> Cells:
    """Cells at (h, w) places, by the matrix that takes these there: worked out at every few of them."""
    step = smooth_step(cell_px / _CELL_STEPS)
    sparse = matrix @ np.array([[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2], [0, 0, 1]])
    size = -(-shape[1] // step), -(-shape[0] // step)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(cells, sparse, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return enlarged(np.asarray(laid, np.float32), shape, step)
