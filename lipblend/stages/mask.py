"""The hard mask, kept as the signed distance to its outline.

A distance field holds the outline to a fraction of a pixel: a slowly moving face moves the alpha smoothly, erosion and
dilation take any radius, and the picture's own border is no outline. The mask itself is where the distance is positive.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.media.planes import Box
from lipblend.stages.shapes import Polygon

Distance = npt.NDArray[np.float32]

_GRID_PX_A_STEP = (
    60.0  # a face this many pixels wide or less is computed at every pixel, twice that at every second ...
)
_MAX_STEP_PX = 4


def grid_step_px(face_width_px: float) -> int:
    """Spacing of the grid on which distances are computed before they are interpolated: 1 to 4 px."""
    return int(np.clip(face_width_px / _GRID_PX_A_STEP, 1, _MAX_STEP_PX))


def signed_distance(polygons: Sequence[tuple[Polygon, bool]], box: Box, *, step_px: int) -> Distance:
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
    # One more sample at each end, as the interpolation cannot reach beyond the outermost ones.
    columns, rows = -(-box.width // step_px) + 2, -(-box.height // step_px) + 2
    x = box.x0 + (np.arange(columns, dtype=np.float32) - 0.5) * step_px
    y = box.y0 + (np.arange(rows, dtype=np.float32) - 0.5) * step_px
    field = np.full((rows, columns), -np.inf, np.float32)
    for points, add in polygons:
        one = _polygon_distance(points, x, y)
        field = np.maximum(field, one) if add else np.minimum(field, -one)
    if step_px > 1:
        field = np.asarray(cv2.resize(field, None, fx=step_px, fy=step_px, interpolation=cv2.INTER_LINEAR), np.float32)
    return np.ascontiguousarray(field[step_px : step_px + box.height, step_px : step_px + box.width])


def _polygon_distance(points: Polygon, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> Distance:
    """Distance to the nearest edge, signed by the even-odd rule; (len(y), len(x)) float32."""
    nearest = np.full((len(y), len(x)), np.inf, np.float32)
    inside = np.zeros((len(y), len(x)), bool)
    column, row = x[None, :], y[:, None]
    for (ax, ay), (bx, by) in zip(points.astype(float), np.roll(points, -1, axis=0).astype(float), strict=True):
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        along = (
            column * np.float32(dx / length)
            + (row * np.float32(dy / length) - np.float32((ax * dx + ay * dy) / length))
            if length
            else np.zeros_like(nearest)
        )
        np.clip(along, 0, 1, out=along)
        off_x = column - np.float32(ax) - along * np.float32(dx)
        off_y = row - np.float32(ay) - along * np.float32(dy)
        np.minimum(nearest, off_x * off_x + off_y * off_y, out=nearest)
        crossed = (row > ay) != (row > by)
        if dy and crossed.any():
            inside ^= crossed & (column < np.float32(ax) + (row - np.float32(ay)) * np.float32(dx / dy))
    distance = np.sqrt(nearest)
    return np.where(inside, distance, -distance)


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
