"""Debug export of what stays in front of the faces: a matte that can be given back, and how it was found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.errors import OutputError
from lipblend.output.drawn import drawn_frame, drawn_info
from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.render.debug_frame import DebugFrame
from lipblend.render.front_drawing import front_of_frame, grey_codes, ways_picture
from lipblend.runtime.output_paths import make_folder
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo
from lipblend.video.keep_matte import MATTE_NAMES

FRONT_FOLDER, FRONT_VIDEO = MATTE_NAMES
_OWN = re.compile(r"\d{6}\.png")
_HINT = "Check the folder's rights and the free space."


def check_beside_mattes(folder: Path, mattes: Iterable[Path | None]) -> None:
    """Check that the pictures written to a folder leave mattes (`lipblend.video.keep_matte`) as they are.

    Raises
    ------
    OutputError
        A matte is the folder itself, what an earlier run left of what stays in front there, or lies within that.
    """
    over = [(folder / name).resolve() for name in (FRONT_FOLDER, FRONT_VIDEO)]
    for matte in filter(None, mattes):
        place = matte.resolve()
        if place == folder.resolve() or any(place.is_relative_to(each) for each in over):
            raise OutputError(
                f"the debug pictures in {folder} would be written over the matte {matte}",
                hint="Choose another folder for them (--debug-dir), or copy the matte elsewhere first.",
            )


class FrontPictures:
    """The sub-folder ``in_front``: one grey PNG of the whole picture per frame of the original, named by its number.

    White is what stays; black, also in frames that are not exported, is blended as usual. The folder can be given to
    ``--keep``. Beside the other pictures, ``NNNNNN_ways.png`` of each face with something in front shows how it was
    found (`lipblend.render.front_drawing.ways_picture`). A context manager.

    Parameters
    ----------
    folder : Path
        Of the export. Pictures of an earlier run are removed from its sub-folder.
    frames : int or None
        Number of the original's frames; None for up to the last that is exported.
    """

    def __init__(self, folder: Path, frames: int | None) -> None:
        self._folder, self._frames = folder, frames
        self._written: set[int] = set()
        self._black = b""

    def __enter__(self) -> Self:
        make_folder(self._folder / FRONT_FOLDER)
        for path in (self._folder / FRONT_FOLDER).iterdir():
            if _OWN.fullmatch(path.name):
                path.unlink()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._black:
            count = max(self._written) + 1 if self._frames is None else self._frames
            for number in sorted(set(range(count)) - self._written):
                _write(self._path(number), self._black)

    def save(self, frame: DebugFrame) -> None:
        """Write the matte of a frame, and how it was found."""
        size = frame.picture.size
        if not self._black:
            self._black = _png(np.zeros((size[1], size[0]), np.uint8))
        number, plane = frame.row.original_index, front_of_frame(frame.result, size)
        self._written.add(number)
        _write(self._path(number), _png(grey_codes(plane)) if plane.any() else self._black)
        for face, patch in enumerate(frame.result.patches):
            if patch.front is not None:
                which = f"_face{face}" if face else ""
                shown = np.ascontiguousarray(ways_picture(frame.picture, patch)[..., ::-1])
                _write(self._folder / f"{frame.index:06d}{which}_ways.png", _png(shown))

    def _path(self, number: int) -> Path:
        return self._folder / FRONT_FOLDER / f"{number:06d}.png"


class FrontVideos:
    """``in_front.mkv`` in lossless grey, and ``ways.mkv`` in H.264, with the output's frames; a context manager.

    The first can be given to ``--keep`` if the output shows every frame of the original once.
    """

    def __init__(self, folder: Path, info: VideoInfo) -> None:
        self._folder, size = folder, info.upright_size
        self._infos = drawn_info(info, *size, grey=True), drawn_info(info, *size)

    def __enter__(self) -> Self:
        silent, coders = AudioPlan(None, None, "none", ()), ("ffv1", "libx264")
        with ExitStack() as stack:
            self._writers = [
                stack.enter_context(
                    VideoWriter(
                        self._folder / name,
                        info,
                        encode=EncodeSettings(encoder=coder),
                        audio=silent,
                        extras_from=None,
                    )
                )
                for name, coder, info in zip((FRONT_VIDEO, "ways.mkv"), coders, self._infos, strict=True)
            ]
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def save(self, frame: DebugFrame) -> None:
        """Write a frame of both."""
        shown = frame.picture.to_rgb()
        for patch in frame.result.patches:
            if patch.front is not None:
                box = patch.matte.box
                shown[box.y0 : box.y1, box.x0 : box.x1] = ways_picture(frame.picture, patch)
        images = grey_codes(front_of_frame(frame.result, frame.picture.size)), shown
        for writer, info, image in zip(self._writers, self._infos, images, strict=True):
            writer.write(drawn_frame(image, info.layout, index=frame.index, pts=frame.pts, duration=frame.duration))


def _png(image: npt.NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not done:
        raise ValueError(f"OpenCV cannot encode a picture of shape {image.shape} as PNG")
    return data.tobytes()


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}", hint=_HINT) from error
