"""The synced mouth in the person's own colours: lips, the seam between them, and what shows inside."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box, Patch, channels, joined
from lipblend.stages.colour.lip_samples import DEPTHS, LIP_SAMPLES, between, mouth_points
from lipblend.stages.colour.mouth_fit import MouthColours
from lipblend.stages.detail.scale import downsampling_step, upsample

Plane = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]

_SPREAD_FRAC = 0.01  # face widths: reach of a sample
_EDGE_FRAC = 0.01  # softness of the lips' edge
_MARGIN_FRAC = 0.05
_CELLS_PER_SPREAD = 2.5
_INNER_WEIGHT = 0.5  # of a sample between the lips
_SUBPIXEL_BITS = 4
_EDGE_GAIN = 4.0  # how much wider the open mouth counts than it is drawn
_LEAST = 1e-6  # weight of samples far away


def with_own_mouth(patch: Patch, mesh: Landmarks, found: MouthColours) -> Patch:
    """A synced patch with the colours of its mouth brought to the person's own.

    Parameters
    ----------
    patch : Patch
        With its colours matched.
    mesh : Landmarks
        The synced face, pixels.
    found : MouthColours

    Returns
    -------
    Patch
        The same object without a mouth in the patch; nothing changes outside a soft outline of the lips.
    """
    box = patch.grid.grown(_mouth_box(mesh))
    if found.strength == 0 or box.width <= 0 or box.height <= 0:
        return patch
    part = patch.part(box)
    width_px = mesh.face_width_px
    mouth, inner = (_filled(between(mesh, depth), box, width_px) for depth in (DEPTHS[0], 1.0))
    weight = np.float32(found.strength) * mouth
    gain, cb, cr = channels(_spread(mesh, found, box, width_px))
    luma = part.luma + weight * gain * (part.luma - np.float32(found.black))
    grid = part.grid
    share = grid.averaged(weight)
    shift = joined(share * grid.averaged(cb), share * grid.averaged(cr))
    chroma = _limited(part.chroma + shift, grid.averaged(luma), grid.averaged(inner), share, found)
    out = Patch(patch.luma.copy(), patch.chroma.copy(), patch.grid)
    out.part(box).add_in_place(Patch(luma, chroma, grid) - part)
    return out


def _limited(chroma: Plane, luma: Plane, inner: Plane, share: Plane, found: MouthColours) -> Plane:
    """Chroma with what is beyond this person's colours at that luma brought back to their edge.

    On the lips those of the lips, inside and along the inner edge those of both.
    """
    reaches = np.minimum(1, _EDGE_GAIN * inner)
    planes = []
    for channel, plane in enumerate(channels(chroma)):
        low, high = (
            [
                np.interp(luma, knots, middle[:, channel] + sign * limit[:, channel])
                for knots, middle, limit in zip(found.knots, found.chroma, found.limit, strict=True)
            ]
            for sign in (-1, 1)
        )
        least = low[0] + reaches * (np.minimum(*low) - low[0])
        most = high[0] + reaches * (np.maximum(*high) - high[0])
        planes.append((plane + share * (np.clip(plane, least, most) - plane)).astype(np.float32))
    return joined(*planes)


def _mouth_box(mesh: Landmarks) -> Box:
    outline, margin = between(mesh, DEPTHS[0]), _MARGIN_FRAC * mesh.face_width_px
    return Box.around(outline.min(0) - margin, outline.max(0) + margin)


def _filled(outline: Points, box: Box, width_px: float) -> Plane:
    """(h, w) float32: 1 inside an outline, with a soft edge that ends within the mouth's box."""
    out = np.zeros((box.height, box.width), np.float32)
    codes = np.rint((outline - (box.x0 + 0.5, box.y0 + 0.5)) * (1 << _SUBPIXEL_BITS))
    cv2.fillPoly(out, [codes.astype(np.int32)], (1.0,), cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    sigma = max(0.5, _EDGE_FRAC * width_px)
    side = 2 * max(1, int(min(3 * sigma, _MARGIN_FRAC * width_px))) + 1
    return np.asarray(cv2.GaussianBlur(out, (side, side), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def _spread(mesh: Landmarks, found: MouthColours, box: Box, width_px: float) -> Plane:
    """Gain minus 1 and the shifts of chroma in the pixels of a box, (h, w, 3) float32, from the samples around."""
    step = downsampling_step(_SPREAD_FRAC * width_px / _CELLS_PER_SPREAD)
    shape = -(-box.height // step), -(-box.width // step)
    values = np.column_stack([found.gain - 1, found.shift, np.ones(len(found.gain))])
    values[LIP_SAMPLES:] *= _INNER_WEIGHT
    column, row = np.floor((mouth_points(mesh) - (box.x0, box.y0)) / step).astype(int).T
    inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    cells = np.zeros((*shape, 4), np.float32)
    np.add.at(cells, (row[inside], column[inside]), values[inside])
    soft = cv2.GaussianBlur(cells, (0, 0), _SPREAD_FRAC * width_px / step, borderType=cv2.BORDER_CONSTANT)
    smooth = np.asarray(soft[..., :3] / np.maximum(soft[..., 3:], _LEAST), np.float32)
    return np.asarray(upsample(np.ascontiguousarray(smooth), (box.height, box.width), step), np.float32)
