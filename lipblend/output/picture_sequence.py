"""Writing a finished film as an image sequence: PNG, TIFF or OpenEXR."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from lipblend.errors import OutputError
from lipblend.picture.alpha_channel import alpha_codes, alpha_plane
from lipblend.picture.formats import RANGE_FULL, RANGE_LIMITED, PixelLayout
from lipblend.picture.hdr import PQ
from lipblend.picture.light import HLG
from lipblend.picture.rgb_codes import SRGB, integer_codes, linear_light, to_rgb
from lipblend.runtime.numbered_publishing import UnfinishedFolder
from lipblend.runtime.output_paths import check_folder_writable
from lipblend.runtime.prefetch import map_in_threads
from lipblend.runtime.stand_ins import facts_of
from lipblend.video.info import VideoInfo
from lipblend.video.numbered_files import matching_numbers, numbered_path
from lipblend.video.probe import probe
from lipblend.video.reader import Frame, VideoReader, plane_views

SUFFIXES = (".png", ".tif", ".tiff", ".exr")
FLOAT_SUFFIX = ".exr"

_THREADS = min(4, os.cpu_count() or 1)
_FORMATS = {
    (".png", 8): ("png", "rgb24", "rgba"),
    (".png", 16): ("png", "rgb48be", "rgba64be"),
    (".tif", 8): ("tiff", "rgb24", "rgba"),
    (".tif", 16): ("tiff", "rgb48le", "rgba64le"),
    (".exr", 16): ("exr", "gbrpf32le", "gbrapf32le"),
}
"""FFmpeg's encoder and pixel formats, without and with alpha channel, by suffix and bits."""
_OPTIONS = {"exr": {"format": "half", "compression": "zip16"}}
_TOLD_TRANSFERS, _BT2020 = (SRGB, PQ, HLG), 9


@dataclass(frozen=True)
class SequenceOutput:
    """An image sequence to be written.

    Attributes
    ----------
    pattern : Path
        Such as ``out/%06d.png``; its folder may be missing, but not the folder above.
    bits : int
        8 or 16; OpenEXR has 16 (half floating point).
    overwrite : bool
        Replace files of the same names.
    """

    pattern: Path
    bits: int
    overwrite: bool = True

    def check(self, sources: list[Path]) -> None:
        """Check the names and the folder, before any work.

        Parameters
        ----------
        sources : list of Path
            Patterns of image sequences that are inputs.

        Raises
        ------
        OutputError
            The suffix is unknown; the folder cannot be written to, or the one above it is missing; a file exists, and
            must not be replaced; an input has the same names.
        """
        pattern = self.pattern
        if pattern.suffix.lower() not in SUFFIXES:
            raise OutputError(
                f"{pattern}: '{pattern.suffix}' is not a supported format of image sequences",
                hint=f"Use one of {', '.join(SUFFIXES)}.",
            )
        folder = pattern.parent.absolute()
        if not folder.parent.is_dir():
            raise OutputError(f"the folder {folder.parent} does not exist", hint="Create it, or choose another output.")
        check_folder_writable(pattern.parent)
        if any(source.name == pattern.name and source.parent.resolve() == folder.resolve() for source in sources):
            raise OutputError(f"{pattern} names the pictures of an input", hint="Choose another folder or name.")
        self._check_free()

    def unfinished(self) -> UnfinishedFolder:
        """A hidden folder for the film and the pictures; see `write`.

        Raises
        ------
        OutputError
            It cannot be created.
        """
        folder = self.pattern.parent
        try:
            return UnfinishedFolder(folder)
        except OSError as error:
            raise OutputError(
                f"cannot write to the folder {folder}: {error.strerror or error}", hint="Choose another folder."
            ) from error

    def write(self, film: Path, folder: UnfinishedFolder, first: int, on_picture: Callable[[int], None]) -> list[str]:
        """Write the pictures of a film, turned upright, and publish them together; returns notes for the summary.

        Parameters
        ----------
        film : Path
        folder : UnfinishedFolder
            For the folder of the pattern.
        first : int
            Number of the first picture.
        on_picture : callable
            Called with the number of pictures done.

        Raises
        ------
        OutputError
            A picture cannot be written.
        """
        info = probe(film)
        notes = list(_notes(self, info))
        names: list[str] = []
        with _errors(self.pattern):
            with VideoReader(info) as frames:
                work = partial(_write_picture, self, info, folder.files, first)
                with map_in_threads(work, frames, workers=_THREADS) as written:
                    for name in written:
                        names.append(name)
                        on_picture(len(names))
            folder.publish(names, overwrite=self.overwrite)
        others = set(matching_numbers(self.pattern)) - set(range(first, first + len(names)))
        if others:
            notes.append(
                f"{len(others)} other picture(s) of the same name were in the folder and stay there, numbers "
                f"{min(others)} to {max(others)}"
            )
        return notes

    def _check_free(self) -> None:
        if self.overwrite:
            return
        if found := matching_numbers(self.pattern):
            raise OutputError(
                f"{numbered_path(self.pattern, found[0])} already exists",
                hint="Remove --no-overwrite to replace it, or choose another name.",
            )


def picture_bits(pattern: Path, asked: int | None, original: Path) -> int:
    """Bits of the pictures of a sequence.

    Parameters
    ----------
    pattern : Path
        OpenEXR has 16.
    asked : int or None
        8 or 16, as the user says.
    original : Path
        Otherwise 16 if it has more than 8, else 8.

    Raises
    ------
    InputError
        The original cannot be read.
    """
    if pattern.suffix.lower() == FLOAT_SUFFIX:
        return 16
    if asked is not None:
        return asked
    facts = facts_of(original)
    depth = facts.depth if facts is not None and facts.depth is not None else probe(original).layout.depth
    return 8 if depth <= 8 else 16


def _notes(output: SequenceOutput, info: VideoInfo) -> Iterator[str]:
    if info.sample_aspect not in (None, Fraction(1)):
        yield f"an image sequence does not keep the pixel aspect ratio {info.sample_aspect}"
    if output.pattern.suffix.lower() == FLOAT_SUFFIX:
        yield "OpenEXR pictures hold scene-linear light, half floating point"


def _write_picture(output: SequenceOutput, info: VideoInfo, folder: Path, first: int, frame: Frame) -> str:
    suffix = output.pattern.suffix.lower().replace(".tiff", ".tif")
    encoder, opaque, with_alpha = _FORMATS[suffix, output.bits]
    rgb, alpha = _upright_rgb(frame, info)
    if suffix == FLOAT_SUFFIX:
        pixels = linear_light(rgb, info.colour.transfer)
        alpha = None if alpha is None else (alpha / info.layout.code_max).astype(np.float32)
    else:
        pixels = integer_codes(rgb, output.bits)
        alpha = None if alpha is None else alpha_codes(alpha, info.layout.depth, output.bits)
    if alpha is not None:
        pixels = np.dstack([pixels, alpha])
    data = _encoded(np.ascontiguousarray(pixels), encoder, opaque if alpha is None else with_alpha, info)
    name = numbered_path(output.pattern, first + frame.index).name
    with (folder / name).open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return name


def _upright_rgb(frame: Frame, info: VideoInfo) -> tuple[np.ndarray, np.ndarray | None]:
    """The picture as (h, w, 3) float32 R'G'B', chroma enlarged with bicubic filters, and alpha codes."""
    layout, handle = info.layout, frame.handle
    if layout.planes == 3 and (layout.chroma_w_shift or layout.chroma_h_shift):
        wanted = f"yuv444p{'' if layout.depth == 8 else f'{layout.depth}le'}"
        # The same range on both sides, so that nothing is scaled.
        value_range = info.colour.range or RANGE_LIMITED
        handle = handle.reformat(
            format=wanted, src_color_range=value_range, dst_color_range=value_range, interpolation="BICUBIC", threads=1
        )
        full = PixelLayout(wanted, layout.depth, 0, 0, 3)
    else:
        full = replace(layout, alpha=False)
    turn = info.orientation.applied
    planes = [turn(plane) for plane in plane_views(handle, full, writable=False)]
    if len(planes) == 1:
        planes += [np.full_like(planes[0], 128 * layout.code_scale)] * 2
    alpha = alpha_plane(frame.handle, layout)
    return to_rgb(np.dstack(planes), info.colour, info.height, layout.depth), None if alpha is None else turn(alpha)


def _encoded(pixels: np.ndarray, encoder: str, pixel_format: str, info: VideoInfo) -> bytes:
    context: Any = VideoCodecContext.create(encoder, "w")
    context.height, context.width = pixels.shape[:2]
    context.pix_fmt, context.time_base, context.thread_count = pixel_format, Fraction(1, 25), 1
    context.options = _OPTIONS.get(encoder, {})
    picture = _picture(pixels, pixel_format)
    picture.pts, picture.color_range = 0, RANGE_FULL
    if info.colour.transfer in _TOLD_TRANSFERS or info.colour.primaries == _BT2020:
        # BT.709 is not told: PNG would describe it as a gamma, by which viewers change the picture.
        picture.color_primaries, picture.color_trc = info.colour.primaries, info.colour.transfer
        context.color_primaries, context.color_trc = info.colour.primaries, info.colour.transfer
    packets = [*context.encode(picture), *context.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def _picture(pixels: np.ndarray, pixel_format: str) -> VideoFrame:
    if pixel_format != "gbrapf32le":
        return VideoFrame.from_ndarray(pixels, format=pixel_format)
    picture = VideoFrame(pixels.shape[1], pixels.shape[0], pixel_format)
    for plane, channel in zip(picture.planes, (1, 2, 0, 3), strict=True):
        rows: np.ndarray = np.frombuffer(memoryview(plane), np.float32).reshape(plane.height, plane.line_size // 4)
        rows[:, : plane.width] = pixels[..., channel]
    return picture


@contextmanager
def _errors(pattern: Path) -> Iterator[None]:
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise OutputError(
            f"{pattern} cannot be written: {error.strerror or error}", hint="Check the folder and the free space."
        ) from error
