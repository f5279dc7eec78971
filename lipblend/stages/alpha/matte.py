"""The matte: the place of a patch, its mask and alpha, and where its seam lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, ChromaGrid
from lipblend.settings import AlphaSettings, MaskSettings
from lipblend.stages.alpha.feather import Alpha, Feather, alpha_profile, motion_alpha
from lipblend.stages.masks.mask import Distance, Grid, combine, grid_step_px
from lipblend.stages.masks.mask_fields import (
    Corners,
    FootprintLimit,
    limit_to_footprint,
    limit_to_frame,
    mask_shapes,
    mean_plane,
    sample_fields,
    sample_offsets,
)
from lipblend.stages.masks.part_outlines import Outlines

_MARGIN_PX = 2
_CORE_MARGIN_PX = 8

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Matte:
    """A patch's place and shape.

    Attributes
    ----------
    box : Box
        Region of interest in the picture, on the chroma grid.
    mask : (h, w) bool
        Pixels that may be replaced.
    alpha : (h, w) float32 in [0, 1]
        Share of the synced picture; exactly 0 outside the mask.
    feather_px : float
        Width over which alpha runs from 0 to 1, for a face at rest.
    reach : (h, w) float32 in [0, 1]
        Where the original's own pixels may be moved, also beyond the mask; 1 inside it.
    painted : (h, w) float32 in [0, 1]
        Where the generator painted, fading out towards the edge of that area.
    contour : (h, w) float32 in [0, 1]
        Alpha from the mask and the feather alone, without widening by motion or attraction to edges. It defines the
        seam.
    """

    box: Box
    mask: Mask
    alpha: Alpha
    feather_px: float
    reach: Alpha
    painted: Alpha
    contour: Alpha

    @property
    def touched(self) -> Mask:
        """(h, w) bool: pixels that may change."""
        return np.asarray(self.mask | (self.reach > 0))

    def core(self, grid: ChromaGrid) -> Box:
        """The part of the box that holds the mask, with a margin of a few pixels, on the chroma grid."""
        x, y, width, height = self._mask_bounds
        x, y = x + self.box.x0, y + self.box.y0
        margin = _CORE_MARGIN_PX
        return grid.grown(Box(x - margin, y - margin, x + width + margin, y + height + margin).clipped_to(self.box))

    @cached_property
    def _mask_bounds(self) -> Sequence[int]:
        return cv2.boundingRect(self.mask.view(np.uint8))

    def part(self, box: Box) -> Matte:
        """The part in a box inside this one; views."""
        place = box.within(self.box)
        names = ("mask", "alpha", "reach", "painted", "contour")
        return replace(self, box=box, **{name: getattr(self, name)[place] for name in names})


@dataclass(frozen=True)
class MatteInputs:
    """What the matte of one frame is made from.

    Attributes
    ----------
    original, synced : Landmarks
    frame_size : (width, height), pixels
    layout : PixelLayout
        The box is snapped to its chroma grid.
    ring_px : float
        Width of the ring that the blend needs between the mask's outline and the lips; 0 for none.
    reach_px : float
        How far beyond the mask the original's own pixels may be moved.
    covered : (4, 2) float32, optional
        Corners of the part of the picture that the synced frame covers, pixels; None for all of it.
    footprint : FootprintLimit, optional
        None if the generator's footprint is not known: no limit, and no roomy size.
    velocity : (x, y)
        Motion of the face, pixels per frame.
    neighbours : sequence of (original, synced)
        Meshes of other frames, moved onto this one: the signed distance to the mask's outline is the mean of all.
    parts : sequence of mapping of str to Polygons
        Of the original's face and of the synced one, regions by name that are not taken from the mesh.
    """

    original: Landmarks
    synced: Landmarks
    frame_size: tuple[int, int]
    layout: PixelLayout
    ring_px: float = 0.0
    reach_px: float = 0.0
    covered: Corners | None = None
    footprint: FootprintLimit | None = None
    velocity: tuple[float, float] = (0.0, 0.0)
    neighbours: Sequence[tuple[Landmarks, Landmarks]] = ()
    parts: Sequence[Outlines] = ()


def make_matte(inputs: MatteInputs, mask: MaskSettings, alpha: AlphaSettings) -> Matte | None:
    """The matte of one frame; None if the mask does not reach into the picture.

    All distances are computed on a coarse grid (see `grid_step_px`) and interpolated to pixels at the end.
    """
    width_px = inputs.original.face_width_px
    step_px = grid_step_px(width_px)
    feather = Feather.of(width_px, inputs.velocity, alpha)
    # The interpolation between the grid's places rounds corners.
    lips_px = max(feather.width_px + feather.extra_px, inputs.ring_px) + (_MARGIN_PX + step_px / 4)
    pairs = ((inputs.original, inputs.synced), *inputs.neighbours)
    shapes = mask_shapes(pairs, mask, with_room=inputs.footprint is not None, lips_px=lips_px, parts=inputs.parts)
    # As small as possible: every pixel costs time.
    bounds = shapes.bounds(
        growth_px=feather.extra_px + width_px * mask.dilation_frac, margin_px=_MARGIN_PX + inputs.reach_px
    )
    box = bounds.clipped(*inputs.frame_size).snapped(inputs.layout, *inputs.frame_size)
    if box.width < 2 or box.height < 2:
        return None
    grid = Grid(box, step_px)
    samples = [sample_fields(shapes, offset, grid, mask) for offset in sample_offsets(alpha.supersample)]
    fields = limit_to_footprint(
        samples, inputs.footprint, grid, lips_px=lips_px, feather_px=feather.width_px, reach_px=inputs.reach_px
    )
    fields = limit_to_frame(fields, inputs.covered, box, inputs.frame_size)
    area = reduce(np.logical_or, [distance > 0 for distance in fields.outlines])
    if not area.any():
        return None
    contour = mean_plane([alpha_profile(distance, feather.width_px, alpha) for distance in fields.outlines])
    soft = motion_alpha(contour, fields.outlines, feather, inputs.velocity, alpha)
    reach = _reach(fields.reach, area, inputs.reach_px, feather.width_px)
    return Matte(box, area, soft, feather.width_px, reach, fields.painted, contour)


def _reach(distance: Distance, area: Mask, reach_px: float, feather_px: float) -> Alpha:
    """1 inside the mask and, with a reach, 1 a feather inside the reach's border; (h, w) float32."""
    inside = area.astype(np.float32)
    if reach_px <= 0:
        return inside
    distance = distance / np.float32(feather_px)
    return combine([np.clip(distance, 0, 1, out=distance), inside], "union")
