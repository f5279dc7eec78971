"""Footprint: the area around the face that the generator painted, over a whole shot.

Most generators repaint a box or a U around the lower face and re-encode everything. Averaged over the shot in axes that
follow the head, the difference between the two pictures is codec noise outside that area and clearly larger inside.
Beyond the footprint there is nothing to take from the synced picture, and at its edge that picture has a seam.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.shapes import FaceFrame, Polygon, convex_hull

Patch3 = npt.NDArray[np.float32]
Sample = npt.NDArray[np.float16]

_CELLS = 60
SAMPLE_SHAPE = (_CELLS, _CELLS)
_CELL_FRAC = 0.03
_MAX_CELLS_IN_MEMORY = 8_000_000  # of all samples together
_LEFT_FRAC, _TOP_FRAC = -0.9, -0.7  # of the grid, from the middle of the stable points
_BORDER_FRAC = 0.15
_BLUR_FRAC = 0.008
_CHROMA_WEIGHT = 0.5
_MIN_BORDER_CELLS = 150
_MAX_NOISE_LEVELS, _MAX_NOISE_SHARE = 3.0, 0.15  # whichever is more; the share is of the painted difference
_NOISE_RATIO, _ABOVE_NOISE_LEVELS, _ABOVE_NOISE_SHARE = 1.35, 0.5, 0.1
_UPSAMPLING = 4
_EDGE_SHARE = 0.5  # of the difference one cell further in: an edge is spread over the cells on both its sides
_FAR_FRAC = 2.0
_PAINTED_PERCENTILE = 95.0
_LARGEST_SHARE = 0.1
_MIN_AREA = 0.35  # face widths squared
_MIN_PIECE_SHARE = 0.05  # of the largest piece: smaller pieces are noise


def head_frame(face: Landmarks) -> FaceFrame:
    """Axes that follow the head and not the mouth: the origin is the middle of the stable points."""
    y_axis = np.asarray(face.y_axis, np.float64)
    origin = np.asarray(face.points[list(STABLE)].mean(0), np.float64)
    return FaceFrame(origin, np.array([y_axis[1], -y_axis[0]]), y_axis, face.face_width_px)


def footprint_box(face: Landmarks) -> Box:
    """The box around the grid of one face, in pixels, not clipped to the picture."""
    corners = head_frame(face).to_pixels(np.array([[_left(i), _top(j)] for i in (0, _CELLS) for j in (0, _CELLS)]))
    return Box.around(corners.min(0), corners.max(0))


def footprint_sample(difference: Patch3, box: Box, face: Landmarks) -> Sample:
    """The difference of two pictures around a face, on a grid that follows the head.

    ``difference`` is synced minus original, (h, w, 3) YCbCr in 8-bit levels of SDR, of the part of the picture in
    ``box``. Returns (60, 60) float16: levels, low-passed, minus the median of the grid's border; NaN outside the box.
    """
    matrix = grid_matrix(face, box)
    blurred = cv2.GaussianBlur(difference, (0, 0), max(0.8, _BLUR_FRAC * face.face_width_px))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    grid = cv2.warpAffine(blurred, matrix, (_CELLS, _CELLS), flags=flags, borderValue=(np.nan,) * 3)
    edge = _border() & np.isfinite(grid[..., 0])
    if edge.any():
        grid = grid - np.median(grid[edge], axis=0)
    size = np.abs(grid)
    return (size[..., 0] + _CHROMA_WEIGHT * (size[..., 1] + size[..., 2])).astype(np.float16)


def grid_matrix(face: Landmarks, box: Box) -> npt.NDArray[np.float64]:
    """(2, 3): column and row of a cell of the grid to column and row of a pixel in a box, middles at whole numbers."""
    origin, right, down = head_frame(face).to_pixels(
        np.array([[_left(0.5), _top(0.5)], [_left(1.5), _top(0.5)], [_left(0.5), _top(1.5)]])
    )
    return np.stack([right - origin, down - origin, origin - (box.x0 + 0.5, box.y0 + 0.5)], axis=1).astype(np.float64)


def footprint_outline(samples: Sequence[Sample]) -> npt.NDArray[np.float64] | None:
    """Convex outline of the footprint, (n, 2) face widths in `head_frame`, or None.

    None if the face fills the picture, so that no noise can be measured beside it; if the whole picture differs
    (generators that render the whole head); and if little more than the mouth differs, so that there is no edge in the
    skin to stay away from.
    """
    if not len(samples):
        return None
    count, shown = _largest(samples)
    edge = _border() & (count > len(samples) / 2)
    if np.count_nonzero(edge) < _MIN_BORDER_CELLS:
        return None
    noise = float(np.median(shown[edge]))
    fine = cv2.resize(shown, None, fx=_UPSAMPLING, fy=_UPSAMPLING, interpolation=cv2.INTER_LINEAR)
    strong = float(np.percentile(fine, _PAINTED_PERCENTILE))
    if noise > max(_MAX_NOISE_LEVELS, _MAX_NOISE_SHARE * strong):
        return None
    limit = max(_NOISE_RATIO * noise + _ABOVE_NOISE_LEVELS, noise + _ABOVE_NOISE_SHARE * (strong - noise))
    side = 2 * _UPSAMPLING + 1
    further_in = cv2.dilate(fine, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    painted = (fine > limit) & (fine - noise > np.float32(_EDGE_SHARE) * (further_in - noise))
    cells = _hull_of_pieces(painted)
    if cells is None or cv2.contourArea(cells.astype(np.float32)) * (_CELL_FRAC / _UPSAMPLING) ** 2 < _MIN_AREA:
        return None
    last = _CELLS * _UPSAMPLING - 1
    far = _FAR_FRAC / _CELL_FRAC * _UPSAMPLING
    cells += np.where(cells <= 1, -far, np.where(cells >= last - 1, far, 0))
    return (cells + 0.5) / _UPSAMPLING * _CELL_FRAC + (_LEFT_FRAC, _TOP_FRAC)


def _hull_of_pieces(painted: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64] | None:
    """Convex hull of the connected pieces, without specks; (n, 2) columns and rows."""
    labels = np.asarray(cv2.connectedComponents(painted.astype(np.uint8))[1])
    areas = np.bincount(labels.ravel())
    areas[0] = 0  # the background
    if not areas.any():
        return None
    rows, columns = np.nonzero((areas >= _MIN_PIECE_SHARE * areas.max())[labels] & (labels > 0))
    return convex_hull(np.stack([columns, rows], axis=1).astype(np.float32)).astype(np.float64)


def _largest(samples: Sequence[Sample]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Per cell: the number of samples that know it, and the mean of its largest tenth (a jaw may move rarely).

    Computed for some rows of the grid at a time: the samples may be those of an hour, stored in a file.
    """
    largest_count = max(1, round(_LARGEST_SHARE * len(samples)))
    height = min(_CELLS, max(1, _MAX_CELLS_IN_MEMORY // (len(samples) * _CELLS)))
    counts, shown = [], []
    for top in range(0, _CELLS, height):
        stack = np.empty((len(samples), min(height, _CELLS - top), _CELLS), np.float32)
        for row, sample in zip(stack, samples, strict=True):
            row[...] = sample[top : top + height]
        counts.append(np.isfinite(stack).sum(0))
        np.nan_to_num(stack, copy=False, nan=0.0)
        stack.sort(axis=0)
        shown.append(stack[-largest_count:].mean(0))
    return np.concatenate(counts), np.concatenate(shown)


def footprint_polygon(outline: npt.NDArray[np.float64], face: Landmarks) -> Polygon:
    """An outline of `footprint_outline` in the pixels of one frame."""
    return head_frame(face).to_pixels(outline)


def _left(cell: float) -> float:
    return _LEFT_FRAC + cell * _CELL_FRAC


def _top(cell: float) -> float:
    return _TOP_FRAC + cell * _CELL_FRAC


def _border() -> npt.NDArray[np.bool_]:
    """Cells along the left, right and upper edge of the grid; below is the body."""
    wide = round(_BORDER_FRAC / _CELL_FRAC)
    border = np.zeros((_CELLS, _CELLS), bool)
    border[:, :wide] = border[:, -wide:] = border[:wide] = True
    return border
