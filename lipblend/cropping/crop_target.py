"""Where the frames of a crop go: into a video, or into a lossless film from which pictures are made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lipblend.cropping.crop_options import CropOptions
from lipblend.errors import OutputError
from lipblend.output.drawn import drawn_info
from lipblend.output.encoding import check_output
from lipblend.output.picture_sequence import SequenceOutput, picture_bits
from lipblend.picture.layouts import nearest_layout
from lipblend.picture.rgb_codes import EXACT_DEPTH
from lipblend.runtime.numbered_publishing import UnfinishedFolder
from lipblend.runtime.output_paths import check_file_writable, same_file
from lipblend.runtime.progress import OnProgress, Progress
from lipblend.runtime.stand_ins import as_given, is_pattern
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo

_FILM = "film.mkv"
_LOSSLESS = EncodeSettings(encoder="ffv1")


def crop_info(info: VideoInfo, output: Path, side: int, options: CropOptions) -> VideoInfo:
    """Describe the crop of a video, with the clock of that video.

    A video of a crop has 8 bits in 4:2:0. Pictures come from 4:4:4 codes that tell their R'G'B' values apart: 10 bits
    for 8-bit pictures, else 16.

    Raises
    ------
    InputError
        The original cannot be read.
    """
    target = drawn_info(info, side, side)
    if not is_pattern(output):
        return target
    depth = EXACT_DEPTH if picture_bits(output, options.depth, info.path) == 8 else 16
    layout = nearest_layout(f"yuv444p{depth}le")
    return replace(target, layout=layout, source_format=layout.name)


def check_targets(info: VideoInfo, target: VideoInfo, output: Path, record: Path, options: CropOptions) -> None:
    """Check the crop and its record, before any work.

    Raises
    ------
    OutputError
        One cannot be written, is an input, or exists and must not be replaced; or both are the same.
    SettingsError
        See `lipblend.output.encoding.check_output`.
    """
    if is_pattern(output):
        check_pictures(output, record, [info.path], overwrite=options.overwrite)
        return
    check_output(output, target, encode=options.encode, inputs=[info.path], overwrite=options.overwrite)
    check_file_writable(record, inputs=[info.path], overwrite=options.overwrite)
    if same_file(output, record):
        raise _same(record)


def check_pictures(pattern: Path, record: Path, sources: Iterable[Path], *, overwrite: bool) -> None:
    """Check a crop of pictures and its record, of which the sources need not be read yet.

    Raises
    ------
    OutputError
        See `check_targets`.
    """
    inputs = [Path(as_given(str(path))) for path in sources]
    SequenceOutput(pattern, 8, overwrite).check(inputs)
    check_file_writable(record, inputs=inputs, overwrite=overwrite)
    if record.suffix.lower() == pattern.suffix.lower() and same_file(record.parent, pattern.parent):
        raise _same(record)


@dataclass(frozen=True)
class CropTarget:
    """Where the frames of one crop go.

    Attributes
    ----------
    film : Path
        What is encoded.
    encode : EncodeSettings
    sound : bool
        Whether it has the original's sound.
    pictures, folder : optional
        The sequence that is made from the film, and its hidden folder.
    first : int
        Number of the first picture.
    """

    film: Path
    encode: EncodeSettings
    sound: bool
    pictures: SequenceOutput | None = None
    folder: UnfinishedFolder | None = None
    first: int = 1

    def finish(self, frames: int, on_progress: OnProgress) -> list[str]:
        """Write the pictures of the finished film, if pictures are wanted; returns notes.

        Raises
        ------
        OutputError
            A picture cannot be written.
        """
        if self.pictures is None or self.folder is None:
            return []
        return self.pictures.write(
            self.film, self.folder, self.first, lambda done: on_progress(Progress("write pictures", done, frames))
        )


@contextmanager
def opened_target(output: Path, info: VideoInfo, options: CropOptions, *, first: int) -> Iterator[CropTarget]:
    """Where the frames of a crop go; what was not finished is removed at the end.

    Parameters
    ----------
    output : Path
        A video, a stream (`lipblend.runtime.standard_output`), or a pattern of pictures.
    info : VideoInfo
        The original.
    options : CropOptions
    first : int
        Number of the first picture.

    Raises
    ------
    OutputError
        The folder of the pictures cannot be written to.
    """
    if not is_pattern(output):
        yield CropTarget(output, options.encode, options.sound)
        return
    pictures = SequenceOutput(output, picture_bits(output, options.depth, info.path), options.overwrite)
    with pictures.unfinished() as folder:
        yield CropTarget(folder.path / _FILM, _LOSSLESS, False, pictures, folder, first)


def _same(record: Path) -> OutputError:
    return OutputError(f"{record} is the crop itself", hint="Give --meta another name, such as face.json.")
