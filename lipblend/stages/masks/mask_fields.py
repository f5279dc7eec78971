"""The signed distance fields of one frame's mask: shapes, lips, the limits of the footprint and of the synced frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.faces import landmarks as lm
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.settings import MaskSettings
from lipblend.stages.masks.mask import Distance, Grid, adjust_outline, combine, cover, grid_distances
from lipblend.stages.masks.shapes import Polygon, Polygons, shape_pieces

Plane = npt.NDArray[np.float32]
Offset = tuple[float, float]
Corners = npt.NDArray[np.float32]
"""Of a synced frame in the original's pixels, (4, 2), around it."""

_SHAPES_WITHOUT_MOUTH = frozenset({"upper_face", "region"})


@dataclass(frozen=True)
class FootprintLimit:
    """The outline of what the generator painted, (n, 2) float32 pixels, as a limit of the mask.

    ``margin_px`` is the clearance of the mask from it, ``room_margin_px`` that of the larger shape of
    `MaskSettings.roomy`: the mask grows to it only where there is that much room.
    """

    outline: Polygon
    margin_px: float = 0.0
    room_margin_px: float = 0.0


@dataclass(frozen=True)
class MaskShapes:
    """The polygons of one frame's mask.

    Attributes
    ----------
    sizes : list of list of list of list of Polygons
        Mask size (the plain one, then the roomy one), mesh pair, shape, and its pieces, whose union it is.
    lips : Polygons
        Both meshes' lips.
    covers_lips : bool
        The lips must be inside the mask.
    lips_px : float
        How far inside.
    face_width_px : float
        Of the original.
    """

    sizes: list[list[list[list[Polygons]]]]
    lips: Polygons
    covers_lips: bool
    lips_px: float
    face_width_px: float

    def bounds(self, *, growth_px: float, margin_px: float) -> Box:
        """Box about the shapes, grown by ``growth_px``, and the lips, with a common margin; not clipped."""
        pieces = [piece for pairs in self.sizes for shapes in pairs for shape in shapes for piece in shape]
        drawn = [points for piece in pieces for points, _ in piece]
        lips = [points for points, _ in self.lips]
        groups = [(np.concatenate(lips), margin_px + (self.lips_px if self.covers_lips else 0.0))]
        if drawn:
            groups.append((np.concatenate(drawn), margin_px + growth_px))
        low = np.min([points.min(0) - margin for points, margin in groups], axis=0)
        high = np.max([points.max(0) + margin for points, margin in groups], axis=0)
        return Box.around(low, high)


@dataclass(frozen=True)
class SampleFields:
    """Signed distances at one sub-pixel sample on the grid: to the mask's outline, per mask size, and to the lips'.

    ``lips`` is empty where the mask need not cover them.
    """

    outlines: list[Distance]
    lips: list[Distance]


@dataclass(frozen=True)
class MaskFields:
    """Signed distances in pixels of the picture, (h, w) float32.

    Attributes
    ----------
    outlines : list of (h, w) float32
        Distance to the mask's outline, one per sub-pixel sample.
    reach : (h, w) float32
        Distance to the border up to which the original's own pixels may be moved.
    painted : (h, w) float32 in [0, 1]
        0 outside the footprint's clearance, 1 a feather inside it; 1 everywhere without a footprint.
    """

    outlines: list[Distance]
    reach: Distance
    painted: Plane


def mask_shapes(
    pairs: Sequence[tuple[Landmarks, Landmarks]],
    settings: MaskSettings,
    *,
    with_room: bool,
    lips_px: float,
    parts: Sequence[Mapping[str, Polygons]] = (),
) -> MaskShapes:
    """The polygons of a mask; the first pair of meshes is the frame's own, the others are its neighbours'.

    The roomy size is included only ``with_room``: how much room there is must be known. ``parts`` are regions of the
    two faces as in `shape_pieces`.
    """
    sizes = [settings, *([settings.roomy] if with_room and settings.roomy is not None else [])]
    polygons = [
        [
            [shape_pieces(name, pair if size.both_jaws else pair[:1], size, parts) for name in size.shapes]
            for pair in pairs
        ]
        for size in sizes
    ]
    lips = [(face.points[np.asarray(lm.LIPS_OUTER)].astype(np.float32), True) for face in pairs[0]]
    covers_lips = settings.cover_lips and not _SHAPES_WITHOUT_MOUTH.issuperset(settings.shapes)
    return MaskShapes(polygons, lips, covers_lips, lips_px, pairs[0][0].face_width_px)


def sample_offsets(count: int) -> list[Offset]:
    """Offsets of the samples from the pixel's centre: the centres of ``count`` x ``count`` equal parts."""
    steps = [(step + 0.5) / count - 0.5 for step in range(count)]
    return [(x, y) for y in steps for x in steps]


def sample_fields(shapes: MaskShapes, offset: Offset, grid: Grid, settings: MaskSettings) -> SampleFields:
    """The distances of a mask at one sub-pixel sample: combined shapes, averaged over the pairs, around the lips."""
    lips = [shapes.lips] if shapes.covers_lips else []
    pieces = [piece for pairs in shapes.sizes for pair in pairs for shape in pair for piece in shape]
    polygons = [*pieces, *lips]
    fields = iter(grid_distances([_moved(each, offset) for each in polygons], grid))
    sizes = [
        [[combine([next(fields) for _ in shape], "union") for shape in pair] for pair in pairs]
        for pairs in shapes.sizes
    ]
    lips_fields = list(fields)
    outlines = []
    for pairs in sizes:
        outline = mean_plane([combine(pair, settings.combine) for pair in pairs])
        outline = _eroded(outline, settings, shapes.face_width_px, grid.step_px)
        outlines.append(_covering(outline, lips_fields, shapes.lips_px))
    return SampleFields(outlines, lips_fields)


def limit_to_footprint(
    samples: Sequence[SampleFields],
    footprint: FootprintLimit | None,
    grid: Grid,
    *,
    lips_px: float,
    feather_px: float,
    reach_px: float,
) -> MaskFields:
    """The mask limited to what the generator painted, and grown to the roomy size where there is room.

    The lips are inside in any case. Pixels may be moved beyond the footprint, up to ``reach_px`` outside the mask.
    """
    if footprint is None:
        outlines = reach = [sample.outlines[0] for sample in samples]
        painted = np.ones((grid.box.height, grid.box.width), np.float32)
    else:
        (edge,) = grid_distances([[(footprint.outline, True)]], grid)
        within = edge - np.float32(footprint.margin_px)
        for sample in samples:
            within = _covering(within, sample.lips, lips_px)
        room = [edge - np.float32(footprint.room_margin_px)] * (len(samples[0].outlines) - 1)
        outlines = [_limited(sample.outlines, [within, *room]) for sample in samples]
        reach = [_limited(sample.outlines, [sample.outlines[0], *room]) for sample in samples]
        painted = grid.full(within / np.float32(max(feather_px, 1)))
        painted = np.clip(painted, 0, 1, out=painted)
    return MaskFields(
        [grid.full(each) for each in outlines], grid.full(np.float32(reach_px) + mean_plane(reach)), painted
    )


def limit_to_frame(fields: MaskFields, covered: Corners | None, box: Box, frame_size: tuple[int, int]) -> MaskFields:
    """The mask limited to the part of the picture that the synced frame covers; unchanged for None (all of it)."""
    if covered is None:
        return fields
    border = border_distance(covered, box, frame_size)
    *outlines, reach = (combine([field, border], "minimum") for field in (*fields.outlines, fields.reach))
    return MaskFields(outlines, reach, fields.painted)


def mean_plane(planes: Sequence[Plane]) -> Plane:
    """Pixel-wise mean in float32; the plane itself if there is only one."""
    return planes[0] if len(planes) == 1 else np.asarray(np.mean(planes, axis=0, dtype=np.float32), np.float32)


def _moved(polygons: Polygons, offset: Offset) -> Polygons:
    """Polygons as seen from a sample beside the pixels' centres."""
    if offset == (0.0, 0.0):
        return polygons
    return [(points - np.asarray(offset, np.float32), add) for points, add in polygons]


def _eroded(outline: Distance, settings: MaskSettings, face_width_px: float, step_px: int) -> Distance:
    if not settings.erode:
        return outline
    return adjust_outline(
        outline,
        erosion_px=settings.erosion_frac * face_width_px,
        dilation_px=settings.dilation_frac * face_width_px,
        blur_px=settings.blur_frac * face_width_px / step_px,
    )


def _covering(outline: Distance, lips: Sequence[Distance], lips_px: float) -> Distance:
    for each in lips:
        outline = cover(outline, each, lips_px)
    return outline


def _limited(outlines: Sequence[Distance], limits: Sequence[Distance]) -> Distance:
    """The union of the outlines, each cut off at its own limit."""
    return combine([combine(each, "minimum") for each in zip(outlines, limits, strict=True)], "union")


def border_distance(covered: Corners, box: Box, frame_size: tuple[int, int]) -> Distance:
    """Distance of the pixels of a box to the nearest border of the synced frame, positive inside; (h, w) float32.

    The picture's own border does not count: neither one less than a pixel inside it, nor one beyond it.
    """
    x = np.arange(box.x0, box.x1, dtype=np.float32) + np.float32(0.5)
    y = np.arange(box.y0, box.y1, dtype=np.float32) + np.float32(0.5)
    out = np.full((box.height, box.width), max(frame_size), np.float32)
    middle, last = covered.mean(0), np.array(frame_size) - 1
    for start, stop in zip(covered, np.roll(covered, -1, axis=0), strict=True):
        both = np.stack([start, stop])
        if (both <= 1).all(0).any() or (both >= last).all(0).any():
            continue
        across, down = stop - start
        normal = np.array([-down, across]) / max(float(np.hypot(across, down)), 1e-9)
        normal = normal if normal @ (middle - start) > 0 else -normal
        inwards = [np.float32(part) * (places - at) for part, places, at in zip(normal, (x, y), start, strict=True)]
        np.minimum(out, inwards[0][None, :] + inwards[1][:, None], out=out)
    return out
