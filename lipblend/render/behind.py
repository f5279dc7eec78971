"""What lies in front of a face stays there: its matte, the original without it, and the change behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_OUTER, LOWER_JAW
from lipblend.picture.formats import RANGE_FULL, ColourTags
from lipblend.picture.light import in_sdr
from lipblend.picture.patch import Box, Patch
from lipblend.plan.frame_plan import FacePlan
from lipblend.settings import OcclusionSettings
from lipblend.stages.detail.scale import gaussian
from lipblend.stages.masks.shapes import convex_hull
from lipblend.stages.occlusion.face_look import CELL_FRAC
from lipblend.stages.occlusion.front_matte import (
    CELLS_BAND,
    HAND_BAND,
    cells_in_box,
    front_matte,
    surroundings,
    uncovered,
    without_alike,
)
from lipblend.stages.occlusion.hand_shape import hand_mask
from lipblend.stages.occlusion.own_colours import without_face_colours
from lipblend.stages.occlusion.strands import luma_codes, strands_matte, without_strands

Plane = npt.NDArray[np.float32]

_FOREARM = 0.0  # it need not continue the palm
_MOUTH_FRAC = 0.05  # beyond the lips, where the pictures differ because they speak
_JAW_FRAC = 0.06  # to both sides of its outline
_MOUTH_SOFT_FRAC = 0.015


@dataclass(frozen=True)
class InFront:
    """What lies in front of a face in a box.

    Attributes
    ----------
    kept : (h, w) float32 in [0, 1] or None
        What the user says so of.
    solid : (h, w) float32 in [0, 1] or None
        Share of hands, cups and the like.
    strands : (h, w) float32 in [0, 1] or None
        Share of thin lines.
    showing : float
        How much of the rest shows the new mouth (`lipblend.plan.frame_plan.FacePlan.showing`).
    """

    kept: Plane | None
    solid: Plane | None
    strands: Plane | None
    showing: float = 1.0

    @property
    def share(self) -> Plane:
        """Of all."""
        planes = [plane for plane in (self.kept, self.solid, self.strands) if plane is not None]
        return reduce(np.maximum, planes)

    @property
    def original(self) -> Plane:
        """Share of the original in the result: of what lies in front, and of what fades because little else shows."""
        return 1 - np.float32(self.showing) * (1 - self.share)


def in_front(
    original: Patch,
    synced: Patch,
    face: FacePlan,
    kept: Plane | None,
    settings: OcclusionSettings,
    *,
    tags: ColourTags,
) -> InFront | None:
    """What lies in front of a face in a box; None if nothing does.

    ``kept``, (h, w) float32 in [0, 1], is what the user says so of, ``tags`` are the original's, by which both
    pictures are read.
    """
    if not face.ways and not face.hands and not face.strands and kept is None:
        return None
    box, width_px = original.grid.box, face.original.face_width_px
    mouth = _mouth(face, box)
    jaw = _jaw(face, box)
    speaking = np.maximum(mouth, gaussian(jaw.astype(np.float32), max(0.5, _MOUTH_SOFT_FRAC * width_px)))
    full = tags.range == RANGE_FULL
    pictures = tuple(in_sdr(each.whole(), tags.transfer, full=full) for each in (original, synced))
    solid = strands = None
    if face.strands:
        first, second = (luma_codes(picture[..., 0]) for picture in pictures)
        near = (mouth > 0.5).astype(np.uint8) | jaw
        strands = strands_matte(first, second, near, face.original.mouth_angle_rad, width_px)
        pictures = without_strands(pictures[0], strands, width_px), without_strands(pictures[1], strands, width_px)
    cell_px = CELL_FRAC * width_px
    for coarse, band, weight in _coarse(face, box, settings):
        found, cut = np.zeros_like(coarse), surroundings(coarse > 0.5, cell_px)
        if cut is not None:
            parts = (pictures[0][cut], pictures[1][cut], mouth[cut], speaking[cut], cell_px, band)
            alike = strands is not None and band is CELLS_BAND
            found[cut] = np.float32(weight) * _refined(coarse[cut], *parts, alike=alike)
        solid = found if solid is None else np.maximum(solid, found)
    if kept is None and solid is None and strands is None:
        return None
    return InFront(kept, solid, strands, face.showing)


def _refined(
    coarse: Plane,
    original: Plane,
    synced: Plane,
    mouth: Plane,
    speaking: Plane,
    cell_px: float,
    band: tuple[float, float],
    *,
    alike: bool,
) -> Plane:
    """What lies in front, to the pictures' edges; without pieces in which they are alike, if ``alike`` says so."""
    if alike:
        coarse = without_alike(coarse, original, synced, mouth, cell_px)
    found = front_matte(coarse, original, synced, mouth, cell_px, band)
    return without_face_colours(found, original, synced, mouth, speaking, cell_px)


def _coarse(
    face: FacePlan, box: Box, settings: OcclusionSettings
) -> Iterator[tuple[Plane, tuple[float, float], float]]:
    """Where something solid lies in front, how far its border may be off, in cells, and how much of it stays."""
    by_weight: dict[float, list[npt.NDArray[np.uint8]]] = {}
    for way, cells in face.ways:
        by_weight.setdefault(settings.model_weight if way == "model" else 1.0, []).append(cells)
    for weight, planes in by_weight.items():
        together = np.asarray(np.maximum.reduce(planes) / np.float32(255), np.float32)
        yield cells_in_box(together, box, face.original), CELLS_BAND, weight
    for points in face.hands:
        yield hand_mask(points, box, forearm=_FOREARM), HAND_BAND, settings.hands_weight


def without(original: Patch, synced: Patch, front: InFront, face: FacePlan) -> tuple[Patch, Patch]:
    """Both pictures as they would be without what lies in front.

    What the user's matte hides is left: its grey is a linear mixture of original and result, and nothing is read there.
    """
    width_px = face.original.face_width_px
    first, second = original.whole(), synced.whole()
    if front.strands is not None:
        first, second = (without_strands(picture, front.strands, width_px) for picture in (first, second))
    if front.solid is not None:
        first = uncovered(first, second, front.solid, CELL_FRAC * width_px)
    return Patch.of(first, original.grid), Patch.of(second, original.grid)


def _jaw(face: FacePlan, box: Box) -> npt.NDArray[np.uint8]:
    """1 along the jaws' outlines, where a line may be the jaw's."""
    jaw = np.zeros((box.height, box.width), np.uint8)
    for mesh in (face.original, face.synced):
        line = mesh.points[list(LOWER_JAW)] - (box.x0 + 0.5, box.y0 + 0.5)
        thickness = max(1, round(2 * _JAW_FRAC * face.original.face_width_px))
        cv2.polylines(jaw, [np.rint(line * 16).astype(np.int32)], False, (1,), thickness, shift=4)
    return jaw


def _mouth(face: FacePlan, box: Box) -> Plane:
    width_px = face.original.face_width_px
    mouth = np.zeros((box.height, box.width), np.float32)
    for mesh in (face.original, face.synced):
        hull = convex_hull(mesh.points[list(LIPS_OUTER)]) - (box.x0 + 0.5, box.y0 + 0.5)
        codes = [np.rint(hull * 16).astype(np.int32)]
        cv2.fillPoly(mouth, codes, (1.0,), shift=4)
        cv2.polylines(mouth, codes, True, (1.0,), max(1, round(2 * _MOUTH_FRAC * width_px)), shift=4)
    return gaussian(mouth, max(0.5, _MOUTH_SOFT_FRAC * width_px))
