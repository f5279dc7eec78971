"""Decoding a picture file of an image sequence to R'G'B', or to linear light."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from lipblend.errors import InputError
from lipblend.picture.formats import RANGE_FULL
from lipblend.video.opening import DECODER_OPTIONS, check_size

DECODERS = {
    ".png": "png", ".tif": "tiff", ".tiff": "tiff", ".exr": "exr", ".dpx": "dpx", ".jpg": "mjpeg", ".jpeg": "mjpeg",
}  # fmt: skip
"""FFmpeg's decoder by suffix."""
SUFFIXES = tuple(DECODERS)

FLOAT_BITS = 32
_RGB_MATRIX = 0
_OPAQUE = 255


@dataclass(frozen=True)
class StillPicture:
    """A decoded picture.

    Attributes
    ----------
    values : (h, w, 3) float32
        R'G'B' from 0 to 1; of floating-point files linear light, without limits.
    alpha : (h, w) uint8, uint16 or float32, or None
        Alpha codes of ``bits``, or 0 to 1.
    bits : int
        8, 16 (all from 9 to 16), or 32 for floating point.
    primaries, transfer : int
        ITU-T H.273.
    """

    values: npt.NDArray[np.float32]
    alpha: npt.NDArray[Any] | None
    bits: int
    primaries: int
    transfer: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.values.shape[1], self.values.shape[0]

    @property
    def is_linear(self) -> bool:
        """Whether the values are linear light."""
        return self.bits == FLOAT_BITS


def read_still(path: Path) -> StillPicture:
    """Decode one picture file by its suffix.

    Raises
    ------
    InputError
        It is missing, empty, damaged, of another kind, or too small or too large.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint="Check the path.") from error
    kind = DECODERS[path.suffix.lower()]
    try:
        frame = _decode(kind, data)
    except (av.FFmpegError, ValueError) as error:
        raise _unreadable(path, kind) from error
    if frame is None or frame.is_corrupt:
        raise _unreadable(path, kind)
    check_size(path, frame.width, frame.height)
    try:
        return _converted(frame)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"{path}: pixel format {frame.format.name} is not supported", hint="Export 8 or 16 bit PNG pictures."
        ) from error


def _decode(kind: str, data: bytes) -> VideoFrame | None:
    context = cast(VideoCodecContext, VideoCodecContext.create(kind, "r"))
    context.thread_count = 1  # pictures are decoded on several threads
    checks = {"err_detect": "crccheck+explode"} if kind == "png" else {}  # it refuses healthy TIFF files
    context.options = {**DECODER_OPTIONS, **checks}
    frames = [*context.decode(av.Packet(data)), *context.decode(None)] if data else []
    return frames[0] if frames else None


def _converted(frame: VideoFrame) -> StillPicture:
    parts = frame.format.components
    deepest = 8 if frame.format.has_palette else max(part.bits for part in parts)
    has_alpha = any(part.is_alpha for part in parts) or _has_clear_colours(frame)
    tags = int(frame.color_primaries), int(frame.color_trc)
    if frame.format.name.endswith(("f16le", "f16be", "f32le", "f32be")):
        codes = _array(frame, "gbrapf32le" if has_alpha else "gbrpf32le")
        return StillPicture(np.ascontiguousarray(codes[..., :3]), _alpha(codes), FLOAT_BITS, *tags)
    bits = 8 if deepest <= 8 else 16
    target = {8: ("rgb24", "rgba"), 16: ("rgb48le", "rgba64le")}[bits][has_alpha]
    codes = _array(frame, target)
    values = codes[..., :3].astype(np.float32) / np.float32((1 << bits) - 1)
    return StillPicture(np.ascontiguousarray(values), _alpha(codes), bits, *tags)


def _has_clear_colours(frame: VideoFrame) -> bool:
    """Whether the palette of a picture, if it has one, holds a colour that is not opaque."""
    if frame.format.name != "pal8":
        return False
    _, palette = cast(Any, frame).to_ndarray()
    return int(palette[:, 0].min()) < _OPAQUE  # A, R, G, B


def _array(frame: VideoFrame, target: str) -> npt.NDArray[Any]:
    """The picture as (h, w, 3 or 4) in a format of RGB; YCbCr (JPEG) by its own matrix."""
    if frame.format.name == target:
        return frame.to_ndarray()
    is_rgb = frame.format.is_rgb or frame.format.has_palette or int(frame.colorspace) == _RGB_MATRIX
    grey = len([part for part in frame.format.components if not part.is_alpha]) == 1
    source = RANGE_FULL if is_rgb or grey or frame.format.name.startswith("yuvj") else frame.color_range
    return frame.reformat(
        format=target, src_color_range=source, dst_color_range=RANGE_FULL, interpolation="BICUBIC", threads=1
    ).to_ndarray()


def _alpha(codes: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    return np.ascontiguousarray(codes[..., 3]) if codes.shape[2] > 3 else None


def _unreadable(path: Path, kind: str) -> InputError:
    return InputError(
        f"{path} is not a readable {kind.upper().replace('MJPEG', 'JPEG')} picture",
        hint="Export it again: it may be cut off or damaged.",
    )
