"""Image sequences and standard input as inputs of commands: each becomes a temporary video before the command runs."""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

from lipblend.cli.console import Console
from lipblend.errors import InputError, SettingsError
from lipblend.runtime.stand_ins import (
    STDIN,
    STDIN_NAME,
    GivenFacts,
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

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_RATE = Fraction(25)
"""Pictures per second of a sequence if nothing tells its rate."""

_COPY_BYTES = 1 << 20
_NO_RATES: Mapping[Path, Fraction] = MappingProxyType({})


def _rate_option(name: str) -> Any:
    return typer.Option(
        name,
        metavar="FPS",
        help="Frame rate of inputs that are image sequences (%06d.png): 25, 23.976 or 24000/1001. Default: that of the "
        f"other video, else {DEFAULT_RATE}.",
        show_default=False,
    )


RateOption = Annotated[str | None, _rate_option("--rate")]
InputRateOption = Annotated[str | None, _rate_option("--input-rate")]
"""For a command whose ``--rate`` is that of its output."""


def takes_sequences(
    *names: str, rate: str = "rate", check: Callable[[Mapping[str, Any]], None] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a command: patterns of pictures and ``-`` among its inputs become temporary videos.

    If the command has a parameter ``crop``, the pictures of ``synced`` have the rate that this record tells.

    Parameters
    ----------
    *names : str
        Parameters that hold a path, a list of paths, or None.
    rate : str
        Another parameter (`RateOption`), which only this decorator uses.
    check : callable, optional
        Called with all parameters before pictures or standard input are read, if there are any: what is wrong with the
        outputs is said at once.
    """

    def decorate(command: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            given: dict[str, Any] = {name: kwargs[name] for name in names if kwargs.get(name) is not None}
            paths = [path for value in given.values() for path in (value if isinstance(value, list) else [value])]
            fps = kwargs.get(rate)
            console = Console(quiet=bool(kwargs.get("quiet")), as_json=bool(kwargs.get("as_json")))
            if check is not None and any(path == STDIN or is_pattern(path) for path in paths):
                check(kwargs)
            own = _crop_rates(kwargs.get("crop"), kwargs.get("synced"))
            with videos_of(paths, fps if isinstance(fps, str) else None, console, own) as videos:
                for name, value in given.items():
                    kwargs[name] = [videos[each] for each in value] if isinstance(value, list) else videos[value]
                return command(*args, **kwargs)

        return run

    return decorate


@contextmanager
def videos_of(
    paths: Sequence[Path], rate: str | None, console: Console, own: Mapping[Path, Fraction] = _NO_RATES
) -> Iterator[dict[Path, Path]]:
    """The videos to read for inputs: themselves, or temporary ones for image sequences and standard input.

    Parameters
    ----------
    paths : sequence of Path
    rate : str or None
        Of image sequences, as given.
    console : Console
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
    chosen = None if rate is None else parse_frame_rate(rate)
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
            videos[files.pattern] = _film(files, folder, fps, notes if files.pattern in unknown else (), console)
        yield videos


def _crop_rates(record: object, synced: object) -> dict[Path, Fraction]:
    """The rate of a synced crop of pictures, by the record of the crop, if that tells it."""
    if not isinstance(record, Path) or not isinstance(synced, Path) or not is_pattern(synced):
        return {}
    from lipblend.crops.read_places import recorded_rate

    rate = recorded_rate(record)
    return {} if rate is None else {synced: rate}


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
        if rate := probe(video).frame_rate:
            return rate, ()
    return DEFAULT_RATE, (f"frame rate of the image sequence taken as {DEFAULT_RATE}: nothing tells it (--rate does)",)


def _film(files: NumberedFiles, folder: Path, rate: Fraction, notes: tuple[str, ...], console: Console) -> Path:
    """The temporary film of an image sequence."""
    from lipblend.output.sequence_film import make_film
    from lipblend.runtime.progress import Progress

    target = stand_in_path(folder, files.pattern)
    with console.progress() as show:
        made = make_film(
            files, target, rate=rate, on_picture=lambda done: show(Progress("read pictures", done, len(files)))
        )
    write_facts(target, GivenFacts(files.first, made.bits, (*notes, *_clipped(files.pattern, made))))
    return target


def _clipped(pattern: Path, made: FilmFacts) -> Iterator[str]:
    if made.clipped:
        yield f"{pattern.name}: light beyond 0 to 1 was clipped in {made.clipped} picture(s)"
