"""Two pictures at a fraction of the original's size, the synced face brought back to its place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis import agreement
from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.picture.formats import RANGE_FULL
from lipblend.picture.frame_mapping import FrameMapping, synced_cut, synced_patch, synced_reduced
from lipblend.picture.light import sdr_difference
from lipblend.picture.patch import Box, ChromaGrid
from lipblend.picture.picture import Picture
from lipblend.picture.planes import extract_patch, extract_reduced
from lipblend.picture.similarity import NOWHERE, Similarity
from lipblend.picture.ycbcr import convert_colour
from lipblend.stages.detail.speckle import despeckled, is_speckled, speckle_tile
from lipblend.stages.masks.footprint import Sample, footprint_box, footprint_sample
from lipblend.stages.registration.bend import Bend, Lattice, bend_box, bend_flow, find_bend
from lipblend.stages.registration.flow import moved_by
from lipblend.stages.registration.placement import Placement, find_placement

Patch3 = npt.NDArray[np.float32]
Plane = npt.NDArray[np.float32]
Patches = tuple[Patch3, Patch3, Box]

_MIN_PX = 4
_MAX_WORK_PX = 70.0  # face width that is measured: casts are smooth, and finer detail is noise to them


def work_step(face_width_px: float) -> int:
    """Side of the block of pixels that is measured as one: 1, or even, so that it holds whole chroma samples."""
    return max(1, 2 * int(face_width_px / (2 * _MAX_WORK_PX)))


@dataclass(frozen=True)
class ReducedPair:
    """Two pictures at one ``step``-th of the original's size, each pixel the mean of a block."""

    original: Picture
    synced: Picture
    mapping: FrameMapping
    step: int
    speckled: bool = False
    distorted: tuple[Lattice, Landmarks] | None = None
    at_hand: Patches | None = None

    def reduced(self, mesh: Landmarks) -> Landmarks:
        """A mesh of the original at this size."""
        return Landmarks(mesh.points / np.float32(self.step))

    def placed(self, moved: Similarity) -> ReducedPair:
        """The pair with the synced face brought back from where it lies."""
        return self if moved == NOWHERE else self._changed(mapping=self.mapping.after(moved))

    def unbent(self, bend: Bend, face: Landmarks) -> ReducedPair:
        """The pair with the distortion of the placed picture around a face taken out."""
        return self._changed(distorted=(bend.lattice, self.reduced(face)))

    def read(self, wanted: Box) -> ReducedPair:
        """The pair with a part of both pictures at hand, so that what lies in it need not be cut out again."""
        return replace(self, at_hand=self.patches(wanted))

    def placement(self, face: Landmarks, partner: Landmarks | None) -> Placement | None:
        """Where the painted part lies, in the original's pixels."""
        meshes = [face] if partner is None else [face, partner]
        patches = self.patches(agreement.face_box(meshes))
        if patches is None:
            return None
        stable = list(STABLE)
        guess = NOWHERE if partner is None else Similarity.between(face.points[stable], partner.points[stable])
        small = [self.reduced(mesh) for mesh in meshes]
        first, second, box = patches
        found = find_placement(first[..., 0], second[..., 0], box, small, guess.scaled(1 / self.step))
        return None if found is None else replace(found, similarity=found.similarity.scaled(self.step))

    def bend(self, meshes: Sequence[Landmarks], lying: ReducedPair) -> Bend | None:
        """How the placed picture is distorted around a face; None if too little of it is seen.

        ``meshes`` are the original's and the placed synced face's, if there is one; ``lying`` is the pair before the
        face was brought back.
        """
        planes = self.beside(lying, bend_box(meshes[0]))
        if planes is None:
            return None
        original, placed, as_it_lies, box = planes
        small = [self.reduced(mesh) for mesh in meshes]
        return find_bend(original, placed, box, small, None if lying is self else as_it_lies)

    def beside(self, other: ReducedPair, wanted: Box) -> tuple[Plane, Plane, Plane, Box] | None:
        """Luma of the original, and of both pairs' synced pictures, in the part of a box that both show.

        ``other`` is of the same pictures at the same size. None if that part is too small.
        """
        mine = self.patches(wanted)
        theirs = mine if other is self else other.patches(wanted)
        if mine is None or theirs is None:
            return None
        box = mine[2].clipped_to(theirs[2])
        if not (box.width and box.height):
            return None
        first, second, third = (
            np.ascontiguousarray(patch[box.within(own)][..., 0])
            for patch, own in ((mine[0], mine[2]), (mine[1], mine[2]), (theirs[1], theirs[2]))
        )
        return first, second, third, box

    def footprint(self, face: Landmarks) -> Sample | None:
        patches = self.patches(footprint_box(face))
        if patches is None:
            return None
        tags = self.original.colour
        apart = sdr_difference(patches[0], patches[1], tags.transfer, full=tags.range == RANGE_FULL)
        return footprint_sample(apart, patches[2], self.reduced(face))

    def checked(self, face: Landmarks) -> ReducedPair:
        """The pair with wild pixels of the synced picture filled in, if it has many beside the mouth."""
        tile = speckle_tile(face).clipped(*self.original.size).snapped(self.original.layout, *self.original.size)
        if not (tile.width and tile.height):
            return self
        other = synced_patch(self.synced.planes, self.synced.layout, tile, self.mapping)
        luma = extract_patch(self.original.planes, self.original.layout, tile)[..., 0]
        speckled = is_speckled(np.ascontiguousarray(other[..., 0]), np.ascontiguousarray(luma))
        return self._changed(speckled=True) if speckled else self

    def _changed(self, **fields: Any) -> ReducedPair:
        """The pair with other fields; what is at hand shows it as it was."""
        return replace(self, at_hand=None, **fields)

    def _synced(self, box: Box) -> Patch3:
        synced = self.synced
        if not self.speckled:
            return synced_reduced(synced.planes, synced.layout, box, self.step, self.mapping)
        patch = synced_cut(synced.planes, synced.layout, box, self.mapping, ChromaGrid(self.original.layout, box))
        size = box.width // self.step, box.height // self.step
        whole = despeckled(patch).whole()
        return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.float32)

    def patches(self, wanted: Box) -> Patches | None:
        """Both pictures in the part of a box that both show, and that part; None if it is too small."""
        original, synced, step = self.original, self.synced, self.step
        left, top, right, bottom = self.mapping.covered(*synced.size)
        seen = Box(
            max(wanted.x0, math.ceil(left)),
            max(wanted.y0, math.ceil(top)),
            min(wanted.x1, math.floor(right)),
            min(wanted.y1, math.floor(bottom)),
        )
        box = seen.clipped(*original.size).snapped(original.layout, *original.size)
        small = Box(-(-box.x0 // step), -(-box.y0 // step), box.x1 // step, box.y1 // step)
        if small.width < _MIN_PX or small.height < _MIN_PX:
            return None
        if self.at_hand is not None and small.clipped_to(self.at_hand[2]) == small:
            inside = small.within(self.at_hand[2])
            return self.at_hand[0][inside], self.at_hand[1][inside], small
        whole = Box(small.x0 * step, small.y0 * step, small.x1 * step, small.y1 * step)
        patch = extract_reduced(original.planes, original.layout, whole, step)
        other = self._synced(whole)
        if self.distorted is not None:
            lattice, face = self.distorted
            other = moved_by(other, *bend_flow(lattice, small, face))
        converted = convert_colour(other, synced.colour, original.colour, original.height, reference=patch)
        return patch, converted, small
