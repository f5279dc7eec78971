"""The hard mask, kept as the signed distance to its outline.

A distance field holds the outline to a fraction of a pixel: a slowly moving face moves the alpha smoothly, erosion and
dilation take any radius, and the picture's own border is no outline. The mask itself is where the distance is positive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Box
from lipblend.stages.masks.shapes import Polygon

Distance = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Polygons = Sequence[tuple[Polygon, bool]]

_GRID_PX_A_STEP = 37.0
_MAX_STEP_PX = 16
_EDGES_AT_ONCE = 32  # so that what they are worked out on stays in the cache


def grid_step_px(face_width_px: float) -> int:
    """Spacing of the grid on which distances are computed: a 37th of the face's width, 1 to 16 px."""
    return int(np.clip(face_width_px / _GRID_PX_A_STEP, 1, _MAX_STEP_PX))


@dataclass(frozen=True)
class Grid:
    """Every ``step_px``-th place of a part of the picture, and a little beyond.

    Attributes
    ----------
    box : Box
        The part; it may reach beyond the picture.
    step_px : int
    """

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
        """A field on the grid brought to the box's pixels: bilinear, exact along straight outlines."""
        if self.step_px > 1:
            scale = self.step_px
            field = np.asarray(cv2.resize(field, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.float32)
        rows, columns = (slice(self.step_px, self.step_px + length) for length in (self.box.height, self.box.width))
        return field[rows, columns]

    def _steps(self, length: int) -> npt.NDArray[np.float64]:
        # One more sample at each end, as the interpolation cannot reach beyond the outermost ones.
        return np.asarray((np.arange(-(-length // self.step_px) + 2) - 0.5) * self.step_px, np.float64)


def signed_distance(polygons: Polygons, box: Box, *, step_px: int) -> Distance:
    """Distance of each pixel's centre to the outline of some polygons, positive inside.

    Parameters
    ----------
    polygons : sequence of ((n, 2) float32, bool)
        In picture pixels, a pixel's centre at +0.5; added (True) or cut out (False) in order.
    box : Box
        The part of the picture to compute; it may reach beyond the picture.
    step_px : int
        Exact at every step-th pixel, bilinear between: exact along straight outlines, rounds corners a little.

    Returns
    -------
    (box.height, box.width) float32, pixels
    """
    grid = Grid(box, step_px)
    return grid.full(grid_distance(polygons, grid))


def grid_distance(polygons: Polygons, grid: Grid) -> Distance:
    """`signed_distance` at the places of a grid; (rows, columns) float32, pixels."""
    return grid_distances([polygons], grid)[0]


def grid_distances(shapes: Sequence[Polygons], grid: Grid) -> list[Distance]:
    """`grid_distance` of several shapes, worked out together."""
    x, y = grid.x, grid.y
    singles = iter(_polygon_distances([points for shape in shapes for points, _ in shape], x, y))
    fields = []
    for shape in shapes:
        field = np.full((len(y), len(x)), -np.inf, np.float32)
        for (_, add), one in zip(shape, singles, strict=False):  # each shape takes as many as it has polygons
            field = np.maximum(field, one) if add else np.minimum(field, -one)
        fields.append(field)
    return fields


def _polygon_distances(
    polygons: Sequence[Polygon], x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]
) -> Iterator[Distance]:
    """Distance to each polygon's nearest edge, signed by the even-odd rule; (len(y), len(x)) float32 each."""
    if not polygons:
        return
    start = np.concatenate(polygons).astype(np.float64)
    stop = np.concatenate([part for points in polygons for part in (points[1:], points[:1])]).astype(np.float64)
    apart = stop - start
    length = np.hypot(apart[:, 0], apart[:, 1])
    unit = apart / np.where(length > 0, length, 1)[:, None]
    unit[length == 0] = 1, 0
    # Along the edge from its middle, and across it; each is a part that goes with x and one that goes with y.
    middle = start + apart / 2
    off_x, off_y = x - middle[:, :1], y - middle[:, 1:]
    along_x, across_y = ((off * unit[:, :1]).astype(np.float32) for off in (off_x, -off_y))
    across_x, along_y = ((off * unit[:, 1:]).astype(np.float32) for off in (off_x, off_y))
    half = np.asarray(length / 2, np.float32)[:, None, None]
    last = np.cumsum([len(points) for points in polygons])
    first = last - [len(points) for points in polygons]
    held = _inside(start, stop, first, x, y)
    beyond, beside = (np.empty((_EDGES_AT_ONCE, len(y), len(x)), np.float32) for _ in range(2))
    for begin, end, inside in zip(first.tolist(), last.tolist(), held, strict=True):
        nearest = np.full((len(y), len(x)), np.inf, np.float32)
        for low in range(begin, end, _EDGES_AT_ONCE):
            few = slice(low, min(low + _EDGES_AT_ONCE, end))
            one, other = beyond[: few.stop - low], beside[: few.stop - low]
            np.add(along_x[few, None, :], along_y[few, :, None], out=one)
            np.abs(one, out=one)
            np.subtract(one, half[few], out=one)
            np.clip(one, 0, np.inf, out=one)  # np.maximum takes three times as long
            np.multiply(one, one, out=one)
            np.add(across_x[few, None, :], across_y[few, :, None], out=other)
            np.multiply(other, other, out=other)
            np.add(one, other, out=one)
            np.minimum(nearest, one.min(axis=0), out=nearest)
        np.sqrt(nearest, out=nearest)
        yield np.where(inside, nearest, -nearest)


def _inside(
    start: npt.NDArray[np.float64],
    stop: npt.NDArray[np.float64],
    first: npt.NDArray[np.intp],
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
) -> Mask:
    """Which places each polygon holds, even-odd; (polygons, len(y), len(x)) bool.

    ``start`` and ``stop`` are the ends of all edges, and ``first`` says where each polygon's begin. ``x`` rises.
    """
    row = y[None, :].astype(np.float64)
    edge, line = np.nonzero((row > start[:, 1:]) != (row > stop[:, 1:]))
    (ax, ay), (bx, by) = start[edge].T, stop[edge].T
    crossing = ax + (row[0, line] - ay) * (bx - ax) / (by - ay)
    # Each crossing turns over all places left of it.
    left = np.searchsorted(x, crossing)
    polygon = np.searchsorted(first, edge, side="right") - 1
    shape = len(first), len(y), len(x) + 1
    turns = np.bincount((polygon * len(y) + line) * (len(x) + 1) + left, minlength=int(np.prod(shape))).reshape(shape)
    beyond = turns[..., ::-1].cumsum(axis=-1)[..., -2::-1]
    return np.asarray(beyond & 1, bool)


def combine(shapes: Sequence[Distance], how: str) -> Distance:
    """Join several distance fields: ``union`` (largest) or ``minimum`` (smallest), pixel by pixel."""
    join = {"union": np.maximum, "minimum": np.minimum}[how]
    joined = shapes[0]
    for shape in shapes[1:]:
        joined = join(joined, shape)
    return joined


def tidy(distance: Distance, *, erosion_px: float, dilation_px: float, blur_px: float) -> Distance:
    """Erode, dilate and blur a mask: move its outline inwards, outwards, and round it.

    Parameters
    ----------
    distance : (h, w) float32, pixels
    erosion_px, dilation_px : float
        Radii of the disc; any fraction of a pixel. Erosion keeps the outline away from what must not show, dilation
        gives part of that back.
    blur_px : float
        Standard deviation of the Gaussian over the distance field, which rounds the outline's corners.
    """
    out = distance + np.float32(dilation_px - erosion_px)
    if blur_px > 0:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), blur_px, borderType=cv2.BORDER_REPLICATE), np.float32)
    return out


def cover(distance: Distance, core: Distance, margin_px: float) -> Distance:
    """Grow a mask so that all of ``core`` (distance >= 0) lies at least ``margin_px`` inside its outline."""
    return np.asarray(np.maximum(distance, core + np.float32(margin_px)))
