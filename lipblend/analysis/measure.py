"""What is measured on a pair of frames: how much was painted on each face, and how the colours differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.analysis import agreement
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.tracks import TrackedFace
from lipblend.picture.formats import RANGE_FULL
from lipblend.picture.frame_mapping import FrameMapping, synced_reduced
from lipblend.picture.light import sdr_difference
from lipblend.picture.patch import Box
from lipblend.picture.planes import extract_reduced
from lipblend.picture.ycbcr import convert_colour, ycbcr_matrix
from lipblend.stages.colour import statistics as colour
from lipblend.stages.colour.membrane import membrane_sample
from lipblend.stages.masks.footprint import Sample, footprint_box, footprint_sample
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame

Patch3 = npt.NDArray[np.float32]

_SAME_FACE_FRAC = 0.5
_LEAST_PX = 4
_FOOTPRINT_EVERY = 3
_LEAST_WORK_PX = 70.0  # width of a face that is measured: casts are smooth, and what is finer is noise to them


@dataclass(frozen=True)
class FaceMeasure:
    """One face on one pair of frames.

    Attributes
    ----------
    painted : float
        How much the generator changed the lower face, see `agreement.painted_score`.
    stats : ColourStats or None
        Over skin that both show alike; None where too little of it is seen.
    footprint : (60, 60) float16 or None
        See `lipblend.stages.masks.footprint.footprint_sample`; taken in every third frame.
    above : float or None
        The same as ``painted`` for the upper face, which most generators only encode again; None where too little of
        it is seen.
    membrane : (8, 8, 7) float16 or None
        Over the same skin, see `lipblend.stages.colour.membrane.membrane_sample`.
    """

    painted: float
    stats: colour.ColourStats | None
    above: float | None = None
    footprint: Sample | None = None
    membrane: Sample | None = None


@dataclass(frozen=True)
class Pair:
    """The two videos, as far as measuring needs to know them.

    Attributes
    ----------
    original, synced : VideoInfo
    mapping : FrameMapping
        Where the original's pixels lie in the synced frame.
    lab : bool
        Take colour statistics in CIE Lab instead of YCbCr.
    """

    original: VideoInfo
    synced: VideoInfo
    mapping: FrameMapping
    lab: bool

    def in_original(self, faces: tuple[TrackedFace, ...]) -> tuple[Landmarks, ...]:
        """Meshes of a synced frame, in the original's pixels."""
        if self.mapping.is_identity:
            return tuple(face.landmarks for face in faces)
        return tuple(Landmarks(self.mapping.to_original(face.landmarks.points)) for face in faces)

    def measure(
        self, ours: Frame, our_faces: tuple[TrackedFace, ...], theirs: Frame, their_faces: tuple[TrackedFace, ...]
    ) -> dict[int, FaceMeasure]:
        """Measure every face of an original frame against its synced frame; by track id."""
        candidates = self.in_original(their_faces)
        matrix = ycbcr_matrix(self.original.colour, self.original.height)
        found = {}
        for face in our_faces:
            partner = same_face(face.landmarks, candidates)
            wide = [face.landmarks] if partner is None else [face.landmarks, partner]
            step = work_step(face.landmarks.face_width_px)
            faces = [Landmarks(each.points / np.float32(step)) for each in wide]
            patches = self._patches(ours, theirs, agreement.lower_face_box(wide), step)
            if patches is None:
                continue
            before, after, box = patches
            width_px = faces[0].face_width_px
            upper = self._patches(ours, theirs, agreement.upper_face_box(face.landmarks), step)
            skin = agreement.same_skin(before, after, faces, box)
            found[face.track_id] = FaceMeasure(
                agreement.painted_score(before, after, width_px),
                None if skin is None else colour.measure(before, after, skin, matrix, lab=self.lab),
                agreement.painted_score(upper[0], upper[1], width_px) if upper is not None else None,
                self._footprint(ours, theirs, wide[0], step) if ours.index % _FOOTPRINT_EVERY == 0 else None,
                None if skin is None else membrane_sample(before, after, skin, box, faces[0]),
            )
        return found

    def _footprint(self, ours: Frame, theirs: Frame, face: Landmarks, step: int) -> Sample | None:
        patches = self._patches(ours, theirs, footprint_box(face), step)
        if patches is None:
            return None
        before, after, box = patches
        tags = self.original.colour
        apart = sdr_difference(before, after, tags.transfer, full=tags.range == RANGE_FULL)
        return footprint_sample(apart, box, Landmarks(face.points / np.float32(step)))

    def _patches(self, ours: Frame, theirs: Frame, wanted: Box, step: int) -> tuple[Patch3, Patch3, Box] | None:
        """What both frames show in a box, as far as both show it, and that part of it; None if that is too little.

        All at one ``step``-th of the size, each pixel the mean of a block of the picture.
        """
        info = self.original
        width, height = info.upright_width, info.upright_height
        left, top, right, bottom = self.mapping.covered(self.synced.upright_width, self.synced.upright_height)
        seen = Box(
            max(wanted.x0, math.ceil(left)),
            max(wanted.y0, math.ceil(top)),
            min(wanted.x1, math.floor(right)),
            min(wanted.y1, math.floor(bottom)),
        )
        box = seen.clipped(width, height).snapped(ours.layout, width, height)
        small = Box(-(-box.x0 // step), -(-box.y0 // step), box.x1 // step, box.y1 // step)
        if small.width < _LEAST_PX or small.height < _LEAST_PX:
            return None
        whole = Box(small.x0 * step, small.y0 * step, small.x1 * step, small.y1 * step)
        before = extract_reduced(ours.planes, ours.layout, whole, step)
        after = synced_reduced(theirs.planes, theirs.layout, whole, step, self.mapping)
        return before, convert_colour(after, self.synced.colour, info.colour, info.height, beside=before), small


def work_step(face_width_px: float) -> int:
    """Pixels each way that are measured as one: an even number, so that they hold whole chroma samples, or 1."""
    return max(1, 2 * int(face_width_px / (2 * _LEAST_WORK_PX)))


def same_face(face: Landmarks, candidates: Sequence[Landmarks]) -> Landmarks | None:
    """The candidate whose mesh centre is nearest, within half a face width."""
    centre = face.points.mean(0)
    best, limit = None, _SAME_FACE_FRAC * face.face_width_px
    for other in candidates:
        distance = float(np.linalg.norm(other.points.mean(0) - centre))
        if distance <= limit:
            best, limit = other, distance
    return best
