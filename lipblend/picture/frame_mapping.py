"""The mapping of the original's pixels to the synced frame: generators scale, pad and crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, ChromaGrid, Patch
from lipblend.picture.planes import cut, extract_reduced
from lipblend.picture.similarity import NOWHERE, Similarity

_NEUTRAL = 128.0
_MARGIN_PX = 4  # of source around the box, for the interpolation


@dataclass(frozen=True)
class FrameMapping:
    """``synced = scale * original + shift``, across and down, in pixels of the two upright frames.

    ``skew_x`` times the original's row is added across, ``skew_y`` times its column down: only where a face is turned
    (`after`). Coordinates are continuous: the first pixel's centre lies at 0.5.
    """

    scale_x: float = 1.0
    scale_y: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    skew_x: float = 0.0
    skew_y: float = 0.0

    @classmethod
    def of(cls, matrix: NDArray[np.float64]) -> FrameMapping:
        """The mapping of a (2, 3) or (3, 3) matrix."""
        (scale_x, skew_x, shift_x), (skew_y, scale_y, shift_y) = matrix[:2].tolist()
        return cls(scale_x, scale_y, shift_x, shift_y, skew_x, skew_y)

    def inverse(self) -> FrameMapping:
        """The mapping back: from the synced frame's pixels to the original's."""
        return FrameMapping.of(np.linalg.inv(np.vstack([self.matrix, [0, 0, 1]])))

    @property
    def is_identity(self) -> bool:
        """No scale and no shift; the frames may still differ in size, see `is_exact`."""
        return self == FrameMapping()

    def at(self, frame: int) -> FrameMapping:
        """The mapping of one synced frame: this one, for all; see `lipblend.picture.frame_mappings`."""
        return self

    def is_exact(self, original: tuple[int, int], synced: tuple[int, int]) -> bool:
        """Whether frames of these sizes, (width, height), cover each other exactly."""
        return self.is_identity and original == synced

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(2, 3): scales and skews, and the shift."""
        return np.array([[self.scale_x, self.skew_x, self.shift_x], [self.skew_y, self.scale_y, self.shift_y]])

    def to_synced(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """(..., 2) points of the original's frame to the synced frame."""
        if not (self.skew_x or self.skew_y):
            return np.asarray(points * (self.scale_x, self.scale_y) + (self.shift_x, self.shift_y), np.float32)
        return np.asarray(points @ self.matrix[:, :2].T + (self.shift_x, self.shift_y), np.float32)

    def to_original(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """(..., 2) points of the synced frame to the original's frame."""
        if not (self.skew_x or self.skew_y):
            return np.asarray((points - (self.shift_x, self.shift_y)) / (self.scale_x, self.scale_y), np.float32)
        back = np.linalg.inv(self.matrix[:, :2])
        return np.asarray((points - (self.shift_x, self.shift_y)) @ back.T, np.float32)

    def covered(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of a synced frame of this size, in the original's pixels.

        Of a frame that lies turned in the original, the upright rectangle through its inner corners.
        """
        corners = self.to_original(np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32))
        (left, top), (right, above), (under, low), (side, bottom) = corners.tolist()
        return max(left, under), max(top, above), min(right, side), min(low, bottom)

    def corners(self, width: int, height: int) -> NDArray[np.float32]:
        """The corners of a synced frame of this size in the original's pixels, (4, 2), around it."""
        return self.to_original(np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32))

    def after(self, placement: Similarity) -> FrameMapping:
        """The mapping that samples the synced frame where a face lies that was moved, in the original's pixels."""
        if placement == NOWHERE:
            return self
        linear, shift = self.matrix[:, :2], self.matrix[:, 2]
        turned = linear @ placement.matrix
        return FrameMapping.of(np.column_stack([turned[:, :2], turned[:, 2] + shift]))

    def scaled(self, original: tuple[float, float], synced: tuple[float, float]) -> FrameMapping:
        """The mapping between the two frames after each is resized by its (horizontal, vertical) factors."""
        return FrameMapping(
            self.scale_x * synced[0] / original[0],
            self.scale_y * synced[1] / original[1],
            self.shift_x * synced[0],
            self.shift_y * synced[1],
            self.skew_x * synced[0] / original[1],
            self.skew_y * synced[1] / original[0],
        )


UNMOVED = FrameMapping()
"""The identity."""


def synced_patch(
    planes: Sequence[np.ndarray], layout: PixelLayout, box: Box, mapping: FrameMapping
) -> NDArray[np.float32]:
    """Cut a box of the original's frame out of a synced picture; see `extract_patch` and `extract_mapped`."""
    return synced_reduced(planes, layout, box, 1, mapping)


def synced_reduced(
    planes: Sequence[np.ndarray], layout: PixelLayout, box: Box, step: int, mapping: FrameMapping
) -> NDArray[np.float32]:
    """Cut a box of the original's frame out of a synced picture, at a fraction of the original's size.

    See `extract_reduced` and `extract_mapped`.
    """
    height, width = planes[0].shape
    if mapping.is_identity and box == box.clipped(width, height):
        return extract_reduced(planes, layout, box, step)
    patch = extract_mapped(planes, layout, box, mapping)
    size = box.width // step, box.height // step
    return patch if step == 1 else np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.float32)


def synced_cut(
    planes: Sequence[np.ndarray], layout: PixelLayout, box: Box, mapping: FrameMapping, grid: ChromaGrid
) -> Patch:
    """Cut a box of the original's frame out of a synced picture, with the chroma grid of the original.

    See `cut` and `extract_mapped`.
    """
    height, width = planes[0].shape
    if mapping.is_identity and box == box.clipped(width, height):
        patch = cut(planes, layout, box)
        return patch if patch.grid.matches(grid) else Patch.of(patch.whole(), grid)
    return Patch.of(extract_mapped(planes, layout, box, mapping), grid)


def warp(
    plane: NDArray[np.float32] | NDArray[np.uint8] | NDArray[np.uint16],
    mapping: FrameMapping,
    origin: tuple[float, float],
    size: tuple[int, int],
    *,
    interpolation: int = cv2.INTER_CUBIC,
) -> NDArray[np.float32]:
    """Resample a whole synced plane onto pixels of the original; (height, width) float32.

    ``interpolation`` is OpenCV's number; a plane finer than the target is low-passed first. The plane is continued with
    its border pixels. ``mapping`` goes from the target's coordinates to the plane's, ``origin`` (x, y) is the target's
    top left corner in the target's frame, ``size`` its (width, height).
    """
    corners = np.array(origin, np.float64) + np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * size
    reached = mapping.to_synced(corners)
    low, high = reached.min(0), reached.max(0)
    scales = np.hypot(*mapping.matrix[:, :2].T).tolist()  # source pixels a target pixel, across and down the source
    margin = _MARGIN_PX * max(1.0, *scales)
    region = Box.around(low - margin, high + margin).clipped(plane.shape[1], plane.shape[0])
    if region.width < 1 or region.height < 1:
        # The synced frame covers nothing of the target: use the nearest pixel.
        x = min(max(int(low[0]), 0), plane.shape[1] - 1)
        y = min(max(int(low[1]), 0), plane.shape[0] - 1)
        return np.full(size[::-1], plane[y, x], np.float32)
    source: np.ndarray = np.ascontiguousarray(plane[region.y0 : region.y1, region.x0 : region.x1], dtype=np.float32)
    blur_x, blur_y = (_low_pass_px(scale) for scale in scales)
    if blur_x or blur_y:
        source = cv2.GaussianBlur(
            source, (0, 0), max(blur_x, 0.1), sigmaY=max(blur_y, 0.1), borderType=cv2.BORDER_REPLICATE
        )
    matrix = mapping.matrix
    matrix[:, 2] += matrix[:, :2] @ (origin[0] + 0.5, origin[1] + 0.5) - (0.5 + region.x0, 0.5 + region.y0)
    return np.asarray(
        cv2.warpAffine(
            source, matrix, size, flags=interpolation | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
    )


def extract_mapped(
    planes: Sequence[np.ndarray],
    layout: PixelLayout,
    box: Box,
    mapping: FrameMapping,
    *,
    interpolation: int = cv2.INTER_CUBIC,
) -> NDArray[np.float32]:
    """Resample a box of the original's frame (in its pixels) from the planes of a synced picture.

    Returns (h, w, 3) float32: Y, Cb, Cr in 8-bit code units, as `extract_patch`.
    """
    origin, size = (box.x0, box.y0), (box.width, box.height)
    unit = np.float32(1 / layout.code_scale)
    luma = warp(planes[0], mapping, origin, size, interpolation=interpolation) * unit
    if layout.planes == 1:
        neutral = np.full_like(luma, _NEUTRAL)
        return np.asarray(cv2.merge([luma, neutral, neutral]))
    across, down = 1 / (1 << layout.chroma_w_shift), 1 / (1 << layout.chroma_h_shift)
    coarse = replace(
        mapping,
        shift_x=mapping.shift_x + layout.chroma_w_phase,
        shift_y=mapping.shift_y + layout.chroma_h_phase,
    ).scaled((1, 1), (across, down))
    chroma = [warp(plane, coarse, origin, size, interpolation=interpolation) * unit for plane in planes[1:]]
    return np.asarray(cv2.merge([luma, *chroma]))


def _low_pass_px(scale: float) -> float:
    """Standard deviation of the blur that prevents aliasing in a reduction by ``scale``; 0 for an enlargement."""
    return 0.5 * float(np.sqrt(scale * scale - 1)) if scale > 1 else 0.0
