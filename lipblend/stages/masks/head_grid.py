"""Square grids in the axes of a head: what is seen of a face, independent of where and how large it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.footprint import head_frame

Plane = npt.NDArray[np.float32]


@dataclass(frozen=True)
class HeadGrid:
    """A grid of square cells in the axes of `lipblend.stages.masks.footprint.head_frame`.

    Attributes
    ----------
    cells : int
        Columns, and rows.
    cell_frac : float
        Side of a cell, face widths.
    left_frac, top_frac : float
        Top left corner, face widths from the middle of the stable points.
    """

    cells: int
    cell_frac: float
    left_frac: float
    top_frac: float

    def to_local(self, places: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """(n, 2) columns and rows, counted from the corner, to face widths from the middle of the stable points."""
        return np.asarray(places, np.float64) * self.cell_frac + (self.left_frac, self.top_frac)

    def to_cells(self, local: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """The inverse of `to_local`."""
        return np.asarray((local - np.array([self.left_frac, self.top_frac])) / self.cell_frac, np.float64)

    def sampled(self, plane: Plane, box: Box, face: Landmarks) -> Plane:
        """A plane of the picture's part ``box`` on the grid of a face, (cells, cells) float32; 0 beyond the box.

        ``plane`` is (h, w) float32 and shows the whole box, at any resolution. Where a cell covers several pixels, it
        is their mean.
        """
        corners = self.to_local(np.array([[0.5, 0.5], [1.5, 0.5], [0.5, 1.5]]))
        scale = np.array([plane.shape[1] / box.width, plane.shape[0] / box.height])
        first, right, under = (head_frame(face).to_pixels(corners) - (box.x0, box.y0)) * scale - 0.5
        across, down = right - first, under - first
        side_px = float(np.sqrt(abs(across[0] * down[1] - across[1] * down[0])))
        if side_px > 1:
            plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), 0.4 * side_px), np.float32)
        matrix = np.stack([across, down, first], axis=1).astype(np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(plane, matrix, (self.cells, self.cells), flags=flags), np.float32)
