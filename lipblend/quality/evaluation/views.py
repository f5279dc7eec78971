"""The crops that the measures look at, cut out of the frames of three videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis.measure import same_face
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.formats import ColourTags, PixelLayout
from lipblend.picture.frame_mapping import UNMOVED, FrameMapping, synced_patch
from lipblend.picture.frame_mappings import Mappings
from lipblend.picture.patch import Box, ChromaGrid, Patch
from lipblend.picture.picture import Picture
from lipblend.picture.planes import extract_patch
from lipblend.picture.ycbcr import convert_colour, ycbcr_matrix
from lipblend.plan.frame_plan import Bridge, BridgeEnd, FacePlan
from lipblend.quality.regions import mouth_surroundings
from lipblend.quality.view import FaceView
from lipblend.render.frame import FrameResult
from lipblend.render.synced_patch import bridge_pictures, bridged
from lipblend.settings.clip_groups import Against
from lipblend.stages.alpha.matte import Matte
from lipblend.stages.registration.bend import bend_flow
from lipblend.stages.registration.flow import moved_by
from lipblend.video.info import VideoInfo

Crop = npt.NDArray[np.float32]

_MARGIN_PX, _MARGIN_FRAC = 24, 0.15
_WHOLE = PixelLayout("yuv444p", 8, 0, 0, 3)  # of a crop: chroma at every pixel


@dataclass(frozen=True)
class Blended:
    """A blended face.

    Attributes
    ----------
    plan : FacePlan
    matte : Matte
    taken : (h, w) float32 in [0, 1]
        Share of each pixel of the matte's box that is not the original's own pixel in its place.
    in_front : (h, w) float32 in [0, 1] or None
        What of the box stays the original's, because it stands in front of the face.
    """

    plan: FacePlan
    matte: Matte
    taken: npt.NDArray[np.float32]
    in_front: npt.NDArray[np.float32] | None = None

    @classmethod
    def of(cls, result: FrameResult) -> list[Blended]:
        """The faces of a rendered frame."""
        return [
            cls(patch.plan, patch.matte, patch.taken, None if patch.front is None else patch.front.share)
            for patch in result.patches
        ]


@dataclass(frozen=True)
class FrameTriple:
    """The same moment in three videos.

    Attributes
    ----------
    original, synced, result : Picture
    mapping : FrameMapping or FrameMappings
        Where the original's pixels lie in the synced frames.
    result_mapping : FrameMapping
        And in the result's.
    synced_index : int
        The synced frame; needed if each has a mapping of its own.
    bridging : mapping of int to Picture
        By synced frame: those that bridge the synced one, if it is broken (`FramePlan.bridging_indices`).
    keep : (h, w) float32 in [0, 1], optional
        Of the original: what stays it.
    alpha : (h, w) float32 in [0, 1], optional
        Of the original: the alpha of the new mouth that was given.
    """

    original: Picture
    synced: Picture
    result: Picture
    mapping: Mappings
    result_mapping: FrameMapping = UNMOVED
    synced_index: int = 0
    bridging: Mapping[int, Picture] = field(default_factory=dict)
    keep: npt.NDArray[np.float32] | None = None
    alpha: npt.NDArray[np.float32] | None = None

    def original_crop(self, box: Box) -> Crop:
        """A box of the original, (h, w, 3) float32, YCbCr in 8-bit levels."""
        return extract_patch(self.original.planes, self.original.layout, box)

    def synced_crop(self, box: Box, face: FacePlan, beside: Crop) -> Crop:
        """The same box of the synced frame in the original's encoding, its face in its place.

        Where it is broken and bridged, what the bridge shows.
        """
        if face.bridge is None:
            return self._synced_crop(self.synced, self.synced_index, box, face, face.original, beside)
        grid = ChromaGrid(_WHOLE, box)
        patches = [
            Patch.of(self._synced_crop(picture, end.synced_index, box, end, face.original, beside), grid)
            for end, picture in bridge_pictures(face.bridge, self.bridging)
        ]
        return bridged(patches, face.bridge, box).whole()

    def broken_crop(self, box: Box, face: FacePlan, beside: Crop) -> Crop | None:
        """What the generator drew there, if it is broken and bridged."""
        if face.bridge is None:
            return None
        return self._synced_crop(self.synced, self.synced_index, box, face.bridge, face.original, beside)

    def _synced_crop(
        self,
        picture: Picture,
        index: int,
        box: Box,
        source: FacePlan | BridgeEnd | Bridge,
        mesh: Landmarks,
        beside: Crop,
    ) -> Crop:
        colour, height = self.original.colour, self.original.height
        place = self.mapping.at(index).after(source.placement)
        crop = in_original(picture, box, place, colour, height, beside=beside)
        return crop if source.bend is None else moved_by(crop, *bend_flow(source.bend, box, mesh))

    def result_crop(self, box: Box) -> Crop:
        """The same box of the result in the original's encoding."""
        return in_original(self.result, box, self.result_mapping, self.original.colour, self.original.height)


def frame_views(
    frames: FrameTriple,
    faces: Sequence[Blended],
    found: Sequence[Landmarks] = (),
    spoken: Sequence[Landmarks] = (),
    *,
    against: Against = "expected",
    estimated: bool = False,
) -> tuple[FaceView, ...]:
    """What the measures see of a frame: a view per blended face.

    Parameters
    ----------
    frames : FrameTriple
    faces : sequence of Blended
    found : sequence of Landmarks
        Meshes found in the result, in the original's pixels.
    spoken : sequence of Landmarks
        Meshes found in the synced frame, not smoothed, in the original's pixels.
    against : {"expected", "original"}
    estimated : bool
        See `FaceView`.
    """
    views = (_view(frames, face, found, spoken) for face in faces)
    return tuple(replace(view, against=against, estimated=estimated) for view in views)


def _view(frames: FrameTriple, blended: Blended, found: Sequence[Landmarks], spoken: Sequence[Landmarks]) -> FaceView:
    face, matte, original = blended.plan, blended.matte, frames.original
    box = view_box(matte.box, face.original, original.layout, original.size)
    contour, taken = np.zeros((2, box.height, box.width), np.float32)
    place = matte.box.within(box)
    contour[place], taken[place] = matte.contour, blended.taken
    in_front = None
    if blended.in_front is not None:
        in_front = np.zeros((box.height, box.width), np.float32)
        in_front[place] = blended.in_front
    crop = frames.original_crop(box)
    return FaceView(
        box=box,
        original=crop,
        synced=frames.synced_crop(box, face, crop),
        result=frames.result_crop(box),
        contour=contour,
        alpha=taken * np.float32(face.weight) if face.weight < 1 else taken,
        original_mesh=face.original,
        synced_mesh=face.synced,
        detected_result=same_face(face.original, found),
        weight=face.weight,
        matrix=ycbcr_matrix(original.colour, original.height),
        detected_synced=same_face(face.original, spoken) if face.bridge is None else face.synced,
        broken=frames.broken_crop(box, face, crop),
        in_front=in_front,
    )


def view_box(box: Box, face: Landmarks, layout: PixelLayout, size: tuple[int, int]) -> Box:
    """A matte's box with a margin for the measures that look beside it, and the judged surroundings of the mouth."""
    margin = round(max(_MARGIN_PX, _MARGIN_FRAC * face.face_width_px))
    beside = mouth_surroundings(face)
    grown = Box(
        min(box.x0 - margin, beside.x0),
        min(box.y0 - margin, beside.y0),
        max(box.x1 + margin, beside.x1),
        max(box.y1 + margin, beside.y1),
    )
    return grown.clipped(*size).snapped(layout, *size)


def in_original(
    picture: Picture,
    box: Box,
    mapping: FrameMapping,
    colour: ColourTags,
    height: int,
    *,
    beside: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """A crop of another video's frame in the original's pixels and encoding: (h, w, 3) float32.

    Parameters
    ----------
    picture : Picture
        The other video's.
    box : Box
        In the original's pixels.
    mapping : FrameMapping
    colour : ColourTags
    height : int
        The original's encoding, and the lines of its coded picture.
    beside : (h, w, 3) float32, optional
        The original's crop, see `lipblend.picture.ycbcr.convert_colour`.
    """
    patch = synced_patch(picture.planes, picture.layout, box, mapping)
    return convert_colour(patch, picture.colour, colour, height, reference=beside)


def as_rgb(patch: npt.NDArray[np.float32], info: VideoInfo) -> npt.NDArray[np.uint8]:
    """A patch in 8-bit code units of a video as RGB."""
    rgb = np.asarray(cv2.transform(patch, ycbcr_matrix(info.colour, info.height)), np.float32)
    np.rint(rgb, out=rgb)
    return np.clip(rgb, 0, 255, out=rgb).astype(np.uint8)
