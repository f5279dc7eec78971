"""Dense flow between two pictures, and pictures resampled by a flow or a shift.

Optical flow: Kroeger, Timofte, Dai, Van Gool 2016, "Fast Optical Flow using Dense Inverse Search",
https://doi.org/10.1007/978-3-319-46493-0_29 (OpenCV's). Resampling continues a picture with its border pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Patch, channels, joined

Patch3 = npt.NDArray[np.float32]
Plane = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_COARSE_STRIDE_PX = 4  # at full resolution the preset's 3 gains nothing
_REFINEMENTS = 3  # the preset's 5 gain nothing here
_MIN_SIDE_PX = 16  # DIS refuses smaller pictures, or crashes
_MARGIN_PX = 8  # a patch of DIS


@dataclass(frozen=True)
class Flow:
    """Where each pixel is found: offsets to the right and down, exactly 0 where nothing moved.

    Attributes
    ----------
    right, down : (h, w) float32
        Luma pixels.
    chroma_right, chroma_down : (hc, wc) float32
        The same at the chroma samples, in samples.
    """

    right: Plane
    down: Plane
    chroma_right: Plane
    chroma_down: Plane

    @property
    def still(self) -> Mask:
        """(h, w) bool: where nothing moved."""
        return np.asarray((self.right == 0) & (self.down == 0))


def dense_flow(fixed: Plane, moving: Plane, where: Mask, *, finest_scale: int = 1) -> Vectors:
    """Where ``moving`` shows what ``fixed`` does: (h, w, 2) float32, pixels right and down. Both are luma in levels.

    It is computed in the box around ``where``, and 0 elsewhere; at half the resolution and interpolated with a
    ``finest_scale`` of 1, at full resolution with 0.
    """
    height, width = where.shape
    x, y, box_width, box_height = cv2.boundingRect(where.view(np.uint8))
    flow = np.zeros((height, width, 2), np.float32)
    if box_width and box_height:
        rows = slice(max(0, y - _MARGIN_PX), min(height, y + box_height + _MARGIN_PX))
        columns = slice(max(0, x - _MARGIN_PX), min(width, x + box_width + _MARGIN_PX))
        flow[rows, columns] = _flow(fixed[rows, columns], moving[rows, columns], finest_scale)
    return flow


def _flow(fixed: Plane, moving: Plane, finest_scale: int) -> Vectors:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(finest_scale)
    if finest_scale == 0:
        search.setPatchStride(_COARSE_STRIDE_PX)
    search.setVariationalRefinementIterations(_REFINEMENTS)
    # Propagation runs in one stripe per thread: the result would depend on the machine.
    search.setUseSpatialPropagation(False)
    a, b = (cv2.addWeighted(plane, 1, plane, 0, 0, dtype=cv2.CV_8U) for plane in (fixed, moving))  # rounds
    height, width = a.shape
    below, right = max(0, _MIN_SIDE_PX - height), max(0, _MIN_SIDE_PX - width)
    if below or right:  # a face at the edge of the picture
        a, b = (cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE) for plane in (a, b))
    flow = search.calc(a, b, None)  # type: ignore[call-overload]  # None, to start from nothing, is not in the stubs
    return np.asarray(flow[:height, :width], np.float32)


def warped(patch: Patch3 | Plane, flow: Vectors) -> Patch3:
    """The picture sampled at ``(x + flow_x, y + flow_y)``, cubic."""
    right, down = channels(flow)
    return moved_by(patch, right, down)


def moved_by(patch: Patch3 | Plane, right: Plane, down: Plane, interpolation: int = cv2.INTER_CUBIC) -> Patch3:
    """`warped` by a flow in two planes."""
    method = interpolation | cv2.WARP_RELATIVE_MAP
    return np.asarray(cv2.remap(patch, right, down, method, borderMode=cv2.BORDER_REPLICATE), np.float32)


def warped_patch(patch: Patch, flow: Flow) -> Patch:
    """A patch warped by a flow: luma cubic, chroma linear. Cubic chroma takes three times as long and gains nothing."""
    chroma = moved_by(patch.chroma, flow.chroma_right, flow.chroma_down, cv2.INTER_LINEAR)
    return Patch(moved_by(patch.luma, flow.right, flow.down), chroma, patch.grid)


def patch_along(patch: Patch, flow: Vectors) -> Patch:
    """A patch sampled along a flow that is known at luma pixels only, all planes cubic."""
    chroma_flow = [
        np.asarray(patch.grid.averaged(way) / np.float32(step), np.float32)
        for way, step in zip(channels(flow), patch.grid.subsampling, strict=True)
    ]
    return Patch(warped(patch.luma, flow), warped(patch.chroma, joined(*chroma_flow)), patch.grid)


def shifted(patch: Patch3 | Plane, shift: npt.NDArray[np.float64]) -> Patch3:
    """The picture sampled ``shift`` pixels further right and down, cubic."""
    right, down = (_shift_kernel(float(length)) for length in shift)
    return np.asarray(
        cv2.sepFilter2D(patch, cv2.CV_32F, right, down, borderType=cv2.BORDER_REPLICATE), np.float32
    ).reshape(patch.shape)


def shifted_patch(patch: Patch, shift: npt.NDArray[np.float64]) -> Patch:
    """`shifted` for a whole patch."""
    return Patch(shifted(patch.luma, shift), shifted(patch.chroma, shift / patch.grid.subsampling), patch.grid)


@lru_cache(maxsize=8)  # all planes of a picture are shifted alike
def _shift_kernel(shift: float) -> npt.NDArray[np.float32]:
    """Weights that sample a row ``shift`` further on: cubic convolution (a = -0.75) as OpenCV's."""
    whole = int(np.floor(shift))
    t, a = shift - whole, -0.75
    near = [((a + 2) * x - (a + 3)) * x * x + 1 for x in (t, 1 - t)]
    far = [((a * x - 5 * a) * x + 8 * a) * x - 4 * a for x in (1 + t, 2 - t)]
    reach = max(abs(whole - 1), abs(whole + 2))
    kernel = np.zeros(2 * reach + 1, np.float32)
    kernel[reach + whole - 1 : reach + whole + 3] = (far[0], *near, far[1])
    return kernel
