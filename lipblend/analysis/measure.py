"""What is measured on a pair of frames: how much the generator painted on each face, and how the colours differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.analysis import agreement
from lipblend.analysis.health import Vector, health_vector
from lipblend.analysis.reduced_pair import ReducedPair, work_step
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.tracks import TrackedFace
from lipblend.picture.formats import RANGE_FULL
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.picture.light import in_sdr
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.picture.similarity import NOWHERE, Similarity
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.stages.colour import statistics as colour
from lipblend.stages.colour.lip_samples import mouth_sample
from lipblend.stages.colour.membrane import membrane_sample
from lipblend.stages.masks.footprint import Sample, footprint_box
from lipblend.stages.occlusion.face_look import Looks, look_box, look_samples
from lipblend.stages.occlusion.strands import lines_lacking, luma_codes, strands_length
from lipblend.stages.registration.bend import unbent_points
from lipblend.stages.registration.left_part import left_sample
from lipblend.stages.registration.placement import Placement, placement_row, undone

Patch3 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]

_SAME_FACE_FRAC = 0.5
_ALIKE = 0.88  # share of the structure around the mouth that the pictures explain as they lie

FOOTPRINT_EVERY = 3
"""Every third frame gets a footprint sample, and is searched for strands."""


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
    bend : (130,) float32 or None
        How the placed picture is distorted, see `lipblend.stages.registration.bend.Bend.row`; not of a face that lies
        in its place and looks the same around the mouth.
    looks : (64, 64, 7) uint8 or None
        The lower face in both pictures, see `lipblend.stages.occlusion.face_look.look_samples`.
    strands : float or None
        Length of thin lines before the lower face that the synced picture lacks, face widths
        (`lipblend.stages.occlusion.strands.strands_length`); in every third frame.
    mouth : (2, 147, 3) float16 or None
        The colours of both mouths, see `lipblend.stages.colour.lip_samples.mouth_sample`; None without a synced mesh.
    """

    painted: float
    stats: colour.ColourStats | None
    above: float | None = None
    footprint: Sample | None = None
    membrane: Sample | None = None
    placement: npt.NDArray[np.float64] | None = None
    health: Vector | None = None
    left: Sample | None = None
    bend: npt.NDArray[np.float32] | None = None
    looks: Looks | None = None
    strands: float | None = None
    mouth: Sample | None = None


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
    look_elsewhere: bool = True,
    in_front: bool = False,
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
    look_elsewhere : bool
        Find out where the painted part lies. Not possible with meshes that do not show which parts speak.
    in_front : bool
        Measure what shows whether something lies in front of the face, and read no colours from strands before it.

    Returns
    -------
    dict of int to FaceMeasure
        By track id; without faces too small to measure.
    """
    pair = _Pair(
        original, synced, mapping, lab=lab, footprint=footprint, look_elsewhere=look_elsewhere, in_front=in_front
    )
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
    look_elsewhere: bool
    in_front: bool

    def measure(self, face: Landmarks, partner: Landmarks | None) -> FaceMeasure | None:
        """The measures of one face; None if it is too small."""
        pair = ReducedPair(self.original, self.synced, self.mapping, work_step(face.face_width_px)).checked(face)
        around, faces = footprint_box(face), [face] if partner is None else [face, partner]
        pair = pair.read(around if self.footprint else self._face_box(faces))
        placement = pair.placement(face, partner) if self.look_elsewhere else None
        moved = NOWHERE if placement is None else undone(placement, face)
        placed = pair
        if moved != NOWHERE:
            pair, placed = pair.read(around), pair.placed(moved).read(around)
        meshes = [face] if partner is None else [face, Landmarks(moved.inverse().apply(partner.points))]
        bend = placed.bend(meshes, pair) if _may_be_bent(placement, moved) else None
        bent = bend is not None and bend.is_certain
        if bend is not None and bent:
            placed = placed.unbent(bend, face)
            meshes[1:] = [Landmarks(unbent_points(mesh.points, bend.lattice, face)) for mesh in meshes[1:]]
        # A picture that is distorted around the face was redrawn as a whole; else what surrounds the face stayed.
        as_painted = (placed, face) if bent else (pair, Landmarks(moved.apply(face.points)))
        lower = placed.patches(agreement.lower_face_box(meshes))
        if lower is None:
            return None
        lower_original, lower_synced, box = lower
        small, lumas = [pair.reduced(mesh) for mesh in meshes], _lumas(placed, lower_original, lower_synced)
        skin = agreement.same_skin(lower_original, lower_synced, small, box)
        if skin is not None and self.in_front:
            skin = _beside_strands(skin, *lumas, small[0])
        matrix = ycbcr_matrix(self.original.colour, self.original.height)
        return FaceMeasure(
            agreement.painted_score(lower_original, lower_synced, small[0].face_width_px),
            None if skin is None else colour.measure(lower_original, lower_synced, skin, matrix, lab=self.lab),
            _above(pair, placed, face),
            as_painted[0].footprint(as_painted[1]) if self.footprint else None,
            None if skin is None else membrane_sample(lower_original, lower_synced, skin, box, small[0]),
            None if placement is None else placement_row(placement),
            health_vector(lower_original, lower_synced, box, pair.step, small[0], small[1] if partner else None),
            None if moved == NOWHERE else _left(pair, placed, face),
            None if bend is None else bend.row,
            _looks(placed, meshes) if self.in_front else None,
            _strands(*lumas, box, small) if self.in_front and self.footprint else None,
            None if partner is None else mouth_sample(lower_original, lower_synced, box, small[0], small[1]),
        )

    def _face_box(self, faces: Sequence[Landmarks]) -> Box:
        box = agreement.face_box(faces)
        return box.joined_with(look_box(faces[0])) if self.in_front else box


def _may_be_bent(placement: Placement | None, moved: Similarity) -> bool:
    """Whether it is worth while to look for a distortion: not where the face lies in its place and looks the same."""
    return placement is not None and (moved != NOWHERE or placement.unmoved < _ALIKE)


def _left(pair: ReducedPair, placed: ReducedPair, face: Landmarks) -> Sample | None:
    planes = pair.beside(placed, footprint_box(face))
    if planes is None:
        return None
    original, lying, brought, box = planes
    return left_sample(original, lying, brought, box, pair.reduced(face))


def _looks(placed: ReducedPair, meshes: Sequence[Landmarks]) -> Looks | None:
    patches = placed.patches(look_box(meshes[0]))
    if patches is None:
        return None
    small = [placed.reduced(mesh) for mesh in meshes]
    original, synced = _in_sdr(placed, *patches[:2])
    return look_samples(original, synced, patches[2], small[0], small[1] if len(small) > 1 else None)


def _in_sdr(pair: ReducedPair, original: Patch3, synced: Patch3) -> tuple[Patch3, Patch3]:
    """Patches of a pair, for limits in levels of SDR."""
    tags = pair.original.colour
    first, second = (in_sdr(patch, tags.transfer, full=tags.range == RANGE_FULL) for patch in (original, synced))
    return first, second


def _lumas(pair: ReducedPair, original: Patch3, synced: Patch3) -> tuple[Codes, Codes]:
    first, second = _in_sdr(pair, original, synced)
    return luma_codes(first[..., 0]), luma_codes(second[..., 0])


def _beside_strands(skin: Mask, original: Codes, synced: Codes, face: Landmarks) -> Mask:
    """Skin without strands before it, which would count as its contrast."""
    return np.asarray(skin & (lines_lacking(original, synced, face.face_width_px) == 0), bool)


def _strands(original: Codes, synced: Codes, box: Box, meshes: Sequence[Landmarks]) -> float:
    skin = agreement.skin_region(meshes, box).view(np.uint8)
    return strands_length(original, synced, skin, meshes[0].face_width_px)


def _above(pair: ReducedPair, placed: ReducedPair, face: Landmarks) -> float | None:
    """How much the upper face differs, as it lies or brought back with the painted part, whichever is less."""
    scores = []
    for each in (pair,) if placed is pair else (pair, placed):
        upper = each.patches(agreement.upper_face_box(face))
        if upper is not None:
            scores.append(agreement.painted_score(upper[0], upper[1], pair.reduced(face).face_width_px))
    return min(scores, default=None)


def same_face(face: Landmarks, candidates: Sequence[Landmarks]) -> Landmarks | None:
    """The candidate whose mesh centre is nearest, within half a face width."""
    centre = face.points.mean(0)
    best, limit = None, _SAME_FACE_FRAC * face.face_width_px
    for candidate in candidates:
        distance = float(np.linalg.norm(candidate.points.mean(0) - centre))
        if distance <= limit:
            best, limit = candidate, distance
    return best
