"""An image sequence as a lossless film, so that everything else sees a video.

FFV1 in mp4: matroska would round times to milliseconds, nut has no colour tags, and PyAV offers no FFV1 in mov.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipblend.errors import InputError, InputMismatchError, OutputError
from lipblend.picture.alpha_channel import alpha_codes
from lipblend.picture.formats import RANGE_LIMITED, UNSPECIFIED, ColourTags
from lipblend.picture.rgb_codes import EXACT_DEPTH, display_codes, to_ycbcr
from lipblend.picture.ycbcr import BT601, BT709, HD_HEIGHT
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.runtime.prefetch import map_in_threads
from lipblend.video.numbered_files import NumberedFiles
from lipblend.video.still_picture import StillPicture, read_still

_DEEP = 16
_UNTAGGED = (0, UNSPECIFIED)
_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class FilmFacts:
    """What a film does not tell about its pictures.

    Attributes
    ----------
    bits : int
        As `StillPicture.bits`.
    clipped : int
        Pictures with light beyond 0 to 1, which was clipped.
    """

    bits: int
    clipped: int


def make_film(files: NumberedFiles, target: Path, *, rate: Fraction, on_picture: Callable[[int], None]) -> FilmFacts:
    """Write the pictures of a sequence as a film, as 4:4:4 YCbCr in limited range.

    8-bit pictures become 10-bit codes, from which they can be restored exactly; deeper ones 16-bit codes. Linear light
    is converted to R'G'B' by `display_codes` (BT.709's curve). The matrix is BT.709 from 720 lines, else BT.601. The
    same pictures and rate give the same bytes. The film's modification time is that of the newest picture.

    Parameters
    ----------
    files : NumberedFiles
    target : Path
        Name of the film, to be created.
    rate : Fraction
        Pictures per second.
    on_picture : callable
        Called with the number of pictures done.

    Raises
    ------
    InputError
        A picture cannot be read.
    InputMismatchError
        Pictures differ in size, depth or alpha channel.
    OutputError
        The film cannot be written.
    """
    with map_in_threads(_coded, files.paths, workers=_THREADS) as pictures, _errors():
        first = next(pictures)
        clipped = int(first.clipped)
        with av.open(str(target), "w", format="mp4", options={"fflags": "+bitexact"}) as film:
            stream = _stream(film, first, rate)
            _write(film, stream, first, 0)
            on_picture(1)
            for number, picture in enumerate(pictures, 1):
                _check_alike(files, number, picture, first)
                clipped += picture.clipped
                _write(film, stream, picture, number)
                on_picture(number + 1)
            film.mux(stream.encode(None))
    newest_ns = _newest_ns(files)
    os.utime(target, ns=(newest_ns, newest_ns))
    return FilmFacts(first.bits, clipped)


@dataclass(frozen=True)
class _Coded:
    """A picture of the film, its colour, its source's bits, and whether light was clipped."""

    frame: VideoFrame
    colour: ColourTags
    bits: int
    clipped: bool

    @property
    def kind(self) -> str:
        alpha = " with alpha" if self.frame.format.name.startswith("yuva") else ""
        bits = f"{self.bits} bits" if self.bits <= _DEEP else "floating point"
        return f"{self.frame.width}x{self.frame.height}, {bits}{alpha}"


def _coded(path: Path) -> _Coded:
    picture = read_still(path)
    height = picture.size[1]
    values, clipped = picture.values, False
    # Without all tags mp4 would store none. Pictures without tags are taken for BT.709, as editors take them.
    primaries, transfer = (BT709 if tag in _UNTAGGED else tag for tag in (picture.primaries, picture.transfer))
    if picture.is_linear:
        if not np.isfinite(values).all():
            raise InputError(f"{path} holds values that are not finite", hint="Export it again without them.")
        clipped = bool(values.min() < 0 or values.max() > 1)
        transfer = BT709
        values = display_codes(values, transfer)
    colour = ColourTags(BT709 if height >= HD_HEIGHT else BT601, primaries, transfer, RANGE_LIMITED)
    depth = EXACT_DEPTH if picture.bits == 8 else _DEEP
    codes = to_ycbcr(values, colour, height, depth)
    planes = [codes[..., 0], codes[..., 1], codes[..., 2]]
    if picture.alpha is not None:
        planes.append(_alpha_codes(picture, depth))
    frame = VideoFrame(*picture.size, f"yuv{'a' * (len(planes) == 4)}444p{depth}le")
    for plane, view in zip(planes, frame.planes, strict=True):
        rows: np.ndarray = np.frombuffer(memoryview(view), np.uint16).reshape(view.height, view.line_size // 2)
        rows[:, : view.width] = plane
    return _Coded(frame, colour, picture.bits, clipped)


def _alpha_codes(picture: StillPicture, depth: int) -> np.ndarray:
    """Alpha codes of the film's depth: high bits repeated, so that they can be restored exactly."""
    assert picture.alpha is not None
    if picture.is_linear:
        return np.asarray(np.rint(np.clip(picture.alpha, 0, 1) * np.float32((1 << depth) - 1)), np.uint16)
    return alpha_codes(picture.alpha, 8 * picture.alpha.itemsize, depth)


def _stream(film: OutputContainer, first: _Coded, rate: Fraction) -> VideoStream:
    stream: VideoStream = film.add_stream("ffv1", rate=rate, options={"level": "3", "slices": "4"})
    context, colour = stream.codec_context, first.colour
    context.width, context.height, context.pix_fmt = first.frame.width, first.frame.height, first.frame.format.name
    context.time_base = 1 / rate
    context.thread_type, context.thread_count = "AUTO", _THREADS
    context.colorspace, context.color_range = colour.matrix, colour.range
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    return stream


def _write(film: OutputContainer, stream: VideoStream, picture: _Coded, number: int) -> None:
    frame = picture.frame
    frame.pts, frame.time_base = number, stream.codec_context.time_base
    if number == 0:
        with process_state_preserved():
            packets = stream.encode(frame)
    else:
        packets = stream.encode(frame)
    film.mux(packets)


def _check_alike(files: NumberedFiles, number: int, picture: _Coded, first: _Coded) -> None:
    if picture.kind != first.kind:
        raise InputMismatchError(
            f"{files.paths[number]} is {picture.kind}, and {files.paths[0].name} beside it is {first.kind}",
            hint="Export all pictures of the sequence alike.",
        )


def _newest_ns(files: NumberedFiles) -> int:
    try:
        return max(path.stat().st_mtime_ns for path in files.paths)
    except OSError as error:
        raise InputError(
            f"{files.pattern} changed while it was being read", hint="Do not write to the inputs during a run."
        ) from error


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise OutputError(
            f"cannot write a temporary film of the pictures: {error.strerror or error}",
            hint="Free some space in the folder for temporary files, or set TMPDIR to another folder.",
        ) from error
