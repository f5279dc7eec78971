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
from lipblend.media.colour import convert_colour, ycbcr_matrix
from lipblend.media.info import VideoInfo
from lipblend.media.mapping import FrameMapping, synced_patch
from lipblend.media.planes import Box, extract_patch
from lipblend.media.reader import Frame
from lipblend.stages import colour
from lipblend.stages.footprint import Sample, footprint_box, footprint_sample
from lipblend.stages.membrane import membrane_sample

Patch3 = npt.NDArray[np.float32]

_SAME_FACE_FRAC = 0.5
_LEAST_PX = 4
_FOOTPRINT_EVERY = 3


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
        See `lipblend.stages.footprint.footprint_sample`; taken in every third frame.
    above : float or None
        The same as ``painted`` for the upper face, which most generators only encode again; None where too little of
        it is seen.
    membrane : (8, 8, 7) float16 or None
        Over the same skin, see `lipblend.stages.membrane.membrane_sample`.
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
            faces = [face.landmarks] if partner is None else [face.landmarks, partner]
            patches = self._patches(ours, theirs, agreement.lower_face_box(faces))
            if patches is None:
                continue
            before, after, box = patches
            width_px = face.landmarks.face_width_px
            painted = agreement.painted_score(before, after, width_px)
            upper = self._patches(ours, theirs, agreement.upper_face_box(face.landmarks))
            above = agreement.painted_score(upper[0], upper[1], width_px) if upper is not None else None
            skin = agreement.same_skin(before, after, faces, box)
            found[face.track_id] = FaceMeasure(
                painted,
                None if skin is None else colour.measure(before, after, skin, matrix, lab=self.lab),
                above,
                self._footprint(ours, theirs, face.landmarks) if ours.index % _FOOTPRINT_EVERY == 0 else None,
                None if skin is None else membrane_sample(before, after, skin, box, face.landmarks),
            )
        return found

    def _footprint(self, ours: Frame, theirs: Frame, face: Landmarks) -> Sample | None:
        patches = self._patches(ours, theirs, footprint_box(face))
        return None if patches is None else footprint_sample(*patches, face)

    def _patches(self, ours: Frame, theirs: Frame, wanted: Box) -> tuple[Patch3, Patch3, Box] | None:
        """What both frames show in a box, as far as both show it, and that part of it; None if that is too little."""
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
        if box.width < _LEAST_PX or box.height < _LEAST_PX:
            return None
        before = extract_patch(ours.planes, ours.layout, box)
        after = synced_patch(theirs.planes, theirs.layout, box, self.mapping)
        return before, convert_colour(after, self.synced.colour, info.colour, info.height), box


def same_face(face: Landmarks, candidates: Sequence[Landmarks]) -> Landmarks | None:
    """The candidate whose mesh centre is nearest, within half a face width."""
    centre = face.points.mean(0)
    best, limit = None, _SAME_FACE_FRAC * face.face_width_px
    for other in candidates:
        distance = float(np.linalg.norm(other.points.mean(0) - centre))
        if distance <= limit:
            best, limit = other, distance
    return best
