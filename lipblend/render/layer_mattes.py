"""Grey planes of whole frames as layers of a run: a lossless video, or a folder of 16-bit PNG pictures."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.errors import OutputError
from lipblend.output.drawn import drawn_frame, drawn_info
from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.runtime.output_paths import make_folder
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo

LayersFormat = Literal["video", "png"]
Plane = npt.NDArray[np.float32]

_OWN = re.compile(r"\d{6,}\.png")
_COMPRESSION = 3
_HINT = "Check the folder's rights and the free space."


class MatteSink(Protocol):
    """Takes the planes of the output's frames in order."""

    def save(self, plane: Plane, *, index: int, pts: int, duration: int) -> None:
        """Write the next one, (h, w) float32 in [0, 1]."""


class MatteVideo:
    """A video in lossless grey (FFV1, 8 bits, full range), upright; a context manager.

    It appears when the with-block ends without an exception.
    """

    def __init__(self, path: Path, info: VideoInfo, *, overwrite: bool) -> None:
        aspect = info.sample_aspect
        if aspect is not None and info.orientation.transposed:
            aspect = Fraction(1) / aspect
        self._info = replace(drawn_info(info, *info.upright_size, grey=True), sample_aspect=aspect)
        self._writer = VideoWriter(
            path,
            self._info,
            encode=EncodeSettings(encoder="ffv1"),
            audio=AudioPlan(None, None, "none", ()),
            extras_from=None,
            overwrite=overwrite,
        )

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def save(self, plane: Plane, *, index: int, pts: int, duration: int) -> None:
        """Encode the next one, (h, w) float32 in [0, 1]."""
        image = np.rint(plane * np.float32(255)).astype(np.uint8)
        self._writer.write(drawn_frame(image, self._info.layout, index=index, pts=pts, duration=duration))


class MattePictures:
    """A folder of 16-bit grey PNG pictures, ``000000.png`` and on by the output's frames; a context manager.

    They are written beside it, and take its place when the with-block ends without an exception.
    """

    def __init__(self, folder: Path, *, overwrite: bool) -> None:
        self._folder, self._overwrite = folder, overwrite
        self._unfinished = folder.with_name(f".lipblend-{secrets.token_hex(6)}")

    def __enter__(self) -> Self:
        check_own_pictures(self._folder, overwrite=self._overwrite)
        make_folder(self._unfinished)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self._unfinished, ignore_errors=True)
            if kind is None:
                self._publish()

    def save(self, plane: Plane, *, index: int, pts: int, duration: int) -> None:
        """Write the next one, (h, w) float32 in [0, 1]."""
        codes = np.rint(plane * np.float32(65535)).astype(np.uint16)
        done, data = cv2.imencode(".png", codes, [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION])
        if not done:
            raise ValueError(f"OpenCV cannot encode a picture of shape {codes.shape} as PNG")
        self._try(lambda: (self._unfinished / f"{index:06d}.png").write_bytes(data.tobytes()))

    def _publish(self) -> None:
        check_own_pictures(self._folder, overwrite=self._overwrite)
        old = self._folder.with_name(f"{self._unfinished.name}-old")
        if self._folder.exists():
            self._try(lambda: self._folder.rename(old))
        try:
            self._try(lambda: self._unfinished.rename(self._folder))
        except OutputError:
            if old.exists():
                old.rename(self._folder)
            raise
        shutil.rmtree(old, ignore_errors=True)

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            raise OutputError(f"cannot write {self._folder}: {error.strerror or error}", hint=_HINT) from error


def check_own_pictures(folder: Path, *, overwrite: bool) -> None:
    """Check that a folder can be replaced by the pictures of a run: it holds nothing but those of an earlier one.

    Raises
    ------
    OutputError
        It is a file, holds something else, or must not be replaced.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError(f"{folder} is a file, and a folder is to be written", hint="Move it elsewhere.")
    names = sorted(path.name for path in folder.iterdir())
    foreign = [name for name in names if not _OWN.fullmatch(name)]
    if foreign:
        raise OutputError(
            f"{folder} holds {foreign[0]!r}, which is not a picture of an earlier run",
            hint="Move it elsewhere, or choose another folder (--layers): this one is replaced as a whole.",
        )
    if names and not overwrite:
        raise OutputError(f"{folder} already holds pictures", hint="Remove --no-overwrite to replace them.")
