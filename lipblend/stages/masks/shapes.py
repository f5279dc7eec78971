"""Mask shapes as polygons, from the landmarks of one or two faces.

Polygons are (n, 2) float32 arrays of (x, y) in pixels, in the landmarks' coordinates: a pixel's centre lies at +0.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces import landmarks as lm
from lipblend.faces.landmarks import Landmarks
from lipblend.settings import MaskSettings

Polygon = npt.NDArray[np.float32]
Polygons = Sequence[tuple[Polygon, bool]]
"""Polygons to fill (True) or to cut out (False), in order."""

Outline = npt.NDArray[np.float64]

_OUTLINE_POINTS = 48  # keeps within a thousandth of the face width of the curve


@dataclass(frozen=True)
class FaceFrame:
    """Face coordinates: origin at the mouth, x to the right of the picture, y to the chin, units of the face width.

    Attributes
    ----------
    origin : (2,) float64, pixels
    x_axis, y_axis : (2,) float64
        Unit vectors.
    width_px : float
        Face width ``w_f`` (mesh points 234 to 454), the largest of the given faces.
    """

    origin: npt.NDArray[np.float64]
    x_axis: npt.NDArray[np.float64]
    y_axis: npt.NDArray[np.float64]
    width_px: float

    def to_local(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """(n, 2) pixels to (n, 2) face widths along the two axes."""
        offset = np.asarray(points, np.float64) - self.origin
        return np.stack([offset @ self.x_axis, offset @ self.y_axis], axis=1) / self.width_px

    def to_pixels(self, local: npt.NDArray[np.floating]) -> Polygon:
        """The inverse of `to_local`."""
        axes = np.stack([self.x_axis, self.y_axis])
        return (self.origin + np.asarray(local, np.float64) @ axes * self.width_px).astype(np.float32)


def face_frame(faces: Sequence[Landmarks], *, rotation: bool) -> FaceFrame:
    """The common frame of one or two meshes of the same head, the original's first.

    With ``rotation`` the axes follow the line through the mouth corners (mean of the faces), otherwise the picture.
    """
    origin = np.asarray(sum(face.mouth_centre for face in faces) / len(faces), np.float64)
    if rotation:
        angles = [face.mouth_angle_rad for face in faces]
        angle = math.atan2(sum(map(math.sin, angles)), sum(map(math.cos, angles)))
        x_axis = np.array([math.cos(angle), math.sin(angle)])
        y_axis = np.array([-x_axis[1], x_axis[0]])
        if y_axis @ np.asarray(faces[0].y_axis, np.float64) < 0:
            y_axis = -y_axis
    else:
        x_axis, y_axis = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    return FaceFrame(origin, x_axis, y_axis, max(face.face_width_px for face in faces))


@cache
def _superellipse(exponent: float) -> Outline:
    """The curve ``|x|**n + |y|**n = 1``; an ellipse for n = 2."""
    angles = np.linspace(0, 2 * np.pi, _OUTLINE_POINTS, endpoint=False)
    x, y = np.cos(angles), np.sin(angles)
    power = 2.0 / exponent
    return np.stack([np.sign(x) * np.abs(x) ** power, np.sign(y) * np.abs(y) ** power], axis=1)


def _square(_: float) -> Outline:
    return np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


@dataclass(frozen=True)
class _MouthCentred:
    """A mouth-centred shape.

    ``outline`` gives (n, 2) points with half axes of 1 from ``mask.superellipse_exponent``. The half axes, and the
    offset of the centre below the middle of the mouth, are in face widths.
    """

    half_width: float
    half_height: float
    below_mouth: float
    outline: Callable[[float], Outline]

    def local(self, exponent: float, scale: float) -> Outline:
        """The outline in face coordinates."""
        local = self.outline(exponent) * (self.half_width, self.half_height) * scale
        local[:, 1] += self.below_mouth
        return local


MOUTH_CENTRED = {
    "ellipse": _MouthCentred(0.32, 0.26, 0.04, lambda _: _superellipse(2.0)),
    "ultra_wide_ellipse": _MouthCentred(0.50, 0.33, 0.08, lambda _: _superellipse(2.0)),
    "superellipse": _MouthCentred(0.42, 0.32, 0.08, _superellipse),
    "box": _MouthCentred(0.42, 0.32, 0.08, _square),
}
"""Shapes around the middle of the mouth."""

HULLS: dict[str, Callable[[Landmarks], npt.NDArray[np.float32]]] = {
    "lower_face_contour": lambda face: lower_face_points(face),
    "mouth": lambda face: face.points_68[np.asarray(lm.AREA_MOUTH)],
    "upper_face": lambda face: face.points_68[np.asarray(lm.AREA_UPPER_FACE)],
}
"""Shapes that are the convex hull of a set of points of the mesh."""


def shape_pieces(
    name: str, faces: Sequence[Landmarks], settings: MaskSettings, parts: Sequence[Mapping[str, Polygons]] = ()
) -> list[Polygons]:
    """The pieces of one mask shape, whose union it is: one, or each region of each face.

    Parameters
    ----------
    name : str
        A member of `lipblend.settings.ShapeName`.
    faces : sequence of Landmarks
        The original's face, then the synced one if the shape has to cover both jaws.
    settings : MaskSettings
        Expansion grows a shape about the middle of the mouth, padding moves its extreme points outwards and the points
        between them in proportion, and the upper boundary cuts it off. Regions of the mesh (``region``) are used as
        they are, and ``upper_face`` has no upper boundary. Mouth-centred shapes scale with the opening of the mouth;
        hulls follow the jaw anyway.
    parts : sequence of mapping of str to Polygons, optional
        Of each face, regions by name that are known better than from the mesh.

    Notes
    -----
    The point sets "lower face", "upper face" and "mouth" in 68-point numbering are those that face-swapping tools
    publish; the hull of the lower face follows the whole jaw line of the mesh between jaw points 3 and 13.
    """
    if name == "region":
        known = [*parts, *[{}] * len(faces)][: len(faces)]  # with one jaw there are fewer faces than parts
        return [
            own.get(region) or _region(region, face)
            for region in settings.regions
            for face, own in zip(faces, known, strict=True)
        ]
    if name in MOUTH_CENTRED:
        frame = face_frame(faces, rotation=settings.rotation)
        local = MOUTH_CENTRED[name].local(settings.superellipse_exponent, _mouth_scale(faces, settings))
    elif name in HULLS:
        frame = face_frame(faces, rotation=True)
        local = frame.to_local(convex_hull(np.concatenate([HULLS[name](face) for face in faces])))
    else:
        raise ValueError(f"mask shape {name!r} has no outline: add it to MOUTH_CENTRED or HULLS")
    local = _padded(local * settings.expansion, settings)
    if name != "upper_face":
        local = clip_above(local, -settings.upper_boundary_frac - max(settings.pad_top_frac, 0))
    return [[(frame.to_pixels(local), True)] if len(local) >= 3 else []]


def lower_face_points(face: Landmarks) -> npt.NDArray[np.float32]:
    """(n, 2) points around the lower face: the whole jaw line of the mesh, and the published area under the nose."""
    jaw = face.points[np.asarray(lm.LOWER_JAW)]
    return np.concatenate([jaw, face.points_68[np.asarray(lm.AREA_LOWER_FACE)]])


def convex_hull(points: npt.NDArray[np.float32]) -> Polygon:
    """Convex hull of (n, 2) points, as a polygon."""
    return np.asarray(cv2.convexHull(np.ascontiguousarray(points, np.float32)), np.float32).reshape(-1, 2)


def clip_above(local: npt.NDArray[np.float64], limit: float) -> npt.NDArray[np.float64]:
    """The part of a polygon with y >= limit (Sutherland and Hodgman 1974, one half-plane). (n, 2) -> (m, 2)."""
    nexts = np.concatenate([local[1:], local[:1]])
    below = local[:, 1] >= limit
    crosses = below != (nexts[:, 1] >= limit)
    if not crosses.any():
        return local[below]
    rise = np.where(crosses, nexts[:, 1] - local[:, 1], 1.0)
    cuts = local + (nexts - local) * ((limit - local[:, 1]) / rise)[:, None]
    # Each corner that remains, then the cut of the edge that begins there.
    both = np.concatenate([local, cuts], axis=1).reshape(-1, 2)
    return np.asarray(both[np.column_stack([below, crosses]).ravel()])


def _mouth_scale(faces: Sequence[Landmarks], settings: MaskSettings) -> float:
    if not settings.mouth_adaptation:
        return 1.0
    return settings.adaptation_base + settings.adaptation_gain * max(face.mouth_opening for face in faces)


def _padded(local: npt.NDArray[np.float64], settings: MaskSettings) -> npt.NDArray[np.float64]:
    out = local.copy()
    for axis, low, high in (
        (0, settings.pad_left_frac, settings.pad_right_frac),
        (1, settings.pad_top_frac, settings.pad_bottom_frac),
    ):
        values = local[:, axis]
        for side, amount in ((-1.0, low), (1.0, high)):
            extreme = float((values * side).max())
            if amount and extreme > 0:
                out[:, axis] += side * amount * np.clip(values * side / extreme, 0, None)
    return out


def _region(name: str, face: Landmarks) -> Polygons:
    """A region of the mesh: outlines to fill, then holes."""
    outlines, holes = lm.REGIONS[name]
    return [
        (face.points[np.asarray(index)].astype(np.float32), add)
        for add, indices in ((True, outlines), (False, holes))
        for index in indices
    ]
