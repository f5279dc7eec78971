"""Blending single frames as arrays, in place of a generator's own paste-back."""

from __future__ import annotations

from array import array
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.analysis.frame_analysis import faces_of_frame
from lipblend.analysis.measure import measure_faces, same_face
from lipblend.errors import SettingsError
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.models import resolve_model
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.alignment import Alignment
from lipblend.pairing.timeline import Pairing, Timeline
from lipblend.picture.formats import RANGE_FULL, ColourTags, PixelLayout
from lipblend.picture.frame_mapping import UNMOVED
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.picture.ycbcr import BT709, ycbcr_matrix
from lipblend.plan.frame_plan import FramePlan
from lipblend.plan.make_plan import make_plan
from lipblend.render.frame import FrameResult, compose, render_frame
from lipblend.settings import Settings
from lipblend.settings.face_points import names_points
from lipblend.settings.work_ranges import ALL
from lipblend.stages.detail.restore import load_restorer
from lipblend.video.info import VideoInfo
from lipblend.video.video import Video

Rgb = npt.NDArray[np.uint8]

_TAGS = ColourTags(BT709, 1, 1, RANGE_FULL)
_LAYOUT = PixelLayout("yuv444p16le", 16, 0, 0, 3)  # 8-bit RGB survives the way there and back
_SCALE = 256.0  # codes per 8-bit level


class FrameBlender:
    """Blends synced frames into original frames, one at a time; a context manager.

    The face model is loaded once. Nothing is smoothed over time, so use `lipblend.composite` for clips. A frame without
    a face to work on is returned unchanged, whatever ``track.no_face`` says; `blended_faces` tells.

    Parameters
    ----------
    settings : Settings, optional
        How the picture is made; `Settings()` by default.
    models : Path, optional
        Face model bundle, or the folder that contains it; by default the installed one.

    Attributes
    ----------
    blended_faces : int
        Number of faces whose mouth was replaced in the last frame.

    Raises
    ------
    ModelError
        A model is missing or cannot be used.
    SettingsError
        Settings that need a clip: ``track.ranges``, points in ``track.face``, and ``mask.region_source`` = model.

    Examples
    --------
    >>> import numpy as np
    >>> from lipblend import FrameBlender
    >>> blank = np.full((120, 160, 3), 128, np.uint8)
    >>> with FrameBlender() as blender:
    ...     result = blender.blend(blank, blank)
    >>> bool((result == blank).all())  # there is no face
    True
    """

    def __init__(self, settings: Settings | None = None, *, models: Path | str | None = None) -> None:
        settings = settings or Settings()
        if names_points(settings.track.face) or settings.track.ranges != (ALL,):
            raise SettingsError(
                "track.face by points and track.ranges need the times of a clip, and single frames have none",
                hint="Leave track.ranges at all, and name faces by number, or as changed, largest or all.",
            )
        if settings.mask.region_source == "model":
            raise SettingsError(
                "mask.region_source is model, and single frames have no parser",
                hint="Set mask.region_source to mesh, or composite the whole videos.",
            )
        lenient = {"no_face": "copy"}
        self._settings = settings.model_copy(update={"track": settings.track.model_copy(update=lenient)})
        self._restorer = load_restorer(settings.restore)
        self._next_frame = self.blended_faces = 0
        track = settings.track
        model = resolve_model("face_landmarker", None if models is None else Path(models))
        self._landmarker = FaceLandmarker(model, max_faces=track.max_faces, confidence=track.confidence)

    def __enter__(self) -> Self:
        self._landmarker.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the face model."""
        self._landmarker.close()

    def blend(
        self,
        original: Rgb,
        synced: Rgb,
        *,
        frame: int | None = None,
        keep: npt.NDArray[np.float32] | None = None,
    ) -> Rgb:
        """Blend the synced mouth into the original frame.

        Parameters
        ----------
        original, synced : (h, w, 3) uint8
            RGB. Both frames show the same moment, aligned pixel by pixel.
        frame : int, optional
            Number of the frame, which its grain depends on; counted from 0 by default. The same arrays and number give
            the same result.
        keep : (h, w) float32 in [0, 1], optional
            How much of each pixel stays the original's, because something stands in front of the face there.

        Returns
        -------
        (h, w, 3) uint8
            RGB; bit for bit the original outside the patch, where ``keep`` is 1, and everywhere if no face is found.

        Raises
        ------
        ValueError
            The arrays have a different shape or dtype, or ``keep`` has other values.
        """
        for name, rgb in (("original", original), ("synced", synced)):
            if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
                raise ValueError(f"{name} must be (h, w, 3) uint8, got {rgb.shape} {rgb.dtype}")
        if original.shape != synced.shape:
            raise ValueError(f"both frames must have the same size, got {original.shape} and {synced.shape}")
        if keep is not None:
            _check_keep(keep, original.shape[:2])
        pictures = _picture(original), _picture(synced)
        number = self._next_frame if frame is None else frame
        self._next_frame = number + 1
        row = replace(self._plan(original, synced, *pictures), original_index=number)
        result = render_frame(pictures[0], pictures[1], row, self._settings, restorer=self._restorer, keep=keep)
        self.blended_faces = len(result.patches)
        return _rgb(original, pictures[0], result)

    def _plan(self, original: Rgb, synced: Rgb, original_picture: Picture, synced_picture: Picture) -> FramePlan:
        table = FaceTable()
        faces = self._faces(original)
        synced_meshes = [face.landmarks for face in self._faces(synced, near=faces)]
        measures = measure_faces(
            original_picture,
            faces,
            synced_picture,
            synced_meshes,
            mapping=UNMOVED,
            lab=self._settings.colour.space == "lab",
            footprint=True,
        )
        tracks = {}
        for face in faces:
            partner, number = same_face(face.landmarks, synced_meshes), face.track_id
            synced_mesh = None if partner is None else partner.points
            row = table.append(0, face.landmarks.points, synced_mesh, measures.get(number))
            tracks[number] = FaceTrack(table, array("q", [row]))
        return make_plan(_one_frame(original_picture, tracks), self._settings).rows[0]

    def _faces(self, rgb: Rgb, near: tuple[TrackedFace, ...] = ()) -> tuple[TrackedFace, ...]:
        def part(box: Box) -> Rgb:
            return np.ascontiguousarray(rgb[box.y0 : box.y1, box.x0 : box.x1])

        size = rgb.shape[1], rgb.shape[0]
        return faces_of_frame(part, size, self._landmarker.detect, self._settings.track, near)


def blend_frame(
    original: Rgb,
    synced: Rgb,
    *,
    settings: Settings | None = None,
    models: Path | str | None = None,
    keep: npt.NDArray[np.float32] | None = None,
) -> Rgb:
    """Blend the synced mouth into one original frame; for several frames use `FrameBlender`.

    Parameters
    ----------
    original, synced : (h, w, 3) uint8
        RGB; see `FrameBlender.blend`.
    settings : Settings, optional
    models : Path, optional
        See `FrameBlender`.
    keep : (h, w) float32 in [0, 1], optional
        See `FrameBlender.blend`.

    Returns
    -------
    (h, w, 3) uint8
    """
    with FrameBlender(settings, models=models) as blender:
        return blender.blend(original, synced, keep=keep)


def _check_keep(keep: npt.NDArray[np.float32], shape: tuple[int, ...]) -> None:
    if keep.shape != shape or keep.dtype != np.float32:
        raise ValueError(f"keep must be {shape} float32, got {keep.shape} {keep.dtype}")
    if not (keep.min() >= 0 and keep.max() <= 1):  # also of NaN
        raise ValueError(f"keep must be 0 to 1, got {keep.min()} to {keep.max()}")


def _picture(rgb: Rgb) -> Picture:
    height = rgb.shape[0]
    matrix = ycbcr_matrix(_TAGS, height)
    inverse = np.linalg.inv(matrix[:, :3])
    codes = cv2.transform(rgb.astype(np.float32), np.column_stack([inverse, -inverse @ matrix[:, 3]]))
    planes = np.clip(np.rint(codes * _SCALE), 0, 65535).astype(np.uint16)
    return Picture([np.ascontiguousarray(planes[..., channel]) for channel in range(3)], _LAYOUT, _TAGS, height)


def _rgb(original: Rgb, picture: Picture, result: FrameResult) -> Rgb:
    """The composed frame as RGB, with the original's pixels where nothing changed."""
    composed, rgb = compose(picture, result), original.copy()
    for patch in result.patches:
        box = patch.matte.box
        part = np.s_[box.y0 : box.y1, box.x0 : box.x1]
        codes = np.dstack([plane[part] for plane in composed.planes]).astype(np.float32) / np.float32(_SCALE)
        changed = np.any([new[part] != old[part] for new, old in zip(composed.planes, picture.planes, strict=True)], 0)
        levels = cv2.transform(codes, ycbcr_matrix(_TAGS, picture.height))
        rgb[part][changed] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)[changed]
    return rgb


def _one_frame(picture: Picture, tracks: dict[int, FaceTrack]) -> ClipAnalysis:
    """The analysis of a clip of one frame in memory."""
    width, height = picture.size
    info = VideoInfo(
        path=Path("frame"), codec="rawvideo", width=width, height=height, layout=picture.layout,
        source_format=picture.layout.name, time_base=Fraction(1, 25), frame_rate=Fraction(25), frame_count=1,
        start_s=0.0, duration_s=0.04, colour=picture.colour, sample_aspect=None, rotation=0, bit_rate=None, audio=(),
        subtitle_count=0, chapter_count=0, container="rawvideo", metadata={},
    )  # fmt: skip
    first = np.zeros(1, np.int64)
    pairing = Pairing(
        source=first, offset_s=0.0, in_step=True, drift=0.0, repeated=0, missing=0, jumps=0, backward=0, before=0,
        after=0,
    )  # fmt: skip
    video = Video(info, first, True)
    return ClipAnalysis(
        original=video,
        synced=replace(video),
        times_s=np.zeros(1),
        pts=first,
        durations=np.ones(1, np.int64),
        original_index=first,
        synced_index=first,
        shot_starts=np.zeros(1, np.intp),
        tracks=tracks,
        alignment=Alignment(UNMOVED, pairing, Timeline("original", first, first), 1.0),
        matrix=ycbcr_matrix(picture.colour, picture.height),
        notes=(),
        changed=np.ones(1, bool),
    )
