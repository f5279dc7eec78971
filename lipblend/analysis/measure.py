"""What is measured on a pair of frames: how much the generator painted on each face, and how the colours differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis import agreement
from lipblend.analysis.health import Vector, health_vector
from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.faces.tracks import TrackedFace
from lipblend.picture.formats import RANGE_FULL
from lipblend.picture.frame_mapping import FrameMapping, synced_cut, synced_patch, synced_reduced
from lipblend.picture.light import sdr_difference
from lipblend.picture.patch import Box, ChromaGrid
from lipblend.picture.picture import Picture
from lipblend.picture.planes import extract_patch, extract_reduced
from lipblend.picture.similarity import NOWHERE, Similarity
from lipblend.picture.ycbcr import convert_colour, ycbcr_matrix
from lipblend.stages.colour import statistics as colour
from lipblend.stages.colour.membrane import membrane_sample
from lipblend.stages.detail.speckle import despeckled, is_speckled, speckle_tile
from lipblend.stages.masks.footprint import Sample, footprint_box, footprint_sample
from lipblend.stages.registration.left_part import left_sample
from lipblend.stages.registration.placement import Placement, find_placement, placement_row, undone

Patch3 = npt.NDArray[np.float32]

_SAME_FACE_FRAC = 0.5
_MIN_PX = 4
_MAX_WORK_PX = 70.0  # face width that is measured: casts are smooth, and finer detail is noise to them

FOOTPRINT_EVERY = 3
"""Every third frame gets a footprint sample."""


@dataclass(frozen=True)
class FaceMeasure:
    """Measures of one face on one pair of frames.

    Attributes
    ----------
    painted : float
        How much the generator changed the lower face, 8-bit levels (`agreement.painted_score`).
    stats : ColourStats or None
        Over skin that both frames show alike; None if too little of it is visible.
    above : float or None
        ``painted`` for the upper face, which most generators only encode again; None if too little of it is visible.
    footprint : (60, 60) float16 or None
        See `lipblend.stages.masks.footprint.footprint_sample`; in every third frame.
    membrane : (8, 8, 7) float16 or None
        Over the same skin as ``stats``, see `lipblend.stages.colour.membrane.membrane_sample`.
    placement : (6,) float64 or None
        Where the painted part lies, in the original's pixels: `placement_row`. Everything else is measured with it
        brought back from there. None if too little of the face is seen.
    health : (1214,) float32 or None
        What shows whether the synced lower face is broken, see `lipblend.analysis.health.health_vector`.
    left : (60, 60, 2) float16 or None
        See `lipblend.stages.registration.left_part.left_sample`; only of a displaced face.
    """

    painted: float
    stats: colour.ColourStats | None
    above: float | None = None
    footprint: Sample | None = None
    membrane: Sample | None = None
    placement: npt.NDArray[np.float64] | None = None
    health: Vector | None = None
    left: Sample | None = None


def in_original(faces: Iterable[TrackedFace], mapping: FrameMapping) -> tuple[Landmarks, ...]:
    """Meshes of a synced frame, in the original's pixels."""
    if mapping.is_identity:
        return tuple(face.landmarks for face in faces)
    return tuple(Landmarks(mapping.to_original(face.landmarks.points)) for face in faces)


def measure_faces(
    original: Picture,
    faces: Iterable[TrackedFace],
    synced: Picture,
    synced_meshes: Sequence[Landmarks],
    *,
    mapping: FrameMapping,
    lab: bool,
    footprint: bool,
) -> dict[int, FaceMeasure]:
    """Measure every face of an original frame against its synced frame.

    Parameters
    ----------
    original, synced : Picture
    faces : iterable of TrackedFace
        Of the original frame.
    synced_meshes : sequence of Landmarks
        Of the synced frame, in the original's pixels (`in_original`).
    mapping : FrameMapping
        Where the original's pixels lie in the synced frame.
    lab : bool
        Take colour statistics in CIE Lab instead of YCbCr.
    footprint : bool
        Take a footprint sample too.

    Returns
    -------
    dict of int to FaceMeasure
        By track id; without faces too small to measure.
    """
    pair = _Pair(original, synced, mapping, lab=lab, footprint=footprint)
    measured = {face.track_id: pair.measure(face.landmarks, same_face(face.landmarks, synced_meshes)) for face in faces}
    return {track_id: each for track_id, each in measured.items() if each is not None}


@dataclass(frozen=True)
class _Pair:
    """A pair of frames, and what is measured on it."""

    original: Picture
    synced: Picture
    mapping: FrameMapping
    lab: bool
    footprint: bool

    def measure(self, face: Landmarks, partner: Landmarks | None) -> FaceMeasure | None:
        """The measures of one face; None if it is too small."""
        pair = _ReducedPair(self.original, self.synced, self.mapping, work_step(face.face_width_px)).checked(face)
        placement = pair.placement(face, partner)
        moved = NOWHERE if placement is None else undone(placement, face)
        placed = pair.placed(moved)
        meshes = [face] if partner is None else [face, Landmarks(moved.inverse().apply(partner.points))]
        lower = placed.patches(agreement.lower_face_box(meshes))
        if lower is None:
            return None
        lower_original, lower_synced, box = lower
        small = [pair.reduced(mesh) for mesh in meshes]
        skin = agreement.same_skin(lower_original, lower_synced, small, box)
        matrix = ycbcr_matrix(self.original.colour, self.original.height)
        return FaceMeasure(
            agreement.painted_score(lower_original, lower_synced, small[0].face_width_px),
            None if skin is None else colour.measure(lower_original, lower_synced, skin, matrix, lab=self.lab),
            _above(pair, placed, face),
            pair.footprint(Landmarks(moved.apply(face.points))) if self.footprint else None,
            None if skin is None else membrane_sample(lower_original, lower_synced, skin, box, small[0]),
            None if placement is None else placement_row(placement),
            health_vector(lower_original, lower_synced, box, pair.step, small[0], small[1] if partner else None),
            None if placed is pair else _left(pair, placed, face),
        )


def _left(pair: _ReducedPair, placed: _ReducedPair, face: Landmarks) -> Sample | None:
    wanted = footprint_box(face)
    lying, brought = pair.patches(wanted), placed.patches(wanted)
    if lying is None or brought is None:
        return None
    box = lying[2].clipped_to(brought[2])
    if not (box.width and box.height):
        return None
    first, second, moved = (
        np.ascontiguousarray(luma[box.within(own)][..., 0])
        for luma, own in ((lying[0], lying[2]), (lying[1], lying[2]), (brought[1], brought[2]))
    )
    return left_sample(first, second, moved, box, pair.reduced(face))


def _above(pair: _ReducedPair, placed: _ReducedPair, face: Landmarks) -> float | None:
    """How much the upper face differs, as it lies or brought back with the painted part, whichever is less."""
    scores = []
    for each in (pair,) if placed is pair else (pair, placed):
        upper = each.patches(agreement.upper_face_box(face))
        if upper is not None:
            scores.append(agreement.painted_score(upper[0], upper[1], pair.reduced(face).face_width_px))
    return min(scores, default=None)


@dataclass(frozen=True)
class _ReducedPair:
    """Two pictures at one ``step``-th of the original's size, each pixel the mean of a block."""

    original: Picture
    synced: Picture
    mapping: FrameMapping
    step: int
    speckled: bool = False

    def reduced(self, mesh: Landmarks) -> Landmarks:
        """A mesh of the original at this size."""
        return Landmarks(mesh.points / np.float32(self.step))

    def placed(self, moved: Similarity) -> _ReducedPair:
        """The pair with the synced face brought back from where it lies."""
        return self if moved == NOWHERE else replace(self, mapping=self.mapping.after(moved))

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

    def footprint(self, face: Landmarks) -> Sample | None:
        patches = self.patches(footprint_box(face))
        if patches is None:
            return None
        tags = self.original.colour
        apart = sdr_difference(patches[0], patches[1], tags.transfer, full=tags.range == RANGE_FULL)
        return footprint_sample(apart, patches[2], self.reduced(face))

    def checked(self, face: Landmarks) -> _ReducedPair:
        """The pair with wild pixels of the synced picture filled in, if it has many beside the mouth."""
        tile = speckle_tile(face).clipped(*self.original.size).snapped(self.original.layout, *self.original.size)
        if not (tile.width and tile.height):
            return self
        other = synced_patch(self.synced.planes, self.synced.layout, tile, self.mapping)
        luma = extract_patch(self.original.planes, self.original.layout, tile)[..., 0]
        speckled = is_speckled(np.ascontiguousarray(other[..., 0]), np.ascontiguousarray(luma))
        return replace(self, speckled=True) if speckled else self

    def _synced(self, box: Box) -> Patch3:
        synced = self.synced
        if not self.speckled:
            return synced_reduced(synced.planes, synced.layout, box, self.step, self.mapping)
        patch = synced_cut(synced.planes, synced.layout, box, self.mapping, ChromaGrid(self.original.layout, box))
        size = box.width // self.step, box.height // self.step
        whole = despeckled(patch).whole()
        return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.float32)

    def patches(self, wanted: Box) -> tuple[Patch3, Patch3, Box] | None:
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
        whole = Box(small.x0 * step, small.y0 * step, small.x1 * step, small.y1 * step)
        patch = extract_reduced(original.planes, original.layout, whole, step)
        other = self._synced(whole)
        converted = convert_colour(other, synced.colour, original.colour, original.height, reference=patch)
        return patch, converted, small


def work_step(face_width_px: float) -> int:
    """Side of the block of pixels that is measured as one: 1, or even, so that it holds whole chroma samples."""
    return max(1, 2 * int(face_width_px / (2 * _MAX_WORK_PX)))


def same_face(face: Landmarks, candidates: Sequence[Landmarks]) -> Landmarks | None:
    """The candidate whose mesh centre is nearest, within half a face width."""
    centre = face.points.mean(0)
    best, limit = None, _SAME_FACE_FRAC * face.face_width_px
    for candidate in candidates:
        distance = float(np.linalg.norm(candidate.points.mean(0) - centre))
        if distance <= limit:
            best, limit = candidate, distance
    return best
