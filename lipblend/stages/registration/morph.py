"""Morph: a picture between two pictures of one face in the same place.

A dissolve of two mouths shows both: teeth shine through closed lips, and every edge of the lips is there twice. So both
pictures are warped until lips and chin lie on each other, and dissolved only then. Around the mouth the warp is a
thin-plate spline, in the lips and between them it is affine in each triangle of the mesh: a spline folds where closed
lips part. Optical flow then takes out what the meshes err by. Between the lips, the picture that has an inside of the
mouth counts for more.

Mesh warping: Wolberg 1990, "Digital Image Warping", chapter 7; field warping with a dissolve: Beier and Neely 1992,
https://doi.org/10.1145/133994.134003.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces import landmarks as lm
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box, Patch, channels, joined
from lipblend.picture.smoothstep import smoothstep
from lipblend.stages.detail.scale import gaussian
from lipblend.stages.masks.mask import grid_step_px, signed_distance
from lipblend.stages.masks.shapes import convex_hull
from lipblend.stages.registration.flow import Vectors, dense_flow, patch_along, warped
from lipblend.stages.registration.microwarp import thin_plate

Plane = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]

_CHIN = lm.JAW[6:-6]
_STILL = (*lm.NOSE_BASE, *lm.STABLE)
_FADE_FRAC = (0.10, 0.15)  # distance from both mouths and chins up to which the warp is whole, and where it ends
_RING_FRAC, _RING_POINTS = 0.15, 24  # points of no motion around all that moves
_REGULARISATION = 1e-6
_SHUT, _LEAST_OPEN = 0.02, 0.03  # opening of a mouth that meshes call closed; weight of an inside that is none
_INSIDE_FRAC = 0.010  # width of the transition at the inner lips
_REFINED_FRAC = (0.08, 0.12)  # distance from the outer lips up to which flow refines the warp, and where that ends
_SMOOTH_FRAC, _MAX_REST_FRAC = 0.015, 0.03  # of that flow
_FLOOR = 1e-3


def morph(
    first: Patch,
    second: Patch,
    meshes: tuple[Landmarks, Landmarks],
    share: float,
    box: Box,
    *,
    where: Plane | None = None,
) -> Patch:
    """The picture between two pictures of one face, its mouth as far open as it is on the way from one to the other.

    Parameters
    ----------
    first, second : Patch
        Of the same box and chroma grid, the head in the same place. Their colours are dissolved.
    meshes : (first, second)
        In the same pixels as ``box``. Only lips and chin are moved.
    share : float
        0 gives ``first`` itself, 1 ``second`` itself; values outside are clipped.
    box : Box
        Place of the patches.
    where : (h, w) float32 in [0, 1], optional
        Factor of the motion: a plain dissolve where it is 0.

    Returns
    -------
    Patch
        Farther than 0.15 face widths from both mouths and chins, a plain dissolve.
    """
    if share <= 0:
        return first
    if share >= 1:
        return second
    room = np.float32(1) if where is None else where[..., None]
    to_first, to_second = (flow * room for flow in morph_flows(meshes, share, box))
    inside_px = _depth(lm.LIPS_INNER, meshes, share, box, step_px=1)
    outside_px = -_depth(lm.LIPS_OUTER, meshes, share, box, step_px=grid_step_px(_width(meshes)))
    placed = warped(first.luma, to_first), warped(second.luma, to_second)
    rest = room * _remaining(placed, inside_px, outside_px, _width(meshes))
    to_first -= np.float32(share) * rest
    to_second += np.float32(1 - share) * rest
    taken = _second_share(meshes, share, inside_px)
    return dissolved(patch_along(first, to_first), patch_along(second, to_second), taken)


def dissolved(first: Patch, second: Patch, share: Plane) -> Patch:
    """``first`` where the share is 0, ``second`` where it is 1; share is (h, w) float32."""
    return first + (second - first).weighted(share)


def morph_flows(meshes: tuple[Landmarks, Landmarks], share: float, box: Box) -> tuple[Vectors, Vectors]:
    """Where each pixel of the picture between lies in the first and in the second picture.

    Returns
    -------
    to_first, to_second : (h, w, 2) float32
        Offsets right and down, pixels; exactly 0 farther than 0.15 face widths from both mouths and chins.
    """
    first, second = (mesh.points.astype(np.float64) for mesh in meshes)
    between = first + share * (second - first)
    # One field in the mesh between: where a point of the second mesh lies, seen from the first.
    field = _skin_field(between, second - first, meshes, box)
    _draw_lips(field, between, second - first, box)
    return np.float32(-share) * field, np.float32(1 - share) * field


def _second_share(meshes: tuple[Landmarks, Landmarks], share: float, inside_px: Plane) -> Plane:
    """Share of the second picture: ``share``, but between the lips by how far each mouth is open; (h, w) float32."""
    weights = [
        part * (max(0.0, mesh.mouth_opening - _SHUT) + _LEAST_OPEN)
        for part, mesh in zip((1 - share, share), meshes, strict=True)
    ]
    inside_share = weights[1] / (weights[0] + weights[1])
    inside = smoothstep(np.clip(inside_px / _soft_px(_width(meshes)) + np.float32(0.5), 0, 1))
    return np.asarray(np.float32(share) + np.float32(inside_share - share) * inside, np.float32)


def _remaining(placed: tuple[Plane, Plane], inside_px: Plane, outside_px: Plane, width: float) -> Vectors:
    """Where the second of two warped pictures shows what the first does, (h, w, 2): meshes err by some pixels.

    Smooth, at most 0.03 face widths, found beside the inner lips and 0 from 0.12 face widths beyond the outer ones. The
    mean of the flows in both directions, so that it does not depend on their order.
    """
    first, second = placed
    outside = outside_px / np.float32(width)
    near, far = _REFINED_FRAC
    around = outside < far
    flow = np.float32(0.5) * (dense_flow(first, second, around) - dense_flow(second, first, around))
    # Between the lips the two may show different things.
    known = np.clip(-inside_px / _soft_px(width), 0, 1) * around
    sigma = _SMOOTH_FRAC * width
    weight = gaussian(known, sigma) + np.float32(_FLOOR)
    right, down = (gaussian(plane * known, sigma) / weight for plane in channels(flow))
    length = np.maximum(np.hypot(right, down), np.float32(1e-6))
    factor = np.minimum(1, np.float32(_MAX_REST_FRAC * width) / length) * np.clip((far - outside) / (far - near), 0, 1)
    return joined(right * factor, down * factor)


def _depth(
    outline: Sequence[int], meshes: tuple[Landmarks, Landmarks], share: float, box: Box, *, step_px: int
) -> Plane:
    """Signed distance to an outline of the mesh between, positive inside; (h, w) float32, pixels."""
    first, second = (mesh.points[list(outline)].astype(np.float64) for mesh in meshes)
    contour = (first + share * (second - first)).astype(np.float32)
    return signed_distance([(contour, True)], box, step_px=step_px)


def _soft_px(width: float) -> np.float32:
    return np.float32(max(1.0, _INSIDE_FRAC * width))


def _width(meshes: tuple[Landmarks, Landmarks]) -> float:
    return (meshes[0].face_width_px + meshes[1].face_width_px) / 2


def _skin_field(between: Points, moves: Points, meshes: tuple[Landmarks, Landmarks], box: Box) -> Vectors:
    """The motion around the lips, (h, w, 2): a spline through outer lips, chin and points that do not move."""
    width = _width(meshes)
    moving, still = [*lm.LIPS_OUTER, *_CHIN], list(_STILL)
    outlines = [convex_hull(mesh.points[moving]) for mesh in meshes]
    ring = _ring(np.concatenate(outlines).astype(np.float64), _RING_FRAC * width)
    points = np.concatenate([between[moving], between[still], ring])
    values = np.concatenate([moves[moving], np.zeros((len(still) + len(ring), 2))])
    middle = points.mean(0)
    step = grid_step_px(width)
    columns, rows = -(-box.width // step) + 1, -(-box.height // step) + 1
    x, y = np.meshgrid(box.x0 + 0.5 + np.arange(columns) * step, box.y0 + 0.5 + np.arange(rows) * step)
    grid = (np.stack([x.ravel(), y.ravel()], axis=1) - middle) / width
    coarse = thin_plate(
        (points - middle) / width, values, np.ones(len(points)), grid, regularisation=_REGULARISATION
    ).reshape(rows, columns, 2)
    matrix = np.array([[step, 0, 0], [0, step, 0]], np.float64)
    size, flags = (box.width, box.height), cv2.INTER_LINEAR
    field = cv2.warpAffine(coarse.astype(np.float32), matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    outside = -signed_distance([(outline, True) for outline in outlines], box, step_px=step) / np.float32(width)
    near, far = _FADE_FRAC
    window = 1 - smoothstep(np.clip((outside - near) / (far - near), 0, 1))
    return np.asarray(field * window[..., None], np.float32)


def _ring(points: Points, margin_px: float) -> Points:
    """Points on an ellipse around others, with a margin; (24, 2)."""
    low, high = points.min(0), points.max(0)
    angles = np.arange(_RING_POINTS) * (2 * np.pi / _RING_POINTS)
    radii = (high - low) / 2 * 2**0.5 + margin_px
    return np.asarray((low + high) / 2 + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def _draw_lips(field: Vectors, between: Points, moves: Points, box: Box) -> None:
    """Write the motion of the lips and of what is between them into a field, triangle by triangle."""
    right, down = channels(field)
    for triangle in (*_INSIDE, *_LIPS):  # the lips last: the inside of a closed mouth has no pixel
        index = list(triangle)
        _draw_triangle((right, down), between[index] - (box.x0 + 0.5, box.y0 + 0.5), moves[index])
    field[:] = joined(right, down)


def _draw_triangle(planes: Sequence[Plane], corners: Points, values: Points) -> None:
    """Interpolate values (3, 2) at the corners (3, 2) of a triangle linearly between them."""
    height, width = planes[0].shape
    x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int), 0).tolist()
    x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, (width, height)).tolist()
    a, b, c = corners
    area = float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
    if x1 <= x0 or y1 <= y0 or abs(area) < 1e-9:
        return
    x, y = np.arange(x0, x1)[None, :], np.arange(y0, y1)[:, None]
    second = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
    third = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
    inside = (second >= 0) & (third >= 0) & (second + third <= 1)
    for plane, (first, *others) in zip(planes, values.T.tolist(), strict=True):
        found = first + second * (others[0] - first) + third * (others[1] - first)
        plane[y0:y1, x0:x1][inside] = found[inside]


def _strip(first: Sequence[int], second: Sequence[int]) -> tuple[tuple[int, int, int], ...]:
    """Triangles between two lines of as many points."""
    pairs = list(zip(first, second, strict=True))
    return tuple(
        triangle for (a, b), (c, d) in pairwise(pairs) for triangle in ((a, b, c), (c, b, d)) if len(set(triangle)) == 3
    )


_LIPS = _strip((*lm.LIPS_OUTER, lm.LIPS_OUTER[0]), (*lm.LIPS_INNER, lm.LIPS_INNER[0]))
_INSIDE = _strip(lm.LIPS_INNER[:11], (lm.LIPS_INNER[0], *lm.LIPS_INNER[:9:-1]))
