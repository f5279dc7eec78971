"""The hard mask as a signed distance field: positive inside, 0 on the outline, in pixels.

A distance field holds the outline to a fraction of a pixel. So alpha moves smoothly with a slow face, erosion and
dilation take any radius, and the border of the picture is no outline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Box
from lipblend.stages.masks.shapes import Polygon, Polygons

Distance = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_STEPS_PER_FACE_WIDTH = 37.0
_MAX_STEP_PX = 16
_EDGES_PER_CHUNK = 32  # keeps the working arrays in the processor's cache


def grid_step_px(face_width_px: float) -> int:
    """Spacing of the grid on which distances are computed: 1/37 of the face width, 1 to 16 px."""
    return int(np.clip(face_width_px / _STEPS_PER_FACE_WIDTH, 1, _MAX_STEP_PX))


@dataclass(frozen=True)
class Grid:
    """Sample places every ``step_px`` pixels in a box and one more beyond each side; it may exceed the picture."""

    box: Box
    step_px: int

    @property
    def x(self) -> npt.NDArray[np.float32]:
        """(columns,) pixels."""
        return np.asarray(self.box.x0 + self._steps(self.box.width), np.float32)

    @property
    def y(self) -> npt.NDArray[np.float32]:
        """(rows,) pixels."""
        return np.asarray(self.box.y0 + self._steps(self.box.height), np.float32)

    def full(self, field: Distance) -> Distance:
        """A field on the grid interpolated to the pixels of the box: bilinear, exact along straight outlines."""
        if self.step_px > 1:
            scale = self.step_px
            field = np.asarray(cv2.resize(field, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.float32)
        rows, columns = (slice(self.step_px, self.step_px + length) for length in (self.box.height, self.box.width))
        return field[rows, columns]

    def _steps(self, length: int) -> npt.NDArray[np.float64]:
        # One more sample at each end, as the interpolation cannot reach beyond the outermost ones.
        return np.asarray((np.arange(-(-length // self.step_px) + 2) - 0.5) * self.step_px, np.float64)


def signed_distance(polygons: Polygons, box: Box, *, step_px: int) -> Distance:
    """Distance of each pixel centre to the outline of a shape, positive inside; (h, w) float32, pixels.

    ``polygons`` are in picture pixels. The distance is exact at every ``step_px``-th pixel and bilinear between them:
    corners are slightly rounded. The box may exceed the picture.
    """
    grid = Grid(box, step_px)
    return grid.full(grid_distances([polygons], grid)[0])


def grid_distances(shapes: Sequence[Polygons], grid: Grid) -> list[Distance]:
    """`signed_distance` of several shapes at the places of a grid; (rows, columns) float32 each, pixels."""
    x, y = grid.x, grid.y
    per_polygon = iter(_polygon_distances([points for shape in shapes for points, _ in shape], x, y))
    fields = []
    for shape in shapes:
        field = np.full((len(y), len(x)), -np.inf, np.float32)
        for (_, add), distance in zip(shape, per_polygon, strict=False):  # as many as the shape has polygons
            field = np.maximum(field, distance) if add else np.minimum(field, -distance)
        fields.append(field)
    return fields


def _polygon_distances(
    polygons: Sequence[Polygon], x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]
) -> Iterator[Distance]:
    """Distance to the nearest edge of each polygon, signed by the even-odd rule; (len(y), len(x)) float32 each."""
    if not polygons:
        return
    start = np.concatenate(polygons).astype(np.float64)
    stop = np.concatenate([part for points in polygons for part in (points[1:], points[:1])]).astype(np.float64)
    edge = stop - start
    length = np.hypot(edge[:, 0], edge[:, 1])
    unit = edge / np.where(length > 0, length, 1)[:, None]
    unit[length == 0] = 1, 0
    # Coordinates along the edge, from its middle, and across it: each the sum of a term in x and a term in y.
    middle = start + edge / 2
    off_x, off_y = x - middle[:, :1], y - middle[:, 1:]
    along_x, across_y = ((off * unit[:, :1]).astype(np.float32) for off in (off_x, -off_y))
    across_x, along_y = ((off * unit[:, 1:]).astype(np.float32) for off in (off_x, off_y))
    half = np.asarray(length / 2, np.float32)[:, None, None]
    last = np.cumsum([len(points) for points in polygons])
    first = last - [len(points) for points in polygons]
    inside = _inside(start, stop, first, x, y)
    along, across = (np.empty((_EDGES_PER_CHUNK, len(y), len(x)), np.float32) for _ in range(2))
    for begin, end, is_inside in zip(first.tolist(), last.tolist(), inside, strict=True):
        nearest = np.full((len(y), len(x)), np.inf, np.float32)
        for low in range(begin, end, _EDGES_PER_CHUNK):
            chunk = slice(low, min(low + _EDGES_PER_CHUNK, end))
            beyond, beside = along[: chunk.stop - low], across[: chunk.stop - low]
            np.add(along_x[chunk, None, :], along_y[chunk, :, None], out=beyond)
            np.abs(beyond, out=beyond)
            np.subtract(beyond, half[chunk], out=beyond)
            np.clip(beyond, 0, np.inf, out=beyond)  # np.maximum takes three times as long
            np.multiply(beyond, beyond, out=beyond)
            np.add(across_x[chunk, None, :], across_y[chunk, :, None], out=beside)
            np.multiply(beside, beside, out=beside)
            np.add(beyond, beside, out=beyond)
            np.minimum(nearest, beyond.min(axis=0), out=nearest)
        np.sqrt(nearest, out=nearest)
        yield np.where(is_inside, nearest, -nearest)


def _inside(
    start: npt.NDArray[np.float64],
    stop: npt.NDArray[np.float64],
    first: npt.NDArray[np.intp],
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
) -> Mask:
    """Which places lie inside each polygon, even-odd; (polygons, len(y), len(x)) bool.

    ``start`` and ``stop`` are the ends of all edges, ``first`` the index of each polygon's first edge. ``x`` ascends.
    """
    row = y[None, :].astype(np.float64)
    edge, line = np.nonzero((row > start[:, 1:]) != (row > stop[:, 1:]))
    (ax, ay), (bx, by) = start[edge].T, stop[edge].T
    crossing = ax + (row[0, line] - ay) * (bx - ax) / (by - ay)
    # Each crossing inverts all places to its left.
    left = np.searchsorted(x, crossing)
    polygon = np.searchsorted(first, edge, side="right") - 1
    shape = len(first), len(y), len(x) + 1
    turns = np.bincount((polygon * len(y) + line) * (len(x) + 1) + left, minlength=int(np.prod(shape))).reshape(shape)
    crossings_right = turns[..., ::-1].cumsum(axis=-1)[..., -2::-1]
    return np.asarray(crossings_right & 1, bool)


def combine(shapes: Sequence[Distance], how: str) -> Distance:
    """Join distance fields pixel by pixel: ``union`` (maximum) or ``minimum`` (intersection)."""
    join = {"union": np.maximum, "minimum": np.minimum}[how]
    joined = shapes[0]
    for shape in shapes[1:]:
        joined = join(joined, shape)
    return joined


def adjust_outline(distance: Distance, *, erosion_px: float, dilation_px: float, blur_px: float) -> Distance:
    """Move a mask's outline inwards (erosion) and outwards (dilation) by any radius, and round its corners.

    ``blur_px`` is the standard deviation of a Gaussian over the distance field.
    """
    out = distance + np.float32(dilation_px - erosion_px)
    if blur_px > 0:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), blur_px, borderType=cv2.BORDER_REPLICATE), np.float32)
    return out


def cover(distance: Distance, core: Distance, margin_px: float) -> Distance:
    """Grow a mask until all of ``core`` lies at least ``margin_px`` inside its outline."""
    return np.asarray(np.maximum(distance, core + np.float32(margin_px)))
