"""One face of one frame at the size at which it is judged: planes, meshes and zones in working pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import FACE_OVAL, LIPS_OUTER, STABLE, Landmarks
from lipblend.picture.patch import channels, joined
from lipblend.picture.similarity import Similarity
from lipblend.picture.smoothstep import smoothstep
from lipblend.quality.levels import full_range
from lipblend.quality.view import FaceView
from lipblend.quality.visible.canonical import CanonicalPair, canonical_pair
from lipblend.stages.detail.scale import downsample, gaussian

Plane = npt.NDArray[np.float32]
Planes = tuple[Plane, Plane, Plane]
Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]

WORK_WIDTH_PX = 120.0
"""Wider faces are judged at this width, about what an eye resolves."""

_LIP_MARGIN_FRAC = 0.03
_NEAR_FRAC = 0.62
_SKIN_REACH_FRAC = 0.36
_ABOVE_LIPS_FRAC = 0.03
_DISPLACED_FRAC = (0.010, 0.018)  # of a redrawn head: not undone up to the first, fully from the second
_COMPARED_FRAC, _BETTER = 0.008, 0.9
MIN_PIXELS = 20
"""Smaller regions of a working face are not measured."""

_SUBPIXEL_BITS = 4  # of OpenCV's drawing functions


@dataclass(frozen=True)
class WorkFace:
    """One face, downsampled until it is 120 pixels wide; smaller ones stay as they are.

    Attributes
    ----------
    original, synced, result : three (h, w) float32
        Luma in full-range grey levels, Cb and Cr on the same scale. Where the generator redrew the head elsewhere, the
        synced picture is moved so that the parts of the face that do not speak lie on the original's.
    original_points, synced_points : (478, 2) float64
        Meshes; the synced one moved along.
    contour : (h, w) float32 in [0, 1]
        The matte's shape, see `lipblend.quality.view.FaceView`.
    width : float
        Face width ``w_f``, working pixels.
    scale : (float, float)
        Pixels of the view that became one, across and down.
    """

    original: Planes
    synced: Planes
    result: Planes
    original_points: Points
    synced_points: Points
    contour: Plane
    width: float
    scale: tuple[float, float]

    @cached_property
    def placed(self) -> CanonicalPair:
        """Both pictures in canonical coordinates."""
        return canonical_pair(self.original, self.synced, self.original_points, self.width)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.contour.shape
        return height, width


@dataclass(frozen=True)
class Zones:
    """Parts of a `WorkFace`, (h, w) bool.

    Attributes
    ----------
    lips : the lips of either mesh
    mouth : ``lips`` and 0.03 face widths around them
    oval : the face of either mesh
    near : within 0.62 face widths of the mouth, without ``mouth``
    skin : of ``oval``, within 0.36 face widths of the mouth, without ``mouth``
    """

    lips: Mask
    mouth: Mask
    oval: Mask
    near: Mask
    skin: Mask


def work_face(view: FaceView) -> WorkFace:
    """Downsample a view."""
    size = _working_size(view)
    height, width = view.contour.shape
    scale = width / size[0], height / size[1]
    original, synced, result = (
        _planes(picture, size, view.matrix) for picture in (view.original, view.synced, view.result)
    )
    meshes = [_points(mesh, view, scale) for mesh in (view.original_mesh, view.synced_mesh)]
    contour, face_width = shrunk(view.contour, size), view.face_width_px / scale[0]
    placed = _in_place(synced, meshes[1], meshes[0], face_width)
    if placed is not None and _fits_better(placed[0][0], synced[0], original[0], meshes[0], face_width):
        synced, meshes[1] = placed
    return WorkFace(original, synced, result, meshes[0], meshes[1], contour, face_width, scale)


def shrunk(picture: Plane, size: tuple[int, int]) -> Plane:
    """A picture at a smaller width and height, by means of areas."""
    halves = 1
    while min(picture.shape[0] / size[1], picture.shape[1] / size[0]) >= 2 * halves:
        halves *= 2
    picture = downsample(picture, halves)  # ten times as fast
    if picture.shape[1::-1] == size:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def enlarged(plane: Plane, shape: tuple[int, ...]) -> Plane:
    """A plane of a working face at the (h, w) of its view."""
    if plane.shape == shape[:2]:
        return plane
    return np.asarray(cv2.resize(plane, shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def zones(face: WorkFace) -> Zones:
    """The parts of a face that are judged in different ways."""
    meshes = face.original_points, face.synced_points
    lips, oval = (
        _filled([points[list(outline)] for points in meshes], face.shape) for outline in (LIPS_OUTER, FACE_OVAL)
    )
    mouth = grown(lips, _LIP_MARGIN_FRAC * face.width)
    x, y = face.original_points[list(LIPS_OUTER)].mean(0)
    rows, columns = np.ogrid[: face.shape[0], : face.shape[1]]
    squares = (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2
    near = ~mouth & (squares < (_NEAR_FRAC * face.width) ** 2)
    skin = oval & ~mouth & (squares < (_SKIN_REACH_FRAC * face.width) ** 2)
    return Zones(lips, mouth, oval, near, skin)


def grown(mask: Mask, radius_px: float) -> Mask:
    """A mask and what lies within a radius of it."""
    side = 2 * round(radius_px) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask.view(np.uint8), kernel)).view(np.bool_)


def _working_size(view: FaceView) -> tuple[int, int]:
    height, width = view.contour.shape
    ratio = max(1.0, view.face_width_px / WORK_WIDTH_PX)
    return max(1, round(width / ratio)), max(1, round(height / ratio))


def _planes(picture: npt.NDArray[np.float32], size: tuple[int, int], matrix: npt.NDArray[np.float64]) -> Planes:
    small = joined(*(shrunk(plane, size) for plane in channels(picture)))
    y, cb, cr = channels(full_range(small, matrix))
    return y, cb, cr


def _points(mesh: Landmarks, view: FaceView, scale: tuple[float, float]) -> Points:
    return (mesh.points.astype(np.float64) - (view.box.x0, view.box.y0)) / scale


def _in_place(synced: Planes, points: Points, onto: Points, width: float) -> tuple[Planes, Points] | None:
    """The synced picture and mesh with the head laid on the original's; None if it lies there."""
    move = Similarity.between(points[list(STABLE)], onto[list(STABLE)]).matrix
    mouth = points[list(LIPS_OUTER)].mean(0)
    apart = float(np.hypot(*(move[:, :2] @ mouth + move[:, 2] - mouth))) / width
    low, high = _DISPLACED_FRAC
    share = float(smoothstep((apart - low) / (high - low)))
    if share == 0:
        return None
    still = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    move = still + share * (move - still)
    matrix = move.copy()
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5  # OpenCV's first pixel lies at 0, ours at 0.5
    size = synced[0].shape[1], synced[0].shape[0]
    y, cb, cr = (
        np.asarray(cv2.warpAffine(plane, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.float32) for plane in synced
    )
    return (y, cb, cr), points @ move[:, :2].T + move[:, 2]


def _fits_better(placed: Plane, synced: Plane, original: Plane, points: Points, width: float) -> bool:
    """Whether the face above the mouth agrees clearly better: meshes err by more than a redrawn head is off."""
    lips, down = points[list(LIPS_OUTER)], _y_axis(points)
    rows, columns = np.ogrid[: original.shape[0], : original.shape[1]]
    depth = (columns + 0.5) * down[0] + (rows + 0.5) * down[1]
    limit = float((lips @ down).min()) - _ABOVE_LIPS_FRAC * width
    region = _filled([points[list(FACE_OVAL)]], original.shape) & (depth < limit)
    if not region.any():
        return False
    sigma = _COMPARED_FRAC * width
    errors = [gaussian(picture - original, sigma)[region].std() for picture in (placed, synced)]
    return bool(errors[0] < _BETTER * errors[1])


def _y_axis(points: Points) -> Points:
    return Landmarks(points.astype(np.float32)).y_axis


def _filled(outlines: list[Points], shape: tuple[int, int]) -> Mask:
    area = np.zeros(shape, np.uint8)
    for outline in outlines:
        fixed = np.rint((outline - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(area, [fixed], 1, shift=_SUBPIXEL_BITS)
    return area.view(np.bool_)
