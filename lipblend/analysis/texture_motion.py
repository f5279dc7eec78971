"""How the texture of a face moves on, where no mesh is found: points are tracked, and a similarity fitted to them.

Pyramidal Lucas-Kanade (Bouguet 2001) with a forward-backward check (Kalal, Mikolajczyk and Matas 2010,
https://doi.org/10.1109/ICPR.2010.675). Each picture is tracked from the previous one, and from there against the
picture in which the mesh was found, so that errors do not add up. Nothing is random.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import FACE_OVAL, LIPS_OUTER, Landmarks
from lipblend.picture.similarity import NOWHERE, Similarity
from lipblend.stages.masks.shapes import convex_hull

Plane = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]

_AROUND_FRAC = 0.12  # face widths over which light and contrast are evened out
_NOISE_LEVELS, _GAIN = 1.5, 48.0
_LIPS_FRAC = 0.08  # of the width around the lips that is not tracked
_MAX_POINTS, _QUALITY, _APART_FRAC = 150, 0.01, 0.03
_WINDOW_FRAC, _LEVELS = 0.16, 3
_MAX_RETURN_FRAC = 0.012  # of a point tracked forth and back, face widths
_MIN_POINTS, _MIN_SHARE = 10, 0.35
_SCALE_FRAC = 0.012
_MAX_STEP_GROWTH = 1.15  # from one picture to the next
_FIT_BLUR_FRAC = 0.02  # blur before two textures are compared, face widths

MIN_FIT, RENEW_FIT = 0.6, 0.8
"""Correlation with the last anchor below which a texture is lost, and below which a new anchor is taken."""
MIN_FIRST_FIT = 0.25
"""The same with the first anchor: a hand that covers the face slowly is never adopted as the face."""


@dataclass(frozen=True)
class Carried:
    """A mesh that was carried into another picture.

    Attributes
    ----------
    mesh : (478, 2) float32
        Pixels.
    fit : float
        Correlation of the texture with that of the last anchor, at most 1.
    """

    mesh: Points
    fit: float


def evened(luma: npt.NDArray[np.float32], face_width_px: float) -> Plane:
    """Luma (h, w) with even light and local contrast, so that tracking does not depend on the light; (h, w) uint8."""
    sigma = max(1.0, _AROUND_FRAC * face_width_px)
    apart = luma - cv2.GaussianBlur(luma, (0, 0), sigma)
    spread = np.sqrt(cv2.GaussianBlur(apart * apart, (0, 0), sigma)) + np.float32(_NOISE_LEVELS)
    return np.asarray(np.clip(128 + _GAIN * apart / spread, 0, 255), np.uint8)


def carry(start: Plane, mesh: Points, following: Iterable[Plane]) -> Iterator[Carried]:
    """Carry a mesh through the pictures that follow, until its texture is lost.

    Parameters
    ----------
    start : (h, w) uint8
        The picture of the mesh, `evened`.
    mesh : (478, 2) float32
        Pixels of that picture.
    following : iterable of (h, w) uint8
        The next pictures, in order; of the same size.
    """
    first = anchor = _Anchor(start, mesh)
    total = whole = NOWHERE  # from the anchor, and from the first one
    previous = start
    for plane in following:
        step = _tracked(previous, plane, total.apply(anchor.points), NOWHERE, anchor.width)
        if step is None or not 1 / _MAX_STEP_GROWTH < step.scale < _MAX_STEP_GROWTH:
            return
        whole, total = whole.then(step), total.then(step)
        refined = _tracked(anchor.plane, plane, anchor.points, total, anchor.width)
        if refined is not None and refined.inverse().then(total).offset_px(anchor.points) < 0.1 * anchor.width:
            whole, total = whole.then(total.inverse()).then(refined), refined
        fit = anchor.fit(plane, total)
        if fit < MIN_FIT or first.fit(plane, whole) < MIN_FIRST_FIT:
            return
        moved = total.apply(anchor.mesh)
        yield Carried(moved, fit)
        if fit < RENEW_FIT:
            anchor, total = _Anchor(plane, moved), NOWHERE
            if len(anchor.points) < _MIN_POINTS:
                return
        previous = plane


class _Anchor:
    """A picture with a mesh, and the points of it that are tracked."""

    def __init__(self, plane: Plane, mesh: Points) -> None:
        self.plane, self.mesh = plane, mesh
        face = Landmarks(mesh)
        self.width = max(face.face_width_px, 0.6 * float(np.ptp(mesh[:, 1])))  # profiles are narrow
        self._region = _region(face, plane.shape, self.width)
        found = cv2.goodFeaturesToTrack(
            plane, _MAX_POINTS, _QUALITY, max(2.0, _APART_FRAC * self.width), mask=self._region
        )
        self.points: Points = np.zeros((0, 2), np.float32) if found is None else found.reshape(-1, 2) + np.float32(0.5)
        rows, columns = np.nonzero(self._region)
        self._part = (
            np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] if len(rows) else np.s_[:0, :0]
        )
        self._own = self._smooth(plane)

    def fit(self, plane: Plane, moved: Similarity) -> float:
        """Correlation of the face's texture with a picture to which it has moved; 0 if nothing is seen."""
        size = plane.shape[::-1]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        brought = np.asarray(cv2.warpAffine(plane, moved.warp_matrix(), size, flags=flags), np.uint8)
        where = self._region[self._part] > 0
        if not where.any():
            return 0.0
        first, second = self._own[where], self._smooth(brought)[where]
        return float(np.corrcoef(first, second)[0, 1]) if first.std() > 0 and second.std() > 0 else 0.0

    def _smooth(self, plane: Plane) -> npt.NDArray[np.float32]:
        part = plane[self._part].astype(np.float32)
        return (
            np.asarray(cv2.GaussianBlur(part, (0, 0), max(0.5, _FIT_BLUR_FRAC * self.width)), np.float32)
            if part.size
            else part
        )


def _region(face: Landmarks, shape: tuple[int, ...], width: float) -> Plane:
    """255 on the face away from the lips."""
    region = np.zeros(shape, np.uint8)
    oval, lips = (
        np.rint((points - 0.5) * 16).astype(np.int32)
        for points in (convex_hull(face.points[list(FACE_OVAL)]), face.points[list(LIPS_OUTER)])
    )
    cv2.fillPoly(region, [oval], (255,), shift=4)
    cv2.fillPoly(region, [lips], (0,), shift=4)
    cv2.polylines(region, [lips], True, (0,), max(1, round(2 * _LIPS_FRAC * width)), shift=4)
    return region


def _tracked(first: Plane, second: Plane, points: Points, guess: Similarity, width: float) -> Similarity | None:
    """The motion of points from one picture to another, from a guess; None if too few of them are found again."""
    if len(points) < _MIN_POINTS:
        return None
    own = points - np.float32(0.5)
    there, found = _flow(first, second, own, guess.apply(points) - np.float32(0.5), width)
    back, found_back = _flow(second, first, there, guess.inverse().apply(there), width)
    returned = np.hypot(*(back - own).T) <= max(0.5, _MAX_RETURN_FRAC * width)
    good = found & found_back & returned
    if np.count_nonzero(good) < max(_MIN_POINTS, _MIN_SHARE * len(points)):
        return None
    return Similarity.robust(points[good], there[good] + np.float32(0.5), scale_px=max(0.4, _SCALE_FRAC * width))


def _flow(
    first: Plane, second: Plane, points: Points, guesses: Points, width: float
) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Where points are in the second picture, and which were found; in OpenCV's pixels."""
    side = max(9, round(_WINDOW_FRAC * width)) | 1
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        first, second, points, guesses, winSize=(side, side), maxLevel=_LEVELS, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
    )
    return np.asarray(found, np.float32), np.asarray(status)[:, 0] > 0
