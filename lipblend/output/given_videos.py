"""Image sequences and standard input as inputs: each becomes a temporary video (`lipblend.runtime.stand_ins`).

Modules that read pictures are imported when there is something to read: commands import this one at their start.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from lipblend.errors import InputError, LipblendError, SettingsError
from lipblend.runtime.progress import OnProgress, Progress, no_progress
from lipblend.runtime.stand_ins import (
    STDIN,
    STDIN_NAME,
    GivenFacts,
    as_given,
    check_folders_unnumbered,
    is_pattern,
    stand_in_folder,
    stand_in_path,
    write_facts,
)
from lipblend.settings.rate_words import parse_frame_rate

if TYPE_CHECKING:
    from lipblend.output.sequence_film import FilmFacts
    from lipblend.video.numbered_files import NumberedFiles

DEFAULT_RATE = Fraction(25)
"""Pictures per second of a sequence if nothing tells its rate."""

_COPY_BYTES = 1 << 20
_NO_RATES: Mapping[Path, Fraction] = MappingProxyType({})

GivenRate = str | int | Fraction | None
"""Pictures per second: 25, "23.976", "24000/1001" or a fraction; None for that of the other videos, else 25."""
ShowProgress = Callable[[], AbstractContextManager[OnProgress]]
"""Opens what shows the progress of reading one sequence."""


@contextmanager
def given_videos(
    *paths: Path | str,
    rate: GivenRate = None,
    own: Mapping[Path, Fraction] = _NO_RATES,
    on_progress: OnProgress = no_progress,
) -> Iterator[tuple[Path, ...]]:
    """Videos for inputs that may be image sequences (``shots/%06d.png``) or standard input (``-``).

    What is opened from them (a pair, an evaluation) can be used until the end of the with-block, which removes the
    temporary videos. Errors name what was given.

        with given_videos("shots/%06d.png", "synced.mp4", rate=24) as (original, synced):
            result = composite(original, synced, "out.mp4")
            record = evaluate(original, synced, result.output).record

    Parameters
    ----------
    *paths : Path
    rate : str, int or Fraction, optional
        Pictures per second of the sequences. Default: that of the first video among the inputs, else 25.
    own : mapping of Path to Fraction
        Rates that are known of single sequences, see `videos_of`.
    on_progress : callable
        Called for each picture read, with the stage "read pictures".

    Yields
    ------
    tuple of Path
        In the order given; videos are themselves.

    Raises
    ------
    LipblendError
        See `videos_of`; or an error of the with-block.
    """
    given, known = [Path(path) for path in paths], {Path(path): own[path] for path in own}
    try:
        with videos_of(given, rate, lambda: nullcontext(on_progress), known) as videos:
            yield tuple(videos[path] for path in given)
    except LipblendError as error:
        error.message, error.hint = as_given(error.message), as_given(error.hint)
        error.details = tuple(map(as_given, error.details))
        raise


@contextmanager
def videos_of(
    paths: Sequence[Path], rate: GivenRate, progress: ShowProgress, own: Mapping[Path, Fraction] = _NO_RATES
) -> Iterator[dict[Path, Path]]:
    """The videos to read for inputs: themselves, or temporary ones for image sequences and standard input.

    Parameters
    ----------
    paths : sequence of Path
        Folders are left as they are.
    rate : str, int, Fraction or None
        Of image sequences.
    progress : callable
        Shows the progress of reading pictures.
    own : mapping of Path to Fraction
        Rates that are known of single sequences. ``rate`` is meant for the others; if there are none, it wins.

    Raises
    ------
    SettingsError
        The rate is none, or there is no sequence; standard input is named twice.
    InputError
        A folder is named by a pattern.
    LipblendError
        See `lipblend.video.numbered_files.numbered_files` and `lipblend.output.sequence_film.make_film`.
    """
    for path in paths:
        check_folders_unnumbered(path, InputError)
    sequences = [path for path in dict.fromkeys(paths) if is_pattern(path)]
    chosen = None if rate is None else parse_frame_rate(str(rate))
    if chosen is not None and not sequences:
        raise SettingsError(
            "--rate was given, but no input is an image sequence", hint="Leave it out: a video has its own frame rate."
        )
    if paths.count(STDIN) > 1:
        raise SettingsError("standard input (-) was given twice", hint="Save one of the videos as a file first.")
    if not sequences and STDIN not in paths:
        yield {path: path for path in paths}
        return
    from lipblend.video.numbered_files import numbered_files

    with stand_in_folder() as folder:
        videos = {path: path for path in paths}
        if STDIN in videos:
            videos[STDIN] = _spooled(folder)
        notes = tuple[str, ...]()
        unknown = [path for path in sequences if path not in own]
        if unknown and chosen is None:
            chosen, notes = _rate_of_others([video for path, video in videos.items() if path not in sequences])
        rates = {path: own[path] if path in own and (unknown or chosen is None) else chosen for path in sequences}
        for files in [numbered_files(pattern) for pattern in sequences]:  # all are found before one is read
            fps = rates[files.pattern]
            assert fps is not None
            videos[files.pattern] = _film(files, folder, fps, notes if files.pattern in unknown else (), progress)
        yield videos


def _spooled(folder: Path) -> Path:
    """Standard input, copied to a temporary file: videos are read several times."""
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(
            "standard input is a terminal, not a video", hint="Pipe a video into the command, or name a file."
        )
    from lipblend.runtime.files import temporary_file_errors

    path = stand_in_path(folder, STDIN)
    with temporary_file_errors(), path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, _COPY_BYTES)
    if path.stat().st_size == 0:
        raise InputError(f"{STDIN_NAME} is empty (0 bytes)", hint="Check the command before the pipe.")
    write_facts(path, GivenFacts())
    return path


def _rate_of_others(videos: Sequence[Path]) -> tuple[Fraction, tuple[str, ...]]:
    """The frame rate of the first other video that has one, else the default; with notes for the summary."""
    from lipblend.video.probe import probe

    for video in videos:
        if not video.is_dir() and (rate := probe(video).frame_rate):
            return rate, ()
    return DEFAULT_RATE, (f"frame rate of the image sequence taken as {DEFAULT_RATE}: nothing tells it (--rate does)",)


def _film(files: NumberedFiles, folder: Path, rate: Fraction, notes: tuple[str, ...], progress: ShowProgress) -> Path:
    """The temporary film of an image sequence."""
    from lipblend.output.sequence_film import make_film

    target = stand_in_path(folder, files.pattern)
    with progress() as show:
        made = make_film(
            files, target, rate=rate, on_picture=lambda done: show(Progress("read pictures", done, len(files)))
        )
    write_facts(target, GivenFacts(files.first, made.bits, (*notes, *_clipped(files.pattern, made))))
    return target


def _clipped(pattern: Path, made: FilmFacts) -> Iterator[str]:
    if made.clipped:
        yield f"{pattern.name}: light beyond 0 to 1 was clipped in {made.clipped} picture(s)"
