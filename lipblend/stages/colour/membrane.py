"""Membrane: the smooth colour difference that a colour map leaves, on a grid of cells that follows the head.

A cast that varies over the face (light that the generator did not model, a vignette of its training pictures) cannot be
removed by one map for all pixels. It is measured where both pictures show the same skin, extended smoothly to where
they do not, and added to the synced picture. Seamless cloning (Perez, Gangnet, Blake 2003, "Poisson Image Editing")
solves for such a membrane from the seam alone; this one uses all skin that agrees.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box, ChromaGrid, Patch, channels, joined
from lipblend.stages.detail.scale import downsampling_step, upsample
from lipblend.stages.masks.footprint import head_frame

Patch3 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Sample = npt.NDArray[np.float16]
Cells = npt.NDArray[np.float32]

CELLS = 8
SAMPLE_SHAPE = (CELLS, CELLS, 7)
_CELL_FRAC = 0.14
_LEFT_FRAC, _TOP_FRAC = -0.56, -0.05  # of the grid, from the middle of the stable points: both cheeks, nose to chin
_CELL_STEPS = 2.5  # a cell is at least five steps wide where the field of a frame is interpolated
_FULL_SHARE = 0.25  # of a cell's pixels: from there on its weight is 1


def membrane_sample(original: Patch3, synced: Patch3, where: Mask, box: Box, face: Landmarks) -> Sample:
    """The mean colours of both pictures, (h, w, 3) YCbCr in 8-bit levels of ``box``, in each cell.

    ``where`` is true where both show the same. Returns (8, 8, 7) float16: weight in [0, 1], the original's mean, the
    synced picture's mean minus the original's; 0 without pixels.
    """
    y, x = np.nonzero(where)
    local = head_frame(face).to_local(np.stack([x + (box.x0 + 0.5), y + (box.y0 + 0.5)], axis=1))
    column, row = np.floor((local - (_LEFT_FRAC, _TOP_FRAC)) / _CELL_FRAC).astype(int).T
    inside = (column >= 0) & (column < CELLS) & (row >= 0) & (row < CELLS)
    y, x, cell = y[inside], x[inside], (row * CELLS + column)[inside]
    count = np.bincount(cell, minlength=CELLS * CELLS)
    colours = original[y, x]
    values = np.concatenate([colours, synced[y, x] - colours], axis=1)
    sums = np.stack([np.bincount(cell, channel, minlength=CELLS * CELLS) for channel in values.T], axis=1)
    weight = np.minimum(count / (_FULL_SHARE * (_CELL_FRAC * face.face_width_px) ** 2), 1)
    means = sums / np.maximum(count, 1)[:, None]
    return np.concatenate([weight[:, None], means], axis=1).reshape(SAMPLE_SHAPE).astype(np.float16)


def smooth_cells(
    values: npt.NDArray[np.float64], weight: npt.NDArray[np.float64], floor: float
) -> npt.NDArray[np.float64]:
    """(8, 8, k) cells smoothed over their neighbours by weight in [0, 1]; far from any weight they go to 0.

    Normalised convolution with a Gaussian of one cell, see `lipblend.stages.registration.reuse.smooth_field`. ``floor``
    is the weight of 0 in each cell.
    """
    known = cv2.GaussianBlur(weight, (0, 0), 1.0, borderType=cv2.BORDER_CONSTANT) + floor
    total = cv2.GaussianBlur(values * weight[..., None], (0, 0), 1.0, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total / known[..., None], np.float64)


def membrane_patch(cells: Cells, grid: ChromaGrid, face: Landmarks) -> Patch:
    """A membrane, (8, 8, 3) float32, in the pixels of one frame; the outer cells continue beyond the grid.

    ``face`` is the original's mesh.
    """
    box = grid.box
    corners = np.array([(box.x0 + 0.5, box.y0 + 0.5), (box.x0 + 1.5, box.y0 + 0.5), (box.x0 + 0.5, box.y0 + 1.5)])
    origin, right, below = (head_frame(face).to_local(corners) - (_LEFT_FRAC, _TOP_FRAC)) / _CELL_FRAC - 0.5
    matrix = np.stack([right - origin, below - origin, origin], axis=1)
    luma, cb, cr = channels(cells)
    cell_px = _CELL_FRAC * face.face_width_px
    fine = _interpolated(luma, matrix, (box.height, box.width), cell_px)
    coarse = _interpolated(joined(cb, cr), matrix @ grid.to_pixels, grid.shape, cell_px / max(grid.subsampling))
    return Patch(fine, coarse, grid)


def membrane_at(cells: Cells, points: npt.NDArray[np.float64], face: Landmarks) -> npt.NDArray[np.float32]:
    """A membrane at (n, 2) pixels: (n, 3) float32; as `membrane_patch`."""
    x, y = ((head_frame(face).to_local(points) - (_LEFT_FRAC, _TOP_FRAC)) / _CELL_FRAC - 0.5).astype(np.float32).T
    found = cv2.remap(cells, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(-1, 3), np.float32)


def _interpolated(cells: Cells, matrix: npt.NDArray[np.float64], shape: tuple[int, int], cell_px: float) -> Cells:
    """Cells at (h, w) pixels, by the matrix from pixels to cells; computed at every few pixels."""
    step = downsampling_step(cell_px / _CELL_STEPS)
    sparse = matrix @ np.array([[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2], [0, 0, 1]])
    size = -(-shape[1] // step), -(-shape[0] // step)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    coarse = cv2.warpAffine(cells, sparse, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return upsample(np.asarray(coarse, np.float32), shape, step)
