"""The matte: where the patch goes, how much of it shows, and where its seam lies."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces import landmarks as lm
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, ChromaGrid
from lipblend.settings import AlphaSettings, MaskSettings
from lipblend.stages.alpha.feather import Alpha, distance_alpha, feather_width_px, gaussian_alpha
from lipblend.stages.alpha.motion_feather import directional_feather, widening_px
from lipblend.stages.masks.mask import Distance, Grid, Polygons, combine, cover, grid_distances, grid_step_px, tidy
from lipblend.stages.masks.shapes import Polygon, shape_polygons

_MARGIN_PX = 2
_CORE_PX = 8
_MOUTHLESS = frozenset({"upper_face", "region"})  # shapes that need not hold the mouth

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Matte:
    """A patch's place and shape.

    Attributes
    ----------
    box : Box
        Region of interest in the picture, on the chroma grid.
    mask : (h, w) bool
        What may be replaced at all.
    alpha : (h, w) float32 in [0, 1]
        Share of the synced picture; exactly 0 outside the mask.
    feather_px : float
        Width over which alpha runs from 0 to 1; of a face at rest.
    reach : (h, w) float32 in [0, 1]
        Where the original's own pixels may be moved along, also beyond the mask; 1 inside it.
    painted : (h, w) float32 in [0, 1]
        Where the generator painted, and well away from the edge of that.
    contour : (h, w) float32 in [0, 1]
        Alpha from the mask and the feather alone, neither widened by motion nor drawn to edges: says where the seam is
        looked for.
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
        """(h, w) bool: what may be changed at all."""
        return np.asarray(self.mask | (self.reach > 0))

    def core(self, grid: ChromaGrid) -> Box:
        """The part of the box that holds the mask, with a few pixels about it, on the chroma grid."""
        x, y, width, height = self._held
        x, y = x + self.box.x0, y + self.box.y0
        return grid.grown(
            Box(x - _CORE_PX, y - _CORE_PX, x + width + _CORE_PX, y + height + _CORE_PX).clipped_to(self.box)
        )

    @cached_property
    def _held(self) -> Sequence[int]:
        return cv2.boundingRect(self.mask.view(np.uint8))

    def part(self, box: Box) -> Matte:
        """What lies in a box inside of this one; views."""
        rows = slice(box.y0 - self.box.y0, box.y1 - self.box.y0)
        columns = slice(box.x0 - self.box.x0, box.x1 - self.box.x0)
        names = ("mask", "alpha", "reach", "painted", "contour")
        return replace(self, box=box, **{name: getattr(self, name)[rows, columns] for name in names})


def make_matte(
    original: Landmarks,
    synced: Landmarks,
    *,
    frame_size: tuple[int, int],
    layout: PixelLayout,
    mask: MaskSettings,
    alpha: AlphaSettings,
    seam_px: float,
    reach_px: float = 0.0,
    covered: tuple[float, float, float, float] | None = None,
    footprint: Polygon | None = None,
    footprint_margin_px: float = 0.0,
    room_margin_px: float = 0.0,
    velocity: tuple[float, float] = (0.0, 0.0),
    neighbours: Sequence[tuple[Landmarks, Landmarks]] = (),
) -> Matte | None:
    """Mask and alpha of one frame from its two meshes; None if the mask does not reach into the picture.

    Parameters
    ----------
    original, synced : Landmarks
    frame_size : (width, height), pixels
    layout : PixelLayout
        The box is snapped to its chroma grid.
    mask : MaskSettings
    alpha : AlphaSettings
    seam_px : float
        The lips are kept at least so far inside the outline, and at least the feather: for blends with a ring of
        their own.
    reach_px : float
        How far beyond the mask the original's own pixels may be moved along.
    covered : (left, top, right, bottom), optional
        The part of the picture that the synced frame shows, where that is not all of it; pixels.
    footprint : (n, 2) float32, optional
        Outline of what the generator painted, pixels; None for all.
    footprint_margin_px : float
        How far the mask keeps away from it.
    room_margin_px : float
        How far the larger shape of `MaskSettings.roomy` does: the mask takes it up only where there is that room, and
        nowhere if there is no footprint.
    velocity : (x, y)
        Motion of the face, pixels a frame.
    neighbours : sequence of (original, synced)
        Meshes of other frames, moved onto this one: the signed distance to the mask's outline is the mean of all.
    """
    width_px = original.face_width_px
    feather = feather_width_px(
        width_px, ratio=alpha.feather_ratio, floor_px=alpha.feather_floor_px, cap_px=alpha.feather_cap_px
    )
    extra = widening_px(
        velocity,
        face_width_px=width_px,
        feather_px=feather,
        threshold_frac=alpha.motion_threshold_frac,
        gain=alpha.motion_gain,
        largest=alpha.motion_max,
    )
    pairs = ((original, synced), *neighbours)
    roomy = None if footprint is None else mask.roomy  # how much room there is, is not known without
    sizes = [
        [[mask_polygons(name, pair if size.both_jaws else pair[:1], size) for name in size.shapes] for pair in pairs]
        for size in ((mask,) if roomy is None else (mask, roomy))
    ]
    lips: list[tuple[Polygon, bool]] = [
        (face.points[np.asarray(lm.LIPS_OUTER)].astype(np.float32), True) for face in (original, synced)
    ]
    covers = mask.cover_lips and not _MOUTHLESS.issuperset(mask.shapes)
    # What may be touched, and little more: every pixel costs.
    step = grid_step_px(width_px)
    spare = _MARGIN_PX + step / 4  # between the grid's places corners are rounded
    lips_margin = max(feather + extra, seam_px) + spare
    drawn = [points for moments in sizes for shape in itertools.chain(*moments) for points, _ in shape]
    around = (
        (drawn, extra + width_px * mask.dilation_frac),
        ([points for points, _ in lips], lips_margin if covers else 0.0),
    )
    wide = _bounds(around, _MARGIN_PX + reach_px)
    box = wide.clipped(*frame_size).snapped(layout, *frame_size)
    if box.width < 2 or box.height < 2:
        return None
    inside = None if covered is None else _inside(covered, box, frame_size)
    # All is put together on the coarse grid; only what comes out of it is brought to full size.
    grid = Grid(box, step)
    places = _places(alpha.supersample)
    wanted: list[Polygons] = []
    for place in places:
        wanted += [_displaced(shape, place) for moments in sizes for shapes in moments for shape in shapes]
        wanted += [_displaced(lips, place)] if covers else []
    if footprint is not None:
        wanted.append([(footprint, True)])
    found = iter(grid_distances(wanted, grid))
    outlines, cores = [], []
    for _ in places:
        shown = [[[next(found) for _ in shapes] for shapes in moments] for moments in sizes]
        cores.append(next(found) if covers else None)
        outlines.append(
            [_outline(each, cores[-1], grid, mask=mask, width_px=width_px, margin_px=lips_margin) for each in shown]
        )
    if footprint is None:
        painted = np.ones((box.height, box.width), np.float32)
        coarse = reached = [only for (only,) in outlines]
    else:
        edge = next(found)
        within = edge - np.float32(footprint_margin_px)
        for core in cores:
            if core is not None:  # the lips are taken over wherever they are; no edge is kept away from within them
                within = cover(within, core, lips_margin)
        room = [edge - np.float32(room_margin_px)] * (len(sizes) - 1)
        coarse = [_limited(each, [within, *room]) for each in outlines]
        reached = [_limited(each, [each[0], *room]) for each in outlines]  # pixels are moved along beyond the edge too
        painted = grid.full(within / np.float32(max(feather, 1)))
        painted = np.clip(painted, 0, 1, out=painted)
    beyond = grid.full(np.float32(reach_px) + _mean(reached))
    fields = [grid.full(field) for field in coarse]
    if inside is not None:
        *fields, beyond = (combine([field, inside], "minimum") for field in (*fields, beyond))
    area = fields[0] > 0 if len(fields) == 1 else np.logical_or.reduce([field > 0 for field in fields])
    if not area.any():
        return None
    contour = _mean([_profile(field, feather, alpha) for field in fields])
    soft = contour
    if extra > 0:
        widths = directional_feather(_mean(fields), feather_px=feather, extra_px=extra, velocity=velocity)
        soft = _mean([_profile(field, widths, alpha) for field in fields])
    if reach_px > 0:
        beyond /= np.float32(feather)
        reach = np.clip(beyond, 0, 1, out=beyond)
    else:
        reach = np.zeros_like(beyond)
    return Matte(box, area, soft, feather, combine([reach, area.astype(np.float32)], "union"), painted, contour)


def _outline(
    moments: Sequence[Sequence[Distance]],
    core: Distance | None,
    grid: Grid,
    *,
    mask: MaskSettings,
    width_px: float,
    margin_px: float,
) -> Distance:
    """Signed distance to a mask's outline on a grid, the mean over several moments; ``core``, the lips, is inside."""
    distance = _mean([combine(shapes, mask.combine) for shapes in moments])
    if mask.erode:
        distance = tidy(
            distance,
            erosion_px=mask.erosion_frac * width_px,
            dilation_px=mask.dilation_frac * width_px,
            blur_px=mask.blur_frac * width_px / grid.step_px,
        )
    return distance if core is None else cover(distance, core, margin_px)


def _limited(outlines: Sequence[Distance], limits: Sequence[Distance]) -> Distance:
    """The union of some outlines, each cut off at a limit of its own."""
    return combine([combine(each, "minimum") for each in zip(outlines, limits, strict=True)], "union")


def _profile(distance: Distance, feather_px: float | Alpha, alpha: AlphaSettings) -> Alpha:
    if alpha.profile == "distance":
        return distance_alpha(distance, feather_px=feather_px, gamma=alpha.gamma)
    return gaussian_alpha(distance, feather_px=feather_px)


def _places(count: int) -> list[tuple[float, float]]:
    """Where samples lie in a pixel, off its middle: the centres of ``count`` x ``count`` equal parts."""
    steps = [(step + 0.5) / count - 0.5 for step in range(count)]
    return [(x, y) for y in steps for x in steps]


def _displaced(polygons: Polygons, place: tuple[float, float]) -> Polygons:
    """Polygons as they are seen from a place beside the pixels' centres."""
    if place == (0.0, 0.0):
        return polygons
    return [(points - np.asarray(place, np.float32), add) for points, add in polygons]


def _mean(planes: Sequence[Alpha]) -> Alpha:
    """Pixel by pixel; the plane itself where there is one only."""
    return planes[0] if len(planes) == 1 else np.asarray(np.mean(planes, axis=0, dtype=np.float32), np.float32)


def mask_polygons(name: str, faces: Sequence[Landmarks], mask: MaskSettings) -> list[tuple[Polygon, bool]]:
    """One mask shape of one or two faces as the settings want it; see `shape_polygons`."""
    return shape_polygons(
        name,
        faces,
        regions=mask.regions,
        expansion=mask.expansion,
        padding=(mask.pad_left_frac, mask.pad_right_frac, mask.pad_top_frac, mask.pad_bottom_frac),
        upper_boundary_frac=mask.upper_boundary_frac,
        rotation=mask.rotation,
        mouth_adaptation=mask.mouth_adaptation,
        adaptation_base=mask.adaptation_base,
        adaptation_gain=mask.adaptation_gain,
        superellipse_exponent=mask.superellipse_exponent,
    )


def _inside(covered: tuple[float, float, float, float], box: Box, frame_size: tuple[int, int]) -> Alpha:
    """Distance to the nearest border of what the synced frame shows; the picture's own border is none."""
    left, top, right, bottom = covered
    x = np.arange(box.x0, box.x1, dtype=np.float32) + np.float32(0.5)
    y = np.arange(box.y0, box.y1, dtype=np.float32) + np.float32(0.5)
    far = np.float32(max(frame_size))
    # A border that is missed by less than a pixel is the picture's own.
    across = np.minimum(x - left if left > 1 else far, right - x if right < frame_size[0] - 1 else far)
    down = np.minimum(y - top if top > 1 else far, bottom - y if bottom < frame_size[1] - 1 else far)
    return np.asarray(
        np.minimum(np.broadcast_to(across, x.shape)[None, :], np.broadcast_to(down, y.shape)[:, None]), np.float32
    )


def _bounds(groups: Sequence[tuple[Sequence[npt.NDArray[np.float32]], float]], margin_px: float) -> Box:
    """Box about groups of polygons, each with a margin of its own besides the common one."""
    points = [(np.concatenate(polygons), margin_px + own) for polygons, own in groups if len(polygons)]
    low = np.floor(np.min([place.min(0) - margin for place, margin in points], axis=0)).astype(int)
    high = np.ceil(np.max([place.max(0) + margin for place, margin in points], axis=0)).astype(int)
    return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
