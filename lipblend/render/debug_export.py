"""Debug export: mask, alpha, seam ring and overlay of every frame, and a table."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.errors import OutputError, SettingsError
from lipblend.faces.landmarks import Landmarks
from lipblend.output.drawn import drawn_frame, drawn_info
from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.picture.picture import Picture
from lipblend.plan.frame_plan import FacePlan
from lipblend.plan.front_log import Hiding
from lipblend.render.debug_frame import DebugFrame
from lipblend.render.debug_front import FrontPictures, FrontVideos
from lipblend.render.face_patch import FacePatch
from lipblend.render.front_drawing import shown_ways
from lipblend.runtime.output_paths import make_folder
from lipblend.settings import EncodeSettings
from lipblend.stages.alpha.matte import Matte
from lipblend.stages.alpha.seam import ring_radius_px, seam_ring
from lipblend.stages.registration.bend import unbent_points
from lipblend.video.info import VideoInfo

Rgb = npt.NDArray[np.uint8]
Grey = npt.NDArray[np.uint8]
DebugFormat = Literal["png", "video"]

_REACH_GREY = 90
_MASK_TINT = (255, 160, 0)
_SEAM_TINT = (0, 255, 120)
_ORIGINAL_DOTS = (80, 200, 255)
_SYNCED_DOTS = (255, 80, 200)
_MATTES = ("mask", "alpha", "ring")
_COLUMNS = (
    "frame", "time_s", "original_frame", "synced_frame", "status", "reason", "fault", "certainty", "faces", "weight",
    "x0", "y0", "x1", "y1", "face_width_px", "feather_px", "gain_1", "gain_2", "gain_3", "offset_1", "offset_2",
    "offset_3", "moved_x_px", "moved_y_px", "turned_deg", "scaled", "bent_px", "mouth_original", "mouth_synced",
    "bridged_from", "hidden", "in_front", "fallbacks",
)  # fmt: skip
_FACE_COLUMNS = len(_COLUMNS) - _COLUMNS.index("weight") - 1


class _Sink(Protocol):
    def save(self, frame: DebugFrame) -> None: ...


def debug_folder(folder: Path, tag: str | None) -> Path:
    """Subfolder for the run ``tag``, or the folder itself without a tag.

    Raises
    ------
    SettingsError
        The tag has characters other than letters, digits, hyphens, underscores and points, or only points.
    """
    if tag is None:
        return folder
    if not re.fullmatch(r"[\w.-]+", tag) or not tag.strip("."):
        raise SettingsError(
            f"{tag!r} is not a valid run name",
            hint="Use letters, digits, hyphens, underscores and points, but not points alone.",
        )
    return folder / tag


class DebugExport:
    """Writes the pictures of a run and the table ``frames.csv`` into a folder; a context manager.

    Parameters
    ----------
    folder : Path
        Created if missing. Files of an earlier run are replaced.
    info : VideoInfo
        The original, with the time base of the output.
    form : {"png", "video"}
        "png": four pictures per face of every blended frame, named by its index and cropped to the region of interest.
        "video": four videos of whole frames with the output's frames and times: ``mask.mkv``, ``alpha.mkv`` and
        ``ring.mkv`` in lossless grey (FFV1), ``overlay.mkv`` in H.264. Videos appear when the run is finished.
        Both also show what stays in front of the faces, see `lipblend.render.debug_front`.
    frames : int, optional
        Number of the original's frames; by default, up to the last that is exported.

    Raises
    ------
    OutputError
        The folder or a file cannot be written.
    """

    def __init__(self, folder: Path, info: VideoInfo, *, form: DebugFormat = "png", frames: int | None = None) -> None:
        make_folder(folder)
        self._folder, self._info, self._form, self._frames = folder, info, form, frames

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._sinks: list[_Sink] = [stack.enter_context(_Table(self._folder / "frames.csv"))]
            pictures = _Pictures(self._folder) if self._form == "png" else _Videos(self._folder, self._info, stack)
            self._sinks.append(pictures)
            if self._form == "png":
                self._sinks.append(stack.enter_context(FrontPictures(self._folder, self._frames)))
            else:
                self._sinks.append(stack.enter_context(FrontVideos(self._folder, self._info)))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def save(self, frame: DebugFrame) -> None:
        """Export the next frame of the output, blended or not."""
        for sink in self._sinks:
            sink.save(frame)


class _Pictures:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, frame: DebugFrame) -> None:
        for number, patch in enumerate(frame.result.patches):
            overlaid = overlay(frame.picture, patch.matte, patch.plan.original, patch.plan.synced)
            which = f"_face{number}" if number else ""
            images = dict(zip(_MATTES, _mattes(patch), strict=True))
            for name, image in (*images.items(), ("overlay", cv2.cvtColor(overlaid, cv2.COLOR_RGB2BGR))):
                path = self._folder / f"{frame.index:06d}{which}_{name}.png"
                if not cv2.imwrite(str(path), image):
                    raise OutputError(f"cannot write {path}", hint="Check the folder's rights and the free space.")


class _Videos:
    def __init__(self, folder: Path, info: VideoInfo, stack: ExitStack) -> None:
        size = info.upright_size
        self._infos = [drawn_info(info, *size, grey=True)] * len(_MATTES) + [drawn_info(info, *size)]
        silent = AudioPlan(None, None, "none", ())
        self._writers = [
            stack.enter_context(
                VideoWriter(
                    folder / f"{name}.mkv",
                    each,
                    encode=EncodeSettings(encoder="libx264" if name == "overlay" else "ffv1"),
                    audio=silent,
                    extras_from=None,
                )
            )
            for name, each in zip((*_MATTES, "overlay"), self._infos, strict=True)
        ]

    def save(self, frame: DebugFrame) -> None:
        picture, (width, height) = frame.picture, frame.picture.size
        mattes = [np.zeros((height, width), np.uint8) for _ in _MATTES]
        overlaid = picture.to_rgb()
        for patch in frame.result.patches:
            box = patch.matte.box
            place = slice(box.y0, box.y1), slice(box.x0, box.x1)
            for whole, part in zip(mattes, _mattes(patch), strict=True):
                np.maximum(whole[place], part, out=whole[place])
            overlaid[place] = overlay(picture, patch.matte, patch.plan.original, patch.plan.synced)
        for writer, info, image in zip(self._writers, self._infos, (*mattes, overlaid), strict=True):
            writer.write(drawn_frame(image, info.layout, index=frame.index, pts=frame.pts, duration=frame.duration))


class _Table:
    """``frames.csv``: one row per frame; the values of several faces are separated by semicolons.

    ``moved_x_px`` and ``moved_y_px`` say how far the middle of the mouth is displaced in the synced picture,
    ``turned_deg`` and ``scaled`` how the face is turned and scaled there, ``bent_px`` how far a distortion moves that
    middle. ``fault`` and ``certainty`` say what is wrong with the synced frame, ``bridged_from`` which synced frames
    take its place. ``hidden`` says how much of the lower face is behind something, ``in_front`` how that was found.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("w", newline="", encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"cannot write {self._path}: {error.strerror}", hint="Check the folder's rights."
            ) from error
        self._rows = csv.writer(self._file)
        self._write(_COLUMNS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError as failure:
            if kind is None:
                raise self._unwritable(failure) from failure

    def save(self, frame: DebugFrame) -> None:
        result = frame.result
        face_values = zip(*(_face_values(patch) for patch in result.patches), strict=True)
        self._write(
            (
                frame.index,
                f"{frame.time_s:.6f}",
                frame.row.original_index,
                frame.row.synced_index,
                "blended" if result.patches else "passed through",
                result.reason,
                ";".join(each.kind for each in frame.row.broken),
                ";".join(f"{each.certainty:.3f}" for each in frame.row.broken),
                len(result.patches),
                *([";".join(values) for values in face_values] or [""] * _FACE_COLUMNS),
                "; ".join(dict.fromkeys(result.fallbacks)),
            )
        )

    def _write(self, row: Sequence[object]) -> None:
        try:
            self._rows.writerow(row)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(f"cannot write {self._path}: {error.strerror}", hint="Check the free space.")


def _face_values(patch: FacePatch) -> list[str]:
    face = patch.plan
    box = face.original.box()
    gain, offset = face.colour.line()
    middle, placement = face.original.mouth_centre, face.placement
    values = (
        *(face.weight, box.x0, box.y0, box.x1, box.y1, face.original.face_width_px, patch.matte.feather_px),
        *(*gain.tolist(), *offset.tolist(), *(placement.matrix @ (*middle, 1.0) - middle).tolist()),
        *(math.degrees(placement.turn_rad), placement.scale, _bent_px(face)),
        *(face.original.mouth_opening, face.synced.mouth_opening),
    )
    ends = () if face.bridge is None else face.bridge.ends
    hidden = f"{Hiding.of(face).share:.4f}" if patch.front is not None else ""
    bridged = "+".join(str(end.synced_index) for end in ends)
    return [*(f"{value:.6g}" for value in values), bridged, hidden, "+".join(shown_ways(patch))]


def _bent_px(face: FacePlan) -> float:
    """How far the middle of the mouth is moved by the distortion that is taken out."""
    if face.bend is None:
        return 0.0
    middle = face.original.mouth_centre[None]
    return float(np.linalg.norm(middle - unbent_points(middle, face.bend, face.original)))


def _mattes(patch: FacePatch) -> tuple[Grey, Grey, Grey]:
    """Mask, alpha and seam ring of the region of interest, 0 to 255."""
    matte = patch.matte
    ring = seam_ring(matte.contour, radius_px=ring_radius_px(patch.plan.original.face_width_px))
    return mask_picture(matte), np.rint(matte.alpha * 255).astype(np.uint8), ring.astype(np.uint8) * 255


def mask_picture(matte: Matte) -> npt.NDArray[np.uint8]:
    """The mask in white, and in grey the area around it that may move along: (h, w) uint8."""
    reach = np.ceil(matte.reach * _REACH_GREY)
    return np.where(matte.mask, 255, reach).astype(np.uint8)


def overlay(picture: Picture, matte: Matte, original: Landmarks, synced: Landmarks) -> Rgb:
    """The region of interest with alpha as a tint, the seam as a line, both meshes as dots: (h, w, 3) uint8 RGB."""
    image = picture.to_rgb(matte.box).astype(np.float32)
    tint = np.array(_MASK_TINT, np.float32)
    image += (0.35 * matte.alpha[..., None]) * (tint - image)
    shown = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    contours, _ = cv2.findContours((matte.contour >= 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(shown, contours, -1, _SEAM_TINT, 1)
    for mesh, dots in ((original, _ORIGINAL_DOTS), (synced, _SYNCED_DOTS)):
        for x, y in mesh.points_68 - (matte.box.x0 + 0.5, matte.box.y0 + 0.5):
            cv2.circle(shown, (round(float(x)), round(float(y))), 1, dots, -1)
    return shown
