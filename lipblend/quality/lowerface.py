"""The lower face of both pictures, cut out and brought to one size, with the mesh in it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_INNER, LIPS_OUTER
from lipblend.quality.view import FaceView

Plane = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]


class LowerFace:
    """The lower face of both pictures in luma, at most ``width_px`` wide, and the mesh points in it."""

    def __init__(self, view: FaceView, width_px: float) -> None:
        mesh, w = view.before, view.face_width_px
        corner = np.array([view.box.x0, view.box.y0], np.float64)
        middle = mesh.mouth_centre - corner
        ends = np.array(
            [
                middle + mesh.x_axis * side * 0.5 * w + mesh.y_axis * down * w
                for side in (-1, 1)
                for down in (-0.3, 0.42)
            ]
        )
        limit = [view.box.width, view.box.height]
        x0, y0 = np.clip(np.floor(ends.min(0)).astype(int), 0, limit)
        x1, y1 = np.clip(np.ceil(ends.max(0)).astype(int), 0, limit)
        self._cut = np.s_[y0:y1, x0:x1]
        shrink = min(1.0, width_px / w) if w > 0 else 1.0
        self.size = int(np.rint((x1 - x0) * shrink)), int(np.rint((y1 - y0) * shrink))
        if min(self.size) < 1:
            return
        self._scale = np.array(self.size) / (x1 - x0, y1 - y0)
        self._corner = corner + (x0, y0)
        self.w = w * float(self._scale.mean())
        self.view = view
        self.original, self.synced = (self.plane(p[..., 0]) for p in (view.original, view.synced))

    def plane(self, values: Plane) -> Plane:
        """(h, w) float32 of the view, cut and scaled."""
        cut = np.ascontiguousarray(values[self._cut])
        if self.size == cut.shape[::-1]:
            return cut
        return np.asarray(cv2.resize(cut, self.size, interpolation=cv2.INTER_AREA), np.float32)

    def points(self, points: npt.NDArray[np.generic]) -> Points:
        """Places in the original's frame as places in the crop."""
        return np.asarray((points - self._corner) * self._scale, np.float64)

    def lips(self, *, synced: bool) -> list[Points]:
        """Outer and inner contour."""
        mesh = self.view.after if synced else self.view.before
        return [self.points(mesh.points[list(each)]) for each in (LIPS_OUTER, LIPS_INNER)]

    def distance(self, outlines: Sequence[Points], *, filled: bool) -> Plane:
        """Pixels from the outlines, or from what they enclose."""
        outside = np.ones(self.size[::-1], np.uint8)
        for outline in outlines:
            fixed = [np.rint((outline - 0.5) * 16).astype(np.int32)]
            if filled:
                cv2.fillPoly(outside, fixed, (0,), shift=4)
            else:
                cv2.polylines(outside, fixed, isClosed=True, color=(0,), shift=4)
        return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)
