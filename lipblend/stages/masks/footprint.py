"""Footprint: where in the face's surroundings the generator painted at all, over a whole shot.

Most generators paint a box or a U around the lower face and encode everything again. Averaged over the clip, in axes
that go with the head, the difference between the two pictures is the codec's noise outside of what was painted, and
clearly more inside. Beyond its outline there is nothing to take over, and at its outline the synced picture has an edge
of its own.
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
_CELLS_HELD = 8_000_000  # of all samples, at the same time
_LEFT_FRAC, _TOP_FRAC = -0.9, -0.7  # of the grid, from the middle of the steady points
_BORDER_FRAC = 0.15
_BLUR_FRAC = 0.008
_CHROMA_WEIGHT = 0.5
_LEAST_BORDER_CELLS = 150
_NOISIEST_LEVELS, _NOISIEST_SHARE = 3.0, 0.15  # whichever is more; the second of what was painted
_ABOVE_RATIO, _ABOVE_LEVELS, _ABOVE_SHARE = 1.35, 0.5, 0.1
_FINER = 4
_EDGE_SHARE = 0.5  # of what is seen a cell further in: an edge is spread over the cells on both its sides
_FAR_FRAC = 2.0
_MOST_PERCENT = 95.0
_LARGEST_SHARE = 0.1
_LEAST_AREA = 0.35  # face widths squared
_SPECK_SHARE = 0.05  # of the largest piece: smaller ones are noise


def head_frame(face: Landmarks) -> FaceFrame:
    """Axes that go with the head and not with the mouth: origin in the middle of the steady points."""
    y_axis = np.asarray(face.y_axis, np.float64)
    origin = np.asarray(face.points[list(STABLE)].mean(0), np.float64)
    return FaceFrame(origin, np.array([y_axis[1], -y_axis[0]]), y_axis, face.face_width_px)


def footprint_box(face: Landmarks) -> Box:
    """The box around the grid of one face, in pixels, not yet clipped to the picture."""
    corners = head_frame(face).to_pixels(np.array([[_left(i), _top(j)] for i in (0, _CELLS) for j in (0, _CELLS)]))
    low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
    return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def footprint_sample(apart: Patch3, box: Box, face: Landmarks) -> Sample:
    """The difference of two pictures around a face, on a grid that goes with the head.

    Parameters
    ----------
    apart : (h, w, 3) float32
        Synced less original, YCbCr in 8-bit levels of SDR, in the part of the picture in ``box``.
    box : Box
    face : Landmarks

    Returns
    -------
    (60, 60) float16
        Levels, low-passed, less the median of the grid's border; NaN where the box does not reach.
    """
    frame = head_frame(face)
    origin, right, down = frame.to_pixels(
        np.array([[_left(0.5), _top(0.5)], [_left(1.5), _top(0.5)], [_left(0.5), _top(1.5)]])
    )
    matrix = np.stack([right - origin, down - origin, origin - (box.x0 + 0.5, box.y0 + 0.5)], axis=1).astype(np.float64)
    blurred = cv2.GaussianBlur(apart, (0, 0), max(0.8, _BLUR_FRAC * face.face_width_px))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    grid = cv2.warpAffine(blurred, matrix, (_CELLS, _CELLS), flags=flags, borderValue=(np.nan,) * 3)
    edge = _border() & np.isfinite(grid[..., 0])
    if edge.any():
        grid = grid - np.median(grid[edge], axis=0)
    apart = np.abs(grid)
    return (apart[..., 0] + _CHROMA_WEIGHT * (apart[..., 1] + apart[..., 2])).astype(np.float16)


def footprint_outline(samples: Sequence[Sample]) -> npt.NDArray[np.float64] | None:
    """Convex outline of what was painted, (n, 2) face widths in `head_frame`; None where it cannot be told.

    That is so when the face fills the picture, so that no noise can be read beside it; when the whole picture differs
    (generators that render the whole head); and when little more than the mouth does, so that there is no edge in the
    skin to keep away from.
    """
    if not len(samples):
        return None
    count, shown = _largest(samples)
    edge = _border() & (count > len(samples) / 2)
    if np.count_nonzero(edge) < _LEAST_BORDER_CELLS:
        return None
    noise = float(np.median(shown[edge]))
    fine = cv2.resize(shown, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_LINEAR)
    most = float(np.percentile(fine, _MOST_PERCENT))
    if noise > max(_NOISIEST_LEVELS, _NOISIEST_SHARE * most):
        return None
    limit = max(_ABOVE_RATIO * noise + _ABOVE_LEVELS, noise + _ABOVE_SHARE * (most - noise))
    beside = cv2.dilate(fine, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _FINER + 1, 2 * _FINER + 1)))
    painted = (fine > limit) & (fine - noise > np.float32(_EDGE_SHARE) * (beside - noise))
    labels = np.asarray(cv2.connectedComponents(painted.astype(np.uint8))[1])
    areas = np.bincount(labels.ravel())
    areas[0] = 0  # what was not painted
    if not areas.any():
        return None
    rows, columns = np.nonzero((areas >= _SPECK_SHARE * areas.max())[labels] & (labels > 0))
    cells = convex_hull(np.stack([columns, rows], axis=1).astype(np.float32)).astype(np.float64)
    if cv2.contourArea(cells.astype(np.float32)) * (_CELL_FRAC / _FINER) ** 2 < _LEAST_AREA:
        return None
    last = _CELLS * _FINER - 1
    far = _FAR_FRAC / _CELL_FRAC * _FINER
    cells += np.where(cells <= 1, -far, np.where(cells >= last - 1, far, 0))
    return (cells + 0.5) / _FINER * _CELL_FRAC + (_LEFT_FRAC, _TOP_FRAC)


def _largest(samples: Sequence[Sample]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """In how many samples each cell is known, and the mean of its largest tenth: a jaw may move in few frames only.

    Some rows of the grid at a time: there may be the samples of an hour, which lie in a file.
    """
    most_each = max(1, round(_LARGEST_SHARE * len(samples)))
    high = min(_CELLS, max(1, _CELLS_HELD // (len(samples) * _CELLS)))
    counts, shown = [], []
    for top in range(0, _CELLS, high):
        stack = np.empty((len(samples), min(high, _CELLS - top), _CELLS), np.float32)
        for row, sample in zip(stack, samples, strict=True):
            row[...] = sample[top : top + high]
        counts.append(np.isfinite(stack).sum(0))
        np.nan_to_num(stack, copy=False, nan=0.0)
        stack.sort(axis=0)
        shown.append(stack[-most_each:].mean(0))
    return np.concatenate(counts), np.concatenate(shown)


def footprint_polygon(outline: npt.NDArray[np.float64], face: Landmarks) -> Polygon:
    """An outline of `footprint_outline` in the pixels of one frame."""
    return head_frame(face).to_pixels(outline)


def _left(cell: float) -> float:
    return _LEFT_FRAC + cell * _CELL_FRAC


def _top(cell: float) -> float:
    return _TOP_FRAC + cell * _CELL_FRAC


def _border() -> npt.NDArray[np.bool_]:
    """Cells along the left, right and upper edge of the grid; below lies the body."""
    wide = round(_BORDER_FRAC / _CELL_FRAC)
    border = np.zeros((_CELLS, _CELLS), bool)
    border[:, :wide] = border[:, -wide:] = border[:wide] = True
    return border
