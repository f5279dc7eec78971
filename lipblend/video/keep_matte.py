"""The user's mattes, each a grey video or numbered PNG pictures.

One says what stays the original's (a hand in front of the face): where it is white (1) the original stays, where it is
black (0) it is blended as usual. The other is the alpha of the new mouth: white for all of it. Frame k of a matte
belongs to frame k of the original, in the order in which they are shown; the clock of a matte does not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipblend.errors import InputError, InputMismatchError
from lipblend.picture.formats import RANGE_FULL
from lipblend.runtime.identity import sha256_of
from lipblend.video.info import VideoInfo
from lipblend.video.matte_colour import coloured_share
from lipblend.video.numbered_pictures import NumberedPictures, pictures_in
from lipblend.video.probe import probe
from lipblend.video.reader import Frame
from lipblend.video.survey import Stamps, announced_stamps
from lipblend.video.video import Video

Plane = npt.NDArray[np.float32]

MATTE_NAMES = ("in_front", "in_front.mkv")
"""Folder and video that a debug export writes, which can be given back as mattes."""
LAYER_MATTES = ("matte", "matte.mkv")
LAYER_FRONTS = ("occluders", "occluders.mkv")
"""Those of the layers of a run (``--layers``): the alpha of the new mouth, and what stays in front of it."""
_GIVEN_BACK = {"--keep": (*MATTE_NAMES, *LAYER_FRONTS), "--matte": LAYER_MATTES}

_MEANING = {"--keep": "what stays", "--matte": "the new mouth"}
_COLOUR_SAMPLES = 5  # frames, evenly spread
_BLACK, _WHITE = 16, 235  # 8-bit codes of limited range
_END = np.float32(0.01)  # coding noise: nearer to black or white than this is black or white


@dataclass(frozen=True)
class KeepMatte:
    """A matte that fits an original, opened by `open_keep`; can be pickled.

    Attributes
    ----------
    path : Path
        A video, or a folder of pictures.
    source : Video or NumberedPictures
    stamps : (n,) int64 or None
        Time stamps of the original's frames as in `Video.pts`, by its packets; None if these do not tell them surely.
    """

    path: Path
    source: Video | NumberedPictures
    stamps: Stamps | None

    def __len__(self) -> int:
        return len(self.source)

    @property
    def files(self) -> tuple[Path, ...]:
        """The video, or the pictures by number."""
        return (self.path,) if isinstance(self.source, Video) else self.source.paths

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the video, or of those of the pictures in a row, hexadecimal; whatever their names.

        Raises
        ------
        InputError
            A file cannot be read.
        """
        if isinstance(self.source, Video):
            return sha256_of(self.path)
        return hashlib.sha256("".join(map(sha256_of, self.source.paths)).encode()).hexdigest()

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(path.stat().st_size for path in self.files)

    def numbers(self, original: Video) -> npt.NDArray[np.intp]:
        """Number of the matte's frame for every frame of the original, or of an excerpt of it.

        Raises
        ------
        InputMismatchError
            The original has another number of frames, and they are not among those that its packets announce.
        """
        if len(original) == len(self):
            return np.arange(len(self))
        if self.stamps is not None:
            found = np.searchsorted(self.stamps, original.pts)
            if (found < len(self.stamps)).all() and (self.stamps[found] == original.pts).all():
                return found
        raise _wrong_count(self.path, len(self), len(original))

    def planes(self, original: Video, indices: Sequence[int]) -> Iterator[Plane]:
        """The matte of some frames of the original, in the order asked for: (h, w) float32 in [0, 1], read-only.

        A video is decoded from the key frame before the first of them, and on from there.

        Parameters
        ----------
        original : Video
            The whole original, or an excerpt of it.
        indices : sequence of int
            Frames of it.

        Raises
        ------
        InputMismatchError
            See `numbers`.
        InputError
            A frame cannot be read.
        """
        wanted = self.numbers(original)[list(indices)].tolist()
        if isinstance(self.source, NumberedPictures):
            yield from self.source.planes(wanted)
            return
        for frame in _decoded(self.source, wanted):
            yield _levels(frame, self.source.info)

    def plane(self, original: Video, index: int) -> Plane:
        """The matte of one frame; see `planes`."""
        return next(self.planes(original, [index]))


def open_keep(path: Path | str, original: VideoInfo, *, option: str = "--keep") -> KeepMatte:
    """Open a matte, and check that it fits an original before anything is decoded, and that it is grey.

    Parameters
    ----------
    path : Path
        A video, or a folder of PNG pictures (`lipblend.video.numbered_pictures.pictures_in`).
    original : VideoInfo
    option : str
        That the matte was given by, for messages: ``--keep``, or ``--matte`` for the alpha of the faces.

    Raises
    ------
    InputError
        It is missing, cannot be read, a picture is missing in its numbering, or it is coloured.
    InputMismatchError
        It is of another size than the original's upright picture, or has fewer or more frames.
    """
    path = Path(path)
    found = _found(path, option)
    size = found.size if isinstance(found, NumberedPictures) else found.upright_size
    if size != original.upright_size:
        width, height = original.upright_size
        raise InputMismatchError(
            f"the matte {path} is {size[0]}x{size[1]}, and the original is {width}x{height}",
            hint="Export the matte at the size at which the original is shown.",
        )
    source = found if isinstance(found, NumberedPictures) else _counted(found)
    stamps = announced_stamps(original)
    if stamps is not None and len(stamps) != len(source):
        raise _wrong_count(path, len(source), len(stamps))
    _check_grey(path, source, option)
    return KeepMatte(path, source, stamps)


def matte_files(path: Path | None) -> tuple[Path, ...]:
    """The files that a matte may be read from, for checks that no output replaces one; it need not exist."""
    if path is None:
        return ()
    return tuple(each for each in path.iterdir() if each.is_file()) if path.is_dir() else (path,)


def _found(path: Path, option: str) -> VideoInfo | NumberedPictures:
    """The video, or the pictures of a folder. Errors name the option, since several files are given to a command."""
    try:
        return pictures_in(path) if path.is_dir() else probe(path)
    except InputError as error:
        exported = [str(path / name) for name in _GIVEN_BACK[option] if (path / name).exists()]
        hint = f"Did you mean {exported[0]}?" if exported else error.hint
        raise InputError(f"the matte ({option}): {error.message}", hint=hint, details=error.details) from error


def _decoded(source: Video, numbers: Sequence[int]) -> Iterator[Frame]:
    """Frames of a video, in the order asked for; errors name the frame."""
    frames = source.frames(list(numbers))
    for number in numbers:
        try:
            frame = next(frames)
        except InputError as error:
            raise InputError(
                f"frame {number} of the matte {source.info.path} cannot be read: {error.message}",
                hint="Export the matte again, and do not write to it during a run.",
            ) from error
        yield frame


def _check_grey(path: Path, source: Video | NumberedPictures, option: str) -> None:
    """Raise InputError if one of a few frames is clearly coloured."""
    numbers = sorted({len(source) * (2 * sample + 1) // (2 * _COLOUR_SAMPLES) for sample in range(_COLOUR_SAMPLES)})
    if isinstance(source, NumberedPictures):
        found = ((number, *source.chroma(number)) for number in numbers)
    else:
        scale = source.info.upright_layout.code_scale
        found = ((frame.index, list(frame.planes[1:3]), scale) for frame in _decoded(source, numbers))
    for number, chroma, scale in found:
        share, levels = coloured_share(chroma, scale)
        if share:
            raise InputError(
                f"the matte {path} is coloured: {100 * share:.1f} % of frame {number} differ from grey, by up to "
                f"{levels:.0f} of 128 levels",
                hint=f"Give {option} {_MEANING[option]} as white on black, without the footage and without a coloured "
                "overlay.",
            )


def _counted(info: VideoInfo) -> Video:
    """The matte with its frame times: those of its packets, or, where these do not tell them surely, by decoding."""
    stamps = announced_stamps(info)
    return Video.read(info) if stamps is None else Video(info, stamps, exact=True)


def _levels(frame: Frame, info: VideoInfo) -> Plane:
    """Luma from black to white as (h, w) float32 in [0, 1]; an unspecified range is read as limited."""
    layout = info.upright_layout
    black, white = (0, layout.code_max)
    if info.colour.range != RANGE_FULL:
        black, white = _BLACK * layout.code_scale, _WHITE * layout.code_scale
    plane = (frame.planes[0].astype(np.float32) - np.float32(black)) / np.float32(white - black)
    plane[plane < _END] = 0
    plane[plane > 1 - _END] = 1
    return plane


def _wrong_count(path: Path, found: int, wanted: int) -> InputMismatchError:
    remedy = "Export the rest of it" if found < wanted else f"Cut it to {wanted} frames"
    return InputMismatchError(
        f"the matte {path} has {found} frame(s), and the original has {wanted}",
        hint=f"{remedy}: each frame of the original needs its own, from the first to the last.",
    )
