"""Three videos, frame by frame, as the measures and the pages need them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.frame_mapping import UNMOVED, FrameMapping
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.picture.planes import extract_patch
from lipblend.plan.frame_plan import FramePlan, Plan
from lipblend.quality.evaluation.matte_estimate import alpha_difference, estimated_faces
from lipblend.quality.evaluation.outside_loss import outside_loss
from lipblend.quality.evaluation.shown_frames import Shown, shown_frames
from lipblend.quality.evaluation.views import Blended, FrameTriple, as_rgb, frame_views, in_original
from lipblend.quality.frame_rates import frame_rate
from lipblend.quality.record import NO_CHANGE
from lipblend.quality.view import FaceView
from lipblend.render.face_patch import BLACK, OUTSIDE, face_front, face_matte, given_matte
from lipblend.render.frame import compose, render_frame
from lipblend.render.synced_patch import SyncedPictures
from lipblend.runtime.prefetch import map_in_threads
from lipblend.settings import Settings
from lipblend.stages.alpha.in_front import behind
from lipblend.stages.detail.restore import Restorer
from lipblend.video.keep_matte import KeepMatte
from lipblend.video.video import Video

_WORKERS = 2  # threads that convert decoded frames

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
    """One frame of a result, measured as a whole.

    Attributes
    ----------
    index : int
        In the result.
    row : FramePlan
    views : tuple of FaceView
        Empty if nothing is blended, or the mask lies outside the picture.
    reason : str
        Why nothing is blended; empty otherwise.
    untouched : float or None
        Largest mean difference from the original of a block of 16 x 16 pixels outside the mattes, in levels; None if
        the result is of another size.
    outside : float or None
        Mean luma difference outside the mattes, in levels; None if the result is of another size.
    """

    index: int
    row: FramePlan
    views: tuple[FaceView, ...]
    reason: str
    untouched: float | None
    outside: float | None


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
    keep, matte : KeepMatte, optional
        What stayed the original's, and the alpha of the new mouth that was given.
    """

    analysis: ClipAnalysis
    plan: Plan
    settings: Settings
    restorer: Restorer | None
    spoken: SpokenMeshes
    keep: KeepMatte | None = None
    matte: KeepMatte | None = None


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

    @property
    def frame_rate(self) -> float:
        """Frames of the result per second; 25 for a single frame."""
        return frame_rate(self.result.times_s)

    def row(self, index: int) -> FramePlan:
        """The plan's row that a frame of the result shows; it must show one."""
        return self.plan.rows[int(self.result.rows[index])]

    def faces(self, index: int) -> Sequence[Landmarks]:
        """Meshes of the original's faces that the plan gives a new mouth in a frame of the result."""
        return [face.original for face in self.row(index).faces]

    def views(self, indices: Sequence[int]) -> Iterator[tuple[int, tuple[FaceView, ...]]]:
        """What the measures see of some frames of the result; by rising index."""
        for shown in self._pictures(self._held(indices)):
            if shown.original is not None:
                yield shown.index, self._views(shown.index, self._frames(shown), self.row(shown.index))[0]

    def looked_at(self, indices: Sequence[int]) -> Iterator[Looked]:
        """Frames of the result by rising index, with everything that is measured on whole frames.

        Frames that the original does not hold are left out.
        """
        for shown in self._pictures(self._held(indices)):
            if shown.original is not None:
                yield self._looked(shown, shown.original, self.row(shown.index))

    def pictures(self, indices: Sequence[int], box: Box) -> Iterator[tuple[int, Rgb, Rgb, Rgb]]:
        """Original, synced and result in a box of the original's frame, (h, w, 3) uint8 RGB; by rising index.

        Where there is no original or no synced frame, its picture is black.
        """
        info = self.original.info

        def shown(taken: Shown) -> tuple[int, Rgb, Rgb, Rgb]:
            pictures = taken.original, taken.synced, taken.result
            place = UNMOVED if taken.synced is None else self.mapping.at(self.row(taken.index).synced_index)
            places = UNMOVED, place, self.result.mapping
            beside = None if pictures[0] is None else extract_patch(pictures[0].planes, pictures[0].layout, box)
            original, synced, result = (
                np.zeros((box.height, box.width, 3), np.uint8)
                if picture is None
                else as_rgb(in_original(picture, box, place, info.colour, info.height, beside=beside), info)
                for picture, place in zip(pictures, places, strict=True)
            )
            return taken.index, original, synced, result

        with map_in_threads(shown, self._pictures(indices), workers=_WORKERS) as pictures:
            yield from pictures

    def unlike(self, indices: Sequence[int]) -> Iterator[tuple[float, float]]:
        """How much a result differs from frames rendered again from the settings.

        Yields, for every frame with a patch, how much more or less of the synced picture the finished file shows around
        the mouths, in alpha (`lipblend.quality.evaluation.matte_estimate.alpha_difference`), and the mean luma
        difference outside the mattes, in levels (0 if the result is of another size).
        """
        for shown in self._pictures(self._held(indices)):
            frames = self._frames(shown)
            if frames is None:
                continue
            rendered = render_frame(
                frames.original,
                frames.synced,
                self.row(shown.index),
                self.settings,
                mapping=self.mapping,
                restorer=self._sources.restorer,
                bridging=frames.bridging,
                keep=frames.keep,
                alpha=frames.alpha,
            )
            if rendered.patches:
                composed = compose(frames.original, rendered)
                apart = max(alpha_difference(frames, composed, patch.plan) for patch in rendered.patches)
                exact = self.result.mapping.is_exact(frames.original.size, frames.result.size)
                boxes = [patch.matte.box for patch in rendered.patches]
                loss = outside_loss(frames.original, frames.result, boxes) if exact else None
                yield apart, loss[0] if loss is not None else 0.0

    def takes_over(self, indices: Sequence[int]) -> Iterator[bool]:
        """Whether anything of the synced picture is found around the mouths, for frames of the result by rising index.

        As with estimated mattes, whatever this walk's mattes are. Frames without a partner are left out.
        """
        for shown in self._pictures(self._held(indices)):
            frames = self._frames(shown)
            if frames is not None:
                yield bool(estimated_faces(frames, self.row(shown.index)))

    def _held(self, indices: Sequence[int]) -> list[int]:
        """Those that the original holds."""
        return [index for index in indices if self.result.rows[index] >= 0]

    def _pictures(self, indices: Sequence[int]) -> Iterator[Shown]:
        rows = [self.row(index) if self.result.rows[index] >= 0 else None for index in indices]
        sources, wanted = self._sources, list(zip(indices, rows, strict=True))
        return shown_frames(sources.analysis, self.result.video, wanted, sources.keep, sources.matte)

    def _frames(self, shown: Shown) -> FrameTriple | None:
        """The three pictures; None if one of them is missing."""
        if shown.original is None or shown.synced is None:
            return None
        pictures = shown.original, shown.synced, shown.result
        synced_index = self.row(shown.index).synced_index
        mappings = self.mapping, self.result.mapping
        return FrameTriple(*pictures, *mappings, synced_index, shown.bridging, shown.keep, shown.alpha)

    def _looked(self, shown: Shown, original: Picture, row: FramePlan) -> Looked:
        result = shown.result
        views, faces = self._views(shown.index, self._frames(shown), row)
        nothing = NO_CHANGE if self.estimated else OUTSIDE if shown.alpha is None else BLACK
        reason = "" if faces else row.reason or nothing
        exact = self.result.mapping.is_exact(original.size, result.size)
        loss = outside_loss(original, result, [face.matte.box for face in faces]) if exact else None
        outside, untouched = loss if loss is not None else (None, None)
        return Looked(shown.index, row, views, reason, untouched, outside)

    def _views(
        self, index: int, frames: FrameTriple | None, row: FramePlan
    ) -> tuple[tuple[FaceView, ...], Sequence[Blended]]:
        """What the measures see of a frame, and its faces."""
        if frames is None:
            return (), ()
        faces = estimated_faces(frames, row) if self.estimated else list(self._matted_faces(frames, row))
        found, spoken = self.result.meshes[index], self._sources.spoken[int(self.result.rows[index])]
        against = self.settings.gate.against
        return frame_views(frames, faces, found, spoken, against=against, estimated=self.estimated), faces

    def _matted_faces(self, frames: FrameTriple, row: FramePlan) -> Iterator[Blended]:
        pictures = SyncedPictures(frames.synced, row.synced_index, frames.bridging, self.mapping)
        for face in row.faces:
            matte = face_matte(frames.original, frames.synced, face, self.settings, pictures.own_mapping)
            if matte is not None and frames.alpha is not None:
                alone = len(row.faces) == 1
                matte = given_matte(matte, frames.alpha, frames.original, pictures, face, alone=alone)
            if matte is None:
                continue
            front = face_front(frames.original, pictures, face, self.settings, matte.box, frames.keep)
            share = None if front is None else front.share
            if front is not None:
                matte = behind(matte, front.original)
            if matte.touched.any():
                yield Blended(face, matte, matte.alpha, share)
