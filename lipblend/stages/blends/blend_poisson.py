"""Gradient-domain blend in a thin ring (Perez, Gangnet and Blake 2003, "Poisson Image Editing")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy import sparse

Field = npt.NDArray[np.float32]


def ring_width_px(face_width_px: float, *, frac: float, min_px: float, max_px: float) -> float:
    """``clamp(w_f * frac, min, max)``: the width of the ring in which the equation is solved."""
    return min(max(face_width_px * frac, min_px), max_px)


def blend_poisson(
    difference: Field, mask: npt.NDArray[np.bool_], *, ring_px: float, tolerance: float, max_iterations: int
) -> Field | None:
    """The change that keeps the generated gradients in a ring along the mask's outline.

    Let ``D`` be generated minus original. In the ring the blended picture has the generated picture's gradients, so
    ``change - D`` is harmonic: ``laplace(change - D) = 0``. The boundary conditions are Dirichlet: the original outside
    the mask (``change = 0``), the generated picture inside the ring (``change = D``). So a colour difference along the
    seam fades smoothly across the ring, and a beard or shadow on the outline cannot smear further than ``ring_px``. The
    sparse system (five-point stencil, symmetric positive definite) is solved by conjugate gradients with the diagonal
    as preconditioner, to a relative residual of ``tolerance``.

    Returns (h, w, 3) float32, or None if the solver did not converge: the caller uses another blend and counts it.
    """
    from scipy import sparse  # slow to load, and the other blends do not need it
    from scipy.sparse import linalg

    framed = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    inside = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    ring = mask & (inside <= ring_px)
    change = np.where(mask[..., None], difference, np.float32(0))
    count = int(np.count_nonzero(ring))
    if count == 0:
        return change
    matrix, correction = _membrane_system(ring, mask, difference)
    inverse_diagonal = sparse.diags(1.0 / matrix.diagonal())
    for channel in range(difference.shape[2]):
        if not correction[:, channel].any():
            continue
        solution, status = linalg.cg(
            matrix, correction[:, channel], rtol=tolerance, atol=0.0, maxiter=max_iterations, M=inverse_diagonal
        )
        if status != 0 or not np.isfinite(solution).all():
            return None
        change[ring, channel] += solution.astype(np.float32)
    return change


def _membrane_system(
    ring: npt.NDArray[np.bool_], mask: npt.NDArray[np.bool_], difference: Field
) -> tuple[sparse.csr_array, npt.NDArray[np.float64]]:
    """The five-point Laplace system for ``m = change - difference`` on the ring, and its right-hand side.

    Neighbours in the ring are unknowns, neighbours inside it are 0 (the generated picture), neighbours outside the mask
    are ``-difference`` (the original). Neighbours outside the patch are omitted (Neumann).
    """
    from scipy import sparse

    height, width = ring.shape
    index = np.full((height, width), -1, np.int64)
    index[ring] = np.arange(np.count_nonzero(ring))
    rows_y, rows_x = np.nonzero(ring)
    degree = np.zeros(len(rows_y))
    right = np.zeros((len(rows_y), difference.shape[2]))
    entries_i, entries_j = [], []
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        y, x = rows_y + dy, rows_x + dx
        exists = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        degree += exists
        unknown, y, x = np.nonzero(exists)[0], y[exists], x[exists]
        neighbour = index[y, x]
        linked = neighbour >= 0
        entries_i.append(unknown[linked])
        entries_j.append(neighbour[linked])
        outside = ~mask[y, x]
        right[unknown[outside]] -= difference[y[outside], x[outside]]
    i, j = np.concatenate(entries_i), np.concatenate(entries_j)
    unknowns = len(rows_y)
    off = sparse.csr_array((-np.ones(len(i)), (i, j)), shape=(unknowns, unknowns))
    return (off + sparse.diags_array(degree)).tocsr(), right
