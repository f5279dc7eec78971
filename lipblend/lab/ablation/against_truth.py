"""Measure pictures against the truth, at the pixels around the face in the truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis.measure import same_face
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.search import CROP_FACTOR, crop_around, shifted
from lipblend.lab.sweep.combination_trial import Pictures
from lipblend.picture.frame_mapping import UNMOVED, FrameMapping
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.picture.planes import extract_patch
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.plan.frame_plan import FramePlan
from lipblend.quality.evaluation.views import in_original
from lipblend.quality.lip_sync import lip_correlation
from lipblend.quality.reference_measures import (
    MAX_PSNR,
    lip_line_scores,
    mouth_detail,
    reference_scores,
    temporal_error,
)
from lipblend.quality.view import FaceView, Patch3

_ACROSS, _UP, _DOWN = 0.6, 0.35, 0.6  # face widths around the mouth: the lower face, with space for the filters
_MARGIN_PX = 12


@dataclass(frozen=True)
class TruthFace:
    """The face in one frame of the truth, and the pixels at which every variant is measured.

    Attributes
    ----------
    mesh : Landmarks
        Found in the truth, in the original's pixels.
    crop : Box
        Where faces are searched for, in the truth and in every variant.
    box : Box
        The lower face.
    patch, original, synced : (h, w, 3) float32
        The three videos in ``box``: YCbCr in 8-bit levels in the original's encoding.
    """

    mesh: Landmarks
    crop: Box
    box: Box
    patch: Patch3
    original: Patch3
    synced: Patch3

    def view(self, result: Patch3, picture: Picture) -> FaceView:
        """The view of a variant for the measures; ``picture`` is the original."""
        empty = np.zeros((self.box.height, self.box.width), np.float32)
        return FaceView(
            box=self.box,
            original=self.original,
            synced=self.synced,
            result=result,
            contour=empty,
            alpha=empty,
            original_mesh=self.mesh,
            synced_mesh=self.mesh,
            detected_result=None,
            weight=1.0,
            matrix=ycbcr_matrix(picture.colour, picture.height),
        )


def find_truth_face(
    pictures: Pictures, row: FramePlan, landmarker: FaceLandmarker, mapping: FrameMapping
) -> TruthFace | None:
    """Find the face of a plan's row in the truth; None if the row has none, or it is not found."""
    assert pictures.truth is not None
    if not row.faces:
        return None
    original = pictures.original
    known = row.faces[0].original
    first = _find_face(pictures.truth, original, _crop(known, original), UNMOVED, known, landmarker)
    if first is None:
        return None
    crop = _crop(first, original)
    mesh = _find_face(pictures.truth, original, crop, UNMOVED, first, landmarker)
    if mesh is None:
        return None
    box = _lower_face_box(mesh, original)
    if box.width < 2 or box.height < 2:
        return None
    patch = extract_patch(original.planes, original.layout, box)
    synced, truth = (
        in_original(each, box, place, original.colour, original.height, beside=patch)
        for each, place in ((pictures.synced, mapping), (pictures.truth, UNMOVED))
    )
    return TruthFace(mesh, crop, box, truth, patch, synced)


def _find_face(
    picture: Picture, original: Picture, crop: Box, mapping: FrameMapping, face: Landmarks, landmarker: FaceLandmarker
) -> Landmarks | None:
    """The mesh of a face in a crop of a picture, in the original's pixels; None if it is not found."""
    patch = in_original(picture, crop, mapping, original.colour, original.height)
    rgb = np.clip(np.rint(cv2.transform(patch, ycbcr_matrix(original.colour, original.height))), 0, 255)
    meshes = landmarker.detect(np.asarray(rgb, np.uint8))
    return same_face(face, [Landmarks(shifted(mesh, crop)) for mesh in meshes])


def _crop(mesh: Landmarks, picture: Picture) -> Box:
    crop = crop_around(mesh.points, CROP_FACTOR).clipped(*picture.size)
    return crop.snapped(picture.layout, *picture.size)


def _lower_face_box(mesh: Landmarks, picture: Picture) -> Box:
    corners = np.array(
        [
            mesh.mouth_centre + mesh.face_width_px * (across * mesh.x_axis + down * mesh.y_axis)
            for across in (-_ACROSS, _ACROSS)
            for down in (-_UP, _DOWN)
        ]
    )
    low = np.floor(corners.min(0)).astype(int) - _MARGIN_PX
    high = np.ceil(corners.max(0)).astype(int) + _MARGIN_PX
    box = Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    return box.clipped(*picture.size).snapped(picture.layout, *picture.size)


@dataclass
class TruthMeasurement:
    """Measures one variant, frame by frame."""

    _squares: list[float] = field(default_factory=list)
    _flicker: list[float] = field(default_factory=list)
    _mouth: dict[str, list[float]] = field(default_factory=lambda: {"detail": [], "rag": [], "overshoot": []})
    _openings: list[tuple[float, float]] = field(default_factory=list)
    _previous: tuple[FaceView, Patch3] | None = None

    @property
    def frames(self) -> int:
        """Number of frames measured."""
        return len(self._squares)

    def skip_frame(self) -> None:
        """Note a frame that cannot be measured."""
        self._previous = None

    def add_frame(
        self,
        face: TruthFace,
        picture: Picture,
        original: Picture,
        landmarker: FaceLandmarker,
        mapping: FrameMapping = UNMOVED,
    ) -> None:
        """Measure the next frame. ``mapping``: from the original's pixels to those of ``picture``."""
        view = face.view(in_original(picture, face.box, mapping, original.colour, original.height), original)
        scores = reference_scores(view, face.patch)
        if not scores:
            self.skip_frame()
            return
        self._squares.append(0.0 if scores["psnr"] >= MAX_PSNR else 10 ** (-scores["psnr"] / 10))
        for name, value in {"detail": mouth_detail(view, face.patch), **lip_line_scores(view, face.patch)}.items():
            if value is not None:
                self._mouth[name].append(value)
        if self._previous is not None:
            error = temporal_error(view, face.patch, *self._previous, with_mouth=False)
            if error is not None:
                self._flicker.append(error)
        self._previous = view, face.patch
        found = _find_face(picture, original, face.crop, mapping, face.mesh, landmarker)
        opening = np.nan if found is None else found.mouth_opening
        self._openings.append((opening, face.mesh.mouth_opening))

    def values(self) -> dict[str, float]:
        """Values for `lipblend.lab.ablation.run_ablation.Cell`."""
        out: dict[str, float] = {}
        if self._squares:
            mean = float(np.mean(self._squares))
            out["psnr"] = min(MAX_PSNR, -10 * float(np.log10(mean))) if mean > 0 else MAX_PSNR
        for name, numbers in {"flicker": self._flicker, **self._mouth}.items():
            if numbers:
                out[name] = float(np.mean(numbers))
        openings: npt.NDArray[np.float64] = np.array(self._openings, np.float64).reshape(-1, 2)
        kept = lip_correlation(openings[:, 0].copy(), openings[:, 1].copy())
        if kept is not None:
            out["lip_corr"] = kept
        return out
