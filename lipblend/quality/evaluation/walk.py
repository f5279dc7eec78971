"""Three videos, frame by frame, as the measures and the pages want to see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.frame_mapping import UNMOVED, FrameMapping
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.picture.planes import extract_patch
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.plan.frame_plan import FacePlan, FramePlan, Plan
from lipblend.quality.estimate import estimate_alpha
from lipblend.quality.evaluation.views import Blended, frame_views, in_original, largest_change_outside, outside_loss
from lipblend.quality.view import FaceView
from lipblend.render.frame import compose, render_frame
from lipblend.runtime.prefetch import prefetch
from lipblend.settings import Settings
from lipblend.stages.alpha.matte import Matte
from lipblend.stages.detail.restore import Restorer
from lipblend.video.info import VideoInfo
from lipblend.video.video import Video

_QUEUE = 4  # decoded frames waiting a stream
_NO_ENCODER_LEVELS = 8.0  # mean difference of a block of 16 x 16 pixels; x264 at CRF 30 stays below 5
_LOOKED_AT = 0.75  # face widths about the mouth in which a matte is estimated
_SEAM = 0.5  # alpha
_WINDOW_FRAC = 0.02
_LEAST_ENERGY = 4.0  # squared levels
NO_CHANGE = "no change seen"

Rgb = npt.NDArray[np.uint8]
SpokenMeshes = Sequence[Sequence[Landmarks]]
"""Meshes found in the synced frame of every row of a plan, in the original's pixels."""


@dataclass(frozen=True)
class ResultVideo:
    """The video that is judged.

    Attributes
    ----------
    video : Video
    times_s : (n,) float64
    rows : (n,) int64
        Row of the plan that each of its frames shows; -1 for a frame that the original does not hold.
    mapping : FrameMapping
        Where the original's pixels lie in it.
    meshes : sequence of sequence of Landmarks
        Faces found in every frame, in the original's pixels.
    """

    video: Video
    times_s: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]
    mapping: FrameMapping
    meshes: Sequence[Sequence[Landmarks]]


@dataclass(frozen=True)
class Looked:
    """One frame, looked at.

    Attributes
    ----------
    index : int
        In the result.
    row : FramePlan
    views : tuple of FaceView
        Empty where nothing is blended, or the mask lies outside the picture.
    reason : str
        Why nothing is; empty otherwise.
    untouched : float or None
        Largest change outside the matte before encoding, in levels; where the finished file is farther off there than
        an encoder makes it, that. None where the matte is an estimate.
    outside : float or None
        Mean luma difference outside the mattes of the finished file, in levels; None where it is of another size.
    unlike : float or None
        How much more or less of the synced picture the finished file shows about the mouths than the frame rendered
        again, in alpha: see `share_apart`. None where nothing was rendered.
    """

    index: int
    row: FramePlan
    views: tuple[FaceView, ...]
    reason: str
    untouched: float | None
    outside: float | None
    unlike: float | None


@dataclass(frozen=True)
class Sources:
    """What a result was made from, or would have been.

    Attributes
    ----------
    analysis : ClipAnalysis
        Its tracks are not needed.
    plan : Plan
    settings : Settings
    restorer : Restorer or None
        For ``settings.restore``.
    spoken : sequence of sequence of Landmarks
        Meshes found in the synced frame of every row of the plan, in the original's pixels.
    """

    analysis: ClipAnalysis
    plan: Plan
    settings: Settings
    restorer: Restorer | None
    spoken: SpokenMeshes


class Walk:
    """Goes through the frames of a result, and of the two videos it was made from.

    Parameters
    ----------
    sources : Sources
    result : ResultVideo
    estimated : bool
        Estimate the mattes from the pictures instead of rendering them again from the settings.
    """

    def __init__(self, sources: Sources, result: ResultVideo, *, estimated: bool) -> None:
        self._sources, self.result, self.estimated = sources, result, estimated
        self.original, self.synced = sources.analysis.original, sources.analysis.synced
        self.plan, self.settings = sources.plan, sources.settings
        self.mapping, self.shot_starts = sources.analysis.mapping, sources.analysis.shot_starts

    def __len__(self) -> int:
        return len(self.result.rows)

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height of the original, in whose pixels all is given."""
        return self.original.info.upright_size

    def row(self, index: int) -> FramePlan:
        """The plan's row that a frame of the result shows; it must show one."""
        return self.plan.rows[int(self.result.rows[index])]

    def views(self, indices: Sequence[int]) -> Iterator[tuple[int, tuple[FaceView, ...]]]:
        """What the measures see of some frames of the result; by rising index."""
        for looked in self.looked_at(indices):
            yield looked.index, looked.views

    def looked_at(self, indices: Sequence[int]) -> Iterator[Looked]:
        """Frames of the result by rising index, with everything that is measured on whole frames.

        Frames that the original does not hold are left out.
        """
        held = [index for index in indices if self.result.rows[index] >= 0]
        for index, ours, theirs, made in self._pictures(held):
            if ours is not None:
                yield self._look(index, self.row(index), ours, theirs, made)

    def pictures(self, indices: Sequence[int], box: Box) -> Iterator[tuple[int, Rgb, Rgb, Rgb]]:
        """Original, synced and result in a box of the original's frame, (h, w, 3) uint8 RGB; by rising index.

        Where there is no original or no synced frame its picture is black.
        """
        info = self.original.info
        places = UNMOVED, self.mapping, self.result.mapping
        for index, *pictures in self._pictures(indices):
            before = None if pictures[0] is None else extract_patch(pictures[0].planes, pictures[0].layout, box)
            ours, theirs, made = (
                np.zeros((box.height, box.width, 3), np.uint8)
                if picture is None
                else _shown(in_original(picture, box, place, info.colour, info.height, beside=before), info)
                for picture, place in zip(pictures, places, strict=True)
            )
            yield index, ours, theirs, made

    def _pictures(self, indices: Sequence[int]) -> Iterator[tuple[int, Picture | None, Picture | None, Picture]]:
        rows = [self.row(index) if self.result.rows[index] >= 0 else None for index in indices]
        partners = [row.synced_index for row in rows if row is not None and row.synced_index >= 0]
        with (
            prefetch(self.original.frames([row.original_index for row in rows if row is not None]), _QUEUE) as ours,
            prefetch(self.synced.frames(partners), _QUEUE) as theirs,
            prefetch(self.result.video.frames(list(indices)), _QUEUE) as made,
        ):
            for index, row in zip(indices, rows, strict=True):
                before = self.original.picture(next(ours)) if row is not None else None
                partner = self.synced.picture(next(theirs)) if row is not None and row.synced_index >= 0 else None
                yield index, before, partner, self.result.video.picture(next(made))

    def _look(self, index: int, row: FramePlan, ours: Picture, theirs: Picture | None, made: Picture) -> Looked:
        untouched = unlike = None
        if self.estimated:
            faces = self._estimated(ours, theirs, made, row)
            reason = row.reason or ("" if faces else NO_CHANGE)
        else:
            done = render_frame(ours, theirs, row, self.settings, mapping=self.mapping, restorer=self._sources.restorer)
            faces = [Blended(patch.plan, patch.matte, patch.taken) for patch in done.patches]
            reason = done.reason
            mattes = [patch.matte for patch in done.patches]
            composed = compose(ours, done)
            untouched = largest_change_outside(ours, composed.planes, mattes)
            if mattes and theirs is not None:
                unlike = max(self._unlike(ours, theirs, composed, made, patch.plan) for patch in done.patches)
        views: tuple[FaceView, ...] = ()
        if faces and theirs is not None:
            views = frame_views(
                ours,
                theirs,
                made,
                faces,
                self.result.meshes[index],
                mapping=self.mapping,
                result_mapping=self.result.mapping,
                spoken=self._sources.spoken[int(self.result.rows[index])],
            )
        exact = self.result.mapping.lies_exactly(ours.size, made.size)
        lost = outside_loss(ours, made, [face.matte for face in faces]) if exact else None
        if untouched is not None and lost is not None and lost[1] > _NO_ENCODER_LEVELS:
            untouched = max(untouched, lost[1])  # the file is not what was rendered
        return Looked(index, row, views, reason, untouched, lost[0] if lost is not None else None, unlike)

    def _unlike(self, ours: Picture, theirs: Picture, composed: Picture, made: Picture, face: FacePlan) -> float:
        box = _around_mouth(face.original, ours)
        if box.width < 1 or box.height < 1:
            return 0.0
        before = extract_patch(ours.planes, ours.layout, box)
        place = self.mapping.moved(*face.moved.tolist())
        offered = in_original(theirs, box, place, ours.colour, ours.height, beside=before) - before
        apart = in_original(made, box, self.result.mapping, ours.colour, ours.height) - extract_patch(
            composed.planes, composed.layout, box
        )
        return share_apart(apart, offered, face.original.face_width_px)

    def _estimated(self, ours: Picture, theirs: Picture | None, made: Picture, row: FramePlan) -> list[Blended]:
        if theirs is None:
            return []
        found = []
        for face in row.faces:
            box = _around_mouth(face.original, ours)
            if box.width < 2 or box.height < 2:
                continue
            place = self.mapping.moved(*face.moved.tolist())
            before = extract_patch(ours.planes, ours.layout, box)
            alpha = estimate_alpha(
                before,
                in_original(theirs, box, place, ours.colour, ours.height, beside=before),
                in_original(made, box, self.result.mapping, ours.colour, ours.height),
                face_width_px=face.original.face_width_px,
            )
            if (alpha >= _SEAM).any():  # else nothing of the face was taken that could be seen
                none, all_of_it = np.zeros_like(alpha), np.ones_like(alpha)
                matte = Matte(box, alpha > 0, alpha, feather_px=0.0, reach=none, painted=all_of_it, contour=alpha)
                found.append(Blended(replace(face, weight=1.0), matte, alpha))
        return found


def _around_mouth(face: Landmarks, picture: Picture) -> Box:
    x, y = face.mouth_centre
    half = _LOOKED_AT * face.face_width_px
    box = Box(int(x - half), int(y - half), int(x + half) + 1, int(y + half) + 1)
    return box.clipped(*picture.size).snapped(picture.layout, *picture.size)


def share_apart(apart: npt.NDArray[np.float32], offered: npt.NDArray[np.float32], face_width_px: float) -> float:
    """How far apart two composites are, in alpha.

    Where one took more of the synced picture than the other, their difference ``r`` goes with what the synced picture
    offered, ``d``; the noise of an encoder does not. So the slope ``<r, d> / <d, d>`` in a Gaussian window of 0.02
    face widths is the difference of their alphas. Its root mean square, weighted by ``<d, d>``, is returned.

    Parameters
    ----------
    apart : (h, w, 3) float32
        The difference of the two composites.
    offered : (h, w, 3) float32
        Synced minus original.
    face_width_px : float
    """
    sigma = max(_WINDOW_FRAC * face_width_px, 1.0)
    common = cv2.GaussianBlur((apart * offered).sum(2), (0, 0), sigma)
    energy = cv2.GaussianBlur((offered * offered).sum(2), (0, 0), sigma)
    slope = common / (energy + _LEAST_ENERGY)
    return float(np.sqrt((slope * slope * energy).sum() / max(float(energy.sum()), 1e-6)))


def _shown(patch: npt.NDArray[np.float32], info: VideoInfo) -> Rgb:
    """A patch in 8-bit code units of a video as RGB."""
    rgb = cv2.transform(patch, ycbcr_matrix(info.colour, info.height))
    return np.asarray(np.clip(np.rint(rgb), 0, 255), np.uint8)
