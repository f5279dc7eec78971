"""One face of one frame as the measures see it: the same crop of all three videos."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.settings.clip_groups import Against
from lipblend.stages.alpha.seam import ring_radius_px, seam_ring

Patch3 = npt.NDArray[np.float32]
Region = npt.NDArray[np.bool_]
T = TypeVar("T")

_ANY_SHARE = 0.02  # of what stands in front


@dataclass(frozen=True)
class FaceView:
    """One face of one frame.

    All patches have the size of the box. They are YCbCr in 8-bit levels, in the original's encoding; the synced and the
    result frame are mapped to the original's pixels.

    Attributes
    ----------
    box : Box
        Crop of the original's frame: the matte with a margin around it.
    original, synced, result : (h, w, 3) float32
    contour : (h, w) float32 in [0, 1]
        Alpha of the matte's shape. Its 0.5 line is the seam; it is exactly 0 outside the mask.
    alpha : (h, w) float32 in [0, 1]
        Share of the synced picture that the result took; at most ``contour``.
    original_mesh, synced_mesh : Landmarks
        Smoothed meshes of both faces from the plan, in the original's pixels.
    detected_result : Landmarks or None
        Mesh detected in the result, in the original's pixels.
    weight : float
        Strength of the whole patch, above 0 up to 1; below 1 while it fades in or out.
    matrix : (3, 4) float64
        YCbCr codes to R'G'B' 0..255, see `lipblend.picture.ycbcr.ycbcr_matrix`.
    detected_synced : Landmarks or None
        Mesh detected in the synced frame, not smoothed, in the original's pixels; that of the bridge over a broken one.
    against : str
        What the classic measures hold the result against: "expected", the picture that a right result would show
        (`lipblend.quality.visible.scene.classic_reference`), or "original", as they were published.
    estimated : bool
        The matte is an estimate from the pictures.
    broken : (h, w, 3) float32 or None
        What the generator drew, where that is broken and ``synced`` is the bridge over it (`FacePlan.bridge`).
    in_front : (h, w) float32 in [0, 1] or None
        What stays the original's because it stands in front of the face; ``contour`` and ``alpha`` are without it.
    """

    box: Box
    original: Patch3
    synced: Patch3
    result: Patch3
    contour: npt.NDArray[np.float32]
    alpha: npt.NDArray[np.float32]
    original_mesh: Landmarks
    synced_mesh: Landmarks
    detected_result: Landmarks | None
    weight: float
    matrix: npt.NDArray[np.float64]
    detected_synced: Landmarks | None = None
    against: Against = "expected"
    estimated: bool = False
    broken: Patch3 | None = None
    in_front: npt.NDArray[np.float32] | None = None

    @property
    def face_width_px(self) -> float:
        """Width ``w_f`` of the original face, pixels."""
        return self.original_mesh.face_width_px

    @cached_property
    def ring(self) -> Region:
        """The seam ring: pixels within ``clamp(0.03 w_f, 3, 8)`` px of the contour's 0.5 line, on either side.

        (h, w) bool; empty where the contour does not cross 0.5. The border of the picture is not a seam: a matte that
        reaches it has no ring along it. Nor is the edge of what stands in front: it moves as that does.
        """
        radius = ring_radius_px(self.face_width_px)
        inside = self.contour >= 0.5
        ring = np.zeros(inside.shape, bool)
        if inside.any():
            crop = bounds(inside, int(radius) + 2)
            ring[crop] = seam_ring(self.contour[crop], radius_px=radius)
        if self.in_front is not None:
            brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * math.ceil(radius) + 1,) * 2)
            ring &= cv2.dilate((self.in_front > _ANY_SHARE).astype(np.uint8), brush) == 0
        return ring


def once_per_view(function: Callable[[FaceView], T]) -> Callable[[FaceView], T]:
    """Decorate a function of one view so that each view computes it once; for values that several measures share."""

    @wraps(function)
    def cached(view: FaceView) -> T:
        results = view.__dict__  # as functools.cached_property does
        key = _key(function)
        if key not in results:
            results[key] = function(view)
        value: T = results[key]
        return value

    return cached


def with_contour(
    view: FaceView, contour: npt.NDArray[np.float32], keep: Sequence[Callable[[FaceView], object]]
) -> FaceView:
    """The view with another contour; it keeps the known values of functions that do not depend on the contour."""
    changed = replace(view, contour=contour)
    changed.__dict__.update({_key(each): view.__dict__[_key(each)] for each in keep if _key(each) in view.__dict__})
    return changed


def _key(function: Callable[[FaceView], object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def bounds(region: Region, margin_px: int) -> tuple[slice, slice]:
    """Rows and columns around the True pixels with a margin, inside the array; at least one pixel must be True."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    return (
        slice(max(int(rows[0]) - margin_px, 0), int(rows[-1]) + margin_px + 1),
        slice(max(int(columns[0]) - margin_px, 0), int(columns[-1]) + margin_px + 1),
    )
